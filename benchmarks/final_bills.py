"""One planted world: what the pages show as estimated beside what is billed once every line is final.

The bill is read in two ways. As shown: the lines of the run's own deployments. With the volume: the forgotten volume
of the account as well, for the time that the run was up, since somebody pays for it; no page charges it to a run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import polars as pl

from analysis import attribution, cost, lines
from benchmarks.planted import Planted, live
from storage import frames
from tests.simulation.quick import Quick
from words import CostState, called

BEYOND = attribution.UNEXPLAINED_LIMIT
SHOWN, WITH_VOLUME = "as shown", "with the volume"
RUN = "run"
SUMS = ("estimated", "billed", "unexplained")
MILL = 1_000_000  # nano-USD, in which Vast.ai rounds a contract's amount
FLOAT_NANO = 10  # what a line of doubles may be off


@dataclass(frozen=True, kw_only=True)
class Bill:
    """One final bill beside what was estimated, nano-USD. `of`: the whole run, or one backend of it."""

    view: str
    of: str
    estimated: int
    billed: int
    unexplained: int

    @property
    def error(self) -> float:
        """Estimated / billed - 1; infinite where nothing was billed and something estimated."""
        if self.billed:
            return self.estimated / self.billed - 1
        return float("inf") if self.estimated else 0.0

    @property
    def beyond(self) -> int:
        """How much of the difference is more than the bound allows, signed; 0 within it."""
        gap, allowed = self.billed - self.estimated, round(BEYOND * abs(self.billed))
        return max(0, gap - allowed) if gap > 0 else min(0, gap + allowed)

    @property
    def strange(self) -> bool:
        """More of it is unexplained than a verdict bears."""
        return abs(self.unexplained) > BEYOND * abs(self.billed)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What one world came to. `blocked`: by view, why the run is; `wrong`: what does not hold of a bill of its own."""

    seed: int
    jobs: int = 0
    bills: Sequence[Bill] = ()
    blocked: Mapping[str, Sequence[str]] = field(default_factory=dict)
    wrong: Sequence[str] = ()

    def run(self, view: str) -> Bill:
        """The whole run's bill."""
        return next(bill for bill in self.bills if (bill.view, bill.of) == (view, RUN))


def look(world: Planted, folder: Path) -> Looked:
    """Live one world and hold its estimates to its bills; one that breaks down does not hold."""
    try:
        made = live(world, folder)
        with made.reading() as session:
            deployments, jobs, charges = frames.deployments(session), frames.jobs(session), frames.charges(session)
        whole = with_volumes(charges, deployments)
        views = [_judged(view, deployments, jobs, told) for view, told in ((SHOWN, charges), (WITH_VOLUME, whole))]
    except Exception as error:
        return Looked(seed=world.seed, wrong=[f"broke down: {error!r}"[:200]])
    return Looked(
        seed=world.seed,
        jobs=jobs.height,
        bills=[bill for judged in views for bill in judged.bills],
        blocked={judged.view: judged.blocked for judged in views},
        wrong=[*(text for judged in views for text in judged.wrong), *_unlike_the_ledger(made, charges)],
    )


def with_volumes(charges: pl.DataFrame, deployments: pl.DataFrame) -> pl.DataFrame:
    """The lines, with what volumes of nobody cost while a provider's deployments were up as lines of these."""
    up = deployments.group_by(provider=pl.col("backend").str.split("-").list.first()).agg(
        since=pl.col("created_at").min(), until=pl.col("ended_at").max()
    )
    stray = pl.col("deployment_id").is_null() & (pl.col("sku") == lines.VOLUME) & pl.col("billed_nano").is_not_null()
    start = pl.max_horizontal("charge_period_start", "since")
    end = pl.min_horizontal("charge_period_end", "until")
    share = (end - start) / (pl.col("charge_period_end") - pl.col("charge_period_start"))
    cut = (
        charges.filter(stray)
        .join(up, on="provider")
        .filter(start < end)
        .with_columns((pl.col("billed_nano") * share).round().cast(pl.Int64).alias("billed_nano"))
        .with_columns(charge_period_start=start, charge_period_end=end)
        .select(charges.columns)
    )
    volumes = cut["resource_id"].unique().to_list()
    return lines.allocated(pl.concat([charges.filter(~stray), cut]), deployments, volumes)


def _judged(view: str, deployments: pl.DataFrame, jobs: pl.DataFrame, charges: pl.DataFrame) -> "_Judged":
    """The bills of one run, from what the pages are drawn from."""
    costs, falls = cost.of_deployments(deployments, jobs, charges), cost.waterfall(deployments, jobs, charges)
    shown = attribution.estimates(costs, falls, charges)
    marks = attribution.marks(falls)
    bills = [
        Bill(view=view, of=row["backend"], **{name: row[f"{name}_nano"] for name in SUMS})
        for row in shown.iter_rows(named=True)
    ]
    run = Bill(view=view, of=RUN, **{name: sum(getattr(bill, name) for bill in bills) for name in SUMS})
    wrong = [*_unpaired(run, costs, shown), *_not_unexplained(run, bills, set(marks["backend"]))]
    return _Judged(
        view=view, bills=[run, *bills], blocked=marks["reason"].to_list(), wrong=[f"{view}: {text}" for text in wrong]
    )


@dataclass(frozen=True, kw_only=True)
class _Judged:
    view: str
    bills: Sequence[Bill]
    blocked: Sequence[str]
    wrong: Sequence[str]


def _unpaired(run: Bill, costs: pl.DataFrame, shown: pl.DataFrame) -> Iterator[str]:
    """Every line is final, and every dollar that was estimated or billed is in the comparison."""
    states = set(shown["cost_state"])
    if states != {CostState.FINAL}:
        yield f"bills are {', '.join(sorted(states)) or 'missing'}"
    for name, compared in (("estimated", run.estimated), ("billed", run.billed)):
        if apart := int(costs[f"{name}_nano"].sum()) - compared:
            yield f"${apart / 1e9:.6f} {name} of deployments that have no such pair"


def _not_unexplained(run: Bill, bills: Sequence[Bill], marked: set[str]) -> Iterator[str]:
    """What exceeds the bound is in `unexplained`, and whose bill has more of that than the limit is blocked."""
    if run.beyond and not _covers(run):
        yield f"the estimate is {run.error:+.1%} off, and unexplained has only ${run.unexplained / 1e9:.6f} of it"
    for bill in bills:
        if bill.strange != (bill.of in marked):
            blocked = "blocked" if bill.of in marked else "not blocked"
            yield f"{called(bill.of)} has ${bill.unexplained / 1e9:.6f} unexplained and is {blocked}"


def _covers(run: Bill) -> bool:
    """Is what exceeds the bound within what is unexplained?"""
    return run.unexplained >= run.beyond if run.beyond > 0 else run.unexplained <= run.beyond


def _unlike_the_ledger(made: Quick, charges: pl.DataFrame) -> Iterator[str]:
    """What we read as billed is what was truly billed, to the steps in which it is shown."""
    ledger = made.simulation.ledger
    ours = {rented.name for rented in ledger.rented}
    true_usd = sum((charge.usd for charge in ledger.charges() if charge.deployment in ours), Decimal())
    known = charges.filter(pl.col("deployment_id").is_not_null())
    billed_usd = cost.usd(int(known["billed_nano"].sum())) or Decimal()
    contracts = known.filter(pl.col("provider") == "vast", pl.col("sku") == "rounding").height
    slack_nano = contracts * MILL // 2 + known.height * FLOAT_NANO
    if abs(billed_usd - true_usd) * 10**9 > slack_nano:
        yield f"billed ${billed_usd:.6f}, in truth ${true_usd:.6f}"
