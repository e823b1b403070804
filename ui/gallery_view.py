"""What the page Gallery shows: the same prompt and seed on each provider, and which image is broken. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from analysis.parity import PAIRS, likeness
from storage.blobs import Blobs
from storage.votes import Judged
from ui.formats import UNKNOWN, count, listed, percent
from ui.names import in_order, label, reason_words
from words import JobStatus, Provider

PER_PAGE = 6
ORDERS = ("prompt", "newest", "broken first", "largest difference")


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One provider's attempt at a prompt; `sha256` is None when it gave no image."""

    backend: str
    job_id: int
    sha256: str | None
    thumbnail_sha256: str | None
    width: int | None
    height: int | None
    latency_s: float | None
    defect: str | None
    failure: str  # why there is no image; empty when there is one
    simulated: bool

    @property
    def flagged(self) -> bool:
        """A broken image, or none at all."""
        return self.sha256 is None or self.defect is not None


@dataclass(frozen=True, kw_only=True)
class Distance:
    """How far a candidate's image is from the baseline's. limit: the baseline's own spread; None: not known yet."""

    backend: str
    value: float
    limit: float | None
    jobs: tuple[int, int]  # the baseline's, the candidate's

    @property
    def beyond(self) -> bool | None:
        """Further apart than the baseline's images among themselves."""
        return None if self.limit is None else self.value > self.limit

    @property
    def words(self) -> str:
        """Runpod differs by 0.0031, within Modal's own 0.0042"""
        head = f"{label(self.backend)} differs by {self.value:.4f}"
        if self.limit is None:
            return f"{head}; Modal's own spread is not known yet"
        return f"{head}, {'beyond' if self.beyond else 'within'} Modal's own {self.limit:.4f}"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One prompt and seed of a workflow, with what each provider made of it, in the pages' order."""

    workflow: str
    prompt_id: str
    prompt: str
    stratum: str
    seed: int
    shots: Sequence[Shot]
    distances: Sequence[Distance] = ()  # of the images that were compared, which newer jobs may have followed

    @property
    def furthest(self) -> float:
        """The largest distance; below every distance where nothing was compared."""
        return max((distance.value for distance in self.distances), default=-1.0)

    @property
    def key(self) -> str:
        """Names the item in an address."""
        return f"{self.workflow}:{self.prompt_id}:{self.seed}"

    @property
    def flagged(self) -> bool:
        """Whether any shot is."""
        return any(shot.flagged for shot in self.shots)

    @property
    def newest(self) -> int:
        """The latest job of the item."""
        return max(shot.job_id for shot in self.shots)

    @property
    def seen(self) -> Sequence[Shot]:
        """The shots with an image to look at."""
        return [shot for shot in self.shots if shot.sha256]


def items(jobs: pl.DataFrame, images: pl.DataFrame, pairs: pl.DataFrame | None = None) -> list[Item]:
    """Ended jobs with their images (`schema.TIMED`, `schema.IMAGES`); the newest job per prompt, seed and backend.

    pairs: `parity.PAIRED`.
    """
    apart = {} if pairs is None else _distances(pairs)
    ended = jobs.filter(
        pl.col("status").is_in([s.value for s in JobStatus if s.final and s is not JobStatus.CANCELLED])
    )
    pictures = images.unique("job_id", keep="first", maintain_order=True)
    names = images.select("prompt_id", "prompt").unique("prompt_id")
    shown = (
        ended.sort("job_id")
        .unique(["workflow", "prompt_id", "seed", "backend"], keep="last", maintain_order=True)
        .join(pictures.select(*_IMAGE), on="job_id", how="left")
        .join(names, on="prompt_id", how="left")
    )
    groups = shown.partition_by("workflow", "prompt_id", "seed", as_dict=False, maintain_order=True)
    return [_item(group.to_dicts(), apart) for group in groups]


_IMAGE = ("job_id", "sha256", "thumbnail_sha256", "width", "height", pl.col("defect").alias("image_defect"))


def chosen(
    everything: Sequence[Item], *, workflow: str, strata: Sequence[str], order: str, flagged_only: bool
) -> list[Item]:
    """The items that the filters leave, in the asked order."""
    left = [
        item
        for item in everything
        if item.workflow == workflow and (not strata or item.stratum in strata) and (item.flagged or not flagged_only)
    ]
    if order == "newest":
        return sorted(left, key=lambda item: -item.newest)
    if order == "largest difference":
        return sorted(left, key=lambda item: (-item.furthest, item.prompt_id, item.seed))
    if order == "broken first":
        return sorted(left, key=lambda item: (not item.flagged, item.prompt_id, item.seed))
    return sorted(left, key=lambda item: (item.prompt_id, item.seed))


def gallery_title(of_workflow: Sequence[Item], *, waiting: bool) -> str:
    """Pairs on all providers, and which images are broken."""
    images = [shot for item in of_workflow for shot in item.seen]
    if not images:
        return "The first images are on their way" if waiting else "No images yet"
    pairs = [item for item in of_workflow if len(item.seen) > 1]
    if not pairs:
        return f"{count(len(images))} images, no pair yet"
    broken = [shot for shot in images if shot.defect]
    head = _alike(of_workflow) or f"{count(len(pairs))} {'prompt' if len(pairs) == 1 else 'prompts'} to compare"
    if not broken:
        return f"{head}; none of {count(len(images))} images is broken"
    verb = "is" if len(broken) == 1 else "are"
    return f"{head}; {len(broken)} of {count(len(images))} images {verb} broken, {_where(broken)}"


def _alike(of_workflow: Sequence[Item]) -> str:
    """How many pairs are no further apart than the baseline's own images; empty where that is not known."""
    told = [distance.beyond for item in of_workflow for distance in item.distances if distance.beyond is not None]
    return f"{count(told.count(False))} of {count(len(told))} pairs look the same" if told else ""


def parity_rows(judged: Sequence[Judged], workflow: str) -> list[dict[str, str]]:
    """A row for each candidate, settings and GPU of the workflow: pairs, and what people said."""
    return [
        {
            "": f"{label(each.backend)} on {each.gpu}",
            "Pairs": f"{each.likeness.pairs} of {PAIRS}",
            "Differ more": UNKNOWN if each.likeness.limit is None else count(each.likeness.beyond),
            "At most": UNKNOWN if each.likeness.high is None else percent(each.likeness.high),
            "Modal's own": UNKNOWN if each.likeness.limit is None else f"{each.likeness.limit:.4f}",
            "Found": each.likeness.sentence if each.likeness.limit is None else QUALITY_WORDS[each.told.quality],
            "People": each.people.sentence,
        }
        for each in judged
        if each.workflow == workflow
    ]


QUALITY_WORDS = {"alike": "✓ passes", "unlike": "× worse", "undecided": "? votes decide"}


def opposite(item: Item, candidate: str | None) -> tuple[Shot, Shot] | None:
    """The two images to compare: the baseline's (else the first) and the candidate's (else the next); None if alone."""
    seen = list(item.seen)
    if len(seen) < 2:
        return None
    first = next((shot for shot in seen if shot.backend == Provider.MODAL), seen[0])
    others = [shot for shot in seen if shot is not first]
    return first, next((shot for shot in others if shot.backend == candidate), others[0])


def picture_url(blobs: Blobs, *sha256: str | None) -> str | None:
    """Where the first of these images that is there is served from; None when none is, or their files are lost."""
    there = (sha for sha in sha256 if sha and blobs.has(sha))
    return next((f"/blob/{sha}" for sha in there), None)


def _where(broken: Sequence[Shot]) -> str:
    by_backend = {name: sum(shot.backend == name for shot in broken) for name in in_order(s.backend for s in broken)}
    return "on " + listed([f"{label(name)} ({n})" for name, n in by_backend.items()])


_Key = tuple[str, str, int]


def _distances(pairs: pl.DataFrame) -> dict[_Key, list[Distance]]:
    """By workflow, prompt and seed, in the pages' order; of a backend the newest pair."""
    own = ("workflow_hash", "settings", "gpu")
    spreads = pairs.filter("spread").partition_by(*own, as_dict=True)
    limits = {key: likeness([], rows["dissimilarity"].to_list()).limit for key, rows in spreads.items()}
    found: dict[_Key, dict[str, Distance]] = {}
    for row in pairs.filter(~pl.col("spread")).drop_nulls("dissimilarity").iter_rows(named=True):
        found.setdefault((row["workflow"], row["prompt_id"], row["seed"]), {})[row["backend"]] = Distance(
            backend=row["backend"],
            value=row["dissimilarity"],
            limit=limits.get(tuple(row[name] for name in own)),
            jobs=(row["baseline_job_id"], row["other_job_id"]),
        )
    return {key: [each[name] for name in in_order(each)] for key, each in found.items()}


def _item(rows: Sequence[Mapping[str, object]], apart: Mapping[_Key, Sequence[Distance]]) -> Item:
    first = rows[0]
    shots = {str(row["backend"]): _shot(row) for row in rows}
    return Item(
        workflow=str(first["workflow"]),
        prompt_id=str(first["prompt_id"]),
        prompt=str(first["prompt"] or first["prompt_id"]),
        stratum=str(first["stratum"]),
        seed=int(str(first["seed"])),
        shots=[shots[name] for name in in_order(shots)],
        distances=apart.get((str(first["workflow"]), str(first["prompt_id"]), int(str(first["seed"]))), ()),
    )


def _shot(row: Mapping[str, object]) -> Shot:
    values = {name: row[name] for name in ("backend", "job_id", "sha256", "thumbnail_sha256", "width", "height")}
    failure = "" if row["sha256"] else reason_words(str(row["reason"])) if row["reason"] else "no image"
    succeeded = row["status"] == JobStatus.SUCCEEDED
    return Shot(
        **values,  # type: ignore[arg-type]
        latency_s=row["latency_s"] if succeeded else None,  # type: ignore[arg-type]
        defect=row["image_defect"],  # type: ignore[arg-type]
        failure=failure,
        simulated=bool(row["simulated"]),
    )
