"""A verdict from the tables: its inputs gathered and frozen, and the snapshots that were kept."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import polars as pl
from sqlmodel import Session, col, select

from analysis import blocks as in_blocks
from analysis import compare, moves, tco, timing, validity
from analysis import effort as minutes
from analysis.prices import market
from analysis.traffic.profile import DAYS_PER_MONTH, KNOWN, Traffic, share_of
from analysis.verdict import volumes
from analysis.verdict.card import Card
from analysis.verdict.cases import case, pairs
from analysis.verdict.document import document
from analysis.verdict.evidence import Beside, Compared, Frames, difference
from analysis.verdict.frozen import Facts, Snapshot, digest, freeze, thaw
from analysis.verdict.outlook import MoveCost
from analysis.verdict.rests import rests
from analysis.verdict.stale import Inputs, stale
from storage import answers, appendix, bills, cards, frames, layers, signoffs, votes
from storage import effort as stored_effort
from storage.blobs import Blobs
from storage.card_values import CardRefused
from storage.cards import Version
from storage.models import Installation
from storage.models import Snapshot as Row
from storage.prices import offers
from storage.profiles import profiles, traffic_of
from words import BillOutcome, BlockStatus, CostState, DeploymentState, EffortKind, Verdict
from workflows import load, names

_CELLS = (
    "workflow", "backend", "gpu", "start_kind", "n", "good", "success_rate", "success_lo", "success_hi",
    "latency_p50_s", "latency_p50_lo_s", "latency_p50_hi_s", "latency_p95_s", "latency_p95_lo_s", "latency_p95_hi_s",
)  # fmt: skip
_ARMS = (
    "workflow", "backend", "gpu", "deployments", "jobs", "good_images", "billed_usd", "estimated_usd", "state",
    "fully_loaded_usd_per_image",
)  # fmt: skip
_UP = [state.value for state in (DeploymentState.PROVISIONING, DeploymentState.READY, DeploymentState.STOPPED)]


class Gathered(NamedTuple):
    """What a verdict rests on, and of each case the measurements behind it, which can be replayed at other volumes."""

    snapshot: Snapshot
    pairs: Sequence[Compared]

    def of(self, workflow: str) -> list[Compared]:
        """Those of one workflow."""
        return [each for each in self.pairs if each.workflow == workflow]


def gathered(session: Session, blobs: Blobs, *, now: datetime) -> Gathered:
    """Everything that a verdict rests on now. Raises CardRefused without a locked card, ProfileRefused and LoadError
    where its traffic cannot be read or replayed.
    """
    version = cards.deciding(session)
    card = version.card
    measured = _frames(session, card)
    traffic = _traffic(session, blobs, card)
    beside = _beside(session, version, measured, traffic, now)
    found = pairs(card, measured, beside)
    facts = replace(_facts(session, version, measured, beside), rests=[rests(each) for each in found])
    return Gathered(Snapshot(card=card, cases=[case(each) for each in found], facts=facts), found)


def whole(session: Session, blobs: Blobs, *, now: datetime) -> Snapshot:
    """The same with what each provider costs at other volumes and what stands behind it all, as it is frozen and
    reported; raises as `gathered`.
    """
    found = gathered(session, blobs, now=now)
    stands = appendix.rows(session, found.snapshot.card, found.pairs[0].frames, now=now)
    facts = replace(found.snapshot.facts, volumes=volumes.of_all(found.pairs), appendix=stands)
    return replace(found.snapshot, facts=facts)


def keep(session: Session, blobs: Blobs, snapshot: Snapshot, *, now: datetime) -> Row:
    """Freeze it: its bytes as a blob, what the rule says as a row; the same one again gives the row that there is."""
    frozen = freeze(snapshot)
    name = digest(frozen)
    if row := session.exec(select(Row).where(Row.digest == name)).first():
        return row
    said = document(snapshot, digest=name)
    row = Row(
        digest=blobs.put(frozen),
        card_id=cards.deciding(session).row.id or 0,
        made_at=now,
        state=Verdict(said["state"]),
        title=said["title"],
        valid_to=snapshot.facts.at + timedelta(days=snapshot.card.valid_days),
        verdict=said,
        simulated=snapshot.facts.simulated,
    )
    session.add(row)
    session.flush()
    return row


def snapshots(session: Session) -> Sequence[Row]:
    """Every snapshot that was kept, newest first."""
    return session.exec(select(Row).order_by(col(Row.id).desc())).all()


def named(session: Session, blobs: Blobs, beginning: str) -> tuple[str, Snapshot]:
    """The hash that begins so, and its snapshot.

    Raises CardRefused where there is none or more than one, and SnapshotError where its bytes are not what they were.
    """
    found = [row for row in snapshots(session) if beginning and row.digest.startswith(beginning.lower())]
    if len(found) != 1:
        many = f"are {len(found)} snapshots that begin" if found else "is no snapshot that begins"
        raise CardRefused(f"There {many} with {beginning[:64]!r}. Page Decision lists them, under Share and Signed.")
    try:
        return found[0].digest, thaw(blobs.get(found[0].digest), named=found[0].digest)
    except FileNotFoundError:
        raise CardRefused(f"The inputs of snapshot {beginning} are gone from the blob folder.") from None


def kept(session: Session, blobs: Blobs, beginning: str) -> Row:
    """The row of a frozen snapshot, whose bytes are what they were. Raises what `named` raises."""
    name, _ = named(session, blobs, beginning)
    return session.exec(select(Row).where(Row.digest == name)).one()


class Tell(Protocol):
    """`document`, or for a report `explained`."""

    def __call__(self, snapshot: Snapshot, *, digest: str = "") -> dict[str, Any]: ...


def told(session: Session, blobs: Blobs, beginning: str, *, now: datetime, tell: Tell = document) -> dict[str, Any]:
    """What is told of a frozen snapshot, with what people said to it, and in `stale` why it holds no longer, if so.

    Raises what `named` raises.
    """
    name, found = named(session, blobs, beginning)
    said, old = signoffs.heard(session, tell(found, digest=name)), stale_now(session, found, now=now)
    return said | {"stale": old} if old else said


def _frames(session: Session, card: Card) -> Frames:
    """The card's workflows in every block that is done."""
    blocks = frames.blocks(session).filter(
        pl.col("workflow").is_in(list(card.workflows)), status=BlockStatus.DONE.value
    )  # fmt: skip
    runs = blocks["run_id"].drop_nulls().to_list()
    return Frames(
        deployments=frames.deployments(session, runs),
        jobs=frames.jobs(session, runs),
        charges=frames.charges(session, runs),
        blocks=blocks,
    )


def _traffic(session: Session, blobs: Blobs, card: Card) -> dict[str, Traffic]:
    """Each workflow's share of the traffic that the card names."""
    row = next((each for each in profiles(session) if each.name == card.traffic), None)
    whole = traffic_of(row, blobs) if row else KNOWN.get(card.traffic)
    if whole is None:
        raise CardRefused(f"The card's traffic {card.traffic!r} is no profile here. `bakeoff traffic` lists them.")
    return {name: share_of(whole, card.weight(name)) for name in card.workflows}


def _beside(
    session: Session, version: Version, measured: Frames, traffic: Mapping[str, Traffic], now: datetime
) -> Beside:
    card = version.card
    backends = (card.baseline, *card.candidates)
    ops = _ops(session, card, backends)
    outcomes = {fresh.backend: fresh.outcome for fresh in bills.freshness(session, now)}
    return Beside(
        traffic=traffic,
        at=now,
        layers=layers.layers(session),
        ops_usd={name: each.usd for name, each in ops.items()},
        ops_hours={name: each.hours for name, each in ops.items()},
        unbilled=[name for name in backends if outcomes.get(name) is BillOutcome.NO_REPORT],
        left_running=_left(measured.deployments),
        images=votes.judgements(session, card),
        licensed=answers.licensed(session),
        content_open=answers.content_open(session, backends),
        post_hoc=cards.post_hoc(version),
    )


def move_costs(session: Session, card: Card, candidates: Sequence[str]) -> dict[str, MoveCost]:
    """What moving to each would cost beside its bill, as far as it was timed; the card says what once."""
    ops = _ops(session, card, (card.baseline, *candidates))
    once = card.one_off_hours * card.hourly_usd
    base = ops[card.baseline].usd
    return {name: MoveCost(more_usd=difference(ops[name].usd, base), one_off_usd=once) for name in candidates}


def _ops(session: Session, card: Card, backends: Sequence[str]) -> dict[str, tco.Beside]:
    """What running each costs a month beside its bill, by the card's tasks or the ones that are customary."""
    summary = minutes.summary(stored_effort.effort(session))
    often = {EffortKind(kind): times for kind, times in card.ops.items()} or moves.OFTEN
    return {
        name: tco.beside(summary, name, per_month=often, hourly_usd=card.hourly_usd) for name in backends
    }  # fmt: skip


def _left(deployments: pl.DataFrame) -> dict[str, int]:
    """Deployments of blocks that are over and yet are up."""
    left = deployments.filter(pl.col("state").is_in(_UP), pl.col("ended_at").is_null())
    return dict(left.group_by("backend").len().sort("backend").iter_rows())


def _prices(session: Session, card: Card, at: datetime) -> dict[str, int]:
    """Nano-USD of a worker's second as it is asked for, the median of a market: runpod L40S."""
    found: dict[str, int] = {}
    for gpu in sorted({pin.gpu for pin in card.pins.values()}):
        for backend in (card.baseline, *card.candidates):
            asked = market(offers(session, backend=backend, gpu=gpu), at)
            found |= {f"{backend} {gpu}": int(nano) for nano in asked["median_nano"]}
    return found


def stale_now(session: Session, snapshot: Snapshot, *, now: datetime) -> list[str]:
    """Why a frozen verdict holds no longer: a price that moved, a workflow that changed, other traffic, its age."""
    then, facts = _inputs(snapshot), snapshot.facts
    prices = _by_gpu(_prices(session, snapshot.card, now))
    row = next((each for each in profiles(session) if each.name == snapshot.card.traffic), None)
    per_day = {} if row is None or row.per_day is None else {
        name: row.per_day * snapshot.card.weight(name) for name in facts.images_per_month
    }  # fmt: skip
    models = {name: load(name).hash for name in snapshot.card.pins if name in names()}
    seen = replace(then, at=now, prices=prices, per_day=per_day, models=models)
    return stale(then, seen, valid_days=snapshot.card.valid_days)


def _inputs(snapshot: Snapshot) -> Inputs:
    """What the snapshot was made of, as far as it can age."""
    facts = snapshot.facts
    return Inputs(
        at=facts.at,
        prices=_by_gpu(facts.prices),
        models={name: pin.workflow_hash for name, pin in snapshot.card.pins.items()},
        per_day={name: images / DAYS_PER_MONTH for name, images in facts.images_per_month.items()},
    )


def _by_gpu(prices: Mapping[str, int]) -> dict[tuple[str, str], int]:
    return {(name.partition(" ")[0], name.partition(" ")[2]): nano for name, nano in prices.items()}


def _aa(session: Session) -> dict[str, int]:
    """The baseline held to itself in every schedule that this installation ever had, whatever was on its cards."""
    done = frames.blocks(session).filter(status=BlockStatus.DONE.value)
    jobs = frames.jobs(session, done["run_id"].drop_nulls().to_list())
    found: dict[str, int] = in_blocks.aa_record(timing.timed(validity.measured(jobs)), done)._asdict()
    return found


def _facts(session: Session, version: Version, measured: Frames, beside: Beside) -> Facts:
    installation = session.get(Installation, 1)
    costs = compare.deployments(measured.deployments, measured.jobs, measured.charges)
    spent = costs.select(usd=pl.coalesce("billed_usd", "estimated_usd"), state="state").drop_nulls("usd")
    usd = float(spent["usd"].sum())
    final = float(spent.filter(pl.col("state") == CostState.FINAL)["usd"].sum())
    return Facts(
        at=beside.at,
        jobs=measured.jobs.height,
        blocks=measured.blocks.height,
        aa=_aa(session),
        days=measured.blocks["starts_at"].dt.date().n_unique(),
        spent_usd=usd,
        final_share=final / usd if usd else None,
        version=version.number,
        locked_at=version.row.locked_at,
        locked_by=version.row.locked_by or "",
        post_hoc="" if not version.post_hoc else f"locked after {version.row.samples_before:,} samples",
        images_per_month={name: traffic.per_day * DAYS_PER_MONTH for name, traffic in beside.traffic.items()},
        ops_usd=beside.ops_usd,
        prices=_prices(session, version.card, beside.at),
        cells=compare.cells(measured.jobs).select(_CELLS).to_dicts(),
        arms=compare.arms(measured.deployments, measured.jobs, measured.charges).select(_ARMS).to_dicts(),
        simulated=bool(installation and installation.simulated),
    )
