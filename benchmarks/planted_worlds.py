"""Worlds with a known right answer: does the rule name it, and why? `python -m benchmarks.planted_worlds`, 3 minutes.

Each is a campaign of 20 blocks drawn into our tables, read, replayed and judged as a real one would be, with the seed
of its own and three more. No collector runs here: what it writes is held to the simulator's ledger elsewhere. Votes and
answers of people are a part of a world. Exit code 1 if a verdict or its reason is not the planted one.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from analysis.cheats import CACHE_REPEAT
from analysis.traffic.profile import Curve
from analysis.verdict.campaigns import Plan, Side
from analysis.verdict.card import Card
from analysis.verdict.cases import verdict
from analysis.verdict.evidence import Beside, Frames, ImageJudgement
from benchmarks.measured import FIRST, PINNED, Measured, frames, joined
from words import Gate, Verdict

SEEDS = (1, 2, 3, 4)
REQUESTS = 5_000  # in a replay: the answers here are far from their limits
ALIKE = ImageJudgement(quality="alike", why="60 of 60 pairs")
WORSE = ImageJudgement(quality="unlike", why="raters prefer the baseline", preference_high=0.33)
ENOUGH = Plan(blocks=20, warm=60, cold=4)
MODAL = Measured(backend="modal")
GOOD = Side(success=0.995)
CHEAP_NANO, SAME_NANO = 380_000, 665_440


@dataclass(frozen=True, kw_only=True)
class Planted:
    """One world. answers: of each workflow the verdict on the candidate, and its gate where one decides."""

    name: str
    arms: Sequence[Measured]
    answers: Sequence[tuple[Verdict, Gate | None]]
    overall: Verdict
    other: Sequence[Measured] = ()  # the arms of a second workflow
    plan: Plan = ENOUGH
    per_day: float = 1000.0
    drift: float = 0.0
    images: ImageJudgement = ALIKE
    flaw: Callable[[Frames], Frames] = field(default=lambda found: found)


def runpod(nano: int = CHEAP_NANO, side: Side = GOOD, **more: float) -> Measured:
    """The candidate, of a price."""
    return Measured(backend="runpod", side=side, nano_per_s=nano, **more)  # type: ignore[arg-type]  # bill


def worlds() -> Iterator[Planted]:
    """Those that people have to tell apart, in the order of the plan."""
    yield from _prices()
    yield from _worse()
    yield from _blocked()
    yield from _disturbed()


_GO = (Verdict.GO, None)
_STAY = (Verdict.NOT_WORTH_IT, Gate.SAVING)
_MACHINE = Measured(backend="vast", side=GOOD, parts=2, nano_per_s=500_000)


def _prices() -> Iterator[Planted]:
    yield Planted(name="clear winner", arms=[MODAL, runpod()], answers=[_GO], overall=Verdict.GO)
    low, high = "winner only at high volume: low", "winner only at high volume: high"
    yield Planted(name=low, arms=[MODAL, _MACHINE], per_day=60, answers=[_STAY], overall=Verdict.NOT_WORTH_IT)
    yield Planted(name=high, arms=[MODAL, _MACHINE], per_day=3000, answers=[_GO], overall=Verdict.GO)
    dear = runpod(SAME_NANO)
    yield Planted(name="A/A", arms=[MODAL, dear], answers=[_STAY], overall=Verdict.NOT_WORTH_IT)
    yield Planted(
        name="split", arms=[MODAL, runpod()], other=[MODAL, dear], answers=[_GO, _STAY], overall=Verdict.SPLIT
    )


def _worse() -> Iterator[Planted]:
    no = Verdict.NO_GO
    slow, flaky = replace(GOOD, slower=1.3), replace(GOOD, success=0.9)
    for name, side, gate in (("slower", slow, Gate.WARM_P95), ("flaky", flaky, Gate.SUCCESS)):
        yield Planted(name=f"cheaper but {name}", arms=[MODAL, runpod(side=side)], answers=[(no, gate)], overall=no)
    images = [(no, Gate.QUALITY)]
    yield Planted(name="cheaper but worse images", arms=[MODAL, runpod()], images=WORSE, answers=images, overall=no)
    bad = replace(_MACHINE, nano_per_s=150_000, bad_every=10)
    # A tenth of the jobs: the p95 of all of them is theirs, before twelve blocks can tell shares apart.
    yield Planted(name="one bad host among ten", arms=[MODAL, bad], answers=[(no, Gate.WARM_P95)], overall=no)


def _blocked() -> Iterator[Planted]:
    said = [(Verdict.BLOCKED, None)]
    phantom = [MODAL, runpod(bill=1.08)]
    yield Planted(name="phantom charge of 8 %", arms=phantom, answers=said, overall=Verdict.BLOCKED)
    cached = [MODAL, runpod()]
    yield Planted(name="caching provider", arms=cached, flaw=_cached, answers=said, overall=Verdict.BLOCKED)


def _disturbed() -> Iterator[Planted]:
    arms = [MODAL, runpod()]
    yield Planted(name="drift of 20 % over the day", arms=arms, drift=0.2, answers=[_GO], overall=Verdict.GO)
    few, open_ = Plan(blocks=7, warm=60, cold=4), [(Verdict.INSUFFICIENT, None)]
    yield Planted(name="too few samples", arms=arms, plan=few, answers=open_, overall=Verdict.INSUFFICIENT)


def judged(world: Planted, seed: int) -> tuple[list[tuple[Verdict, Gate | None]], Verdict]:
    """What the rule says of the world drawn with this seed."""
    found = tables(world, seed)
    names = found.blocks["workflow"].unique(maintain_order=True).to_list()
    candidate = world.arms[1].backend
    card = Card(
        workflows=names, candidates=[candidate], traffic="planted", pins=dict.fromkeys(names, PINNED)
    )  # fmt: skip
    beside = Beside(
        traffic=dict.fromkeys(names, Curve(per_day=world.per_day)),
        at=FIRST + timedelta(days=9),
        ops_usd={"modal": 0.0, candidate: 0.0},
        images={(name, candidate): world.images for name in names},
        licensed=names,
        requests=REQUESTS,
    )
    rulings, whole = verdict(card, found, beside)
    return [(each.state, each.gate) for each in rulings], whole.state


def tables(world: Planted, seed: int) -> Frames:
    """The campaign in our tables."""
    dice = np.random.default_rng(seed)
    drawn = [frames(dice, world.arms, workflows=("flux-dev",), plan=world.plan, drift=world.drift)]
    if world.other:
        drawn.append(frames(dice, world.other, workflows=("qwen-image-2512",), plan=world.plan))
    return world.flaw(joined(drawn))


def main() -> int:
    """Print the table; 0 if every world ends right with every seed."""
    table = Table("world", "right answer", *(f"seed {seed}" for seed in SEEDS), title="Planted worlds")
    wrong = 0
    for world in worlds():
        said = [judged(world, seed) for seed in SEEDS]
        right = (list(world.answers), world.overall)
        wrong += sum(each != right for each in said)
        table.add_row(world.name, _words(right), *("right" if each == right else _words(each) for each in said))
    Console(width=170).print(table)
    print(f"{wrong} verdicts are not the planted ones." if wrong else "Every verdict and reason is the planted one.")
    return 1 if wrong else 0


def _cached(found: Frames) -> Frames:
    """Three repeats a run on the candidate, answered in a second from a cache."""
    first = pl.col("position").is_in([0, 1, 2]) & (pl.col("backend") == "runpod")
    again = found.jobs.filter(first, start_kind="warm")
    quick = again.with_columns(
        job_id=pl.col("job_id") + 1_000_000,
        key=pl.format("r{}", "job_id"),
        left_out=pl.lit(CACHE_REPEAT),
        execution_s=pl.lit(1.0),
        first_finished_at=pl.col("intended_at") + pl.duration(seconds=1),
        last_unfinished_at=pl.col("intended_at"),
    )
    return replace(found, jobs=pl.concat([found.jobs, quick.select(found.jobs.columns)]))


def _words(said: tuple[list[tuple[Verdict, Gate | None]], Verdict]) -> str:
    rulings, whole = said
    each = "; ".join(f"{state.value}{f' ({gate.value})' if gate else ''}" for state, gate in rulings)
    return each if len(rulings) == 1 else f"{whole.value}: {each}"


if __name__ == "__main__":
    sys.exit(main())
