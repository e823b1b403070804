"""Lines that bill the same of the same resource for the same time twice: the one that begins first counts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlmodel import Session, col, select

from storage.models import Charge
from words import ChargeFlag

ROUNDED = timedelta(seconds=1)  # Vast.ai's periods are whole seconds: neighbours may share one
_LONGEST = timedelta(days=32)  # of a bucket: a month
_CHUNK = 500  # ids in one query


def mark_overlaps(session: Session, touched: Sequence[Charge]) -> None:
    """Flag the overlapping lines among all that bill what a touched line bills, and unflag those that no longer do.

    Withdrawn lines overlap nothing. Lines whose `meter` is not known are left as they are.
    """
    named = [row for row in touched if row.meter]
    if not named:
        return
    since = min(row.charge_period_start for row in named) - _LONGEST
    until = max(row.charge_period_end for row in named)
    for provider, ids in _by_provider(named).items():
        for start in range(0, len(ids), _CHUNK):
            query = select(Charge).where(
                col(Charge.provider) == provider,
                col(Charge.resource_id).in_(ids[start : start + _CHUNK]),
                col(Charge.charge_period_start) >= since,
                col(Charge.charge_period_start) < until,
                col(Charge.meter) != "",
            )
            _mark(session.exec(query))
    session.flush()


def _by_provider(rows: Iterable[Charge]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row.provider].add(row.resource_id)
    return {provider: sorted(ids) for provider, ids in found.items()}


def _mark(rows: Iterable[Charge]) -> None:
    groups: dict[tuple[str, ...], list[Charge]] = defaultdict(list)
    for row in rows:
        if ChargeFlag.WITHDRAWN not in row.flags:
            groups[row.resource_id, row.product, row.sku, row.meter].append(row)
    for group in groups.values():
        group.sort(key=lambda row: (row.charge_period_start, -row.charge_period_end.timestamp(), row.id))
        covered_until = group[0].charge_period_start
        for row in group:
            overlaps = row.charge_period_start < covered_until - ROUNDED
            others = set(row.flags) - {ChargeFlag.OVERLAPPING}
            row.flag(others | {ChargeFlag.OVERLAPPING} if overlaps else others)
            if not overlaps:
                covered_until = max(covered_until, row.charge_period_end)
