"""A simulated Modal workspace in virtual time, with the helpers that its tests share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import workflows
from clock import Clock, to_us
from simulator.modal.cloud import ModalApp
from simulator.modal.inner import SimulatedModalClient
from simulator.simulation import Simulation
from simulator.studio import InlineStudio
from simulator.world import World, load_world
from tests import virtual


@dataclass(kw_only=True)
class Workspace:
    """One simulation and our inner client to it."""

    simulation: Simulation
    clock: Clock
    client: SimulatedModalClient
    seeds: int = 0

    def app(self, name: str = "bakeoff-app") -> ModalApp:
        """The deployed app of that name."""
        app = self.simulation.modal.app_named(name)
        assert app is not None
        return app

    async def deploy(self, **changes: Any) -> str:
        """An app of four cores and 32 GiB beside an L40S, with a window of 60 s."""
        return await self.client.deploy(app_spec(**changes))

    async def spawn(self, name: str = "bakeoff-app", *, timeout_s: float = 600, **params: Any) -> str:
        """One small flux-dev call with a seed of its own."""
        return await self.client.spawn(name, self.graph(**params), timeout_s)

    def graph(self, **params: Any) -> dict[str, Any]:
        """A small flux-dev graph with a seed of its own."""
        self.seeds += 1
        values = {"prompt": "a red fox at dawn", "seed": self.seeds, "width": 256, "height": 256} | params
        return dict(workflows.load("flux-dev").render(values))

    async def run(self, **params: Any) -> dict[str, Any]:
        """One call, awaited."""
        state, value = await self.client.get(await self.spawn(**params), 3600)
        assert state == "done"
        return value

    async def wait(self, **span: float) -> None:
        """Let world time pass."""
        await self.clock.sleep(timedelta(**span).total_seconds())
        self.simulation.engine.advance(to_us(self.clock.now()))


def app_spec(**changes: Any) -> dict[str, Any]:
    """What `deploy/modal/app.py` takes."""
    plain = {
        "name": "bakeoff-app",
        "gpu": "L40S",
        "cpu": 4.0,
        "memory_gib": 32.0,
        "scaledown_s": 60,
        "max_containers": 1,
        "tags": {"workflow": "flux-dev"},
    }
    return plain | changes


def play(scenario: Callable[[Workspace], Awaitable[Any]], *, world: World | None = None) -> Any:
    """Run `scenario(workspace)` in virtual time."""

    async def on(clock: Clock) -> Any:
        simulation = Simulation(world or quiet_world(), seed=3, studio=InlineStudio(), now=clock.now())
        client = SimulatedModalClient(simulation, clock, secret="as-test")
        return await scenario(Workspace(simulation=simulation, clock=clock, client=client))

    return virtual.run(on)


def quiet_world(**modal: Any) -> World:
    """The default world without failures at Modal, changed by fields of its provider table."""
    world = load_world("default")
    changed = world.modal.model_copy(update={"failures": world.modal.failures.model_copy(update=CALM)} | modal)
    return world.model_copy(update={"modal": changed})


CALM = {"execution_error": 0.0, "worker_lost": 0.0}
