"""A verdict as one document, a pure function of its snapshot: what pages, reports and the command line show."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from analysis.estimates import Estimate
from analysis.verdict import said
from analysis.verdict.buying import Purchase, buy_next
from analysis.verdict.card import terms
from analysis.verdict.chance import chances
from analysis.verdict.frozen import Snapshot
from analysis.verdict.gates import Judged
from analysis.verdict.overall import Overall, Placed, overall
from analysis.verdict.rests import Rests
from analysis.verdict.rule import Case, Ruling, judge
from words import Gate, Verdict

EXIT = {"go": 0, "split": 0, "not_worth_it": 10, "not_shown": 10, "no_go": 10, "insufficient": 20, "blocked": 30}
NO_DATA, STALE_EXIT = 20, 40


def judged(snapshot: Snapshot) -> tuple[list[Ruling], Overall]:
    """The rule over the snapshot."""
    rulings = judge(snapshot.card, snapshot.cases)
    return rulings, overall(snapshot.card, rulings, snapshot.facts.ops_usd)


def document(snapshot: Snapshot, *, digest: str = "") -> dict[str, Any]:
    """Plain values, in one order; the same snapshot gives the same document."""
    rulings, whole = judged(snapshot)
    facts = snapshot.facts
    return {
        "snapshot": digest,
        "simulated": facts.simulated,
        "state": whole.state.value,
        "title": said.title(snapshot, rulings, whole),
        "sentence": said.sentence(snapshot, whole),
        "reason": whole.reason,
        "low_usd_per_month": whole.low_usd,
        "made_at": facts.at.isoformat(),
        "valid_to": (facts.at + timedelta(days=snapshot.card.valid_days)).isoformat(),
        "card": {
            "version": facts.version,
            "digest": snapshot.card.digest,
            "locked_at": facts.locked_at and facts.locked_at.isoformat(),
            "locked_by": facts.locked_by,
            "post_hoc": facts.post_hoc,
            "terms": terms(snapshot.card),
        },
        "jobs": facts.jobs,
        "blocks": facts.blocks,
        "days": facts.days,
        "spent_usd": facts.spent_usd,
        "final_share": facts.final_share,
        "workflows": [_workflow(placed) for placed in whole.placed],
        "candidates": [_candidate(snapshot, i, ruling) for i, ruling in enumerate(rulings)],
        "images_per_month": dict(facts.images_per_month),
        "prices": dict(facts.prices),
        "cells": [dict(row) for row in facts.cells],
        "arms": [dict(row) for row in facts.arms],
        "volumes": [dict(row) for row in facts.volumes],
        "aa": dict(facts.aa),
        "appendix": {subject: [dict(row) for row in rows] for subject, rows in facts.appendix.items()},
    }


def _workflow(placed: Placed) -> dict[str, Any]:
    return {"workflow": placed.workflow, "state": placed.state.value, "destination": placed.destination}


def shown(said: Mapping[str, Any]) -> int:
    """Of which candidate a reader first asks what would change it: one that moves, else one that is open, else any."""
    places = {(row["workflow"], row["destination"]) for row in said["workflows"] if row["state"] == Verdict.GO.value}
    rows = said["candidates"]
    moving = [i for i, row in enumerate(rows) if (row["workflow"], row["candidate"]) in places]
    is_open = [i for i, row in enumerate(rows) if row["state"] in _OPEN]
    return next(iter([*moving, *is_open]), 0)


_OPEN = (Verdict.INSUFFICIENT.value, Verdict.NOT_SHOWN.value)


def _candidate(snapshot: Snapshot, number: int, ruling: Ruling) -> dict[str, Any]:
    case = snapshot.cases[number]
    rests = snapshot.facts.rests[number] if snapshot.facts.rests else None
    return {
        "workflow": ruling.workflow,
        "candidate": ruling.candidate,
        "state": ruling.state.value,
        "gate": ruling.gate and ruling.gate.value,
        "reason": ruling.reason,
        "says": said.of_candidate(snapshot, ruling),
        "look": ruling.look,
        "blocks": ruling.blocks,
        "alpha": ruling.alpha,
        "gates": [_gate(each) for each in ruling.gates],
        "all_jobs": [_gate(each) for each in ruling.all_jobs],
        "baseline_usd_per_month": ruling.baseline_usd,
        "one_off_usd": case.looks[ruling.look - 1].money.one_off_usd if ruling.look else None,
        "chances": _chances(snapshot, case, ruling),
        "buy": _buy(snapshot, case, ruling, rests),
    }


def _chances(snapshot: Snapshot, case: Case, ruling: Ruling) -> dict[str, Any] | None:
    """How likely the saving is above the card's target and pays; None: no look was reached, or no cost is known."""
    if not ruling.look:
        return None
    margins = snapshot.card.margins
    money = case.looks[ruling.look - 1].money
    found = chances(money, target=margins.target_saving, payback_months=margins.payback_months)
    return None if found is None else {"target": margins.target_saving, **asdict(found)}


def _buy(snapshot: Snapshot, case: Case, ruling: Ruling, rests: Rests | None) -> dict[str, Any] | None:
    """What it would cost to know more; None: nothing more can change it, or no price of a job is known."""
    if rests is None or rests.pair is None or rests.plan is None:
        return None
    found = buy_next(snapshot.card, case, ruling, rests.pair, rests.plan)
    return None if found is None else _purchase(found)


def _purchase(found: Purchase) -> dict[str, Any]:
    names = ("usd", "hours", "days", "chance", "worth_usd", "buys", "sentence")
    return {
        **{name: getattr(found, name) for name in names},
        "jobs": found.jobs.count if found.jobs else 0,
        "asks": list(found.asks),
        "steps": [{**asdict(step), "gate": step.gate.value} for step in found.steps],
    }


def _gate(judged_gate: Judged) -> dict[str, Any]:
    found = judged_gate.estimate
    return {
        "gate": judged_gate.gate.value,
        "passes": judged_gate.passes,
        "harm": judged_gate.harm,
        "margin": judged_gate.margin,
        "least": judged_gate.least,
        "why": judged_gate.why,
        **_numbers(found),
        "words": {
            "estimate": said.estimate(judged_gate),
            "interval": said.interval(judged_gate),
            "bound": said.bound(judged_gate),
        },
    }


def _numbers(found: Estimate | None) -> Mapping[str, Any]:
    if found is None:
        return dict.fromkeys(("value", "low", "high", "n", "blocks", "deff", "needs_jobs", "needs_blocks"))
    return {
        "value": found.point,
        "low": found.limits.low,
        "high": found.limits.high,
        "n": found.n,
        "blocks": found.blocks,
        "deff": found.deff,
        "needs_jobs": found.needs_jobs,
        "needs_blocks": found.needs_blocks,
    }


def gate_of(rows: Sequence[Mapping[str, Any]], gate: Gate) -> Mapping[str, Any] | None:
    """That gate's row of a candidate."""
    return next((row for row in rows if row["gate"] == gate.value), None)
