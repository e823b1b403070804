"""Live resources that no row wants. Only what carries this installation's name is ever touched."""

from sqlmodel import Session, select

from backends.base import LiveResource
from backends.errors import BackendError
from collectors.context import Context, log
from collectors.deployments import destroy
from storage.models import Deployment
from words import DeploymentState, Feature

_WANTED = frozenset({DeploymentState.INTENDED, DeploymentState.PROVISIONING, DeploymentState.READY})


async def sweep(ctx: Context) -> int:
    """Destroy every live resource of this installation that no open deployment row wants; gives how many."""
    ended = 0
    for name, backend in ctx.backends.items():
        if Feature.DEPLOYS not in backend.features:
            continue
        try:
            found = await backend.live(f"{ctx.token}-")
        except BackendError as error:
            log.warning("%s could not be asked for orphans: %s", name, error)
            continue
        for orphan in await _orphans(ctx, found):
            await destroy(ctx, backend, orphan.ref)
            await ctx.tell("orphan", f"{orphan.key} on {name} belonged to nothing; it was ended.")
            ended += 1
    return ended


async def _orphans(ctx: Context, found: list[LiveResource]) -> list[LiveResource]:
    def wanted(session: Session) -> set[str]:
        rows = session.exec(select(Deployment)).all()
        return {row.key for row in rows if row.state in _WANTED}

    keys = await ctx.load(wanted)
    return [live for live in found if live.key not in keys]
