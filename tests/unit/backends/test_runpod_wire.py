"""Runpod's replies as values: units, oddities, and what is not as documented."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backends.errors import UnexpectedReply
from backends.runpod import wire
from backends.runpod.billing import PARTS, charges_of, statements_of
from backends.runpod.failures import reason_of
from words import JobStatus, Provider, Reason

PNG = b"\x89PNG" + bytes(range(256)) * 20
DATA = base64.b64encode(PNG).decode()
DONE = {"id": "j-u1", "status": "COMPLETED", "delayTime": 12_345, "executionTime": 6_789, "workerId": "w1"}


def picture(**item: Any) -> dict[str, Any]:
    return DONE | {"output": {"images": [{"filename": "a.png", "type": "base64", "data": DATA, **item}]}}


def test_milliseconds_become_seconds() -> None:
    times = wire.observation(picture()).times
    assert (times.queue_s, times.execution_s) == (12.345, 6.789)


def test_after_a_retry_of_the_platform_the_queue_time_is_unknown() -> None:
    seen = wire.observation(picture() | {"retries": 1})
    assert (seen.times.queue_s, seen.times.execution_s) == (None, 6.789)
    assert seen.evidence == {"retries": 1}


def test_a_time_that_is_not_given_is_none_and_not_zero() -> None:
    seen = wire.observation({"id": "x", "status": "FAILED", "error": "e"})
    assert (seen.times.queue_s, seen.times.execution_s, seen.worker_id) == (None, None, None)


@pytest.mark.parametrize(
    "output",
    [
        {"images": [{"filename": "a.png", "type": "base64", "data": DATA}]},
        {"images": [{"data": f"data:image/png;base64,{DATA}"}]},
        {"images": [f"data:image/png;base64,{DATA}"]},
        {"message": DATA},
    ],
)
def test_each_shape_of_an_output_gives_its_picture(output: Any) -> None:
    seen = wire.observation(DONE | {"output": output})
    assert (seen.status, seen.images) == (JobStatus.SUCCEEDED, (PNG,))


@pytest.mark.parametrize(
    "rest", [{}, {"output": None}, {"output": {"status": "success_no_images", "images": []}}, {"output": "done"}]
)
def test_completed_without_a_picture_is_a_missing_result(rest: Any) -> None:
    seen = wire.observation(DONE | rest)
    assert (seen.status, seen.reason, seen.images) == (JobStatus.FAILED, Reason.RESULT_MISSING, ())
    assert seen.error


@pytest.mark.parametrize("data", ["no base64!", None, 7, {"x": 1}])
def test_a_picture_that_is_none_is_a_broken_one(data: Any) -> None:
    seen = wire.observation(picture(data=data))
    assert (seen.status, seen.reason) == (JobStatus.FAILED, Reason.IMAGE_BROKEN)


def test_the_kept_reply_has_a_hash_and_the_size_instead_of_the_picture() -> None:
    seen = wire.observation(picture())
    kept = seen.raw["output"]["images"][0]
    assert kept == {
        "filename": "a.png",
        "type": "base64",
        "data": {"sha256": hashlib.sha256(PNG).hexdigest(), "bytes": len(PNG)},
    }
    assert seen.raw["delayTime"] == 12_345


def test_a_text_of_ordinary_length_is_kept_as_it_is() -> None:
    text = "e" * 2000
    assert wire.observation({"id": "x", "status": "FAILED", "error": text}).raw["error"] == text


def test_long_text_that_is_no_picture_is_replaced_too() -> None:
    text = "é" * 2001
    seen = wire.observation({"id": "x", "status": "FAILED", "error": text})
    assert seen.raw["error"] == {"sha256": hashlib.sha256(text.encode()).hexdigest(), "bytes": 4002}


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("IN_QUEUE", JobStatus.SUBMITTED),
        ("IN_PROGRESS", JobStatus.RUNNING),
        ("RUNNING", JobStatus.RUNNING),
        ("SOMETHING_NEW", JobStatus.SUBMITTED),
    ],
)
def test_what_is_not_documented_as_an_end_is_none(status: str, ours: JobStatus) -> None:
    seen = wire.observation({"id": "x", "status": status, "delayTime": 5, "workerId": "w"})
    assert (seen.status, seen.reason, seen.raw, seen.worker_id) == (ours, None, None, "w")


# ---------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("Allocation on device 0 would exceed allowed memory. (out of memory)", Reason.OUT_OF_MEMORY),
        ("torch.OutOfMemoryError: CUDA", Reason.OUT_OF_MEMORY),
        ("job timed out after 1 retries", Reason.WORKER_LOST),
        ("executionTimeout exceeded", Reason.EXECUTION_TIMEOUT),
        ("Workflow validation failed:\n• Node 1 (errors): []", Reason.INVALID_REQUEST),
        ("Error queuing workflow: 500 Server Error", Reason.INVALID_REQUEST),
        ('Cannot execute because node X does not exist.. Raw response: {"error": 1}', Reason.INVALID_REQUEST),
        ("Missing 'workflow' parameter", Reason.INVALID_REQUEST),
        ("Please provide input", Reason.INVALID_REQUEST),
        ("Invalid JSON format in input", Reason.INVALID_REQUEST),
        ("Job has missing field(s): id or input", Reason.INVALID_REQUEST),
        ("ComfyUI server (127.0.0.1:8188) not reachable after multiple retries.", Reason.WORKER_LOST),
        ("WebSocket communication error: closed", Reason.WORKER_LOST),
        ("HTTP communication error with ComfyUI: 500", Reason.WORKER_LOST),
        ("Job processing failed", Reason.EXECUTION_ERROR),
        ('{"error_type": "<class \'KeyError\'>"}', Reason.EXECUTION_ERROR),
        ("words that nobody has seen yet", Reason.UNEXPECTED_REPLY),
        ("", Reason.UNEXPECTED_REPLY),
    ],
)
def test_each_known_text_of_a_failure_has_its_reason(error: str, reason: Reason) -> None:
    assert reason_of("FAILED", error) is reason


@pytest.mark.parametrize(
    ("status", "ours", "reason"),
    [
        ("CANCELLED", JobStatus.CANCELLED, Reason.STOPPED),
        ("TIMED_OUT", JobStatus.TIMED_OUT, Reason.EXECUTION_TIMEOUT),
    ],
)
def test_a_status_that_says_it_all_needs_no_text(status: str, ours: JobStatus, reason: Reason) -> None:
    seen = wire.observation({"id": "x", "status": status})
    assert (seen.status, seen.reason) == (ours, reason)
    assert status in seen.error


def test_the_cause_is_in_the_details_and_is_shown() -> None:
    output = {"details": ["Workflow execution error: Message: out of memory", {"node": 7}]}
    seen = wire.observation({"id": "x", "status": "FAILED", "error": "Job processing failed", "output": output})
    assert seen.reason is Reason.OUT_OF_MEMORY
    assert seen.error == 'Job processing failed Workflow execution error: Message: out of memory {"node": 7}'


def test_an_error_that_is_an_object_is_shown_as_json() -> None:
    seen = wire.observation({"id": "x", "status": "FAILED", "error": {"error_type": "KeyError"}})
    assert seen.error == '{"error_type": "KeyError"}'


# ---------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize("reply", [None, [], "x", {}, {"status": 5}, {"id": "x"}])
def test_a_status_that_cannot_be_read_is_unexpected(reply: Any) -> None:
    with pytest.raises(UnexpectedReply, match="'status' is missing or no str"):
        wire.observation(reply)


def test_what_cannot_be_read_is_kept_without_its_pictures() -> None:
    with pytest.raises(UnexpectedReply) as caught:
        wire.job_id({"output": DATA})
    assert DATA not in caught.value.raw
    assert "sha256" in caught.value.raw


@pytest.mark.parametrize("reply", [None, {}, {"workers": {}}, {"workers": [7]}, {"workers": [{"id": 1}]}])
def test_a_list_that_is_none_is_unexpected(reply: Any) -> None:
    with pytest.raises(UnexpectedReply):
        wire.workers(reply)


ENDPOINT = {
    "id": "e1", "name": "bakeoff-x", "gpu": {"pools": ["ADA_24"], "excludedTypes": ["A"], "count": 2},
    "workers": {"min": 0, "max": 3}, "image": "i:1", "flashboot": "OFF", "createdAt": "2026-11-02T08:00:00.5Z",
}  # fmt: skip


def test_an_endpoint_is_read_whole() -> None:
    assert wire.endpoint(ENDPOINT) == wire.Endpoint(
        id="e1",
        name="bakeoff-x",
        pools=("ADA_24",),
        excluded=frozenset({"A"}),
        gpu_count=2,
        max_workers=3,
        image="i:1",
        flashboot="OFF",
        created_at=datetime(2026, 11, 2, 8, 0, 0, 500_000, UTC),
    )


def test_an_endpoint_without_gpus_has_none() -> None:
    seen = wire.endpoint(ENDPOINT | {"gpu": None})
    assert (seen.pools, seen.excluded, seen.gpu_count) == ((), frozenset(), 1)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        ENDPOINT | {"workers": {}},
        ENDPOINT | {"createdAt": "soon"},
        ENDPOINT | {"createdAt": "2026-11-02"},
    ],
)
def test_an_endpoint_that_is_none_is_unexpected(broken: Any) -> None:
    with pytest.raises(UnexpectedReply):
        wire.endpoint(broken)


def card(**changes: Any) -> dict[str, Any]:
    return {
        "id": "NVIDIA L40S", "name": "L40S", "pool": "ADA_48_PRO", "memory": 48,
        "price": {"secure": 0.9, "community": 0.7, "serverless": 1.908}, "availability": "HIGH",
    } | changes  # fmt: skip


def test_only_cards_with_a_serverless_price_count_and_money_is_exact() -> None:
    others = [card(pool=None), card(price={"secure": 1.0, "community": 1.0})]
    (seen,) = wire.cards({"gpus": [card(), *others]})
    assert (seen.type_id, seen.usd_per_hour, seen.availability) == ("NVIDIA L40S", Decimal("1.908"), "HIGH")


@pytest.mark.parametrize("price", ["1.9", None, True])
def test_a_price_that_is_no_number_is_unexpected(price: Any) -> None:
    with pytest.raises(UnexpectedReply):
        wire.cards({"gpus": [card(price={"serverless": price})]})


@pytest.mark.parametrize(
    ("reply", "cursor"),
    [({}, None), ({"nextCursor": "a"}, "a"), ({"next_cursor": "b"}, "b"), ({"nextCursor": 7}, None)],
)
def test_a_next_page_is_followed_when_there_is_one(reply: Any, cursor: str | None) -> None:
    assert wire.next_page(reply) == cursor


# ---------------------------------------------------------------- bills


def record(**changes: Any) -> dict[str, Any]:
    return {
        "startTime": "2026-11-02T08:00:00Z", "endTime": "2026-11-02T09:00:00Z", "serverlessId": "e1",
        "totalAmount": 8.9, "gpuAmount": 7.5, "cpuAmount": 0, "diskAmount": 0.4, "feeAmount": 1.0,
    } | changes  # fmt: skip


def test_a_record_becomes_a_charge_per_kind_with_an_id_that_stays() -> None:
    charges = charges_of({"records": [record()]})
    assert {charge.sku: charge.billed_cost for charge in charges} == {
        "gpu": Decimal("7.5"), "disk": Decimal("0.4"), "fee": Decimal("1.0"),
    }  # fmt: skip
    gpu = charges[0]
    assert gpu.charge_id == "runpod/e1/2026-11-02T08:00Z/gpu"
    assert (gpu.provider, gpu.resource_id, gpu.resource_name) == (Provider.RUNPOD, "e1", None)
    assert gpu.charge_period_start == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert gpu.charge_period_end == datetime(2026, 11, 2, 9, tzinfo=UTC)
    assert gpu.raw == record()


@pytest.mark.parametrize("total", [9.15, 8.65])
def test_a_total_that_its_parts_do_not_explain_is_billed_all_the_same(total: float) -> None:
    charges = charges_of({"records": [record(totalAmount=total)]})
    assert sum(charge.billed_cost for charge in charges) == Decimal(str(total))
    assert charges[-1].sku == "other"


def test_a_float_that_misses_by_a_hair_is_no_charge_of_its_own() -> None:
    charges = charges_of({"records": [record(totalAmount=8.900000000000002)]})
    assert [charge.sku for charge in charges] == ["gpu", "disk", "fee"]


@pytest.mark.parametrize("amount", [None, "n/a", True, [1]])
def test_an_amount_that_is_no_number_is_a_line_without_one_and_the_total_still_holds(amount: Any) -> None:
    charges = charges_of({"records": [record(gpuAmount=amount)]})
    assert {charge.sku: charge.billed_cost for charge in charges} == {
        "gpu": None, "disk": Decimal("0.4"), "fee": Decimal("1.0"), "other": Decimal("7.5"),
    }  # fmt: skip


def test_a_total_that_is_no_number_is_said_beside_the_parts_that_are() -> None:
    charges = charges_of({"records": [record(totalAmount="n/a")]})
    assert [(charge.sku, charge.billed_cost is None) for charge in charges] == [
        ("gpu", False), ("disk", False), ("fee", False), ("other", True),
    ]  # fmt: skip


def test_an_amount_as_text_is_read_as_it_is_written() -> None:
    assert charges_of({"records": [record(gpuAmount="7.5")]})[0].billed_cost == Decimal("7.5")


def test_a_period_that_ends_before_it_begins_is_unexpected() -> None:
    with pytest.raises(UnexpectedReply, match="before it begins"):
        charges_of({"records": [record(endTime="2026-11-02T08:00:00Z")]})


def test_pods_and_volumes_are_lines_of_their_own_kind() -> None:
    times = {name: record()[name] for name in ("startTime", "endTime")}
    pod = times | {"podId": "e1", "totalAmount": 1.5, "gpuAmount": 1, "cpuAmount": 0, "diskAmount": 0.5}
    volume = times | {"networkVolumeId": "v1", "totalAmount": 3, "standardAmount": 1, "highPerformanceAmount": 2}
    _, pods, volumes = PARTS
    lines = [*charges_of({"records": [pod]}, pods), *charges_of({"records": [volume]}, volumes)]
    assert [(line.product, line.resource_id, line.sku, line.billed_cost) for line in lines] == [
        ("pod", "e1", "gpu", 1), ("pod", "e1", "disk", Decimal("0.5")),
        ("volume", "v1", "storage", 1), ("volume", "v1", "storage", 2),
    ]  # fmt: skip
    assert len({line.charge_id for line in [*lines, *charges_of({"records": [record()]})]}) == 7


def test_a_day_of_the_account_is_a_statement() -> None:
    day = {"startTime": "2026-11-02T00:00:00Z", "endTime": "2026-11-03T00:00:00Z", "totalAmount": 1.25}
    (found,) = statements_of({"records": [day | {"podGpuAmount": 0, "serverlessGpuAmount": 1.25}]})
    assert (found.kind, found.metered_usd, found.billed_usd) == ("account", Decimal("1.25"), None)
    assert found.parts == {"totalAmount": "1.25", "serverlessGpuAmount": "1.25"}
    assert found.period_end - found.period_start == timedelta(days=1)
