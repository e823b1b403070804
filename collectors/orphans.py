"""Live resources that no row wants. Only what carries this installation's name is touched; others' is told once."""

from sqlmodel import Session, col, select

from backends.base import NAME_PREFIX, Backend, LiveResource
from backends.errors import BackendError
from collectors.context import Context, log
from storage.models import Deployment, Event, Run
from words import DeploymentState, Feature, RunStatus, called

_WANTED = (DeploymentState.INTENDED, DeploymentState.PROVISIONING, DeploymentState.READY)
_OVER = [status for status in RunStatus if status.final]
_KEYS_WANTED = (
    select(Deployment.key)
    .join(Run, col(Run.id) == Deployment.run_id)
    .where(col(Deployment.state).in_(_WANTED), col(Run.status).not_in(_OVER))
)
TRIES = 5  # of a teardown, here; the next sweep goes on
BETWEEN_S = 2.0


async def sweep(ctx: Context) -> int:
    """Destroy every live resource of this installation that no open deployment row wants; gives how many.

    One that will not go holds nobody up: it is left to the next sweep. What another installation named is left alone.
    """
    ended, ours = 0, f"{ctx.token}-"
    for name, backend in ctx.backends.items():
        if Feature.DEPLOYS not in backend.features:
            continue
        try:
            found = await backend.live(NAME_PREFIX)
        except BackendError as error:
            log.warning("%s could not be asked for orphans: %s", name, error)
            continue
        for orphan in await _orphans(ctx, [live for live in found if live.key.startswith(ours)]):
            ended += await _end(ctx, backend, orphan)
        others = sorted(live.key for live in found if not live.key.startswith(ours))
        await _tell_once(
            ctx, [f"{key} on {called(name)} is not of this installation: it is left alone." for key in others]
        )
    return ended


async def _orphans(ctx: Context, found: list[LiveResource]) -> list[LiveResource]:
    """What is live and unwanted. The rows are read after the provider's list: nothing new can be mistaken for one."""
    keys = await ctx.load(_wanted)
    return [live for live in found if live.key not in keys]


def _wanted(session: Session) -> set[str]:
    return set(session.exec(_KEYS_WANTED))


async def _end(ctx: Context, backend: Backend, orphan: LiveResource) -> bool:
    for _ in range(TRIES):
        try:
            await backend.teardown(orphan.ref)
        except BackendError as error:
            log.warning("teardown of %s failed: %s", orphan.key, error)
            await ctx.clock.sleep(BETWEEN_S)
        else:
            await ctx.tell("orphan", f"{orphan.key} on {called(backend.name)} belonged to nothing; it was ended.")
            return True
    await ctx.tell("orphan", f"{orphan.key} on {called(backend.name)} belongs to nothing and could not be ended yet.")
    return False


async def _tell_once(ctx: Context, texts: list[str]) -> None:
    """Not at each sweep, nor again after a start."""
    if not texts:
        return
    query = select(Event.text).where(Event.kind == "orphan", col(Event.text).in_(texts))
    known = await ctx.load(lambda session: set(session.exec(query)))
    for text in texts:
        if text not in known:
            await ctx.tell("orphan", text)
