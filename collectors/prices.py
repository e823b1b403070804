"""Prices and readiness: what each backend offers now, kept with source and time."""

import contextlib
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from backends.base import Offer
from backends.errors import BackendError, InvalidRequest
from collectors.context import Context
from collectors.deployments import offer_row
from storage.models import Backend, Run
from storage.models import Offer as OfferRow

GPUS = ("L40S", "H100")
READY = "ready"
_KNOWN = (
    sa.select(col(OfferRow.id), col(OfferRow.gpu), col(OfferRow.offer_id), col(OfferRow.usd_per_unit))
    .where(
        col(OfferRow.backend) == bindparam("backend"),
        col(OfferRow.offer_id).in_(bindparam("ids", expanding=True)),
    )
    .order_by(col(OfferRow.seen_at))
)
_SEEN_AGAIN = sa.update(OfferRow).where(col(OfferRow.id) == bindparam("row")).values(seen_at=bindparam("at"))


async def refresh(ctx: Context) -> None:
    """Ask every backend for its offers; a refusal becomes the backend's state, one sentence."""
    gpus = sorted({*GPUS, *await ctx.load(lambda session: set(session.exec(select(Run.gpu)).all()))})
    for name, backend in ctx.backends.items():
        state = READY
        offers: list[Offer] = []
        try:
            for gpu in gpus:
                with contextlib.suppress(InvalidRequest):  # a GPU that this backend does not have is no fault
                    offers += await backend.offers(gpu)
        except BackendError as error:
            state = str(error)
        await ctx.writer.run(partial(_keep, ctx, name, state, offers))


def _keep(ctx: Context, name: str, state: str, offers: list[Offer], session: Session) -> None:
    backend = ctx.backends[name]
    session.merge(
        Backend(
            name=name,
            provider=backend.provider.value,
            features=sorted(feature.value for feature in backend.features),
            simulated=ctx.simulated,
            state=state,
            checked_at=ctx.clock.now(),
        )
    )
    last = _last(session, name, offers)
    again: list[dict[str, Any]] = []  # the same price, seen again
    for offer in offers:
        row = last.get((offer.gpu, offer.offer_id))
        if row is not None and row.usd_per_unit == offer.usd_per_unit:
            again.append({"row": row.id, "at": offer.seen_at})
        else:
            session.add(offer_row(offer))
    if again:
        session.connection().execute(_SEEN_AGAIN, again)


def _last(session: Session, backend: str, offers: list[Offer]) -> dict[tuple[str, str], Any]:
    """The newest row of each of these offers, its id and price: one query, as a marketplace has dozens of them."""
    given = {"backend": backend, "ids": sorted({offer.offer_id for offer in offers})}
    return {(row.gpu, row.offer_id): row for row in session.connection().execute(_KNOWN, given)}
