"""What a verdict was said of, and what of it has changed since: prices, models, images, bills, traffic, or its age.

Only what a verdict used can age it. What is not known now is no change: it was not seen, which is told elsewhere.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from analysis.verdict.overall import Overall
from words import Verdict, called

PRICE = 0.05  # of a price: from here on it is another one
BILL = 0.01  # of an arm's bill, that came or changed late
TRAFFIC = 0.50  # of the volume, either way


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a snapshot froze, or the same as it is now. prices: nano-USD a second by backend and GPU. models: a hash of
    the files by workflow; images: of the container by backend and workflow. bills: nano-USD of each billing line by
    backend. per_day: requests by workflow. What is not in a mapping is not known."""

    at: datetime
    prices: Mapping[tuple[str, str], int] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[tuple[str, str], str] = field(default_factory=dict)
    bills: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    per_day: Mapping[str, float] = field(default_factory=dict)


def fingerprint(inputs: Inputs) -> str:
    """SHA-256 in hexadecimal of everything but the instant, in one spelling: the same inputs, the same fingerprint."""
    rows = {name: _rows(value) for name, value in asdict(inputs).items() if name != "at"}
    return hashlib.sha256(json.dumps(rows, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def stale(then: Inputs, now: Inputs, *, valid_days: int) -> list[str]:
    """Why what was said then holds no longer, a sentence each, without its full stop; none: it holds."""
    return [
        *_prices(then, now),
        *_hashes(then, now),
        *_bills(then, now),
        *_traffic(then, now),
        *_age(then, now, valid_days),
    ]


def title(reasons: list[str]) -> str | None:
    """Out of date: Runpod L40S costs 7.1 % more. The first reason; None: it is not."""
    return f"Out of date: {reasons[0]}" if reasons else None


def aged(found: Overall, reasons: list[str]) -> Overall:
    """The verdict as it may be read now; what it was stays in `placed`."""
    return replace(found, state=Verdict.STALE, reason="; ".join(reasons)) if reasons else found


def _prices(then: Inputs, now: Inputs) -> Iterator[str]:
    for (backend, gpu), before in sorted(then.prices.items()):
        after = now.prices.get((backend, gpu))
        if after is not None and _moved(before, after, PRICE):
            way = "more" if after > before else "less"
            yield f"{called(backend)} {gpu} costs {_percent(before, after)} {way}"


def _hashes(then: Inputs, now: Inputs) -> Iterator[str]:
    for workflow, before in sorted(then.models.items()):
        if now.models.get(workflow, before) != before:
            yield f"the model files of {workflow} have changed"
    for (backend, workflow), before in sorted(then.images.items()):
        if now.images.get((backend, workflow), before) != before:
            yield f"the image of {workflow} on {called(backend)} has changed"


def _bills(then: Inputs, now: Inputs) -> Iterator[str]:
    """Lines that came, changed or were withdrawn since, added up without their signs."""
    for backend, before in sorted(then.bills.items()):
        after = now.bills.get(backend)
        if after is None:
            continue
        moved = sum(abs(after.get(line, 0) - before.get(line, 0)) for line in before.keys() | after.keys())
        total = sum(before.values())
        if moved > BILL * abs(total):
            share = f", {moved / total * 100:.1f} % of it" if total > 0 else ""
            yield f"{called(backend)}'s bill of these blocks has changed by ${moved / 1e9:,.2f}{share}"


def _traffic(then: Inputs, now: Inputs) -> Iterator[str]:
    for workflow, before in sorted(then.per_day.items()):
        after = now.per_day.get(workflow)
        if after is not None and abs(after - before) > TRAFFIC * before:
            way = "above" if after > before else "below"
            by = _percent(before, after)
            yield f"{workflow} gets {after:,.0f} requests a day, {by} {way} the {before:,.0f} that it was decided for"


def _age(then: Inputs, now: Inputs, valid_days: int) -> Iterator[str]:
    ends = then.at + timedelta(days=valid_days)
    if now.at >= ends:
        yield f"the answer expired {ends.day} {ends:%b %Y}"


def _moved(before: int, after: int, share: float) -> bool:
    """In whole numbers of a thousandth, so that a twentieth is a twentieth."""
    return after != before and abs(after - before) * 1000 >= round(share * 1000) * before


def _percent(before: float, after: float) -> str:
    return f"{abs(after - before) / before * 100:.1f} %" if before else "infinitely"


def _rows(value: object) -> object:
    """Mappings as sorted lists of pairs, since a pair cannot be a key of JSON."""
    if not isinstance(value, Mapping):
        return value
    return sorted([json.dumps(key), _rows(inner)] for key, inner in value.items())
