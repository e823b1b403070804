"""The tables of Bills: nothing is dropped, both versions of a correction stay, and a share is of our own dollars."""

from datetime import timedelta
from decimal import Decimal

import polars as pl

from analysis.attribution import ESTIMATES
from storage.bills import Freshness
from storage.corrections import changes
from storage.models import Charge
from tests.pages.frames import START
from ui import bill_rows, bills_view
from words import BillOutcome, ChargeFlag, CostState


def line(name: str, usd: str | None, *flags: ChargeFlag, hours: int = 0, **values: object) -> Charge:
    at = START + timedelta(hours=hours)
    told = {
        "provider": "modal", "resource_id": "r", "sku": "gpu", "charge_period_start": at,
        "charge_period_end": at + timedelta(hours=1), "state": CostState.FINAL, "simulated": True,
        "first_seen_at": at, "same_since": at, "fetched_at": at, "billed_cost": None if usd is None else Decimal(usd),
    }  # fmt: skip
    row = Charge(id=name, **(told | values))
    row.flag(flags)
    return row


def test_a_bucket_has_the_weakest_state_of_its_lines_and_counts_the_odd_ones() -> None:
    rows = [
        line("a", "1.00"),
        line("b", "2.00", state=CostState.PROVISIONAL),
        line("c", "9.00", ChargeFlag.FOREIGN_CURRENCY, billing_currency="EUR"),
        line("d", "4.00", hours=24),
    ]
    found = bill_rows.buckets(rows)
    assert found.select("day", "usd", "state", "lines", "flagged").rows() == [
        ("3 Nov", 4.0, "● final", 1, 0),
        ("2 Nov", 3.0, "◐ provisional", 3, 1),
    ]


def test_what_is_in_no_sum_is_told_in_its_own_currency() -> None:
    euro = line("c", "9.00", ChargeFlag.FOREIGN_CURRENCY, billing_currency="EUR")
    found = bill_rows.odd_lines([euro, line("d", None, ChargeFlag.UNREADABLE), line("e", "-1", ChargeFlag.NEGATIVE)])
    assert found.select("flag", "lines", "usd", "in no sum").rows() == [
        ("negative", 1, -1.0, None),
        ("foreign currency", 1, 0.0, "9.00 EUR"),
        ("unreadable", 1, 0.0, None),
    ]


def test_a_line_corrected_twice_shows_each_change_newest_first() -> None:
    first, second, third = (START + timedelta(hours=hours) for hours in (1, 20, 40))
    earlier = [
        {"billed_cost": "1.00", "state": "provisional", "same_since": first.isoformat()},
        {"billed_cost": "1.50", "state": "provisional", "same_since": second.isoformat()},
    ]
    found = bill_rows.corrections(changes([line("a", "1.20", earlier=earlier, same_since=third), line("b", "1")]))
    assert found.select("seen", "was", "now", "change").rows() == [
        ("4 Nov 00:00", 1.5, 1.2, "−20.0 %"),
        ("3 Nov 04:00", 1.0, 1.5, "+50.0 %"),
    ]


def test_a_line_that_was_withdrawn_says_no_new_amount() -> None:
    earlier = [{"billed_cost": "1.00", "state": "final", "same_since": START.isoformat()}]
    gone = line("a", "1.00", ChargeFlag.WITHDRAWN, earlier=earlier, same_since=START + timedelta(hours=60))
    [change] = bill_rows.corrections(changes([gone])).to_dicts()
    assert (change["was"], change["now"], change["change"]) == (1.0, None, "–")


def test_only_lines_of_the_kind_asked_for_are_shown() -> None:
    rows = [line("a", "1"), line("b", "1", ChargeFlag.NEGATIVE), line("c", "1", state=CostState.OPEN)]
    kept = {name: [row.id for row in rows if keep(row)] for name, keep in bill_rows.SHOWN.items()}
    assert kept == {"all": ["a", "b", "c"], "not final": ["c"], "flagged": ["b"], "corrected": []}


def test_the_unexplained_share_leaves_out_what_is_not_ours() -> None:
    row = {"provider": "runpod", "billed_nano": 3_000_000_000, "not_ours_nano": 2_000_000_000}
    sums = pl.DataFrame([{**row, "unexplained_nano": 60_000_000, "cost_state": "final", "simulated": True}])
    [said] = bill_rows.unexplained_parts(sums)
    assert (said["Unexplained"], said["Share"], said["Not ours"]) == ("$0.0600", "+6.0 % ×", "$2.00")


def test_the_history_of_an_error_is_its_newest_its_median_and_its_largest() -> None:
    rows = [
        {"backend": "vast", "error": error, "at": START + timedelta(hours=i)}
        for i, error in enumerate((0.2, -0.01, 0.03))
    ]
    frame = pl.DataFrame([{name: row.get(name) for name in ESTIMATES} for row in rows], schema=ESTIMATES)
    assert bill_rows.error_history(frame) == [
        {"Provider": "Vast.ai", "Runs": "3", "Newest": "+3.0 %", "Median size": "3.0 %", "Largest": "20.0 %"}
    ]


def test_freshness_says_how_the_last_reading_ended_and_what_never_came() -> None:
    row = Freshness(
        backend="modal", outcome=BillOutcome.PARTIAL, read_at=START, text="", whole_at=None, lines=3, gaps=2,
        by_state={CostState.OPEN: Decimal(1), CostState.FINAL: Decimal(2)}, odd={ChargeFlag.NEGATIVE: 1},
    )  # fmt: skip
    [said] = bill_rows.freshness([row], START + timedelta(minutes=4))
    assert said == {
        "Provider": "Modal", "Last reading": "? in part, 4 min ago", "Whole window": "–", "Billed": "● final $2.00, "
        "◐ open $1.00", "Lines": "3", "Flagged": "1", "Gaps": "2 h",
    }  # fmt: skip


def test_the_chart_shows_the_newest_runs_and_leaves_the_others_to_the_history() -> None:
    runs = range(1, bills_view.NEWEST + 3)
    told = {"backend": "modal", "billed_usd": 1.0, "estimated_usd": 1.0, "state": "final", "simulated": True}
    deployments = pl.DataFrame([{**told, "run_id": run, "deployment_id": run} for run in runs])
    rows = bills_view.variance_rows(deployments, deployments.select("deployment_id"))
    assert rows["row"].to_list() == [f"{run} Modal" for run in reversed(runs)][: bills_view.NEWEST]
    assert rows["label"][0] == "0.0 % ●"
