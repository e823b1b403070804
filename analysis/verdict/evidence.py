"""From what was measured to what each look saw: the blocks that count, both arms, and production's traffic replayed.

A look sees the first so many blocks in which both arms have jobs; what came later changes nothing about it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import polars as pl

from analysis import blocks, timing, validity
from analysis.estimates import Counts
from analysis.layers import Layer
from analysis.traffic import measured
from analysis.traffic.equal import Terms
from analysis.traffic.measured import Subject
from analysis.traffic.profile import Traffic
from analysis.traffic.service import Service
from analysis.verdict.card import Card, Pinned
from analysis.verdict.gates import Arm, Look, Money, Quality
from analysis.verdict.replayed import Replayed, replayed
from words import CostState, FailureClass, StartKind, called

WARM = pl.col("start_kind") == StartKind.WARM
_LOST = pl.col("outcome") == FailureClass.UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Frames:
    """What was measured: `schema.DEPLOYMENTS`, `JOBS`, `CHARGES` and `BLOCKS` of the blocks that the card is about."""

    deployments: pl.DataFrame
    jobs: pl.DataFrame
    charges: pl.DataFrame
    blocks: pl.DataFrame

    def of(self, block_ids: Sequence[int], backends: Sequence[str]) -> "Frames":
        """Only these blocks and backends."""
        kept = pl.col("block_id").is_in(block_ids) & pl.col("backend").is_in(backends)
        deployments = self.deployments.filter(kept)
        return Frames(
            deployments=deployments,
            jobs=self.jobs.filter(kept),
            charges=self.charges.join(deployments.select("deployment_id"), on="deployment_id", how="semi"),
            blocks=self.blocks.filter(pl.col("block_id").is_in(block_ids)),
        )


@dataclass(frozen=True, kw_only=True)
class ImageJudgement:
    """What was found of a candidate's images."""

    quality: Quality = "undecided"
    why: str = "no pair was compared"
    preference_high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What no job tells. traffic: of each workflow. ops_usd: what running a backend costs a month beside its bill, of
    which ops_hours of people; None or absent: nobody timed its operations.

    unbilled: backends whose plan has no bills. images: by workflow and backend. left_running: resources of ours, by
    backend. licensed: workflows of which a person answered that production may use them. content_open: by backend, why
    its content policy lets nothing be decided. post_hoc: why the card, edited after the first sample, may not decide
    yet; empty: it may. requests: so many at least enter a replay.
    """

    traffic: Mapping[str, Traffic]
    at: datetime
    layers: Sequence[Layer] = ()
    ops_usd: Mapping[str, float | None] = field(default_factory=dict)
    ops_hours: Mapping[str, float | None] = field(default_factory=dict)
    unbilled: Sequence[str] = ()
    images: Mapping[tuple[str, str], ImageJudgement] = field(default_factory=dict)
    left_running: Mapping[str, int] = field(default_factory=dict)
    licensed: Sequence[str] = ()
    content_open: Mapping[str, str] = field(default_factory=dict)
    post_hoc: str = ""
    requests: int = Terms.requests


@dataclass(frozen=True)
class Compared:
    """A candidate beside the baseline for one workflow."""

    card: Card
    frames: Frames
    beside: Beside
    workflow: str
    candidate: str

    @cached_property
    def pin(self) -> Pinned:
        return self.card.pins[self.workflow]

    @cached_property
    def mine(self) -> Frames:
        """Both arms in the blocks of this workflow, whatever was measured there."""
        of = self.frames.blocks.filter(workflow=self.workflow)["block_id"].to_list()
        return self.frames.of(of, [self.candidate, self.card.baseline])

    @cached_property
    def timed(self) -> pl.DataFrame:
        """Jobs of both arms as the card pins them, that may enter numbers."""
        return timing.timed(validity.measured(self.mine.jobs.filter(pinned(self.pin))))

    @cached_property
    def relative(self) -> pl.DataFrame:
        return blocks.relative(self.timed)

    @cached_property
    def paired(self) -> list[int]:
        """Blocks in which both arms have counted jobs, by their time."""
        arms = self.relative.group_by("block_id").agg(arms=pl.col("backend").n_unique()).filter(arms=2)
        order = self.mine.blocks.join(arms, on="block_id", how="semi").sort("starts_at", "block_id")
        return order["block_id"].to_list()

    @cached_property
    def parts(self) -> int:
        """Into how many parts, on hosts of their own, a block of the candidate falls."""
        halves = self.relative.filter(pl.col("backend") == self.candidate)["half"].drop_nulls().n_unique()
        return max(1, halves)

    @property
    def rented(self) -> bool:
        return self.parts > 1

    @property
    def planned(self) -> Sequence[int]:
        return self.card.looks_rented if self.rented else self.card.looks

    @property
    def reached(self) -> list[list[int]]:
        """The blocks of each look that was reached."""
        found = [self.paired[: look // self.parts] for look in self.planned]
        return [seen for look, seen in zip(self.planned, found, strict=True) if len(seen) * self.parts >= look]

    def looks(self) -> list[Look]:
        """What each look that was reached saw."""
        return [self.look(seen) for seen in self.reached]

    def look(self, seen: Sequence[int]) -> Look:
        """What these blocks say."""
        rel = self.relative.filter(pl.col("block_id").is_in(seen))
        replayed = self.last if [seen] == self.reached[-1:] else self.replayed(seen)
        best = replayed.best if replayed else None
        slots = self.frames.blocks.filter(pl.col("block_id").is_in(seen))
        mine = rel.filter(pl.col("backend") == self.candidate)
        judged = self.beside.images.get((self.workflow, self.candidate), ImageJudgement())
        return Look(
            blocks=len(seen) * self.parts,
            candidate=self._arm(rel, seen, self.candidate),
            baseline=self._arm(rel, seen, self.card.baseline),
            money=self._money(replayed),
            cold_share_high=best.cold_share.limits.high if best and best.cold_share else None,
            never_as_well=replayed is not None and replayed.never_as_well,
            quality=judged.quality,
            quality_why=judged.why,
            preference_high=judged.preference_high,
            bills_final=self.bills_final(seen),
            days=slots["starts_at"].dt.date().n_unique(),
            day_parts=slots["day_part"].n_unique(),
            hosts=mine["worker_id"].drop_nulls().n_unique() if self.rented else None,
        )

    def _arm(self, rel: pl.DataFrame, seen: Sequence[int], backend: str) -> Arm:
        mine = rel.filter(pl.col("backend") == backend)
        warm, cold = mine.filter(WARM), mine.filter(timing.STARTED)
        units = mine["unit"].unique().sort().to_list()
        return Arm(
            warm=blocks.values(warm),
            good_warm=blocks.values(warm.filter(timing.good())),
            cold=blocks.values(cold, "latency", by="block_id"),
            good_cold=blocks.values(cold.filter(timing.good()), "latency", by="block_id"),
            counts=_shares(mine, timing.good(), units),
            stalled=_shares(warm.filter(timing.good()), pl.col("r") > blocks.STALLED, units),
            lost=self._lost(backend, seen, units),
        )

    def _lost(self, backend: str, seen: Sequence[int], units: Sequence[int]) -> list[int]:
        """Lost before they were acknowledged: those lost later count as failures already."""
        unit = 2 * pl.col("block_id") + pl.col("half").fill_null(0)
        lost = self.timed.filter(_LOST, pl.col("backend") == backend, pl.col("block_id").is_in(seen))
        found = dict(lost.group_by(unit.alias("unit")).len().iter_rows())
        return [found.get(each, 0) for each in units]

    @cached_property
    def last(self) -> Replayed | None:
        """Our traffic as the last look that was reached replays it; None before the first."""
        return self.replayed(self.reached[-1]) if self.reached else None

    def replayed(self, seen: Sequence[int]) -> Replayed | None:
        """Our traffic on both arms as these blocks measured them; None where one of them cannot be replayed."""
        known = self.services(seen)
        if len(known) < 2:
            return None
        traffic = self.beside.traffic[self.workflow]
        terms = Terms(
            traffic=traffic,
            alpha=self.card.alpha,
            margin=self.card.margins.blended_p95,
            requests=self.beside.requests,
        )
        return replayed(known[self.candidate], known[self.card.baseline], terms)

    def services(self, seen: Sequence[int]) -> dict[str, Service]:
        """Each arm, by its backend, as these blocks measured it; none of one that cannot be replayed."""
        frames = self.frames.of(seen, [self.card.baseline, self.candidate])
        subject = Subject(self.workflow, self.pin.workflow_hash, self.pin.settings)
        found = measured.services(
            frames.deployments.filter(gpu=self.pin.gpu),
            frames.jobs.filter(gpu=self.pin.gpu),
            frames.charges,
            subject=subject,
            layers=self.beside.layers,
            at=self.beside.at,
        )
        known = {each.name: each for each in found if isinstance(each, Service) and each.missing is None}
        arms = (self.candidate, self.card.baseline)
        return {name: known[called(name)] for name in arms if called(name) in known}

    def _money(self, found: Replayed | None) -> Money:
        """At equal service: both at their cheapest that serves as well."""
        more = difference(self.beside.ops_usd.get(self.candidate), self.beside.ops_usd.get(self.card.baseline))
        one_off = self.card.one_off_hours * self.card.hourly_usd
        month = found.base.month.nano / 1e9 if found and found.base and found.base.month else None
        saving = found.saving if found else None
        why = f"no setting of it is known to serve as well: {found.why}" if found and found.why else ""
        return Money(saving=saving, baseline_usd=month, more_usd=more, one_off_usd=one_off, why=why)

    def bills_final(self, seen: Sequence[int]) -> bool:
        """Every deployment of both arms has lines and all are final; of a plan without bills there are none."""
        arms = [name for name in (self.candidate, self.card.baseline) if name not in self.beside.unbilled]
        frames = self.frames.of(seen, arms)
        used = frames.deployments.join(frames.jobs.select("deployment_id"), on="deployment_id", how="semi")
        billed = used.join(frames.charges.select("deployment_id"), on="deployment_id", how="semi")
        return billed.height == used.height and bool((frames.charges["state"] == CostState.FINAL).all())


def pinned(pin: Pinned) -> pl.Expr:
    """True of jobs that are what the card compares."""
    return (
        (pl.col("workflow_hash") == pin.workflow_hash)
        & (pl.col("settings") == pin.settings)
        & (pl.col("gpu") == pin.gpu)
    )


def _shares(jobs: pl.DataFrame, hit: pl.Expr, units: Sequence[int]) -> Counts:
    """By unit, in their order; one without a job has 0 of 0."""
    found = jobs.group_by("unit").agg(hits=hit.fill_null(value=False).sum(), n=pl.len())
    counted = {unit: (hits, n) for unit, hits, n in found.select("unit", "hits", "n").iter_rows()}
    pairs = [counted.get(unit, (0, 0)) for unit in units]
    return Counts(good=[hits for hits, _ in pairs], of=[n for _, n in pairs])


def difference(mine: float | None, base: float | None) -> float | None:
    return None if mine is None or base is None else mine - base
