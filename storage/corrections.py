"""Amounts that a provider changed once their bucket had ended: every change with both versions."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import String, cast
from sqlmodel import Session, col, select

from storage.models import Charge, Deployment
from words import ChargeFlag, CostState


@dataclass(frozen=True, kw_only=True)
class Change:
    """A line said one amount and then another, in USD unless the line is flagged; now None: withdrawn or unreadable."""

    provider: str
    resource: str
    sku: str
    period_start: datetime
    seen_at: datetime
    was: Decimal
    was_state: CostState
    now: Decimal | None
    simulated: bool


def changes_of_runs(session: Session, run_ids: Collection[int] | None = None) -> list[Change]:
    """Of the lines of these runs' deployments, or of every line; newest first."""
    query = select(Charge).where(cast(col(Charge.earlier), String) != "[]").order_by(col(Charge.id))
    if run_ids is not None:
        mine = select(Deployment.id).where(col(Deployment.run_id).in_(run_ids))
        query = query.where(col(Charge.deployment_id).in_(mine))
    return changes(session.exec(query))


def changes(charges: Iterable[Charge]) -> list[Change]:
    """Of these lines, newest first; a line that changed twice has two."""
    return sorted(
        (change for row in charges for change in _changes(row)), key=lambda change: change.seen_at, reverse=True
    )


def _changes(row: Charge) -> Iterable[Change]:
    """What it said, then what it said next; the last is what stands."""
    said = [Decimal(old["billed_cost"]) for old in row.earlier]
    since = [datetime.fromisoformat(old["same_since"]) for old in row.earlier]
    stands = None if ChargeFlag.WITHDRAWN in row.flags else row.billed_cost
    after = zip([*said[1:], stands], [*since[1:], row.same_since], strict=False)  # none of a line that never changed
    for old, was, (now, seen_at) in zip(row.earlier, said, after, strict=False):
        yield Change(
            provider=row.provider,
            resource=row.resource_name or row.resource_id,
            sku=row.sku,
            period_start=row.charge_period_start,
            seen_at=seen_at,
            was=was,
            was_state=CostState(old["state"]),
            now=now,
            simulated=row.simulated,
        )
