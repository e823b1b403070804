"""Vast.ai's charges read into billing lines."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backends.errors import UnexpectedReply
from backends.vast import billing
from words import Provider

START = 1_793_606_400  # 2026-11-02 08:00 UTC
ROW: dict[str, Any] = {
    "start": START,
    "end": START + 2400,
    "type": "instance",
    "source": "instance-7",
    "description": "Instance 7 Charges - 1 day",
    "amount": 0.396,
    "metadata": {"label": "bakeoff-a"},
    "items": [
        {"type": "gpu", "start": START + 300, "end": START + 2400, "amount": 0.315, "description": "0.583 hours"},
        {"type": "disk", "start": START, "end": START + 2400, "amount": 0.011},
        {"type": "bwd", "start": START + 300, "end": START + 900, "amount": 0.07},
        {"type": "bwu", "start": START + 950, "end": START + 950, "amount": 0.0},
    ],
}


def test_each_item_is_a_line_and_one_more_closes_them_to_the_contracts_total() -> None:
    lines = billing.charges_of({**ROW, "amount": 0.397})

    assert [(line.sku, line.billed_cost) for line in lines] == [
        ("gpu", Decimal("0.315")),
        ("disk", Decimal("0.011")),
        ("network", Decimal("0.07")),
        ("network", Decimal("0.0")),
        ("rounding", Decimal("0.001")),
    ]
    assert sum(line.billed_cost for line in lines) == Decimal("0.397")
    assert {(line.provider, line.resource_id, line.resource_name) for line in lines} == {
        (Provider.VAST, "7", "bakeoff-a")
    }


def test_the_closing_line_is_there_when_nothing_is_left_to_close() -> None:
    """A later fetch may change it: a line that vanished would keep its old amount."""
    assert billing.charges_of(ROW)[-1].billed_cost == 0


def test_ids_say_contract_kind_and_start_and_stay_while_a_line_grows() -> None:
    grown = {**ROW, "end": START + 9000, "items": [{**item, "end": START + 9000} for item in ROW["items"]]}
    ids = [line.charge_id for line in billing.charges_of(ROW)]

    assert ids[0] == f"vast/instance-7/gpu/{START + 300}"
    assert len(set(ids)) == 5
    assert [line.charge_id for line in billing.charges_of(grown)] == ids


def test_a_line_keeps_what_vast_said_of_it_and_of_the_whole() -> None:
    line = billing.charges_of(ROW)[1]

    assert (line.resource_id, line.resource_name, line.provider) == ("7", "bakeoff-a", Provider.VAST)
    assert line.raw == {
        "source": "instance-7",
        "description": "Instance 7 Charges - 1 day",
        "amount": 0.396,
        "line": {"type": "disk", "start": START, "end": START + 2400, "amount": 0.011},
    }


def test_a_period_has_at_least_a_second() -> None:
    gpu, *_, upload, _rounding = billing.charges_of(ROW)

    assert gpu.charge_period_start == datetime.fromtimestamp(START + 300, UTC)
    assert gpu.charge_period_end == datetime.fromtimestamp(START + 2400, UTC)
    assert upload.charge_period_end - upload.charge_period_start == timedelta(seconds=1)


@pytest.mark.parametrize("metadata", [None, {}, {"label": None}, {"label": "somebody-elses"}])
def test_contracts_of_other_names_are_kept_under_their_own(metadata: Any) -> None:
    lines = billing.charges_of({**ROW, "metadata": metadata})
    assert [line.billed_cost for line in lines] == [line.billed_cost for line in billing.charges_of(ROW)]
    assert {line.resource_name for line in lines} == {(metadata or {}).get("label")}


def test_an_unknown_kind_keeps_its_name() -> None:
    (line, _) = billing.charges_of({**ROW, "items": [{**ROW["items"][0], "type": "volume"}]})

    assert line.sku == "volume"


@pytest.mark.parametrize("broken", [{"start": None}, {"end": "later"}, {"type": None}])
def test_a_line_that_cannot_be_read_is_named(broken: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedReply):
        billing.charges_of({**ROW, "items": [{**ROW["items"][0], **broken}]})


@pytest.mark.parametrize("amount", [None, "n/a", True, {}, "1e99"])
def test_an_amount_that_is_no_number_is_a_line_without_one_and_the_total_still_holds(amount: Any) -> None:
    gpu, *_, rest = billing.charges_of({**ROW, "items": [{**ROW["items"][0], "amount": amount}, *ROW["items"][1:]]})
    assert (gpu.billed_cost, gpu.sku) == (None, "gpu")
    assert rest.billed_cost == Decimal("0.315")


def test_an_amount_as_text_is_read_as_it_is_written() -> None:
    gpu, *_ = billing.charges_of({**ROW, "items": [{**ROW["items"][0], "amount": "0.315"}]})
    assert gpu.billed_cost == Decimal("0.315")


def test_an_item_that_is_there_twice_is_billed_once_and_what_it_leaves_is_in_the_closing_line() -> None:
    lines = billing.charges_of({**ROW, "items": [*ROW["items"], ROW["items"][0]]})
    by_id = {line.charge_id: line.billed_cost for line in lines}
    assert len(by_id) == len(lines) - 1
    assert sum(by_id.values()) == Decimal("0.396")


def test_the_tree_of_an_endpoint_has_its_workers_lines_and_adds_up_to_its_total() -> None:
    worker = {**ROW, "source": "instance-8", "type": "serverless", "metadata": {"endpoint_id": 5}}
    endpoint = {
        **ROW,
        "source": "endpoint-5",
        "type": "serverless",
        "amount": 0.4,
        "items": [worker, {**worker, "source": "instance-9"}],
    }
    lines = billing.charges_of({**endpoint, "amount": 0.8})
    assert {line.resource_id for line in lines} == {"8", "9", "endpoint-5"}
    assert sum(line.billed_cost for line in lines) == Decimal("0.8")
    assert len({line.charge_id for line in lines}) == len(lines)


def test_a_volumes_disk_is_storage() -> None:
    disk = {**ROW, "type": "volume", "source": "volume-3", "items": [ROW["items"][1]]}
    assert [(line.sku, line.product) for line in billing.charges_of(disk)] == [
        ("storage", "volume"),
        ("rounding", "volume"),
    ]


def test_a_payment_is_above_zero_though_vast_writes_it_below() -> None:
    row = {"start": START + 0.5, "type": "credit", "source": "stripe", "description": "Top-up", "amount": -100.0}
    paid = billing.payment_of(row | {"metadata": {"invoice_id": 7, "service": "stripe_payments"}})
    assert (paid.payment_id, paid.amount, paid.service, paid.text) == ("vast/7", 100, "stripe_payments", "Top-up")
    assert billing.payment_of(row | {"amount": "n/a", "metadata": None}).amount is None


@pytest.mark.parametrize("reply", [None, [], {}, {"results": None}, {"success": False, "results": []}])
def test_an_answer_without_results_is_never_an_empty_bill(reply: Any) -> None:
    with pytest.raises(UnexpectedReply):
        billing.page_of(reply)


def test_whole_days_are_asked_for() -> None:
    start, end = datetime(2026, 11, 2, 23, 30, tzinfo=UTC), datetime(2026, 11, 4, 0, 0, 1, tzinfo=UTC)

    assert list(billing.days(start, end)) == [datetime(2026, 11, day, tzinfo=UTC) for day in (2, 3, 4)]
    assert list(billing.days(start, start)) == [datetime(2026, 11, 2, tzinfo=UTC)]
    assert list(billing.days(start, datetime(2026, 11, 3, tzinfo=UTC))) == [datetime(2026, 11, 2, tzinfo=UTC)]
    first = int(datetime(2026, 11, 2, tzinfo=UTC).timestamp())
    assert billing.day_filter(datetime(2026, 11, 2, tzinfo=UTC)) == {
        "day": {"gte": first, "lte": first + 86_399},
        "type": {"in": ["instance", "volume", "serverless"]},
    }
