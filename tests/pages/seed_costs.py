"""What the cost pages need beside the runs of `seed`: odd bill lines, readings, price layers, effort, traffic."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlmodel import Session

from storage.models import BillRead, Charge, Effort, PriceLayer, TrafficProfile
from words import BillOutcome, ChargeFlag, CostState, EffortKind, LayerKind, TrafficKind


def add(session: Session, *, epoch: datetime, now: datetime, hostile: str) -> None:
    """All of it; `hostile` is a stranger's text."""
    _odd_lines(session, epoch, now, hostile)
    _readings(session, now, hostile)
    _effort(session, epoch, hostile)
    _traffic(session, epoch)


def layer(epoch: datetime) -> PriceLayer:
    """A discount that a person laid over Runpod's prices."""
    return PriceLayer(
        name="partner programme", kind=LayerKind.DISCOUNT, backend="runpod", percent=15.0, valid_from=epoch,
        reason="signed 2 Nov", made_by="finn", created_at=epoch,
    )  # fmt: skip


def _odd_lines(session: Session, epoch: datetime, now: datetime, hostile: str) -> None:
    """A stranger's volume, a credit, a foreign currency, text instead of an amount, and a late correction."""
    session.add(_line("volume", "runpod", epoch, now, sku="volume", usd="0.0480", flags=[ChargeFlag.NO_RESOURCE]))
    flags = [ChargeFlag.NEGATIVE, ChargeFlag.NO_RESOURCE]
    session.add(_line("credit", "modal", epoch, now, sku="fee", usd="-0.0150", flags=flags))
    euro = _line("euro", "vast", epoch, now, sku="gpu", usd="0.3100", flags=[ChargeFlag.FOREIGN_CURRENCY])
    euro.billing_currency = "EUR"
    text = _line("text", "vast", epoch, now, sku="disk", usd=None, flags=[ChargeFlag.UNREADABLE])
    text.resource_name, text.raw = hostile, {"amount": hostile}
    late = _line("late", "modal", epoch, now, sku="memory", usd="0.0309", flags=[ChargeFlag.NO_RESOURCE])
    late.earlier = [
        {
            "billed_cost": "0.03", "state": CostState.PROVISIONAL.value, "fetched_at": (now - _HOURS[20]).isoformat(),
            "same_since": (now - _HOURS[40]).isoformat(),
        }
    ]  # fmt: skip
    for row in (euro, text, late):
        session.add(row)


_HOURS = {hours: timedelta(hours=hours) for hours in (1, 20, 40)}


def _line(
    name: str, provider: str, at: datetime, now: datetime, *, sku: str, usd: str | None, flags: list[ChargeFlag]
) -> Charge:
    row = Charge(
        id=f"odd-{name}", provider=provider, resource_id=f"r-{name}", resource_name=f"somebody-s-{name}", sku=sku,
        charge_period_start=at, charge_period_end=at + _HOURS[1], billed_cost=None if usd is None else Decimal(usd),
        state=CostState.PROVISIONAL, simulated=True, first_seen_at=at, same_since=now - _HOURS[20], fetched_at=now,
        raw={},
    )  # fmt: skip
    row.flag(flags)
    return row


def _readings(session: Session, now: datetime, hostile: str) -> None:
    said = {
        "modal": (BillOutcome.READ, ""),
        "runpod": (BillOutcome.PARTIAL, f"1 day of 4 could not be read: {hostile}. It is asked for again."),
        "vast": (BillOutcome.READ, ""),
    }
    for minutes, (name, (outcome, text)) in enumerate(said.items(), start=3):
        read_at = now - timedelta(minutes=minutes)
        session.add(
            BillRead(
                backend=name,
                read_at=read_at,
                since=now - timedelta(days=4),
                until=read_at,
                outcome=outcome,
                text=text,
                lines=7,
                new=0,
                changed=1,
                simulated=True,
            )
        )


def _effort(session: Session, epoch: datetime, hostile: str) -> None:
    entries = [
        ("modal", EffortKind.DEPLOY, 20.0, "ana", "first deploy"),
        ("runpod", EffortKind.DEPLOY, 95.0, "ana", "image, endpoint, volume by hand"),
        ("runpod", EffortKind.LOGS, 12.0, "finn", hostile),
        ("vast", EffortKind.DEBUG, 140.0, "ana", "host without the driver we need"),
    ]
    for hour, (backend, kind, minutes, by, text) in enumerate(entries, start=1):
        at = epoch + timedelta(hours=hour)
        session.add(
            Effort(
                at=at,
                backend=backend,
                kind=kind,
                minutes=minutes,
                measured=False,
                by=by,
                text=text,
                simulated=True,
                created_at=at,
            )
        )


def _traffic(session: Session, epoch: datetime) -> None:
    session.add(
        TrafficProfile(
            name="production, as asked",
            kind=TrafficKind.DAILY,
            per_day=1250.0,
            made_by="ana",
            simulated=True,
            curve=[1.0] * 8 + [3.0] * 12 + [1.0] * 4,
            created_at=epoch,
        )
    )
