"""A deployment's life: intent, one paid call, found again if nobody answered, ready, torn down, proven gone."""

from datetime import timedelta
from typing import Any

from sqlmodel import Session

from backends.base import Backend, DeploymentRef, DeploymentSpec
from backends.base import Deployment as Seen
from backends.base import Offer as BackendOffer
from backends.errors import BackendError, FateUnknown, NoCapacity, NotYetGone, UnexpectedReply
from collectors import budget, decide
from collectors.context import Context, Drained, log
from storage.models import Deployment, Offer, Run, Workflow
from storage.queries import one
from words import DeploymentState, Reason, called

READY_LIMIT_S = 45 * 60.0  # world seconds; a healthy marketplace host was seen pulling for 25 minutes
LOOK_S = 3.0
FIND_AGAIN_S = 20.0  # world seconds between looks for a deployment whose reply was lost
FIND_TRIES = 3
_DEAD = (DeploymentState.FAILED, DeploymentState.STOPPED, DeploymentState.GONE)
STOPPED = "The run was asked to stop."


def ref_of(row: Deployment) -> DeploymentRef:
    """How to address the deployment of a row."""
    return DeploymentRef(backend=row.backend, id=row.provider_id or "", key=row.key, detail=row.ref_detail)


async def ensure_ready(ctx: Context, deployment_id: int) -> Deployment:
    """The row once its capacity is ready, or failed. Entered at whatever step the row says."""
    row = await _row(ctx, deployment_id)
    if row.state is DeploymentState.INTENDED:
        row = await (_deploy(ctx, row) if row.intended_at is None else _find(ctx, row))
    if row.state in (DeploymentState.PROVISIONING, DeploymentState.READY):
        row = await _wait(ctx, row)
    return row


async def check(ctx: Context, row: Deployment) -> Deployment:
    """The row after one look at it: failed if its capacity has died. A look that fails says nothing."""
    seen = await look(ctx, row)
    return await _died(ctx, row, seen) if seen is not None and seen.state in _DEAD else row


async def teardown(ctx: Context, row: Deployment) -> None:
    """Destroy and write it down; called again and again until the provider says that it is gone."""
    if row.state is DeploymentState.GONE:
        return
    if row.provider_id:
        await destroy(ctx, ctx.backends[row.backend], ref_of(row))
    await _write(ctx, row, state=DeploymentState.GONE, ended_at=ctx.clock.now())


async def destroy(ctx: Context, backend: Backend, ref: DeploymentRef) -> None:
    """Tear down until gone; keeps trying, since leaving it would cost money for ever.

    One at a time for each resource: a provider may allow a call every few seconds, and a stop must not wait for two.
    """
    what = (backend.name, ref.id)
    async with ctx.ending[what]:
        if what not in ctx.gone:
            await _until_gone(ctx, backend, ref)
        ctx.gone.add(what)


async def _until_gone(ctx: Context, backend: Backend, ref: DeploymentRef) -> None:
    wait_s = 1.0
    while True:
        try:
            await backend.teardown(ref)
        except NotYetGone:
            wait_s = 2.0
        except BackendError as error:
            log.warning("teardown of %s failed, will be tried again: %s", ref.key, error)
            wait_s = min(60.0, wait_s * 2)
        else:
            return
        await ctx.clock.sleep(wait_s)


async def _deploy(ctx: Context, row: Deployment) -> Deployment:
    backend = ctx.backends[row.backend]
    try:
        offers = await backend.offers(row.gpu)
    except BackendError as error:
        return await _fail(ctx, row, str(error), decide.reason_of_submit(error))
    for offer in offers[:5]:
        try:
            ref = await _order(ctx, row, offer)
        except _NotOrdered as refusal:
            return await _fail(ctx, row, str(refusal), refusal.cause)
        except NoCapacity as error:
            log.info("offer %s of %s is gone: %s", offer.offer_id, row.backend, error)
            continue
        except (FateUnknown, UnexpectedReply) as error:
            log.warning("the order of %s was sent and its answer is missing: %s", row.key, error)
            return await _find(ctx, row)
        except BackendError as error:
            return await _fail(ctx, row, str(error), decide.reason_of_submit(error))
        return await _rented(ctx, row, ref)
    return await _fail(ctx, row, f"No {row.gpu} can be rented on {called(row.backend)} now.", Reason.NO_CAPACITY)


class _NotOrdered(Exception):
    """Why we do not even ask."""

    def __init__(self, message: str, cause: Reason) -> None:
        super().__init__(message)
        self.cause = cause


async def _order(ctx: Context, row: Deployment, offer: BackendOffer) -> DeploymentRef:
    """Intent and paid call, one order at a time per backend.

    An adapter may have to wait between two orders; who waits here has no intent yet, and a kill leaves one order open
    at most.
    """
    async with ctx.ordering[row.backend]:
        if row.run_id in ctx.stopping:
            raise _NotOrdered(STOPPED, Reason.STOPPED)
        spec = await _spec(ctx, row, offer)
        if refusal := await budget.refusal(ctx, row.run_id, budget.an_order(ctx, row, spec)):
            raise _NotOrdered(refusal, Reason.BUDGET_REACHED)
        row = await _intend(ctx, row, offer)
        return await ctx.backends[row.backend].deploy(spec, row.key)


async def _find(ctx: Context, row: Deployment) -> Deployment:
    """The paid call was (or may have been) sent: look it up by key. It is never sent again."""
    backend = ctx.backends[row.backend]
    for _ in range(FIND_TRIES):
        try:
            found = [live.ref for live in await backend.live(row.key) if live.key == row.key]
        except BackendError as error:
            log.warning("looking for %s failed: %s", row.key, error)
            found = []
        if found:
            await ctx.tell("deployment", f"{row.key} was rented though no answer came; found by its name.", **_ids(row))
            return await _rented(ctx, row, found[0])
        await ctx.clock.sleep(FIND_AGAIN_S)
    told = "The provider did not answer the order and lists nothing of that name."
    return await _fail(ctx, row, told, Reason.FATE_UNKNOWN)


async def _wait(ctx: Context, row: Deployment) -> Deployment:
    """Look until it is ready, dead, or over its time.

    That is decided after a look: what got ready while no collector ran is ready.
    """
    since = ctx.clock.now() if row.ready_at else row.created_at or ctx.clock.now()  # was ready: a restart, ask anew
    deadline = since + timedelta(seconds=READY_LIMIT_S)
    while True:
        if row.run_id in ctx.stopping and row.ready_at:
            return row  # jobs that are under way there are looked at before it ends
        if row.run_id in ctx.stopping:
            return await _fail(ctx, row, STOPPED, Reason.STOPPED)
        if row.run_id in ctx.book.refused and not row.ready_at:
            return await _fail(ctx, row, ctx.book.refused[row.run_id], Reason.BUDGET_REACHED)
        if ctx.draining:
            raise Drained
        seen = await look(ctx, row)
        if seen is not None and seen.state is DeploymentState.READY:
            return await _ready(ctx, row, seen)
        if seen is not None and seen.state in _DEAD:
            return await _died(ctx, row, seen)
        if ctx.clock.now() >= deadline:
            told = f"Not ready after {READY_LIMIT_S / 60:.0f} minutes."
            return await _fail(ctx, row, told, decide.reason_of_delay(seen))
        await ctx.clock.sleep(LOOK_S)


async def look(ctx: Context, row: Deployment) -> Seen | None:
    """One look; None if it could not be had this time."""
    try:
        return await ctx.backends[row.backend].observe(ref_of(row))
    except BackendError as error:
        log.info("observing %s failed: %s", row.key, error)
        return None


async def _intend(ctx: Context, row: Deployment, offer: BackendOffer) -> Deployment:
    at = ctx.clock.now()

    def write(session: Session) -> int | None:
        kept = offer_row(offer)
        session.add(kept)
        session.flush()
        return kept.id

    offer_id = await ctx.writer.run(write)
    return await _write(ctx, row, intended_at=at, offer_id=offer_id, usd_per_s=offer.usd_per_s)


async def _rented(ctx: Context, row: Deployment, ref: DeploymentRef) -> Deployment:
    values: dict[str, Any] = {
        "state": DeploymentState.PROVISIONING,
        "provider_id": ref.id,
        "ref_detail": dict(ref.detail),
        "created_at": ctx.clock.now(),
    }
    row = await _write(ctx, row, **values)
    await ctx.tell("deployment", f"Rented {row.gpu} on {called(row.backend)} as {row.key}.", **_ids(row))
    return row


async def _ready(ctx: Context, row: Deployment, seen: Seen) -> Deployment:
    values: dict[str, Any] = {"state": DeploymentState.READY, "provenance": dict(seen.provenance)}
    if seen.usd_per_s is not None:
        values["usd_per_s"] = seen.usd_per_s
    if seen.ref is not None:
        values |= {"provider_id": seen.ref.id, "ref_detail": dict(seen.ref.detail)}
    if row.ready_at is None:
        values["ready_at"] = ctx.clock.now()
        await ctx.tell("deployment", f"{row.key} is ready.", **_ids(row))
    return await _write(ctx, row, **values)


async def _fail(ctx: Context, row: Deployment, reason: str, cause: Reason) -> Deployment:
    await ctx.tell("deployment", f"{row.key} failed: {reason}", **_ids(row))
    return await _write(ctx, row, state=DeploymentState.FAILED, reason=reason, cause=cause.value)


async def _died(ctx: Context, row: Deployment, seen: Seen) -> Deployment:
    words = seen.reason or f"The provider says {seen.state.value}."
    return await _fail(ctx, row, words, decide.reason_of_death(seen))


async def _spec(ctx: Context, row: Deployment, offer: BackendOffer) -> DeploymentSpec:
    def read(session: Session) -> DeploymentSpec:
        run = one(session, Run, row.run_id)
        workflow = one(session, Workflow, run.workflow_hash)
        return DeploymentSpec(
            workflow=workflow.name,
            workflow_hash=workflow.hash,
            gpu=row.gpu,
            idle_timeout_s=row.idle_timeout_s,
            max_workers=run.plan.get("max_workers", 1),
            model_gb=sum(file["size_bytes"] for file in workflow.content["files"]) / 1e9,
            offer=offer,
        )

    return await ctx.load(read)


def offer_row(offer: BackendOffer) -> Offer:
    """The table's row of an offer as seen."""
    return Offer(
        backend=offer.backend,
        gpu=offer.gpu,
        offer_id=offer.offer_id,
        unit=offer.unit,
        usd_per_unit=offer.usd_per_unit,
        usd_per_s=offer.usd_per_s,
        source=offer.source,
        region=offer.region,
        seen_at=offer.seen_at,
        detail=dict(offer.detail),
    )


async def _row(ctx: Context, deployment_id: int) -> Deployment:
    return await ctx.load(lambda session: one(session, Deployment, deployment_id))


async def _write(ctx: Context, row: Deployment, **values: Any) -> Deployment:
    def write(session: Session) -> Deployment:
        fresh = one(session, Deployment, row.id)
        for name, value in values.items():
            setattr(fresh, name, value)
        session.add(fresh)
        session.flush()
        return fresh

    return await ctx.writer.run(write)


def _ids(row: Deployment) -> dict[str, Any]:
    return {"run_id": row.run_id, "deployment_id": row.id}
