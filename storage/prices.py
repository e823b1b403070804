"""Offers as frames, and how the collector keeps them: a row per price, from when it was first seen to the last time."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy import BigInteger, bindparam, func, type_coerce
from sqlmodel import Session, col, select, update

from analysis.prices import LIST, OFFERS
from storage.list_prices import ListPrice, list_prices
from storage.models import Backend, Event, Offer

PRICE = "price"  # the kind of the event that tells a change
_PRICED = ("storage_usd_per_s", "network_usd_per_gb")  # of an offer's detail
_OF_AN_OFFER = ("id", "backend", "gpu", "offer_id", "unit", "usd_per_unit", "usd_per_s", "detail")
_ASKED = (
    sa.select(*(getattr(Offer, name) for name in _OF_AN_OFFER))
    .where(
        col(Offer.backend).in_(bindparam("backends", expanding=True)),
        col(Offer.offer_id).in_(bindparam("ids", expanding=True)),
    )
    .order_by(col(Offer.seen_at), col(Offer.id))
)
_SEEN_AGAIN = sa.update(Offer).where(col(Offer.id) == bindparam("row")).values(seen_at=bindparam("at"))


def offers(session: Session, *, backend: str | None = None, gpu: str | None = None) -> pl.DataFrame:
    """`analysis.prices.OFFERS`, every price that was ever seen, of these or of all, by the time it was first seen."""
    first = func.coalesce(type_coerce(Offer.first_seen_at, BigInteger), type_coerce(Offer.seen_at, BigInteger))
    query = (
        select(
            Offer.backend, Offer.gpu, Offer.offer_id, Offer.unit, type_coerce(Offer.usd_per_unit, BigInteger),
            type_coerce(Offer.usd_per_s, BigInteger), Offer.source, Offer.region, first,
            type_coerce(Offer.seen_at, BigInteger), Backend.simulated,
        )  # type: ignore[call-overload]
        .outerjoin(Backend, col(Backend.name) == Offer.backend)
        .order_by(first, col(Offer.id))
    )  # fmt: skip
    wanted = [Offer.backend == backend] * (backend is not None) + [Offer.gpu == gpu] * (gpu is not None)
    raw = {name: pl.Int64() if isinstance(dtype, pl.Datetime) else dtype for name, dtype in OFFERS.items()}
    rows = pl.DataFrame([tuple(row) for row in session.exec(query.where(*wanted))], schema=raw, orient="row")
    return rows.select(pl.col(name).cast(dtype) for name, dtype in OFFERS.items())


def _itself(row: Offer) -> Offer:
    return row


def keep_offers(session: Session, found: Sequence[Any], row_of: Callable[[Any], Offer] = _itself) -> set[str]:
    """Insert what asks another price than before, its disk and network too, and move the others' last time on.

    Gives the GPUs with a price that is new. A row that was rented never changes its price. `row_of` makes the row of
    an offer, for those that are inserted: of a marketplace's dozens few are.
    """
    last = _newest(session, found)
    new: set[str] = set()
    again: list[dict[str, Any]] = []
    for offer in found:
        known = last.get((offer.backend, offer.gpu, offer.offer_id))
        if known is not None and _asks(known) == _asks(offer):
            again.append({"row": known.id, "at": offer.seen_at})
        else:
            row = row_of(offer)
            row.first_seen_at = row.seen_at
            session.add(row)
            new.add(row.gpu)
    session.flush()
    if again:
        session.connection().execute(_SEEN_AGAIN, again)
    return new


def keep_list_prices(session: Session, backend: str, gpus: Iterable[str], *, now: datetime) -> None:
    """The dated list prices of these GPUs, as long as the backend itself has never said one."""
    for price in list_prices():
        if price.backend == backend and price.gpu in gpus and not _said(session, price):
            keep_offers(session, [_listed(price, now)])
            ours = (col(Offer.backend) == backend, col(Offer.offer_id) == price.offer_id)
            session.exec(update(Offer).where(*ours).values(first_seen_at=price.as_of))


def told_at(session: Session, beginning: str) -> datetime | None:
    """When a change of price was last told in a sentence that begins so."""
    query = select(Event.at).where(Event.kind == PRICE, col(Event.text).startswith(beginning, autoescape=True))
    return session.exec(query.order_by(col(Event.at).desc())).first()


def _newest(session: Session, given: Sequence[Any]) -> dict[tuple[str, str, str], Any]:
    """What each of these offers asked last: one query, as a marketplace has dozens of them."""
    asked = {"backends": sorted({row.backend for row in given}), "ids": sorted({row.offer_id for row in given})}
    found = session.connection().execute(_ASKED, asked)
    return {(row.backend, row.gpu, row.offer_id): row for row in found}


def _asks(row: Any) -> tuple[Any, ...]:
    """As it is kept: to the nano-dollar."""
    amounts = [row.usd_per_unit, row.usd_per_s, *(Decimal(str(row.detail.get(name) or 0)) for name in _PRICED)]
    return row.unit, *(round(amount * 10**9) for amount in amounts)


def _said(session: Session, price: ListPrice) -> bool:
    theirs = select(Offer.id).where(Offer.backend == price.backend, Offer.gpu == price.gpu)
    return session.exec(theirs.where(~col(Offer.source).startswith(LIST))).first() is not None


def _listed(price: ListPrice, now: datetime) -> Offer:
    names = ("backend", "gpu", "offer_id", "unit", "usd_per_unit", "usd_per_s", "source")
    return Offer(**{name: getattr(price, name) for name in names}, seen_at=now, detail={})
