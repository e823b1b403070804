"""What the adapter makes of Modal's replies, odd ones included."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analysis.cold import start_kind
from analysis.waits import Case, Sample
from backends.base import DeploymentRef, DeploymentSpec, JobRef, JobSpec, Observation
from backends.errors import (
    AuthFailed,
    BackendError,
    FateUnknown,
    InvalidRequest,
    NotFound,
    NotOffered,
    RateLimited,
    Unavailable,
    UnexpectedReply,
)
from backends.modal.adapter import ModalBackend, observation_of
from backends.modal.billing import GPUS, charges_of, container_rate, rate_of, whole_hours
from backends.modal.failures import EXPECTED, RETURNED, SIGNS, named, reason_of, state_of, workers_of
from simulator.faults import Fault
from simulator.modal.inner import SimulatedModalClient
from simulator.modal.results import _ERRORS
from tests.simulation.modal_stage import Workspace, app_spec, play, quiet_world
from words import JobStatus, Reason, StartKind, WorkerState

APP = Path(__file__).parents[3] / "deploy" / "modal" / "app.py"
RATES = {"CPU": Decimal("0.0000131"), "Memory": Decimal("0.00000222"), "H100": Decimal("0.001097")}
STAMPS = {
    "container_id": "ta-1",
    "call_index": 0,
    "enter_started_at": 100.0,
    "enter_done_at": 113.5,
    "received_at": 113.6,
    "returned_at": 140.1,
    "model_load_s": 20.25,
    "restored_at": None,
}
GOOD = {"ok": True, "error": None, "images": [b"png"], **STAMPS}


class Canned(SimulatedModalClient):
    """The simulated workspace, but `get` gives what a test says, and the call list may be missing."""

    answer: tuple[str, Any] = ("pending", None)
    lists_calls = True

    async def get(self, call_id: str, wait_s: float) -> tuple[str, Any]:  # noqa: ARG002
        return self.answer

    async def calls(self, app_name: str) -> list[dict[str, Any]]:
        if not self.lists_calls:
            raise NotImplementedError("this SDK does not list calls")
        return await super().calls(app_name)


def backend(here: Workspace, **answers: Any) -> ModalBackend:
    client = Canned(here.simulation, here.clock, secret="as-test")
    for name, value in answers.items():
        setattr(client, name, value)
    return ModalBackend(client=client, clock=here.clock)


async def a_job(here: Workspace, modal: ModalBackend) -> JobRef:
    ref = await modal.deploy(spec(), "bakeoff-app")
    return await modal.submit(ref, JobSpec(graph=here.graph(), timeout_s=600), "key")


def spec(**changes: Any) -> DeploymentSpec:
    plain = {"workflow": "flux-dev", "workflow_hash": "h", "gpu": "L40S", "idle_timeout_s": 60}
    return DeploymentSpec(**(plain | changes))


# ---------------------------------------------------------------- results


def test_times_come_from_modals_clock_or_from_the_containers_never_from_both() -> None:
    at = datetime(2026, 11, 2, 8, tzinfo=UTC)
    row = {"enqueued_at": at, "started_at": at + timedelta(seconds=16.25), "execution_s": 99.0, "container_id": "ta-2"}
    times = observation_of(GOOD, row).times
    assert (times.queue_s, times.execution_s, times.boot_s, times.load_s) == (16.25, 26.5, 13.5, 20.25)
    assert observation_of({**GOOD, "call_index": 3}, row).times.boot_s is None
    bare = observation_of({"ok": True, "images": [b"png"]}, row)
    assert (bare.times.execution_s, bare.times.boot_s, bare.worker_id) == (99.0, None, "ta-2")
    unlisted = observation_of(GOOD, None)
    assert (unlisted.times.queue_s, unlisted.times.execution_s, unlisted.worker_id) == (None, 26.5, "ta-1")


@pytest.mark.parametrize("result", [None, "text", [], {}, {"images": []}])
def test_a_result_of_another_function_is_unexpected(result: Any) -> None:
    with pytest.raises(UnexpectedReply):
        observation_of(result, None)


@pytest.mark.parametrize(
    ("result", "reason", "status"),
    [
        ({"ok": True, "images": []}, Reason.RESULT_MISSING, JobStatus.FAILED),
        ({"ok": True, "images": ["not bytes"]}, Reason.RESULT_MISSING, JobStatus.FAILED),
        ({"ok": False, "error": {"type": "timeout", "message": "m"}}, Reason.EXECUTION_TIMEOUT, JobStatus.TIMED_OUT),
        ({"ok": False, "error": {"type": "new", "message": "m"}}, Reason.UNEXPECTED_REPLY, JobStatus.FAILED),
        ({"ok": False, "error": "a text"}, Reason.UNEXPECTED_REPLY, JobStatus.FAILED),
        ({"ok": False, "error": None}, Reason.RESULT_MISSING, JobStatus.FAILED),
    ],
)
def test_a_result_without_a_picture_has_a_reason_and_an_error(
    result: dict[str, Any], reason: Reason, status: JobStatus
) -> None:
    seen = observation_of(result, None)
    assert (seen.reason, seen.status, seen.images) == (reason, status, ())
    assert seen.error


def test_every_error_that_the_program_and_the_simulator_name_has_a_reason() -> None:
    program = set(re.findall(r'failure\("(\w+)"', APP.read_text())) | {"out_of_memory", "execution"}
    named_there = program | {kind for kind, _ in _ERRORS.values()}
    assert Reason.UNEXPECTED_REPLY not in {reason_of(RETURNED, f"{kind}: x") for kind in named_there}
    known = {word for sign in SIGNS if sign.state == RETURNED for word in re.findall(r"\w+", sign.words)}
    assert known == named_there


@pytest.mark.parametrize(
    ("told", "listed", "state"),
    [
        ("failed", None, "failure"),
        ("failed", "running", "failure"),  # the list is late
        ("failed", "success", "failure"),
        ("failed", "terminated", "terminated"),
        ("failed", "init_failure", "init_failure"),
        ("timed_out", "timeout", "timeout"),
        ("paused", "terminated", None),
        ("pending", "terminated", None),
    ],
)
def test_the_call_list_says_finer_how_a_call_ended_and_only_that(
    told: str, listed: str | None, state: str | None
) -> None:
    assert state_of(told, listed) == state


def test_containers_are_at_work_or_idle_and_never_more_than_there_are() -> None:
    assert workers_of({"backlog": 3, "containers": 0, "running": 0}) == {}
    assert workers_of({"backlog": 0, "containers": 3, "running": 1}) == {WorkerState.RUNNING: 1, WorkerState.IDLE: 2}
    assert workers_of({"backlog": 0, "containers": 1, "running": 2}) == {WorkerState.RUNNING: 1}


def test_the_kept_reply_has_a_digest_in_the_place_of_the_picture() -> None:
    raw = observation_of(GOOD, None).raw
    assert raw["images"] == [{"sha256": hashlib.sha256(b"png").hexdigest(), "bytes": 3}]
    assert raw["container_id"] == "ta-1"


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, StartKind.COLD),
        ({"call_index": 1}, StartKind.WARM),
        ({"restored_at": 113.5}, StartKind.RESTORED),
        ({"call_index": None}, StartKind.UNKNOWN),
    ],
)
def test_the_evidence_decides_the_start_kind(changes: Mapping[str, Any], kind: StartKind) -> None:
    seen = observation_of({**GOOD, **changes}, None)
    sample = Sample(status=seen.status, worker_id=seen.worker_id, evidence=seen.evidence)
    assert start_kind("modal", Case(job=sample))[0] is kind


# ---------------------------------------------------------------- looks


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (("failed", "RemoteError: x"), Reason.EXECUTION_ERROR),
        (("timed_out", "x"), Reason.EXECUTION_TIMEOUT),
        (("internal_failure", "x"), Reason.WORKER_LOST),
        (("expired", None), Reason.VANISHED),
    ],
)
def test_a_call_that_ends_without_our_result_has_a_reason_and_an_error(answer: tuple[str, Any], reason: Reason) -> None:
    async def scenario(here: Workspace) -> Observation:
        modal = backend(here, answer=answer)
        return await modal.poll(await a_job(here, modal))

    seen = play(scenario)
    assert (seen.status.final, seen.reason) == (True, reason)
    assert seen.error


def test_a_state_that_nobody_knows_is_unexpected() -> None:
    async def scenario(here: Workspace) -> None:
        modal = backend(here, answer=("paused", None))
        with pytest.raises(UnexpectedReply, match="paused"):
            await modal.poll(await a_job(here, modal))

    play(scenario)


def test_without_the_call_list_a_job_still_ends_and_only_its_queue_time_is_missing() -> None:
    async def scenario(here: Workspace) -> Observation:
        modal = backend(here, answer=("done", GOOD), lists_calls=False)
        return await modal.poll(await a_job(here, modal))

    seen = play(scenario)
    assert seen.status is JobStatus.SUCCEEDED
    assert (seen.times.queue_s, seen.times.execution_s) == (None, 26.5)


def test_a_long_poll_holds_until_the_job_is_done() -> None:
    async def scenario(here: Workspace) -> None:
        modal = ModalBackend(client=here.client, clock=here.clock)
        job = await a_job(here, modal)
        assert (await modal.poll(job)).status is JobStatus.SUBMITTED
        before = here.clock.now()
        seen = await modal.poll(job, 600)
        times = seen.times
        assert times.queue_s is not None
        assert times.execution_s is not None
        waited_s = (here.clock.now() - before).total_seconds()
        assert waited_s == pytest.approx(times.queue_s + times.execution_s, abs=1e-5)

    play(scenario)


def test_a_look_at_a_call_that_waits_tells_its_container_once_it_has_one() -> None:
    async def scenario(here: Workspace) -> list[str | None]:
        modal = ModalBackend(client=here.client, clock=here.clock)
        job = await a_job(here, modal)
        first = await modal.poll(job)
        await here.wait(seconds=20)
        return [first.worker_id, (await modal.poll(job)).worker_id, (await modal.poll(job, 600)).worker_id]

    queued, running, done = play(scenario)
    assert queued is None
    assert running == done is not None


@pytest.mark.parametrize(("wait_s", "named"), [(0.0, False), (20.0, True)])
def test_the_end_of_a_call_that_died_waits_for_the_late_list_as_long_as_the_look_may_hold(
    wait_s: float, named: bool
) -> None:
    async def scenario(here: Workspace) -> tuple[Observation, float]:
        modal = backend(here, answer=("internal_failure", "x"))
        job = await a_job(here, modal)
        await here.wait(seconds=18)
        began = here.clock.now()
        seen = await modal.poll(job, wait_s)
        return seen, (here.clock.now() - began).total_seconds()

    seen, held_s = play(scenario, world=quiet_world(listing_lag_s=18.0))
    assert (seen.status, seen.reason) == (JobStatus.FAILED, Reason.WORKER_LOST)
    assert (seen.worker_id is not None) is named
    assert held_s <= wait_s


def test_what_the_call_list_said_of_a_call_is_kept_for_when_it_is_silent() -> None:
    async def scenario(here: Workspace) -> Observation:
        modal = backend(here, answer=("pending", None))
        job = await a_job(here, modal)
        await here.wait(seconds=20)
        await modal.poll(job)
        client = modal._client
        assert isinstance(client, Canned)
        client.lists_calls, client.answer = False, ("internal_failure", "x")
        return await modal.poll(job)

    assert play(scenario).worker_id


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("error", "safe", "paid"),
    [
        (PermissionError("x"), AuthFailed, AuthFailed),
        (LookupError("x"), NotFound, NotFound),
        (ValueError("x"), InvalidRequest, InvalidRequest),
        (NotImplementedError("x"), NotOffered, NotOffered),
        (BlockingIOError("x"), RateLimited, RateLimited),
        (ConnectionError("x"), Unavailable, FateUnknown),
        (TimeoutError("x"), Unavailable, FateUnknown),
    ],
)
def test_each_error_says_what_to_do_next(error: Exception, safe: type[BackendError], paid: type[BackendError]) -> None:
    assert isinstance(error, EXPECTED)
    assert type(named(error, "spawn", Unavailable)) is safe
    assert type(named(error, "spawn", FateUnknown)) is paid


def test_a_plan_without_a_report_is_told_in_a_sentence_and_nothing_is_made_up() -> None:
    async def scenario(here: Workspace) -> None:
        here.simulation.modal.plan = "starter"
        modal = ModalBackend(client=here.client, clock=here.clock)
        with pytest.raises(NotOffered, match="plan"):
            await modal.charges(here.clock.now() - timedelta(hours=1), here.clock.now())
        assert (await modal.offers("L40S"))[0].usd_per_s > 0

    play(scenario)


@pytest.mark.parametrize("window_s", [1, 3601])
def test_a_window_that_modal_does_not_have_is_refused_before_anything_is_sent(window_s: int) -> None:
    async def scenario(here: Workspace) -> None:
        modal = ModalBackend(client=here.client, clock=here.clock)
        with pytest.raises(InvalidRequest, match="2 to 3600"):
            await modal.deploy(spec(idle_timeout_s=window_s), "bakeoff-app")
        assert here.simulation.ledger.paid_calls == {}

    play(scenario)


def test_throttling_is_waited_out_six_times_and_then_told() -> None:
    async def scenario(here: Workspace) -> None:
        modal = ModalBackend(client=here.client, clock=here.clock)
        here.simulation.faults.planned.append(Fault(service="modal_grpc", call="Publish", kind="rate_limited", times=9))
        with pytest.raises(RateLimited):
            await modal.deploy(spec(), "bakeoff-app")
        assert here.simulation.faults.planned[0].times == 9 - 6

    play(scenario)


# ---------------------------------------------------------------- money


def test_a_containers_rate_is_gpu_cores_and_memory() -> None:
    rate = container_rate(RATES, "h100", cpu=Decimal(4), memory_gib=Decimal(32))
    assert rate == Decimal("0.001097") + 4 * Decimal("0.0000131") + 32 * Decimal("0.00000222")


@pytest.mark.parametrize("rate", ["0", "-0.001", "0.02", "3.95"])
def test_a_rate_that_can_be_no_price_per_second_is_unexpected(rate: str) -> None:
    with pytest.raises(UnexpectedReply, match="H100"):
        rate_of({**RATES, "H100": Decimal(rate)}, "H100")


def test_a_rate_that_is_not_listed_is_unexpected() -> None:
    with pytest.raises(UnexpectedReply, match="B200") as caught:
        rate_of(RATES, "B200")
    assert caught.value.raw == str(sorted(RATES))


def test_the_rate_of_a_live_deployment_is_asked_for_once_an_hour() -> None:
    async def scenario(here: Workspace) -> list[Decimal | None]:
        modal = ModalBackend(client=here.client, clock=here.clock)
        ref = await modal.deploy(spec(), "bakeoff-app")
        seen = [(await modal.observe(ref)).usd_per_s]
        price = here.simulation.site.world.modal.price["L40S"]
        here.simulation.site.world.modal.price["L40S"] = price.model_copy(update={"usd_per_s": 0.001})
        for minutes in (59, 2):
            await here.wait(minutes=minutes)
            seen.append((await modal.observe(ref)).usd_per_s)
        return seen

    first, second, third = play(scenario, world=quiet_world(price=dict(quiet_world().modal.price)))
    assert first == second
    assert first is not None
    assert third == first - Decimal("0.000542") + Decimal("0.001")


@pytest.mark.parametrize(
    ("start", "end", "widened"),
    [("08:30:01", "10:00:00", ("08:00", "10:00")), ("08:00:00", "10:00:01", ("08:00", "11:00"))],
)
def test_a_period_is_widened_to_whole_hours(start: str, end: str, widened: tuple[str, str]) -> None:
    def at(clock: str) -> datetime:
        return datetime.fromisoformat(f"2026-11-02T{clock}+00:00")

    assert whole_hours(at(start), at(end)) == (at(widened[0]), at(widened[1]))


def test_each_resource_of_each_app_is_a_line_of_its_own_and_the_rest_of_a_row_one_more() -> None:
    start = datetime(2026, 11, 2, 8, tzinfo=UTC)
    row = {"interval_start": start, "tags": {}, "app_id": "ap-1", "app_name": "bakeoff-x"}
    usd = {"L40S": Decimal("0.1"), "CPU": Decimal("0.02"), "Memory": Decimal("0.03"), "Volume": Decimal("0.04")}
    other = row | {"app_id": "ap-2", "app_name": "somebody-elses", "usd_by_resource": {}, "usd": Decimal("0.5")}
    *charges, stranger = charges_of([row | {"usd_by_resource": usd, "usd": Decimal("0.19")}, other])
    assert (stranger.resource_name, stranger.sku, stranger.billed_cost) == ("somebody-elses", "other", Decimal("0.5"))
    assert [(charge.sku, charge.billed_cost) for charge in charges] == [
        ("cpu", Decimal("0.02")),
        ("gpu", Decimal("0.1")),
        ("memory", Decimal("0.03")),
        ("volume", Decimal("0.04")),
    ]
    assert {charge.charge_id for charge in charges} == {
        f"modal/ap-1/2026-11-02T08/{resource}" for resource in ("CPU", "L40S", "Memory", "Volume")
    }
    assert {charge.charge_period_end - charge.charge_period_start for charge in charges} == {timedelta(hours=1)}


def test_each_gpu_is_spelled_as_modal_spells_it() -> None:
    assert GPUS["H100"] == "H100!"  # "H100" alone may be an H200
    assert {gpu: spelled.rstrip("!") for gpu, spelled in GPUS.items()} == {gpu: gpu for gpu in GPUS}


def test_a_deployment_carries_its_tags_and_the_resources_of_the_backend() -> None:
    async def scenario(here: Workspace) -> None:
        modal = ModalBackend(client=here.client, clock=here.clock, cpu=Decimal(2), memory_gib=Decimal(16))
        ref = await modal.deploy(spec(gpu="H100", idle_timeout_s=120, max_workers=3), "bakeoff-app")
        app = here.app()
        assert (app.id, app.tags) == (ref.id, {"project": "bakeoff", "workflow": "flux-dev", "gpu": "H100"})
        settings = app.settings
        assert (settings.gpu, settings.cpu, settings.memory_gib) == ("H100!", 2.0, 16.0)
        assert (settings.scaledown_s, settings.max_containers) == (120, 3)
        assert (await modal.observe(ref)).instants == {"created_at": here.clock.now()}

    play(scenario)


def test_a_deployment_that_was_found_by_its_name_has_its_gpu_and_its_rate() -> None:
    async def scenario(here: Workspace) -> None:
        modal = ModalBackend(client=here.client, clock=here.clock)
        ref = await modal.deploy(spec(gpu="H100"), "bakeoff-app")
        (found,) = await modal.live("bakeoff-app")
        assert found.ref == ref
        assert (
            found.usd_per_s == (await modal.observe(found.ref)).usd_per_s == (await modal.offers("H100"))[0].usd_per_s
        )
        await here.client.deploy(app_spec(name="bakeoff-untagged", tags={}))
        (untagged,) = await modal.live("bakeoff-untagged")
        assert (untagged.usd_per_s, (await modal.observe(untagged.ref)).usd_per_s) == (None, None)

    play(scenario)


def test_where_a_deployment_runs_is_what_was_asked_until_a_container_says_it() -> None:
    async def scenario(here: Workspace) -> list[Mapping[str, str]]:
        modal = ModalBackend(client=here.client, clock=here.clock)
        job = await a_job(here, modal)
        before = (await modal.observe(job.deployment)).provenance
        await modal.poll(job, 600)
        return [before, (await modal.observe(job.deployment)).provenance]

    before, after = play(scenario)
    assert before == {"gpu_name": "L40S"}
    assert after["gpu_name"] == "NVIDIA L40S"
    assert set(after) == {"gpu_name", "driver", "region", "image", "comfyui"}


def test_an_app_of_somebody_else_is_neither_live_nor_touched() -> None:
    async def scenario(here: Workspace) -> None:
        await here.client.deploy(app_spec(name="somebody-elses"))
        modal = ModalBackend(client=here.client, clock=here.clock)
        assert await modal.live("bakeoff-") == []
        await modal.teardown(DeploymentRef(backend="modal", id="ap-none", key="bakeoff-none"))
        assert len(await here.client.apps()) == 1

    play(scenario)
