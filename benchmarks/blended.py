"""Is the blended cost that we tell what a deployment is then billed? A forecast, then the very same traffic for real.

In virtual time: a campaign is measured as usual; from its rows the cost of a trace that nobody has seen is told; then
the trace is sent, by the load profile of that name, to deployments with the settings that the forecast was for, and the
ledger says what they truly cost per good image.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.table import Table

from analysis.traffic.equal import Terms, key
from analysis.traffic.measured import services, subjects
from analysis.traffic.profile import Curve, Recorded, arrivals
from analysis.traffic.replay import Setting
from analysis.traffic.service import Service
from analysis.traffic.trials import try_settings
from clock import VirtualClock
from storage import frames
from storage.db import DataFolder
from tests.simulation.bakeoff import SMALL, Bakeoff, plan
from tests.simulation.pictures import PooledStudio
from tests.virtual import run

BACKENDS = ("modal", "runpod")
WITHIN = 0.05  # of what was billed
CAP_USD = Decimal(1000)
SMALL_RUN: dict[str, Any] = {"warm": 8, "cold": 8, "params": SMALL}
CAMPAIGN = [SMALL_RUN] * 6  # blocks that are measured before, side by side


@dataclass(frozen=True, kw_only=True)
class Case:
    """A deployment and its traffic: a curve over whole hours, drawn anew from the seed."""

    name: str
    setting: Setting
    curve: Curve
    hours: int
    seed: int

    @property
    def trace(self) -> Recorded:
        """Drawn apart from everything that the simulator draws."""
        came = arrivals(self.curve, seed=1000 + self.seed, hours=self.hours)
        return Recorded(offsets_s=came.at_s.tolist(), covers_s=came.span_s)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Dollars per good image on one backend, told before and billed after; requests that came, workers that booted."""

    backend: str
    requests: int
    told_usd: float
    billed_usd: float
    boots: int

    @property
    def error(self) -> float:
        """Told / billed - 1."""
        return self.told_usd / self.billed_usd - 1

    @property
    def holds(self) -> bool:
        return abs(self.error) <= WITHIN


def cases(seed: int) -> list[Case]:
    """2,000 requests each, along the hours of a day or evenly."""
    quiet_night = (1.0,) * 7 + (4.0,) * 5 + (10.0,) * 12
    day = Curve(per_day=2000, weights=quiet_night)
    even = Curve(per_day=4800)
    return [
        Case(
            name="a day, window 10 s, at most 3",
            setting=Setting(window_s=10, max_workers=3, bound=False),
            curve=day,
            hours=24,
            seed=seed,
        ),
        Case(
            name="200 an hour, window 30 s, one",
            setting=Setting(window_s=30, max_workers=1, bound=False),
            curve=even,
            hours=10,
            seed=seed,
        ),
    ]


def measure(folder: Path, *, seeds: Iterable[int]) -> list[tuple[Case, Forecast]]:
    """Every case of every seed, those of one in one world."""
    return [
        (case, each)
        for seed in seeds
        for case, found in forecasts(folder / f"traffic-{seed}", cases(seed), campaign=CAMPAIGN).items()
        for each in found
    ]


def table(found: Sequence[tuple[Case, Forecast]]) -> Table:
    """A line for each forecast."""
    shown = Table("traffic", "seed", "backend", "requests", "boots", "told $", "billed $", "off", title="Blended cost")
    for case, each in found:
        dollars = f"{each.told_usd:.6f}", f"{each.billed_usd:.6f}", f"{each.error:+.1%}" + ("" if each.holds else " NO")
        shown.add_row(case.name, str(case.seed), each.backend, str(each.requests), str(each.boots), *dollars)
    shown.caption = f"Per good image. Bound: {WITHIN:.0%} of what was billed; the forecast was made before."
    return shown


def forecasts(folder: Path, cases: Sequence[Case], *, campaign: Sequence[dict[str, Any]]) -> dict[Case, list[Forecast]]:
    """For each case one of each of `BACKENDS`. `campaign`: of each run that is measured before, how many jobs it has.

    One campaign for all, in the world of the first case's seed and with its window; then, when all is told, each trace.
    """
    made = Bakeoff(DataFolder(folder), "default", cases[0].seed, PooledStudio())
    params = campaign[0]["params"]
    told: dict[Case, dict[str, float]] = {}
    sent: dict[Case, int] = {}

    async def scenario(clock: VirtualClock) -> None:
        made.open(clock)
        made.ask(clock, *(plan(**jobs, **_about(cases[0])) for jobs in campaign))
        await made.collect(clock)
        told.update({case: _told(made, case, clock.now()) for case in cases})
        for case in cases:
            load = {"profile": "trace", "offsets_s": list(case.trace.offsets_s)}
            most = case.setting.max_workers or 1
            trace = plan(warm=0, cold=0, load=load, max_workers=most, params=params, **_about(case))
            (sent[case],) = made.ask(clock, trace)
        await made.collect(clock)

    run(scenario)
    return {case: [_held(made, each, sent[case], told[case][each]) for each in BACKENDS] for case in cases}


def _about(case: Case) -> dict[str, Any]:
    return {"backends": BACKENDS, "cap_usd": CAP_USD, "idle_timeout_s": int(case.setting.window_s)}


def _told(made: Bakeoff, case: Case, now: datetime) -> dict[str, float]:
    """What our own analysis says of the trace on deployments that are set like that, in dollars per good image."""
    with made.reading() as session:
        rows = frames.deployments(session), frames.jobs(session), frames.charges(session)
    subject, deployed = subjects(rows[1])[0], dict.fromkeys(BACKENDS, case.setting)
    known = [each for each in services(*rows, subject=subject, deployed=deployed, at=now) if isinstance(each, Service)]
    terms = Terms(traffic=case.trace, requests=len(case.trace.offsets_s))
    tried = try_settings(known[0], known[1:], terms, settings={key(each): [each.setting] for each in known})
    return {
        backend: each.month.nano_per_image / 1e9
        for backend, each in zip(BACKENDS, tried, strict=True)
        if each.month is not None
    }


def _held(made: Bakeoff, backend: str, run_id: int, told_usd: float) -> Forecast:
    """Every dollar of the deployment that the trace was sent to, in the provider's own books."""
    (rented,) = [each for each in made.simulation.ledger.rented if f"-r{run_id}-{backend}-" in each.name]
    jobs = list(rented.pool.jobs.values())
    billed = sum((each.usd for each in made.simulation.ledger.charges() if each.deployment == rented.name), Decimal())
    return Forecast(
        backend=backend,
        requests=len(jobs),
        told_usd=told_usd,
        billed_usd=float(billed) / sum(job.good for job in jobs),
        boots=len(rented.pool.workers),
    )
