"""Worlds with a known right answer, run through the whole pipeline: the collector on simulated providers in virtual
time, their bills, the images compared, people's votes and answers, the tables, and the ordinary rule on them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlmodel import Session

from analysis.verdict.overall import Overall, overall
from analysis.verdict.rule import Ruling, judge
from cli.campaign import People, promise, vote
from clock import VirtualClock
from simulator.simulation import Simulation
from simulator.studio import InlineStudio
from simulator.world import Failures, laid_over
from storage import verdicts
from storage.blobs import Blobs
from storage.db import DataFolder
from storage.schedules import SchedulePlan
from tests.simulation.pictures import PooledStudio
from tests.simulation.quick import Quick
from tests.virtual import run
from words import Gate, Verdict

Tree = Mapping[str, Any]
PICTURE = {"width": 512, "height": 512}  # a quarter of the reference: painted and checked in a few milliseconds
FIRST_DAY = date(2026, 11, 3)  # a day after the worlds begin
GPUS = {"flux-dev": "L40S", "qwen-image-2512": "H100"}


@dataclass(frozen=True, kw_only=True)
class Planted:
    """One world. truth: laid over the shipped one. answers: the verdict on each workflow, in their order, and the
    gates of which one decides; none: no gate does.
    """

    name: str
    truth: Tree
    answers: Sequence[tuple[Verdict, Sequence[Gate]]]
    overall: Verdict
    candidate: str = "runpod"
    workflows: Sequence[str] = ("flux-dev",)
    blocks: int = 20
    days: int = 5
    warm: int = 60
    cold: int = 4
    card: Tree = field(default_factory=dict)
    per_day: float = 1000.0
    tastes: Mapping[str, float] = field(default_factory=dict)
    painted: bool = False  # real pictures, and people who judge them; else from a pool
    why: str = ""  # words of the reason, where no gate says it

    def holds(self, rulings: Sequence[Ruling], whole: Overall) -> bool:
        """Are verdicts and reasons the planted ones?"""
        right = all(
            each.state is state and (each.gate in gates if gates else each.gate is None)
            for each, (state, gates) in zip(rulings, self.answers, strict=True)
        )
        return right and whole.state is self.overall and self.why in rulings[0].reason

    @property
    def people(self) -> People:
        """What they plan and promise."""
        return People(
            schedules=[self._schedule(name) for name in self.workflows],
            per_day=self.per_day,
            card={"candidates": [self.candidate], **self.card},
            tastes=self.tastes,
        )

    def _schedule(self, workflow: str) -> SchedulePlan:
        return SchedulePlan(
            workflow=workflow,
            gpu=GPUS[workflow],
            backends=("modal", self.candidate),
            cap_usd=Decimal(1000),
            seed=3,
            first_day=FIRST_DAY,
            days=min(self.days, self.blocks),
            blocks=self.blocks,
            warm=self.warm,
            cold=self.cold,
            params=PICTURE,
        )


@dataclass
class Campaign(Quick):
    """A data folder in which one of them happens."""

    planted: Planted | None = None

    def simulated(self, clock: VirtualClock) -> Simulation:
        """Its truth."""
        assert self.planted
        return Simulation(
            laid_over({"over": "default", **self.planted.truth}), seed=self.seed, studio=self.studio, now=clock.now()
        )

    async def happen(self, clock: VirtualClock) -> None:
        """From the first look at prices to the last final bill and the last vote."""
        assert self.planted
        people = self.planted.people
        self.open(clock)
        await self.collect(clock)
        with Session(self.engine()) as session:
            promise(session, people, now=clock.now())
            session.commit()
        await self.collect(clock)
        if self.planted.painted:
            with Session(self.engine()) as session:
                vote(session, self.blobs, people, now=clock.now())
                session.commit()

    def ruled(self, clock: VirtualClock) -> tuple[list[Ruling], Overall]:
        """What the ordinary rule says of the tables."""
        with self.reading() as session:
            found = verdicts.gathered(session, self.blobs, now=clock.now()).snapshot
        rulings = judge(found.card, found.cases)
        return rulings, overall(found.card, rulings, found.facts.ops_usd)

    @property
    def blobs(self) -> Blobs:
        return Blobs(self.folder.blobs)


def ruled(planted: Planted, folder: Path, *, seed: int) -> tuple[list[Ruling], Overall]:
    """Live through the campaign in an empty folder, and judge it."""
    studio = InlineStudio() if planted.painted else PooledStudio()
    campaign = Campaign(DataFolder(folder), seed=seed, studio=studio, planted=planted)

    async def scenario(clock: VirtualClock) -> tuple[list[Ruling], Overall]:
        await campaign.happen(clock)
        return campaign.ruled(clock)

    return run(scenario)


def worlds() -> list[Planted]:
    """All of them."""
    return [*_prices(), *_worse(), *_not_to_be_believed(), *_disturbed()]


def small() -> list[Planted]:
    """Three that end within seconds: worse on purpose, nothing to gain, and a bill that holds what nothing explains."""
    by_name = {each.name: each for each in worlds()}
    warm = {"cheaper but slower": 30, "A/A": 12, "phantom charge of 8 %": 8}  # a p95 takes more jobs than a saving
    short: dict[str, Any] = {"blocks": 8, "cold": 2, "card": {"looks": [8, 12]}}
    return [replace(by_name[name], warm=jobs, **short) for name, jobs in warm.items()]


_GROUND = "assumed: planted"
_GO = (Verdict.GO, ())
_STAY = (Verdict.NOT_WORTH_IT, (Gate.SAVING,))
_SEEN_FAILING = {"execution_error": 0.002, "worker_lost": 0.001}  # of Modal, and of a candidate as good as it
_CHEAP, _SAME = 0.00034, 0.00066544  # USD a second; Modal's own with its cores and memory is the second
_GROUNDED = ("overhead_s", "cache_share", "work_share", "bad_host_share", "day_drift", "price_spread", "host_sigma")


def _provider(usd_per_s: float | None = None, *, failures: Tree = _SEEN_FAILING, **more: Any) -> Tree:
    """A provider's changes; its failures are these and no others."""
    none = dict.fromkeys(Failures.model_fields, 0.0)
    price = {} if usd_per_s is None else {"price": {gpu: _price(usd_per_s) for gpu in GPUS.values()}}
    grounds = {name: _GROUND for name in _GROUNDED if name in more}
    return {"failures": {**none, **failures}, "grounds": grounds, **price, **more}


def _price(usd_per_s: float) -> Tree:
    return {"usd_per_s": usd_per_s, "source": _GROUND}


def _runpod(usd_per_s: float = _CHEAP, *, modal: Tree | None = None, **more: Any) -> Tree:
    return {"modal": _provider(**(modal or {})), "runpod": _provider(usd_per_s, **more)}


def _vast(usd_per_s: float, **more: Any) -> Tree:
    """Rented machines on hosts that are much alike."""
    return {"modal": _provider(), "vast": _provider(usd_per_s, price_spread=0.02, host_sigma=0.02, **more)}


def _prices() -> Iterator[Planted]:
    yield Planted(name="clear winner", truth=_runpod(), answers=[_GO], overall=Verdict.GO)
    machine: dict[str, Any] = {"truth": _vast(0.00014), "candidate": "vast"}
    low, high = "winner only at high volume: low", "winner only at high volume: high"
    yield Planted(name=low, per_day=40, answers=[_STAY], overall=Verdict.NOT_WORTH_IT, **machine)
    yield Planted(name=high, per_day=6000, answers=[_GO], overall=Verdict.GO, **machine)
    yield Planted(name="A/A", truth=_runpod(_SAME), answers=[_STAY], overall=Verdict.NOT_WORTH_IT)
    split = _runpod()
    split["runpod"]["price"]["H100"] = _price(0.0016)
    both = ("flux-dev", "qwen-image-2512")
    volume: dict[str, Any] = {"per_day": 2000}  # of each as many as of the clear winner
    yield Planted(name="split", truth=split, workflows=both, answers=[_GO, _STAY], overall=Verdict.SPLIT, **volume)


def _worse() -> Iterator[Planted]:
    no = Verdict.NO_GO
    slow = _runpod(overhead_s=1.8)
    yield Planted(name="cheaper but slower", truth=slow, answers=[(no, (Gate.WARM_P95,))], overall=no)
    flaky = _runpod(failures={"execution_error": 0.06, "worker_lost": 0.04})
    yield Planted(name="cheaper but flaky", truth=flaky, answers=[(no, (Gate.SUCCESS,))], overall=no)
    worse = _runpod(precision="fp8")
    images = [(no, (Gate.QUALITY,))]
    tastes = {"runpod": 0.75}  # of four raters three see that it is worse
    yield Planted(
        name="cheaper but worse images", truth=worse, painted=True, tastes=tastes, answers=images, overall=no
    )  # fmt: skip
    bad = _vast(0.00014, bad_host_share=0.1)
    harm = [(no, (Gate.WARM_P95, Gate.STALLS))]  # a tenth of the jobs: theirs is the p95 of all, and they are stalls
    many: dict[str, Any] = {
        "blocks": 40,
        "days": 10,
        "warm": 30,
        "card": {"looks_rented": [40, 60, 80]},
    }  # 4 bad ones of 40 show no harm
    yield Planted(
        name="one bad host among ten", truth=bad, candidate="vast", per_day=6000, answers=harm, overall=no, **many
    )  # fmt: skip


def _not_to_be_believed() -> Iterator[Planted]:
    said = [(Verdict.BLOCKED, ())]
    phantom = _runpod(billing={"phantom_share": 0.08})
    yield Planted(name="phantom charge of 8 %", truth=phantom, answers=said, overall=Verdict.BLOCKED, why="explains")
    cached = _runpod(cache_share=1.0)
    yield Planted(name="caching provider", truth=cached, answers=said, overall=Verdict.BLOCKED, why="cache")


def _disturbed() -> Iterator[Planted]:
    drift = _runpod(day_drift=0.2, modal={"day_drift": 0.2})
    yield Planted(name="drift of 20 % over the day", truth=drift, answers=[_GO], overall=Verdict.GO)
    open_ = [(Verdict.INSUFFICIENT, ())]
    few = Planted(name="too few samples", truth=_runpod(), answers=open_, overall=Verdict.INSUFFICIENT, blocks=7)
    yield replace(few, why="the first look is after 12 blocks, and there are 7")
