"""Where the contract is played: a simulated world, in process in virtual time or on loopback sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

import workflows
from backends.base import NAME_PREFIX, Backend, Deployment, DeploymentRef, DeploymentSpec, JobRef, JobSpec, Observation
from backends.errors import NotYetGone
from clock import Clock, SharedClock
from collectors.decide import reason_of_deadline
from simulator.faults import Fault, FaultKind
from simulator.inprocess import InProcessTransport
from simulator.ledger import Rented
from simulator.pool import SimJob
from simulator.server import Doors, serve
from simulator.simulation import Simulation
from simulator.studio import InlineStudio
from simulator.vast.cloud import VastCloud
from simulator.world import Failures, World, load_world
from tests import virtual
from words import DeploymentState, JobStatus, Provider, Reason

KEY = "canary-5fd1c0ffee-accepted"
WRONG_KEY = "canary-0badc0ffee-refused"
SOCKET_SPEED = 100.0
AT_DEADLINE_S = 900.0  # world seconds: long enough for every pull and boot of the contract's worlds
PATIENCE_S = 4 * 3600.0  # world seconds after which a wait is given up
# The hosts that production settings name; simulator.inprocess routes by them.
IN_PROCESS: Mapping[str, str] = {
    "runpod_jobs": "https://api.runpod.ai",
    "runpod_rest": "https://api.runpod.io",
    "vast_console": "https://console.vast.ai",
    "modal_web": "https://workspace--app.modal.run",
}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One simulated world and the way to it: base URLs, and a transport where there are no sockets."""

    simulation: Simulation
    clock: Clock
    urls: Mapping[str, str]
    transport: httpx.AsyncBaseTransport | None


@dataclass(kw_only=True)
class Bench:
    """One backend on one stage, with the steps that most checks share."""

    stage: Stage
    backend: Backend
    gpu: str
    _serial: int = field(default=0, init=False)
    _seed: int = field(default=0, init=False)

    @property
    def clock(self) -> Clock:
        return self.stage.clock

    @property
    def simulation(self) -> Simulation:
        return self.stage.simulation

    def key(self) -> str:
        """A fresh name for a deployment or a job."""
        self._serial += 1
        return f"{NAME_PREFIX}contract-{self._serial}"

    def plan(self, call: tuple[str, str], kind: FaultKind, *, times: int = 1) -> None:
        """The next `times` calls that match (service, "METHOD path") meet this fault."""
        self.simulation.faults.planned.append(Fault(service=call[0], call=call[1], kind=kind, times=times))

    def paid(self, verb: str) -> int:
        """Paid calls of this backend that took effect: "deploy" or "submit"."""
        return self.simulation.ledger.paid_calls[f"{self.backend.name}.{verb}"]

    def rented(self) -> list[Rented]:
        """This backend's deployments in the ledger, in the order of their births."""
        return [rented for rented in self.simulation.ledger.rented if rented.backend == self.backend.name]

    def true_jobs(self) -> list[SimJob]:
        """This backend's jobs in the ledger, in the order of their births."""
        return [job for rented in self.rented() for job in rented.pool.jobs.values()]

    async def spec(self) -> DeploymentSpec:
        """What to deploy: flux-dev on the cheapest offer."""
        offers = await self.backend.offers(self.gpu)
        flux = workflows.load("flux-dev")
        return DeploymentSpec(
            workflow=flux.name,
            workflow_hash=flux.hash,
            gpu=self.gpu,
            idle_timeout_s=60,
            model_gb=flux.size_gb,
            offer=offers[0],
        )

    async def deploy(self, key: str | None = None) -> DeploymentRef:
        """One deployment, not awaited."""
        return await self.backend.deploy(await self.spec(), key or self.key())

    async def deployed(self) -> DeploymentRef:
        """One deployment that is ready for jobs."""
        return (await self.until_ready(await self.deploy()))[0]

    async def until_ready(self, ref: DeploymentRef) -> tuple[DeploymentRef, list[Deployment]]:
        """The last address and all looks until READY; the look that says FAILED or GONE ends it as an error."""
        looks: list[Deployment] = []
        async for _ in self._looking():
            looks.append(await self.backend.observe(ref))
            ref = looks[-1].ref or ref
            if looks[-1].state is DeploymentState.READY:
                return ref, looks
            assert looks[-1].state is DeploymentState.PROVISIONING, looks[-1]
        raise AssertionError("not reached")

    async def submit(self, ref: DeploymentRef, *, timeout_s: float = 600, **params: Any) -> JobRef:
        """One small flux-dev job; each gets a seed of its own."""
        self._seed += 1
        values = {"prompt": "a red fox at dawn", "seed": self._seed, "width": 256, "height": 256} | params
        return await self.submit_graph(ref, workflows.load("flux-dev").render(values), timeout_s=timeout_s)

    async def submit_graph(self, ref: DeploymentRef, graph: Mapping[str, Any], *, timeout_s: float = 600) -> JobRef:
        """Any graph as a job."""
        return await self.backend.submit(ref, JobSpec(graph=graph, timeout_s=timeout_s), self.key())

    async def watch(self, job: JobRef) -> list[Observation]:
        """Every look at a job until its end."""
        looks: list[Observation] = []
        async for _ in self._looking():
            looks.append(await self.backend.poll(job))
            if looks[-1].status.final:
                return looks
        raise AssertionError("not reached")

    async def finished(self, job: JobRef) -> Observation:
        """The last look at a job."""
        return (await self.watch(job))[-1]

    def take_everything(self) -> Callable[[], None]:
        """Others take every GPU that the provider has left; gives the way to give them back."""
        if isinstance(cloud := getattr(self.simulation, self.backend.provider.value), VastCloud):
            for host in cloud.market.hosts.values():
                host.rented = True
            return lambda: None
        taken = 0
        while cloud.capacity.take(self.gpu):
            taken += 1

        def give_back() -> None:
            for _ in range(taken):
                cloud.capacity.give_back(self.gpu)

        return give_back

    async def reason_at_deadline(self, ref: DeploymentRef, job: JobRef) -> Reason | None:
        """What the collector makes of a job that nothing has come of for AT_DEADLINE_S."""
        await self.clock.sleep(AT_DEADLINE_S)
        last = await self.backend.poll(job)
        if last.status.final:
            return last.reason
        seen = await self.backend.observe(ref)
        return reason_of_deadline(picked_up=last.status is JobStatus.RUNNING, seen=seen, in_flight=1)

    async def torn_down(self, ref: DeploymentRef) -> None:
        """Teardown, called again for as long as it says so."""
        async for _ in self._looking():
            with contextlib.suppress(NotYetGone):
                await self.backend.teardown(ref)
                return

    async def _looking(self) -> AsyncIterator[None]:
        patience_ends = self.clock.now() + timedelta(seconds=PATIENCE_S)
        while self.clock.now() < patience_ends:
            yield
            await self.clock.sleep(1)
        raise AssertionError(f"Nothing came of it in {PATIENCE_S} world seconds.")


def contract_world(provider: Provider, failures: Failures) -> World:
    """The default world with nothing going wrong but `failures` at `provider`."""
    world = load_world("default")
    calm = {name.value: world.provider(name).model_copy(update={"failures": Failures()}) for name in Provider}
    calm[provider.value] = calm[provider.value].model_copy(update={"failures": failures})
    return world.model_copy(update=calm)


def simulation_of(world: World, clock: Clock) -> Simulation:
    """That world, accepting only KEY."""
    keys = {name.value: KEY for name in Provider}
    return Simulation(world, seed=7, studio=InlineStudio(), now=clock.now(), keys=keys)


def play_in_process(world: World, scenario: Callable[[Stage], Awaitable[Any]]) -> Any:
    """Play it in virtual time: exact, and done at once."""

    async def scene(clock: Clock) -> Any:
        simulation = simulation_of(world, clock)
        transport = InProcessTransport(simulation, clock)
        return await scenario(Stage(simulation=simulation, clock=clock, urls=IN_PROCESS, transport=transport))

    return virtual.run(scene)


def play_on_sockets(world: World, scenario: Callable[[Stage], Awaitable[Any]]) -> Any:
    """Play it over loopback sockets, world time running SOCKET_SPEED times faster."""

    async def scene() -> Any:
        with TemporaryDirectory() as folder:
            clock = SharedClock.create(Path(folder) / "clock", epoch=world.epoch, speed=SOCKET_SPEED)
            simulation = simulation_of(world, clock)
            async with served(simulation, clock) as urls:
                return await scenario(Stage(simulation=simulation, clock=clock, urls=urls, transport=None))

    return asyncio.run(scene())


@contextlib.asynccontextmanager
async def served(simulation: Simulation, clock: Clock) -> AsyncIterator[Mapping[str, str]]:
    """The simulation on sockets of this process; gives the base URL of each service."""
    doors, ready = Doors(control=True), asyncio.Event()
    simulation.site.bases = doors.urls()
    task = asyncio.create_task(serve(simulation, clock, doors, ready.set))
    await ready.wait()
    try:
        yield doors.urls()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
