"""Bills as rows: the same line fetched again updates its row, and a line is final once it has proved to be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from sqlmodel import Session, col, select

from storage.models import Charge, Deployment
from storage.types import NANO
from words import CostState, Provider

FINAL_AFTER = timedelta(hours=48)  # after the end of what the line bills
FETCHES_APART = timedelta(hours=12)
_CHUNK = 500  # ids in one query


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
    def sku(self) -> str: ...
    @property
    def charge_period_start(self) -> datetime: ...
    @property
    def charge_period_end(self) -> datetime: ...
    @property
    def billed_cost(self) -> Decimal: ...
    @property
    def raw(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Ingested:
    """How many lines of one fetch were new, changed in amount, or as before."""

    new: int
    changed: int
    same: int


def upsert_charges(session: Session, charges: Iterable[BilledLine], *, now: datetime, simulated: bool) -> Ingested:
    """Write one fetch of one provider. A line that fits no deployment of ours keeps deployment_id null."""
    listed = list(charges)
    rows = _known(session, [line.charge_id for line in listed])
    owners = _owners(session)
    new = changed = 0
    for line in listed:
        row = rows.get(line.charge_id)
        if row is None:
            new += 1
            row = rows[line.charge_id] = _first(line, now=now, simulated=simulated)
        elif _differs(row, line):
            changed += 1
            _change(row, line, now)
        row.fetched_at, row.raw = now, dict(line.raw)
        row.deployment_id = owners.get(line.resource_name or "") or owners.get((line.provider.value, line.resource_id))
        row.state = state_of(end=row.charge_period_end, same_since=row.same_since, fetched_at=now)
        session.add(row)
    session.flush()
    return Ingested(new=new, changed=changed, same=len(listed) - new - changed)


def state_of(*, end: datetime, same_since: datetime, fetched_at: datetime) -> CostState:
    """Open until the bucket's end, final once unchanged 48 h after it and in two fetches 12 h apart."""
    if fetched_at < end:
        return CostState.OPEN
    if fetched_at >= end + FINAL_AFTER and fetched_at - same_since >= FETCHES_APART:
        return CostState.FINAL
    return CostState.PROVISIONAL


def _known(session: Session, ids: list[str]) -> dict[str, Charge]:
    found: dict[str, Charge] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(Charge).where(col(Charge.id).in_(ids[start : start + _CHUNK]))
        found |= {row.id: row for row in session.exec(query)}
    return found


def _owners(session: Session) -> dict[str | tuple[str, str], int]:
    """Deployment ids by our key, and by (provider, provider's id)."""
    owners: dict[str | tuple[str, str], int] = {}
    query = select(Deployment.id, Deployment.key, Deployment.backend, Deployment.provider_id)
    for deployment_id, key, backend, provider_id in session.exec(query):
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
        resource_name=line.resource_name,
        sku=line.sku,
        charge_period_start=line.charge_period_start,
        charge_period_end=line.charge_period_end,
        billed_cost=line.billed_cost,
        state=CostState.OPEN,
        simulated=simulated,
        first_seen_at=now,
        same_since=now,
        fetched_at=now,
    )


def _differs(row: Charge, line: BilledLine) -> bool:
    told = (_as_kept(line.billed_cost), line.charge_period_start, line.charge_period_end)
    return (_as_kept(row.billed_cost), row.charge_period_start, row.charge_period_end) != told


def _as_kept(usd: Decimal | None) -> Decimal | None:
    """At the precision of the column; Modal and Runpod bill finer, and such a line would never be the same twice."""
    return None if usd is None else (usd * NANO).to_integral_value() / NANO


def _change(row: Charge, line: BilledLine, now: datetime) -> None:
    """Take the new amount; what a closed bucket said before is kept."""
    if row.state is not CostState.OPEN:
        before = {
            "billed_cost": str(row.billed_cost),
            "state": row.state.value,
            "same_since": row.same_since.isoformat(),
            "fetched_at": row.fetched_at.isoformat(),
        }
        row.earlier = [*row.earlier, before]
    row.billed_cost, row.same_since = line.billed_cost, now
    row.charge_period_start, row.charge_period_end = line.charge_period_start, line.charge_period_end
