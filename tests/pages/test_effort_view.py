"""Hours are told by month with measured waits apart, and a move pays back only if both ends say so."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from analysis import moves, tco
from analysis.effort import EFFORT
from analysis.estimates import Estimate
from analysis.moves import Assumed
from analysis.stats import Limits
from analysis.traffic.blended import Blended, Offered
from analysis.traffic.equal import Terms, Tried
from analysis.traffic.profile import Curve
from analysis.traffic.replay import Replayed, Setting
from analysis.traffic.service import Month
from tests.pages.conftest import Open, words
from tests.pages.frames import START
from tests.unit.analysis.traffic_samples import steady
from ui import effort_panels, effort_view
from words import EffortKind


def entry(backend: str, kind: str, minutes: float, *, days: int = 0, measured: bool = False) -> dict[str, Any]:
    return {
        "effort_id": None if measured else 1, "at": START + timedelta(days=days), "backend": backend, "kind": kind,
        "minutes": minutes, "measured": measured, "by": "ana", "text": "", "note": "", "simulated": True,
    }  # fmt: skip


def effort(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in EFFORT} for row in rows], schema=EFFORT)


LOG = effort(
    entry("modal", "deploy", 20), entry("vast", "deploy", 30), entry("vast", "debug", 110, days=30),
    entry("vast", "deploy", 7, measured=True), entry("vast", "deploy", 9, measured=True),
)  # fmt: skip


def test_peoples_minutes_and_measured_waits_are_never_in_one_sum() -> None:
    rows = effort_view.monthly(LOG)
    assert rows.select("month", "provider", "logged", "deploy", "debug", "waits", "median wait").rows() == [
        ("2026-12", "Vast.ai", 110.0, None, 110.0, None, None),
        ("2026-11", "Modal", 20.0, 20.0, None, None, None),
        ("2026-11", "Vast.ai", 30.0, 30.0, None, 2, 8.0),
    ]
    assert effort_view.effort_title(LOG) == "Vast.ai took 2.3 h of people's time, Modal 20 min"
    assert effort_view.effort_title(LOG.filter("measured")) == "Nobody has logged an hour yet"
    assert effort_view.entries(LOG).height == 3, "what deployments tell is no entry"


def offered(name: str, saving: tuple[float, float | None, float | None] | None = None) -> Offered:
    service = steady(name, 665_440, Setting(window_s=300))
    month = Month(requests=30_000, nano=1000e9, good=30_000, replayed=Replayed.__new__(Replayed))
    tried = Tried(service=service, setting=service.setting, month=month, without={}, reason="")
    estimate = Estimate(point=saving[0], limits=Limits(*saving[1:]), n=8, blocks=8) if saving else None
    return Offered(name=name, as_is=tried, best=tried, saving=estimate, as_is_saving=None, reason="too slow")


def found(*candidates: Offered) -> Blended:
    return Blended(
        terms=Terms(traffic=Curve(per_day=1000)), tried=[], providers=[offered("Modal"), *candidates], unmeasured=[]
    )


ASSUMED = Assumed(per_month={EffortKind.DEPLOY: 6}, one_off_hours=16, hourly_usd=100, least_usd=50)


@pytest.mark.parametrize(
    ("saving", "payback", "said"),
    [
        ((0.4, 0.3, 0.5), "5.3 months [4.0, 8.0]", "pays back in 5.3 months"),
        ((0.12, 0.11, 0.14), "80.0 months [40.0, 160.0]", "saving too small to matter: at most $40 a month"),
        ((0.05, 0.02, 0.08), "never [never, never]", "never pays back"),
        ((0.4, 0.05, 0.5), "5.3 months [4.0, never]", "not decided"),
        ((0.4, None, None), "5.3 months", "not decided"),
    ],
)
def test_a_move_pays_back_only_if_both_ends_of_its_saving_say_so(saving: tuple, payback: str, said: str) -> None:
    log = effort(entry("modal", "deploy", 20), entry("vast", "deploy", 30))
    [row] = effort_view.payback_rows(found(offered("Vast.ai", saving)), log, ASSUMED, workflow="flux-dev")
    assert row["Move"] == "flux-dev to Vast.ai"
    assert row["Beside the bill"] == "+$100", "6 deploys a month, 10 minutes longer each, at $100 an hour"
    assert row["Payback"] == payback
    assert row["Comes to"].startswith(said)


def test_minutes_that_nobody_has_are_asked_for_and_not_taken_for_nothing() -> None:
    log = effort(entry("vast", "deploy", 30))
    [row] = effort_view.payback_rows(found(offered("Vast.ai", (0.4, 0.3, 0.5))), log, ASSUMED, workflow="flux-dev")
    assert (row["Payback"], row["Comes to"]) == ("–", "nobody has timed deploy on Modal yet")


def test_without_a_saving_there_is_no_payback() -> None:
    [row] = effort_view.payback_rows(found(offered("Vast.ai")), LOG, ASSUMED, workflow="flux-dev")
    assert (row["Saving a month"], row["Comes to"]) == ("–", "no saving is known: too slow")


def test_an_outcome_is_told_against_what_is_worth_the_trouble() -> None:
    net = tco.Span(point=30, low=20, high=40)
    small = tco.Ownership(one_off_usd=1600, more_usd=0, net=net, payback=tco.Span(point=53), outcome="too_small")
    said = moves.outcome_words(small, least_usd=50)
    assert said == "saving too small to matter: at most $40 a month, it takes $50"


def test_a_plan_and_storage_at_rest_stand_beside_the_bill_and_a_fee_left_behind_is_saved() -> None:
    log = effort(entry("modal", "deploy", 20), entry("vast", "deploy", 30))
    paid = replace(ASSUMED, plan_usd={"modal": 250.0}, storage_usd={"vast": 30.0, "modal": 10.0})
    [row] = effort_view.payback_rows(found(offered("Vast.ai", (0.4, 0.3, 0.5))), log, paid, workflow="flux-dev")
    assert row["Saving a month"] == "$400 [300, 500]"
    assert row["Beside the bill"] == "−$130", "100 of work and 20 of storage more, 250 of a plan less"
    assert row["Net"] == "$530 [430, 630]"


def test_the_plan_and_the_storage_are_told_as_assumptions_with_their_source() -> None:
    free = effort_panels.beside_words(replace(ASSUMED, plan_usd={"modal": 0.0}))
    assert free.startswith("Modal's plan Starter is $0 a month (list price: modal.com/pricing")
    assert free.endswith("Storage at rest a month: Modal $0, Runpod $0, Vast.ai $0.")
    team = effort_panels.beside_words(replace(ASSUMED, plan_usd={"modal": 250.0}, storage_usd={"vast": 12.0}))
    assert team.startswith(
        "Modal's plan Team is $250 a month and counts as saved, which holds if nothing stays on Modal"
    )
    assert team.endswith("Vast.ai $12.")


@pytest.mark.parametrize(
    ("asked", "said"), [({}, "plan Starter is"), ({"plan": "team", "rest-vast": "12"}, "plan Team is")]
)
def test_the_page_says_what_is_assumed_beside_the_bill_and_takes_another_plan(
    asked: dict[str, str], said: str, seeded: Path, open_page: Open
) -> None:
    shown = words(open_page(seeded, "providers", **asked))
    assert said in shown
    assert ("Vast.ai \\$12." in shown) is bool(asked)
    assert "change it under Assumptions" in shown
