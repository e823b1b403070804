"""The report's tables of what stands behind the numbers: failures, gaps, images, effort, parity, samples. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from analysis.figures import FIGURES
from analysis.verdict.measured import DASH, Section, Table, cell
from words import called

Row = Mapping[str, Any]
Rows = Sequence[Row]
_JUDGED = {"alike": "alike or as good", "unlike": "worse", "undecided": "open"}


def behind(said: Row) -> Iterator[Section]:
    """Those of which something is there; `said["appendix"]` as `storage.appendix.rows` gives it."""
    found: Mapping[str, Rows] = said.get("appendix") or {}
    for subject, section in _SECTIONS.items():
        if rows := found.get(subject):
            yield section(rows)


def samples(said: Row) -> Iterator[Section]:
    """Where each number comes from: every deployment and the jobs on it."""
    if rows := (said.get("appendix") or {}).get("samples"):
        head = ("run", "block", "workflow", "provider", "GPU", "jobs", "numbers", "deployment", "name at the provider")
        lines = ["Each job by its number: page Job, or `bakeoff export` for all of them with their instants."]
        yield Section(title="K. Raw samples", lines=lines, table=Table(head=head, rows=[_sample(row) for row in rows]))


def _failures(rows: Rows) -> Section:
    head = ("workflow", "provider", "GPU", "class", "reason", "jobs", "of", "latest", "what came with it")
    lines = [
        "First attempts that ended without a good image, in every block of the card. Of class provider, capacity and "
        "quality they count as endless; the others enter no cell and are only told here."
    ]
    return Section(title="E. Failures", lines=lines, table=Table(head=head, rows=[_failure(row) for row in rows]))


def _failure(row: Row) -> list[str]:
    names = ("failure_class", "reason", "jobs", "n")
    return [
        row["workflow"], called(row["backend"]), row["gpu"], *(cell(row[name]) for name in names),
        f"job {row['example_job']}", cell(row["said"]),
    ]  # fmt: skip


def _gaps(rows: Rows) -> Section:
    lines = ["Hours in which a job of ours ran and that no bill has: they are estimated, never called billed."]
    told = [[called(row["backend"]), _at(row["start"]), _at(row["end"]), row["deployment"]] for row in rows]
    table = Table(head=("provider", "from, UTC", "until, UTC", "deployment"), rows=told)
    return Section(title="C. Gaps in the bills", lines=lines, table=table)


def _images(rows: Rows) -> Section:
    lines = ["Likeness to the baseline's images, never quality; what is not alike is for people to judge, blindly."]
    told = [[row["workflow"], called(row["backend"]), _JUDGED[row["quality"]], row["why"]] for row in rows]
    table = Table(head=("workflow", "candidate", "images", "pairs and votes"), rows=told)
    return Section(title="F. Images: pairs and votes", lines=lines, table=table)


def _figures(rows: Rows) -> Section:
    lines = [
        "Median of each figure over pictures of different prompts and seeds, with its 95 % limits. They describe and "
        "judge nobody: another seed moves them as much. Sharpness below 50 is blurry, 100 and more good; brightness "
        "50 to 200 and contrast from 30 are usual; colourfulness is 15 where slight, 59 where high."
    ]
    told = [
        [row["workflow"], called(row["backend"]), cell(row["n"]), *(_median(row, n) for n in FIGURES)] for row in rows
    ]
    table = Table(head=("workflow", "provider", "pictures", *FIGURES), rows=told)
    return Section(title="F. Images: the team's figures", lines=lines, table=table)


def _median(row: Row, name: str) -> str:
    low, high = row[f"{name}_lo"], row[f"{name}_hi"]
    if low is None or high is None:
        return f"{row[name]:.0f}, too few for limits"
    return f"{row[name]:.0f} [{low:.0f}, {high:.0f}]"


def _effort(rows: Rows) -> Section:
    head = ("provider", "what for", "by", "n", "minutes in all", "median", "longest")
    lines = ["Time that people logged and waits that the collector measured. What nobody timed has no row."]
    return Section(title="G. Operations", lines=lines, table=Table(head=head, rows=[_minutes(row) for row in rows]))


def _minutes(row: Row) -> list[str]:
    spans = [_span(row[name]) for name in ("minutes", "median_minutes", "longest_minutes")]
    by = "measured" if row["measured"] else "people"
    return [called(row["backend"]), row["kind"], by, f"{row['n']:,}", *spans]


def _span(minutes: float) -> str:
    return "< 0.1" if 0 < minutes < 0.05 else f"{minutes:,.1f}"


def _parity(rows: Rows) -> Section:
    lines = ["What a candidate has of what production uses on the baseline. Names are as typed, not verified."]
    told = [
        [called(row["backend"]), row["item"], row["words"] or "not answered", row["by"] or DASH, row["note"] or DASH]
        for row in rows
    ]
    table = Table(head=("provider", "item", "there", "says", "note"), rows=told)
    return Section(title="G. Parity with production", lines=lines, table=table)


def _sample(row: Row) -> list[str]:
    return [
        cell(row["run_id"]), cell(row["block"]), row["workflow"], called(row["backend"]), row["gpu"],
        cell(row["jobs"]), row["numbers"], row["deployment"], cell(row["provider_id"]),
    ]  # fmt: skip


def _at(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}"


_SECTIONS: Mapping[str, Callable[[Rows], Section]] = {
    "gaps": _gaps,
    "failures": _failures,
    "images": _images,
    "figures": _figures,
    "effort": _effort,
    "parity": _parity,
}
