"""A pool on its own, with laws that a test can set: the quiet world unless told otherwise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.comfy import Asked
from simulator.engine import US, Engine
from simulator.laws import Laws
from simulator.pool import Capacity, Pool, SimJob, SimWorker
from simulator.world import FIGURES, Failures, ProviderWorld, World, load_world

NOW_US = 1_700_000_000 * US
PROVIDER = "runpod"
GPU = "L40S"


def asked(seed: int = 1, prompt: str = "a fox", **more: Any) -> Asked:
    """One flux-dev picture of 1024 px in 20 steps."""
    given: dict[str, Any] = {
        "model": "flux-dev",
        "files": (),
        "prompt": prompt,
        "negative": "",
        "seed": seed,
        "width": 1024,
        "height": 1024,
        "steps": 20,
        "cfg": 1.0,
        "lora": None,
        "outputs": ("9",),
    }
    return Asked(**(given | more))


def world_with(name: str = "quiet", provider: str = PROVIDER, **changes: Any) -> World:
    """A shipped world with some fields of one provider changed; `failures` may be a dict of rates."""
    world = load_world(name)
    own = world.provider(provider).model_dump() | changes
    own["grounds"] |= {name: "assumed: test" for name in changes if name in FIGURES}
    return world.model_copy(update={provider: ProviderWorld.model_validate(own)})


def failing(**rates: float) -> World:
    """The quiet world with these failures."""
    return world_with(failures=Failures(**rates).model_dump())


@dataclass
class Stand:
    """Engine, laws and pools that share one capacity."""

    world: World = field(default_factory=lambda: load_world("quiet"))
    seed: int = 1
    exists: dict[str, int] = field(default_factory=lambda: {GPU: 100})

    def __post_init__(self) -> None:
        self.engine = Engine(NOW_US)
        self.laws = Laws(self.world, PROVIDER, self.seed)
        self.capacity = Capacity(self.exists)
        self.picked: list[SimJob] = []

    def pool(self, name: str = "d", *, max_workers: int = 1, idle_s: float | None = 10, **more: Any) -> Pool:
        """A pool of this stand."""
        return Pool(
            self.engine,
            self.laws,
            self.capacity,
            name=name,
            gpu=GPU,
            max_workers=max_workers,
            idle_us=None if idle_s is None else round(idle_s * US),
            on_pick=lambda _pool, job: self.picked.append(job),
            **more,
        )

    def submit(self, pool: Pool, job_id: str, *, limit_s: float | None = None, **what: Any) -> SimJob:
        """Submit one job now."""
        limit_us = None if limit_s is None else round(limit_s * US)
        job = SimJob(id=job_id, asked=asked(**what), accepted_us=self.engine.now_us, limit_us=limit_us)
        pool.submit(job)
        return job

    def wait(self, seconds: float) -> None:
        """Let the world go on."""
        self.engine.advance(self.engine.now_us + round(seconds * US))

    def until(self, done: Callable[[], bool]) -> None:
        """Go from event to event until `done`; fails when nothing more will happen."""
        while not done():
            next_us = self.engine.next_us()
            assert next_us is not None, "nothing more will happen"
            self.engine.advance(next_us)

    def finish(self, *jobs: SimJob) -> None:
        """Until these jobs are final."""
        self.until(lambda: all(job.final for job in jobs))


def execution_s(world: World, provider: str = PROVIDER) -> float:
    """Of the standard picture on a perfect host, by hand: 20 steps, the fixed part, the provider's overhead."""
    model = world.models["flux-dev"]
    return 20 * model.step[GPU].s + model.fixed_s + world.provider(provider).overhead_s


def at_s(at_us: int | None) -> float | None:
    """Seconds since the stand's first instant."""
    return None if at_us is None else (at_us - NOW_US) / US


def spans(workers: Sequence[SimWorker]) -> list[list[tuple[int, int]]]:
    """Per worker, pick-up to end of each of its jobs, in order."""
    return [[(job.picked_us or 0, job.done_us or 0) for job in worker.jobs] for worker in workers]
