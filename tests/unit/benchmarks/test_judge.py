"""The proof's judge sees what is false: measured instants a tenth off, a job too few, a dollar too many."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.judge import failing, judge

BACKENDS = ("modal", "runpod", "vast")


def entry(**values: Any) -> dict[str, Any]:
    """An entry whose truth says the same."""
    return {**values, "truth": copy.deepcopy(values)}


@pytest.fixture
def true() -> dict[str, Any]:
    """A demo's document that is true to the last digit."""
    cells = [
        entry(
            workflow=workflow,
            backend=backend,
            gpu="L40S",
            start_kind=kind,
            n=n,
            discarded=0,
            success_rate=(n - 1) / n,
            latency_s={"p50": 12.0, "p95": None},
            marginal_usd_per_image=0.005,
        )
        for workflow in ("flux-dev", "qwen-image-2512")
        for backend in BACKENDS
        for kind, n in (("warm", 40), ("cold", 3))
    ]
    deployments = [entry(deployment=name, fully_loaded_usd_per_image=0.02) for name in BACKENDS]
    deployments.append(entry(deployment="idle", fully_loaded_usd_per_image=None))
    return {
        "simulated": True,
        "jobs": 258,
        "paid_calls": 262,
        "cells": cells,
        "deployments": deployments,
        "truth": {"jobs": 258, "paid_calls": 262},
    }


def change(document: dict[str, Any], kind: str, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The document with every cell of a start kind changed; its truth stays."""
    for cell in document["cells"]:
        if cell["start_kind"] == kind:
            change(cell)
    return document


def scale_p50(by: float) -> Callable[[dict[str, Any]], None]:
    def change(cell: dict[str, Any]) -> None:
        cell["latency_s"] = {"p50": cell["latency_s"]["p50"] * by, "p95": None}

    return change


def test_a_true_document_holds_every_bound(true: dict[str, Any]) -> None:
    checks = judge(true)
    assert list(failing(checks)) == []
    assert len(checks) == 10


@pytest.mark.parametrize("by", [1.1, 0.9])
def test_measured_instants_a_tenth_off_are_seen(true: dict[str, Any], by: float) -> None:
    assert list(failing(judge(change(true, "warm", scale_p50(by))))) == ["warm p50: 10.0% off, allowed <= 5% off"]


@pytest.mark.parametrize("by", [1.049, 0.951])
def test_a_twentieth_is_within_the_bound(true: dict[str, Any], by: float) -> None:
    assert list(failing(judge(change(true, "warm", scale_p50(by))))) == []


def test_a_cold_cell_may_be_late_but_not_small(true: dict[str, Any]) -> None:
    assert list(failing(judge(change(true, "cold", scale_p50(2))))) == []

    def smaller(cell: dict[str, Any]) -> None:
        cell["n"] = cell["truth"]["n"] = 2

    assert list(failing(judge(change(true, "cold", smaller)))) == ["jobs of the smallest cold cell: 2, allowed >= 3"]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("paid_calls",), 263, "paid calls: 263 for 262, allowed equal"),
        (("jobs",), 249, "jobs: 249, allowed >= 250"),
        (("simulated",), False, "marked simulated: False, allowed True"),
        (("cells", 0, "success_rate"), 1.0, "success rates: 1.0 for 0.975, allowed equal"),
        (("cells", 1, "n"), 4, "jobs of a cell: 4 for 3, allowed equal"),
        (("cells", 0, "marginal_usd_per_image"), 0.0053, "marginal cost: 6.0% off, allowed <= 5% off"),
        (("cells", 0, "marginal_usd_per_image"), None, "marginal cost: not known, allowed <= 5% off"),
        (("deployments", 0, "fully_loaded_usd_per_image"), 0.0188, "fully loaded cost: 6.0% off, allowed <= 5% off"),
        (("deployments", 3, "fully_loaded_usd_per_image"), 0.02, "fully loaded cost: not known, allowed <= 5% off"),
    ],
)
def test_a_single_false_number_is_seen(true: dict[str, Any], path: tuple[Any, ...], value: Any, said: str) -> None:
    *way, last = path
    place: Any = true
    for step in way:
        place = place[step]
    place[last] = value
    assert list(failing(judge(true))) == [said]


def test_a_cell_that_the_simulator_never_saw_is_seen(true: dict[str, Any]) -> None:
    true["cells"][0]["truth"] = None
    assert "warm p50: not known, allowed <= 5% off" in list(failing(judge(true)))


def test_a_cell_too_small_to_count_as_warm_is_missed(true: dict[str, Any]) -> None:
    true["cells"][0]["n"] = true["cells"][0]["truth"]["n"] = 19
    assert list(failing(judge(true))) == ["warm cells of 20 jobs: 5, allowed >= 6"]


def test_a_document_without_cells_proves_nothing() -> None:
    empty = {"simulated": True, "jobs": 0, "paid_calls": 0, "cells": [], "deployments": [], "truth": {"paid_calls": 0}}
    assert {said.split(":")[0] for said in failing(judge(empty))} == {
        "jobs",
        "warm cells of 20 jobs",
        "jobs of the smallest cold cell",
        "warm p50",
        "marginal cost",
        "fully loaded cost",
        "success rates",
        "jobs of a cell",
    }


def test_what_was_discarded_for_its_start_is_counted_with_the_ledger(true: dict[str, Any]) -> None:
    cell = true["cells"][0]
    cell["n"], cell["discarded"] = 38, 2
    cell["success_rate"] = 37 / 38
    assert list(failing(judge(true))) == []
    cell["discarded"] = 1
    assert "jobs of a cell: 39 for 40, allowed equal" in list(failing(judge(true)))
