"""What a verdict says in words: the title, the sentence under it, and each candidate's."""

import math
from collections.abc import Iterable, Mapping, Sequence
from textwrap import shorten
from typing import Any

from analysis.estimates import Estimate
from analysis.planning import payback_months
from analysis.verdict.card import Card
from analysis.verdict.frozen import Snapshot
from analysis.verdict.gates import Judged
from analysis.verdict.overall import Overall, Placed
from analysis.verdict.rule import Ruling
from words import Gate, Verdict, called

NAMES: Mapping[Gate, str] = {
    Gate.SUCCESS: "success",
    Gate.WARM_P95: "warm p95",
    Gate.STALLS: "stalls",
    Gate.COLD: "cold latency",
    Gate.QUALITY: "image parity",
    Gate.SAVING: "saving",
    Gate.WORTH: "net saving",
}
STATES: Mapping[Verdict, str] = {  # as a person reads them; which of two ways to stay is said
    **{state: state.value.upper() for state in Verdict},
    Verdict.NO_GO: "NO-GO",
    Verdict.NOT_WORTH_IT: "STAY (not worth it)",
    Verdict.NOT_SHOWN: "STAY (not shown)",
}
_RATIOS, _POINTS = (Gate.WARM_P95, Gate.COLD), (Gate.SUCCESS, Gate.STALLS)
NOT_VERIFIED = "Names are as they were typed: not verified."
LONGEST_REASON = 120  # characters of it in a title; the whole stands beside the signature

Words = Sequence[Mapping[str, Any]]  # what people said: name, second_name, reason, instead, at, snapshot; newest first


def title(snapshot: Snapshot, rulings: Sequence[Ruling], whole: Overall) -> str:
    """The finding, in one line."""
    made = _title(snapshot.card, rulings, whole)
    return f"{made}, after the fact" if snapshot.facts.post_hoc else made


def heard(document: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """A verdict's document with what people said to it in `signed`, and how its title ends in `overridden`.

    The state, and all else that the rule said, stays as it was. Nobody said anything: the document as it is.
    """
    if not words:
        return dict(document)
    ending = _overridden(words)
    return {**document, "title": f"{document['title']}{ending}", "overridden": ending, "signed": list(words)}


def _overridden(words: Words) -> str:
    newest = next((each for each in words if each["instead"] is not None), None)
    if newest is None:
        return ""
    return f", overridden by {newest['name']}: {shorten(newest['reason'], LONGEST_REASON, placeholder=' …')}"


def sentence(snapshot: Snapshot, whole: Overall) -> str:
    """What the moves save a month, for how many images, and when that has paid for them; empty where none moves."""
    moving = whole.moving()
    if not moving:
        return ""
    spans = [_dollars(each.decided_by) for each in moving]
    low, point, high = (sum(each[i] for each in spans) for i in range(3))
    images = sum(snapshot.facts.images_per_month.get(each.workflow, 0.0) for each in moving)
    months = payback_months(len(moving) * snapshot.card.one_off_hours * snapshot.card.hourly_usd, point, 0.0)
    moves = listed(each.workflow for each in moving)
    back = f"pays back in {_months(months)}" if math.isfinite(months) else "never pays back"
    return f"Moving {moves} saves ${point:,.0f} a month [{low:,.0f}, {high:,.0f}] at {images:,.0f} images, {back}."


def of_candidate(snapshot: Snapshot, ruling: Ruling) -> str:
    """One sentence on a candidate's card."""
    saving = ruling.of(Gate.SAVING)
    match ruling.state:
        case Verdict.GO:
            return f"Saves {_value(saving)}, every guardrail holds."
        case Verdict.NO_GO if (failed := _failed(ruling)) is not None:
            if failed.estimate is None:  # images, which people judged
                return f"Fails {NAMES[failed.gate]}: {failed.why}."
            over = "" if failed in ruling.gates else " over all jobs"
            return f"Fails {NAMES[failed.gate]}{over}: {_value(failed)}, limit {limit(failed)}."
        case Verdict.NOT_WORTH_IT:
            return f"Saves {_value(saving)}, the card asks for {100 * snapshot.card.margins.saving:g} %."
        case Verdict.NOT_SHOWN:
            what = NAMES[ruling.gate].capitalize() if ruling.gate else "A saving"
            return f"{what} was not shown in {ruling.blocks} blocks."
        case _:
            reason = ruling.reason[:1].upper() + ruling.reason[1:]
            return reason if reason.endswith(".") else f"{reason}."


def _failed(ruling: Ruling) -> Judged | None:
    """What it was judged to fail by: a gate, or the same over all jobs; None: no window serves as well."""
    every = (*ruling.gates, *ruling.all_jobs)
    return next((each for each in every if each.gate is ruling.gate and each.harm), None)


def limit(gate: Judged) -> str:
    """The margin in the gate's own unit."""
    return _number(gate.gate, gate.margin)


def bound(gate: Judged) -> str:
    """The same with its side: > 10 %; alike, of images."""
    if gate.gate is Gate.QUALITY:
        return "alike"
    return f"{'>' if gate.least else '<' if gate.gate is Gate.STALLS else '≤'} {limit(gate)}"


def estimate(gate: Judged) -> str:
    """31 %; too few to say: what it takes (needs 2 more blocks); nothing to say it from: unknown."""
    found = gate.estimate
    if gate.gate is Gate.QUALITY:
        return {True: "alike", False: "unlike", None: "undecided"}[gate.passes]
    if found is None or found.point is None or not math.isfinite(found.point):
        return "unknown"
    return (gate.withheld and found.withheld) or _number(gate.gate, found.point)


def interval(gate: Judged) -> str:
    """[26, 36], in the gate's own unit; empty where it has none."""
    limits = gate.estimate.limits if gate.estimate else None
    if limits is None or limits.low is None or limits.high is None:
        return ""
    return f"[{_bare(gate.gate, limits.low)}, {_bare(gate.gate, limits.high)}]"


def listed(names: Iterable[str]) -> str:
    """a; a and b; a, b and c."""
    *rest, last = list(dict.fromkeys(names)) or [""]
    return f"{', '.join(rest)} and {last}" if rest else last


def _title(card: Card, rulings: Sequence[Ruling], whole: Overall) -> str:
    match whole.state:
        case Verdict.BLOCKED:
            return f"Blocked: {_first(whole, Verdict.BLOCKED).decided_by.reason}".rstrip(".")
        case Verdict.INSUFFICIENT:
            decided_by = _first(whole, Verdict.INSUFFICIENT).decided_by
            what = "Not enough to decide" if decided_by.look else "Measuring"  # before the first look
            return f"{what}: {decided_by.reason}".rstrip(".")
        case Verdict.GO:
            return f"Go: move {listed(each.workflow for each in whole.placed)} to {called(whole.placed[0].destination)}"
        case Verdict.SPLIT:
            return f"Split: {', '.join(_place(card, each) for each in whole.placed)}"
        case Verdict.NO_GO:
            return f"No-go: {', '.join(_failure(each) for each in rulings)}"
        case Verdict.NOT_SHOWN:
            shown = f"{max(each.blocks for each in rulings)} blocks did not show a saving of"
            return f"Stay on {called(card.baseline)}: {shown} {100 * card.margins.saving:g} %"
        case _:
            return f"Stay on {called(card.baseline)}: no candidate saves {100 * card.margins.saving:g} %"


def _first(whole: Overall, state: Verdict) -> Placed:
    return next(each for each in whole.placed if each.state is state)


def _place(card: Card, placed: Placed) -> str:
    to = called(placed.destination)
    return f"{placed.workflow} stays on {to}" if placed.destination == card.baseline else f"{placed.workflow} to {to}"


def _failure(ruling: Ruling) -> str:
    gate = NAMES[ruling.gate] if ruling.gate else "its limits"
    return f"{called(ruling.candidate)} fails {gate} on {ruling.workflow}"


def _months(months: float) -> str:
    whole = max(1, math.ceil(months))
    return f"{whole} month{'s' if whole > 1 else ''}"


def _dollars(ruling: Ruling) -> tuple[float, float, float]:
    """Low, point and high of what the move saves a month, operations paid."""
    worth = ruling.of(Gate.WORTH)
    found = worth.estimate if worth else None
    if found is None or found.point is None:
        return 0.0, 0.0, 0.0
    low, high = found.limits.low, found.limits.high
    return (found.point if low is None else low), found.point, (found.point if high is None else high)


def _value(gate: Judged | None) -> str:
    """Point and interval of a gate in its own unit."""
    found: Estimate | None = gate.estimate if gate else None
    if gate is None or found is None or found.point is None:
        return "an unknown share" if gate is None or gate.gate is Gate.SAVING else "–"
    if found.limits.low is None or found.limits.high is None:
        return _number(gate.gate, found.point)
    low, high = (_bare(gate.gate, end) for end in (found.limits.low, found.limits.high))
    return f"{_number(gate.gate, found.point)} [{low}, {high}]"


def _number(gate: Gate, value: float) -> str:
    if gate is Gate.WORTH:
        return f"{'−' if round(value) < 0 else ''}${abs(value):,.0f}"
    return f"{_bare(gate, value)}{'×' if gate in _RATIOS else ' pp' if gate in _POINTS else ' %'}"


def _bare(gate: Gate, value: float) -> str:
    if gate in _RATIOS:
        return f"{value:.2f}"
    if gate is Gate.WORTH:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value * 100:.1f}".replace("-", "−") if gate in _POINTS else f"{value * 100:.0f}".replace("-", "−")
