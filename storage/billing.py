"""Bills as rows: the same line fetched again updates its row, what is odd about it is flagged, and it is final once
it has proved to be. A row is never deleted.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from storage.models import Charge, Deployment
from storage.overlaps import mark_overlaps
from storage.types import NANO
from words import ChargeFlag, CostState, Provider

FINAL_AFTER = timedelta(hours=48)  # after the end of what the line bills
FETCHES_APART = timedelta(hours=12)
_CHUNK = 500  # ids in one query
_NAMES = select(Deployment.id, Deployment.key, Deployment.backend, Deployment.provider_id)
_CHARGES = select(Charge).where(col(Charge.id).in_(bindparam("ids", expanding=True)))
_DIFFERENCES = frozenset({"rounding", "other"})  # between a total and its parts: below zero is nothing odd


class BilledLine(Protocol):
    """What a backend's `charges` gives, FOCUS names; `charge_id` stays the same from fetch to fetch."""

    @property
    def charge_id(self) -> str: ...
    @property
    def provider(self) -> Provider: ...
    @property
    def resource_id(self) -> str: ...
    @property
    def resource_name(self) -> str | None: ...
    @property
    def product(self) -> str: ...
    @property
    def sku(self) -> str: ...
    @property
    def meter(self) -> str: ...
    @property
    def charge_period_start(self) -> datetime: ...
    @property
    def charge_period_end(self) -> datetime: ...
    @property
    def billed_cost(self) -> Decimal | None: ...
    @property
    def currency(self) -> str: ...
    @property
    def raw(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Ingested:
    """How many lines of one fetch were new, changed in amount, or as before."""

    new: int
    changed: int
    same: int

    def __add__(self, other: "Ingested") -> "Ingested":
        return Ingested(self.new + other.new, self.changed + other.changed, self.same + other.same)


def upsert_charges(session: Session, charges: Iterable[BilledLine], *, now: datetime, simulated: bool) -> Ingested:
    """Write lines of one fetch, in any order: several of one id are one row, the largest amount of them.

    A line that fits no deployment of ours keeps deployment_id null. What is older than a row says nothing about it.
    """
    listed = list(charges)
    merged = _merged(listed)
    rows = _known(session, list(merged))
    owners = _owners(session)
    new = changed = 0
    for id, told in merged.items():
        row, line = rows.get(id), told[0]
        if row is None:
            new += 1
            row = rows[id] = _first(line, now=now, simulated=simulated)
        elif now < row.fetched_at:
            continue
        elif _differs(row, line):
            changed += 1
            _change(row, line, now)
        _see(row, told, owners=owners, now=now)
        session.add(row)
    session.flush()
    mark_overlaps(session, [rows[id] for id in merged])
    return Ingested(new=new, changed=changed, same=len(listed) - new - changed)


def withdraw_missing(session: Session, provider: Provider, *, since: datetime, until: datetime, now: datetime) -> int:
    """After a whole reading of [since, until) at `now`: flag the lines within it that did not come; gives how many of
    them are newly gone.

    They keep their amount, and are final by the same rule as others: gone 48 h after the end and at two fetches.
    """
    query = select(Charge).where(
        col(Charge.provider) == provider.value,
        col(Charge.charge_period_start) >= since,
        col(Charge.charge_period_end) <= until,
        col(Charge.fetched_at) < now,
    )
    gone = list(session.exec(query))
    newly = [row for row in gone if ChargeFlag.WITHDRAWN not in row.flags]
    for row in newly:
        _keep_version(row)
        row.same_since = now
    for row in gone:
        row.fetched_at = now
        row.state = state_of(end=row.charge_period_end, same_since=row.same_since, fetched_at=now)
        row.flag([*row.flags, ChargeFlag.WITHDRAWN])
        session.add(row)
    session.flush()
    mark_overlaps(session, newly)
    return len(newly)


def state_of(*, end: datetime, same_since: datetime, fetched_at: datetime) -> CostState:
    """Open until the bucket's end, final once unchanged 48 h after it and in two fetches 12 h apart."""
    if fetched_at < end:
        return CostState.OPEN
    if fetched_at >= end + FINAL_AFTER and fetched_at - same_since >= FETCHES_APART:
        return CostState.FINAL
    return CostState.PROVISIONAL


def _merged(lines: Sequence[BilledLine]) -> dict[str, list[BilledLine]]:
    """The different lines of each id, the one that counts first: the order in which they came says nothing."""
    found: dict[str, dict[tuple[Any, ...], BilledLine]] = defaultdict(dict)
    for line in lines:
        found[line.charge_id][_weight(line)] = line
    return {id: [found[id][key] for key in sorted(found[id], reverse=True)] for id in sorted(found)}


def _weight(line: BilledLine) -> tuple[Any, ...]:
    usd = line.billed_cost
    period = (line.charge_period_end, line.charge_period_start)
    return (usd is not None, usd or Decimal(), *period, line.currency, str(sorted(line.raw.items())))


def _see(
    row: Charge, told: Sequence[BilledLine], *, owners: Mapping[str | tuple[str, str], int], now: datetime
) -> None:
    """What the newest fetch says beside the amount and the period."""
    line = told[0]
    others = [other for other in told if _as_kept(other.billed_cost) != _as_kept(line.billed_cost)]
    row.fetched_at, row.raw = now, dict(line.raw) | ({"also": [dict(o.raw) for o in others]} if others else {})
    row.resource_name, row.product, row.sku, row.meter = line.resource_name, line.product, line.sku, line.meter
    row.deployment_id = owners.get(line.resource_name or "") or owners.get((line.provider.value, line.resource_id))
    row.state = state_of(end=row.charge_period_end, same_since=row.same_since, fetched_at=now)
    row.flag(_oddities(row, two_amounts=bool(others)))


def _oddities(row: Charge, *, two_amounts: bool) -> set[ChargeFlag]:
    usd = row.billed_cost
    odd = {
        ChargeFlag.NO_RESOURCE: row.deployment_id is None,
        ChargeFlag.TWO_AMOUNTS: two_amounts,
        ChargeFlag.FOREIGN_CURRENCY: row.billing_currency.upper() != "USD",
        ChargeFlag.UNREADABLE: usd is None,
        ChargeFlag.NEGATIVE: usd is not None and usd < 0 and row.sku not in _DIFFERENCES,
    }
    return {name for name, is_so in odd.items() if is_so}


def _known(session: Session, ids: list[str]) -> dict[str, Charge]:
    found: dict[str, Charge] = {}
    for start in range(0, len(ids), _CHUNK):
        given = {"ids": ids[start : start + _CHUNK]}
        found |= {row.id: row for row in session.exec(_CHARGES, params=given)}
    return found


def _owners(session: Session) -> dict[str | tuple[str, str], int]:
    """Deployment ids by our key, and by (provider, provider's id)."""
    owners: dict[str | tuple[str, str], int] = {}
    for deployment_id, key, backend, provider_id in session.exec(_NAMES):
        if deployment_id is not None:
            owners[key] = deployment_id
            if provider_id is not None:
                owners[backend, provider_id] = deployment_id
    return owners


def _first(line: BilledLine, *, now: datetime, simulated: bool) -> Charge:
    return Charge(
        id=line.charge_id,
        provider=line.provider.value,
        resource_id=line.resource_id,
        sku=line.sku,
        charge_period_start=line.charge_period_start,
        charge_period_end=line.charge_period_end,
        billed_cost=line.billed_cost,
        billing_currency=line.currency,
        state=CostState.OPEN,
        simulated=simulated,
        first_seen_at=now,
        same_since=now,
        fetched_at=now,
    )


def _differs(row: Charge, line: BilledLine) -> bool:
    told = (_as_kept(line.billed_cost), line.currency, line.charge_period_start, line.charge_period_end)
    known = (_as_kept(row.billed_cost), row.billing_currency, row.charge_period_start, row.charge_period_end)
    return known != told or ChargeFlag.WITHDRAWN in row.flags


def _as_kept(usd: Decimal | None) -> Decimal | None:
    """At the precision of the column; Modal and Runpod bill finer, and such a line would never be the same twice."""
    return None if usd is None else (usd * NANO).to_integral_value() / NANO


def _change(row: Charge, line: BilledLine, now: datetime) -> None:
    """Take the new amount; what a closed bucket said before is kept."""
    if ChargeFlag.WITHDRAWN not in row.flags:  # else it was kept when it went
        _keep_version(row)
    row.billed_cost, row.billing_currency, row.same_since = line.billed_cost, line.currency, now
    row.charge_period_start, row.charge_period_end = line.charge_period_start, line.charge_period_end


def _keep_version(row: Charge) -> None:
    if row.state is CostState.OPEN or row.billed_cost is None:
        return
    before = {
        "billed_cost": str(row.billed_cost),
        "state": row.state.value,
        "same_since": row.same_since.isoformat(),
        "fetched_at": row.fetched_at.isoformat(),
    }
    if row.billing_currency != "USD":
        before["currency"] = row.billing_currency
    row.earlier = [*row.earlier, before]
