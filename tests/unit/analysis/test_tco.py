"""What a move costs once, what it costs a month beside the bill, and when it has paid."""

import math
from typing import Any

import polars as pl
import pytest

from analysis import tco
from analysis.tco import Beside, Span
from words import EffortKind

MINUTES = pl.DataFrame(
    [
        ("runpod", "deploy", False, 2, 40.0),
        ("runpod", "deploy", True, 9, 9.0),
        ("runpod", "debug", False, 1, 90.0),
        ("runpod", "logs", True, 4, 8.0),
        ("modal", "deploy", True, 1, 6.0),
    ],
    schema=["backend", "kind", "measured", "n", "minutes"],
    orient="row",
)


def ops(usd: float, **said: Any) -> Beside:
    return Beside(**{"hours": usd / 100, "ops_usd": usd, "plan_usd": 0.0, "storage_usd": 0.0} | said)


def move(saving: Span, *, more: float = 200.0, least: float = 0.0, hours: float = 16.0) -> tco.Ownership:
    found = tco.ownership(saving, ops(more), ops(0.0), one_off_hours=hours, least_usd=least)
    assert found is not None
    return found


def test_operations_are_tasks_a_month_times_minutes_times_the_rate() -> None:
    plan = {EffortKind.DEPLOY: 6.0, EffortKind.DEBUG: 2.0, EffortKind.RECOVERY: 0.0}
    found = tco.beside(MINUTES, "runpod", per_month=plan, plan_usd=50.0, storage_usd=4.2)
    assert (found.hours, found.ops_usd, found.unknown) == (5.0, 500.0, ())
    assert found.waits == ()
    assert found.usd == pytest.approx(554.2)
    assert tco.beside(MINUTES, "runpod", per_month=plan, hourly_usd=80.0).usd == pytest.approx(400.0)


def test_a_measured_wait_stands_for_a_persons_minutes_only_where_nobody_logged_any() -> None:
    found = tco.beside(MINUTES, "runpod", per_month={EffortKind.DEPLOY: 3.0, EffortKind.LOGS: 30.0})
    assert (found.hours, found.waits) == (2.0, ("logs",))


def test_a_task_that_nobody_timed_is_not_for_nothing() -> None:
    found = tco.beside(MINUTES, "modal", per_month={EffortKind.DEPLOY: 1.0, EffortKind.DEBUG: 1.0})
    assert (found.hours, found.ops_usd, found.usd, found.unknown) == (None, None, None, ("debug",))
    assert tco.ownership(Span(point=9.0), found, ops(0.0), one_off_hours=1, least_usd=0) is None
    assert tco.ownership(Span(point=9.0), ops(0.0), found, one_off_hours=1, least_usd=0) is None


@pytest.mark.parametrize(("saving", "months"), [(480.0, 1600 / 280), (150.0, math.inf), (200.0, math.inf)])
def test_payback_is_the_one_off_over_what_is_left_a_month(saving: float, months: float) -> None:
    assert move(Span(point=saving)).payback.point == pytest.approx(months)
    assert move(Span(point=saving)).one_off_usd == 1600.0


def test_each_end_of_the_saving_gives_an_end_of_the_payback() -> None:
    found = move(Span(point=480.0, low=150.0, high=600.0))
    assert (found.payback.low, found.payback.high) == (4.0, math.inf)
    assert (found.net, found.more_usd) == (Span(point=280.0, low=-50.0, high=400.0), 200.0)
    assert move(Span(point=480.0, low=None, high=600.0)).payback.high is None


def test_fees_and_storage_of_both_sides_count() -> None:
    here, there = ops(200.0, plan_usd=250.0), ops(200.0, storage_usd=30.0)
    found = tco.ownership(Span(point=100.0), there, here, one_off_hours=10, hourly_usd=50.0, least_usd=0)
    assert found is not None
    assert (found.more_usd, found.net.point, found.one_off_usd) == (-220.0, 320.0, 500.0)


@pytest.mark.parametrize(
    ("low", "high", "least", "outcome"),
    [
        (300.0, 500.0, 50.0, "pays_back"),
        (250.0, 500.0, 50.0, "pays_back"),
        (249.0, 500.0, 50.0, "undecided"),
        (201.0, 249.0, 50.0, "too_small"),
        (100.0, 249.0, 50.0, "too_small"),
        (100.0, 200.0, 50.0, "never"),
        (200.0, 500.0, 0.0, "undecided"),
        (None, None, 0.0, "undecided"),
        (None, 150.0, 0.0, "never"),
    ],
)
def test_a_move_pays_never_does_is_too_small_to_matter_or_is_undecided(
    low: float | None, high: float | None, least: float, outcome: str
) -> None:
    assert move(Span(point=400.0, low=low, high=high), least=least).outcome == outcome
