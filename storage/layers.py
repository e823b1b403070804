"""Price layers: what a person lays over a backend's prices. Kept here; `analysis.layers` applies them."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from analysis.layers import Layer, RefusedLayer, check
from storage.foreign import SENTENCE, kept_text
from storage.models import Backend, PriceLayer

LONGEST_NAME = 80


def add_layer(session: Session, layer: Layer, *, made_by: str, now: datetime, reason: str = "") -> PriceLayer:
    """Insert a layer; it holds at once, for every deployment ordered in its time. Raises RefusedLayer.

    Two layers that are both in force never share a name, as it is the name that stands beside the numbers.
    """
    check(layer, backends=list(session.exec(select(Backend.name))))
    name = layer.name.strip()
    if len(name) > LONGEST_NAME:
        raise RefusedLayer(f"A layer's name has at most {LONGEST_NAME} characters, not {len(name)}.")
    if any(row.name == name for row in in_force(session)):
        raise RefusedLayer(f"A layer named {name!r} is in force already. Revoke it first, or choose another name.")
    row = PriceLayer(
        name=kept_text(name, LONGEST_NAME),
        kind=layer.kind,
        backend=layer.backend,
        gpu=layer.gpu,
        value=layer.usd_per_s,
        percent=layer.percent,
        monthly_usd=layer.monthly_usd,
        valid_from=layer.valid_from,
        valid_to=layer.valid_to,
        reason=kept_text(reason, SENTENCE),
        made_by=made_by,
        created_at=now,
    )
    session.add(row)
    session.flush()
    session.refresh(row)  # amounts as they are kept
    return row


def revoke_layer(session: Session, number: int, *, revoked_by: str, now: datetime) -> PriceLayer:
    """Take a layer off again: every number is as it was without it. The row stays. Raises RefusedLayer."""
    row = session.get(PriceLayer, number)
    if row is None:
        raise RefusedLayer(f"There is no price layer {number}.")
    if row.revoked_at is not None:
        raise RefusedLayer(f"Price layer {number} was revoked on {row.revoked_at:%d %b %Y} by {row.revoked_by}.")
    row.revoked_at, row.revoked_by = now, revoked_by or "a person"
    session.add(row)
    session.flush()
    return row


def all_layers(session: Session) -> Sequence[PriceLayer]:
    """Every layer that was ever made, newest first."""
    return session.exec(select(PriceLayer).order_by(col(PriceLayer.id).desc())).all()


def in_force(session: Session) -> Sequence[PriceLayer]:
    """Those that nobody revoked, in the order in which they were made; their time may be over or still to come."""
    query = select(PriceLayer).where(col(PriceLayer.revoked_at).is_(None)).order_by(col(PriceLayer.id))
    return session.exec(query).all()


def layers(session: Session) -> list[Layer]:
    """`in_force` as `analysis.layers` takes them."""
    return [layer_of(row) for row in in_force(session)]


def layer_of(row: PriceLayer) -> Layer:
    """A row as `analysis.layers` takes it."""
    return Layer(
        name=row.name,
        kind=row.kind,
        backend=row.backend,
        gpu=row.gpu,
        usd_per_s=row.value,
        percent=row.percent,
        monthly_usd=row.monthly_usd,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        revoked_at=row.revoked_at,
    )
