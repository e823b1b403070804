"""Capacity and failures as a person reads them: unit, n, and an interval or the reason why there is none."""

from pathlib import Path
from typing import Any

import polars as pl

from analysis.capacity import CAPACITY, FAILURES, METRICS
from tests.pages.conftest import Open, words
from ui import capacity_view


def measure(metric: str, backend: str = "runpod", **values: Any) -> dict[str, Any]:
    share = metric in ("orders_ready", "orders_without_capacity", "jobs_without_capacity")
    row = {"backend": backend, "gpu": "L40S", "metric": metric, "unit": "share" if share else "s", "left_out": 0}
    return {**row, "simulated": True, **values}


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in CAPACITY} for row in rows], schema=CAPACITY)


def only(*rows: dict[str, Any]) -> dict[str, Any]:
    return capacity_view.table(frame(*rows)).row(0, named=True)


def test_a_metric_stands_with_its_unit_its_n_and_its_interval() -> None:
    row = only(measure("time_to_ready_p50", n=12, value=6.25, low=5.0, high=8.0))
    assert (row["metric"], row["value"], row["95 %"]) == (METRICS["time_to_ready_p50"], "6.2 s", "[5.0, 8.0]")
    assert (row["unit"], row["n"], row["provider"], row["simulated"]) == ("s", 12, "Runpod", True)
    row = only(measure("jobs_without_capacity", n=200, hits=10, value=0.05, low=0.027, high=0.09))
    assert (row["value"], row["95 %"], row["unit"]) == ("5.0 %", "[2.7, 9.0]", "share")


def test_a_number_of_too_few_is_a_count_or_a_dash_and_says_what_it_needs() -> None:
    row = only(measure("orders_ready", n=3, hits=2, value=2 / 3, withheld="needs 27 more"))
    assert (row["value"], row["95 %"]) == ("2 of 3", "needs 27 more")
    row = only(measure("time_to_ready_p50", n=3, withheld="needs 3 more"))
    assert (row["value"], row["95 %"]) == ("–", "needs 3 more")
    row = only(measure("orders_ready", n=0, withheld="needs 30 more", left_out=2))
    assert (row["value"], row["left out"]) == ("–", 2)


def test_a_gpu_that_never_came_is_never_and_its_interval_is_open() -> None:
    row = only(measure("time_to_ready_p50", n=8, low=5.0))
    assert (row["value"], row["95 %"]) == ("never", "[5.0, ∞]")


def test_rows_stand_by_provider_in_the_pages_order_then_by_metric() -> None:
    rows = [measure(metric, backend, n=1) for backend in ("vast", "modal") for metric in reversed(METRICS)]
    found = capacity_view.table(frame(*rows)).select("provider", "metric").rows()
    assert found == [(provider, METRICS[name]) for provider in ("Modal", "Vast.ai") for name in METRICS]


def test_a_card_draws_what_is_known_and_counts_what_is_not() -> None:
    known = measure("jobs_without_capacity", "modal", n=100, hits=2, value=0.02, low=0.01, high=0.07)
    short = measure("jobs_without_capacity", "vast", n=11, hits=0, value=0.0, withheld="needs 19 more")
    (card,) = capacity_view.cards(frame(short, known))
    assert card.heading == "No capacity in time"
    assert card.rows.select("row", "label", "estimate").rows() == [
        ("Modal", "2.0 %", 0.02),
        ("Vast.ai", "n 11 of 30", None),
    ]
    (card,) = capacity_view.cards(frame(measure("time_to_ready_p50", n=4, withheld="needs 2 more")))
    assert card.rows["label"].to_list() == ["n 4 of 6"]
    assert capacity_view.cards(frame()) == []


def test_failures_stand_by_class_with_a_count_and_an_example() -> None:
    rows = [
        ("vast", "L40S", "provider", "worker_lost", 2, 40, 17, "the host died", True),
        ("runpod", "L40S", "capacity", "stuck_in_queue", 1, 50, 9, None, True),
        ("runpod", "L40S", "provider", "crash_loop", 3, 50, 12, "1 unhealthy", True),
    ]
    found = capacity_view.failure_table(pl.DataFrame(rows, schema=FAILURES, orient="row"))
    assert found.select("whose", "reason", "provider", "jobs", "of", "job").rows() == [
        ("capacity", "stuck in queue (capacity)", "Runpod", 1, 50, 9),
        ("provider", "crash loop (provider)", "Runpod", 3, 50, 12),
        ("provider", "worker lost (provider)", "Vast.ai", 2, 40, 17),
    ]


def test_the_reliability_view_has_both_as_tables(seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, "compare", view="Reliability")
    assert not app.exception
    assert "Was there a GPU?" in words(app) or any("GPU?" in one.value for one in app.subheader)
    tables = [one.value.columns.tolist() for one in app.dataframe]
    assert any("95 %" in columns and "left out" in columns for columns in tables)
    assert any("whose" in columns and "job" in columns for columns in tables)
