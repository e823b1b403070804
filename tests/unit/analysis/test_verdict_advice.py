"""What a wrong verdict costs and what knowing more does, said of documents."""

from typing import Any

import pytest

from analysis.verdict import advice

BUY = {
    "usd": 31.2, "hours": 2.05, "days": 2, "chance": 0.64, "worth_usd": 400.0, "buys": True, "jobs": 214,
    "sentence": "8 more blocks.", "asks": [],
    "steps": [{"gate": "warm_p95", "what": "288 warm jobs", "usd": 2.9, "hours": 0.76, "chance": None}],
}  # fmt: skip


def row(
    candidate: str = "runpod", state: str = "go", low: float | None = 206.0, high: float | None = 299.0, **more: Any
):
    worth = {"gate": "worth", "low": low, "high": high}
    found = {"workflow": "flux-dev", "candidate": candidate, "state": state, "one_off_usd": 1600.0, "buy": None}
    return found | {"gates": [{"gate": "saving", "low": 9.0, "high": 9.0}, worth]} | more


def said(*rows: dict[str, Any], state: str = "go", destination: str = "runpod") -> dict[str, Any]:
    placed = {"workflow": "flux-dev", "state": state, "destination": destination}
    return {"workflows": [placed], "candidates": list(rows)}


def stays(*rows: dict[str, Any]) -> str:
    (sentence,) = advice.if_wrong(said(*rows, state="not_worth_it", destination="modal"))
    return sentence


@pytest.mark.parametrize(
    ("low", "brings"),
    [
        (206.0, "; at the lower limit its first year still brings $872."),
        (100.0, "; at the lower limit its first year loses $400."),
        (1600 / 12, "; at the lower limit its first year still brings $0."),
        (None, "; what its first year brings is not known: what is left of the saving has no limits."),
    ],
)
def test_a_move_that_is_wrong_costs_its_work_twice(low: float | None, brings: str) -> None:
    found = advice.if_wrong(said(row("vast", "no_go"), row(low=low)))

    assert found == [f"flux-dev on Runpod, $1,600 for the move and as much for the way back{brings}"]


def test_a_stay_that_is_wrong_forgoes_what_the_best_open_candidate_may_bring() -> None:
    assert stays(row(state="not_shown"), row("vast", "not_shown", high=400.0)) == (
        "flux-dev stays on Modal, at most $3,200 forgone in the first year, the upper limit on Vast.ai."
    )
    assert stays(row(state="not_shown"), row("vast", "no_go", high=400.0)).endswith("the upper limit on Runpod.")


def test_a_stay_forgoes_nothing_where_nothing_could_pay_or_all_is_worse() -> None:
    assert stays(row(state="not_worth_it", high=1600 / 12)).endswith("no move pays in its first year.")
    assert stays(row(state="no_go")).endswith("each candidate is surely worse than a limit.")
    assert "not known" in stays(row(state="not_shown"), row("vast", "insufficient", high=None))
    assert "not known" in stays(row(state="insufficient", one_off_usd=None))


def test_what_knowing_more_costs_is_summed_over_what_is_worth_buying() -> None:
    open_ = row(state="insufficient", buy=BUY)
    also = row("vast", "insufficient", buy={**BUY, "jobs": 0, "usd": 64.0, "days": 0, "asks": ["230 blind votes"]})
    dear = row("vast", "insufficient", buy={**BUY, "buys": False})

    assert advice.to_know_more(said(open_, dear)) == "214 jobs, $31, 2 days"
    assert advice.to_know_more(said(open_, also)) == (
        "214 jobs, $95, 2 days; each move measured by itself; 230 blind votes"
    )
    assert advice.to_know_more(said(also)) == "no job, $64; 230 blind votes"
    assert advice.to_know_more(said({**open_, "buy": {**BUY, "days": 1}})) == "214 jobs, $31, 1 day"
    assert advice.to_know_more(said(dear)) == "nothing is worth buying"
    assert advice.to_know_more(said(row())) == "nothing, no move is open"
    assert advice.to_know_more(said(row(state="insufficient"))) == "not known: no price of a job is known"


def test_each_open_gate_has_its_chance_its_needs_its_hours_and_its_price() -> None:
    found = advice.rows(said(row("vast", "no_go"), row(state="insufficient", buy=BUY)))

    assert found == [
        ["flux-dev on Runpod", "warm p95", "not known", "288 warm jobs", "0.8", "3"],
        ["flux-dev on Runpod", "all", "64 %", "8 more blocks.", "2.0", "31"],
    ]
    assert len(found[0]) == len(advice.HEAD)


@pytest.mark.parametrize(
    ("worth", "said_"),
    [
        (12.4, "nothing: knowing is worth $12 at most, less than the $31 that it costs"),
        (None, "nothing: no plan would likely settle it"),
        (31.2, "nothing: no plan would likely settle it"),
    ],
)
def test_where_knowing_is_worth_less_than_it_costs_nothing_is_named(worth: float | None, said_: str) -> None:
    dear = row(state="insufficient", buy={**BUY, "buys": False, "worth_usd": worth})

    assert advice.rows(said(dear)) == [["flux-dev on Runpod", "all", "64 %", said_, "", ""]]
