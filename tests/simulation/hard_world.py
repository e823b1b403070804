"""A world that hides how a job started, and a loop that sends jobs into it: adapters and simulator, nothing between."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import workflows
from analysis.arrivals import ColdProbe, Sequential, Start, load_of
from analysis.cold import start_kind
from analysis.waits import Case, Sample
from backends.base import Backend, Deployment, DeploymentRef, DeploymentSpec, JobRef, JobSpec, Observation
from backends.errors import BackendError, NotFound
from backends.registry import build
from cli.campaign import access_in
from clock import VirtualClock, to_us
from collectors.looks import LONG_POLL_S
from simulator.picture import Picture
from simulator.simulation import Simulation
from simulator.world import ProviderWorld, World, load_world
from words import DeploymentState, Feature, JobStatus, StartKind

PROVIDERS = ("modal", "runpod", "vast")
HARD = {"clock_skew_s": 2.0, "ids_reused": True, "listing_lag_s": 20.0}
GPU, WINDOW_S, DEADLINE_S, LOOK_S, SPARE = "L40S", 20, 900.0, 1.0, 100


def hard_world() -> World:
    """The hostile world (failures of every kind, starts restored from snapshots) with everything that misleads."""
    world = load_world("hostile")
    for provider in PROVIDERS:
        own = world.provider(provider).model_dump() | HARD
        own["capacity"] = dict.fromkeys(own["capacity"], SPARE)
        own["grounds"] |= dict.fromkeys(HARD, "assumed: as hard as it may get")
        world = world.model_copy(update={provider: ProviderWorld.model_validate(own)})
    return world


class OnePicture:
    """Gives the same bytes for every picture: nobody looks at them here."""

    def order(self, picture: Picture) -> None:
        """Nothing to prepare."""

    def image(self, _picture: Picture) -> bytes:
        """A picture's bytes, in name only."""
        return b"a picture"


def lanes() -> dict[str, list[Start]]:
    """What each provider gets: jobs one by one, cold probes, overlapping, in bursts, and after gaps of every length."""
    warm, cold = Sequential(n=60).starts(), ColdProbe(n=12, window_s=WINDOW_S).starts()
    loads: Mapping[str, Mapping[str, Any]] = {
        "concurrent": {"profile": "concurrent", "n": 80, "k": 4},
        "burst": {"profile": "burst", "size": 6, "bursts": 8, "every_s": 400.0},
        "poisson": {"profile": "poisson", "n": 180, "per_hour": 240.0, "seed": 5},
        "gaps": {"profile": "eviction_probe", "window_s": float(WINDOW_S), "repeats": 8},
        "gamma": {"profile": "gamma", "n": 190, "per_hour": 200.0, "cv": 2.5, "seed": 6},
        "more gaps": {"profile": "eviction_probe", "window_s": float(WINDOW_S), "repeats": 8, "seed": 2},
    }
    return {"one by one": [*warm, *cold]} | {name: load_of(load).starts() for name, load in loads.items()}


@dataclass
class Judged:
    """One job that ended: where it ran, what we say of its start, and why."""

    backend: str
    job_id: str
    worker_id: str | None
    kind: StartKind
    why: Mapping[str, Any]


@dataclass
class Field:
    """A simulation, the adapters that reach it, and what came of the jobs."""

    clock: VirtualClock
    seed: int
    judged: list[Judged] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.simulation = Simulation(hard_world(), seed=self.seed, studio=OnePicture(), now=self.clock.now())
        self.backends = build(access_in(self.simulation, self.clock), self.clock)
        self._serial = itertools.count(1)

    async def work(self) -> None:
        """Every lane of every provider, side by side, while somebody starts workers that no job of ours asked for."""
        meddling = asyncio.ensure_future(self._meddle())
        await asyncio.gather(*(self._lane(name, starts) for name in PROVIDERS for starts in lanes().values()))
        meddling.cancel()

    async def _lane(self, name: str, starts: Sequence[Start]) -> None:
        """All jobs, on new capacity where it died under them."""
        left = list(starts)
        while left:
            host = await _deployed(self.backends[name], self.clock, f"bakeoff-{name}-{next(self._serial)}")
            lane = _Lane(field=self, host=host, backend=self.backends[name])
            left = await lane.run(left)
            await self.backends[name].teardown(host)

    async def _meddle(self) -> None:
        """Now and then a worker comes up for nobody: the next job meets it booted, in a life of its own."""
        dice = Random(self.seed)
        while True:
            await self.clock.sleep(dice.uniform(20, 60))
            self.simulation.engine.advance(to_us(self.clock.now()))
            for rented in self.simulation.ledger.rented:
                asleep = rented.backend != "vast" and rented.pool.closed_us is None and not rented.pool.alive()
                if asleep and dice.random() < 0.05:
                    rented.pool.start_worker()

    def graph(self) -> Mapping[str, Any]:
        """A picture that nobody asked for before."""
        return workflows.load("flux-dev").render({"prompt": "a fox at dawn", "seed": next(self._serial)})


@dataclass
class _Lane:
    """One deployment and its jobs, as `collectors.drive` and `collectors.starts` treat them."""

    field: Field
    host: DeploymentRef
    backend: Backend
    samples: dict[int, Sample] = field(default_factory=dict)
    dead: bool = False
    ended_at: datetime | None = None

    async def run(self, starts: Sequence[Start]) -> list[Start]:
        """Those that were not sent, since the host was dead by then."""
        began_at = self.field.clock.now()
        open_loop = [start for start in starts if start.offset_s is not None]
        first_s = min((start.offset_s for start in open_loop if start.offset_s is not None), default=0.0)
        slots = {start.slot for start in starts if start.offset_s is None}
        parts = [self._slot([start for start in starts if start.offset_s is None and start.slot == n]) for n in slots]
        parts += [self._at(began_at + timedelta(seconds=(start.offset_s or 0) - first_s), start) for start in open_loop]
        return [start for unsent in await asyncio.gather(*parts) for start in unsent]

    async def _slot(self, starts: Sequence[Start]) -> list[Start]:
        for number, start in enumerate(starts):
            if start.gap_s and self.ended_at is not None:
                await self.field.clock.sleep_until(self.ended_at + timedelta(seconds=start.gap_s))
            if not await self._job():
                return list(starts[number:])
        return []

    async def _at(self, at: datetime, start: Start) -> list[Start]:
        await self.field.clock.sleep_until(at)
        return [] if await self._job() else [start]

    async def _job(self) -> bool:
        """One job from submission to its end; False if it could not be sent."""
        clock, id = self.field.clock, next(self.field._serial)
        spec = JobSpec(graph=self.field.graph(), timeout_s=DEADLINE_S)
        sent_at = clock.now()
        try:
            if self.dead:
                return False
            ref = await self.backend.submit(self.host, spec, f"j{id}")
        except BackendError:
            self.dead = True
            return False
        deadline_at = sent_at + timedelta(seconds=DEADLINE_S)
        self.samples[id] = Sample(
            status=JobStatus.SUBMITTED, sent_at=sent_at, accepted_at=clock.now(), deadline_at=deadline_at
        )
        seen = await self._followed(id, ref)
        self.ended_at = clock.now()
        self._judge(id, ref, seen)
        return True

    async def _followed(self, id: int, ref: JobRef) -> Observation:
        clock, holds = self.field.clock, Feature.LONG_POLL in self.backend.features
        while True:
            asked_at, sample = clock.now(), self.samples[id]
            seen = await self._look(ref, LONG_POLL_S if holds else 0.0)
            if seen is not None and seen.status.final:
                return seen
            if seen is not None:
                worker_id = seen.worker_id if seen.status is JobStatus.RUNNING else None
                self.samples[id] = replace(
                    sample, status=seen.status, worker_id=sample.worker_id or worker_id, last_unfinished_at=asked_at
                )
            await clock.sleep(LOOK_S)

    async def _look(self, ref: JobRef, wait_s: float) -> Observation | None:
        try:
            return await self.backend.poll(ref, wait_s)
        except NotFound as error:
            return Observation(status=JobStatus.LOST, error=str(error))
        except BackendError:
            return None

    def _judge(self, id: int, ref: JobRef, seen: Observation) -> None:
        ended = replace(
            self.samples[id],
            status=seen.status,
            reason=seen.reason,
            worker_id=seen.worker_id,
            first_finished_at=self.ended_at,
            queue_s=seen.times.queue_s,
            execution_s=seen.times.execution_s,
            evidence=seen.evidence,
        )
        others = [sample for other, sample in self.samples.items() if other != id]
        kind, why = start_kind(self.backend.name, Case(job=ended, others=others, idle_window_s=WINDOW_S))
        self.samples[id] = replace(ended, start_kind=kind)
        self.field.judged.append(Judged(self.backend.name, ref.id, seen.worker_id, kind, why))
        if self.backend.name == "vast" and seen.reason == "worker_lost":
            self.dead = True


async def _deployed(backend: Backend, clock: VirtualClock, key: str) -> DeploymentRef:
    """Capacity that takes jobs."""
    offer = (await backend.offers(GPU))[0] if Feature.FRESH_HOST_IS_COLD in backend.features else None
    spec = DeploymentSpec(
        workflow="flux-dev", workflow_hash="h", gpu=GPU, idle_timeout_s=WINDOW_S, max_workers=3, offer=offer
    )
    ref = await backend.deploy(spec, key)
    while (seen := await _observed(backend, ref)) is None or seen.state is not DeploymentState.READY:
        await clock.sleep(10)
    return seen.ref or ref


async def _observed(backend: Backend, ref: DeploymentRef) -> Deployment | None:
    try:
        return await backend.observe(ref)
    except BackendError:
        return None
