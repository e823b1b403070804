"""Prices and readiness: what each backend offers now, kept with source and time; a change that matters is told once."""

from functools import partial

from sqlmodel import Session, select

from analysis.prices import changed, own, subject
from backends.base import Backend as Asked
from backends.base import Offer
from backends.errors import BackendError, InvalidRequest
from collectors.context import Context
from collectors.deployments import offer_row
from storage.models import Backend, Event, Run
from storage.prices import PRICE, keep_list_prices, keep_offers, offers, told_at

GPUS = ("L40S", "H100")
READY = "ready"


async def refresh(ctx: Context) -> None:
    """Ask every backend for its offers; a refusal becomes the backend's state, one sentence."""
    gpus = sorted({*GPUS, *await ctx.load(lambda session: set(session.exec(select(Run.gpu)).all()))})
    for name, backend in ctx.backends.items():
        state, found, silent = await _asked(backend, gpus)
        await ctx.writer.run(partial(_keep, ctx, name, state, found, silent))


async def _asked(backend: Asked, gpus: list[str]) -> tuple[str, list[Offer], list[str]]:
    """Its state, its offers, and the GPUs of which it did not say whether or at what price it has them."""
    found: list[Offer] = []
    silent = list(gpus)
    try:
        for gpu in gpus:
            try:
                offered = await backend.offers(gpu)
            except InvalidRequest:  # a GPU that this backend does not have is no fault
                silent.remove(gpu)
                continue
            found += offered
            if offered:
                silent.remove(gpu)
    except BackendError as error:
        return str(error), found, silent
    return READY, found, silent


def _keep(ctx: Context, name: str, state: str, found: list[Offer], silent: list[str], session: Session) -> None:
    """The rows, and what has changed since it was last told, or since the first price, in the same transaction."""
    backend, now = ctx.backends[name], ctx.clock.now()
    session.merge(
        Backend(
            name=name,
            provider=backend.provider.value,
            features=sorted(feature.value for feature in backend.features),
            simulated=ctx.simulated,
            state=state,
            checked_at=now,
        )
    )
    new = keep_offers(session, found, offer_row)
    keep_list_prices(session, name, silent, now=now)
    for gpu in sorted(new):
        known = offers(session, backend=name, gpu=gpu).filter(own())
        since = told_at(session, subject(name, gpu)) or known["first_seen_at"].min()
        if since is None:  # nothing but list prices: what the provider itself asks is not known
            continue
        for sentence in changed(known, since=since, at=now):  # type: ignore[arg-type]  # of a column of instants
            session.add(Event(at=now, kind=PRICE, text=sentence))
