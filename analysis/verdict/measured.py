"""The report's tables of what was measured and promised, as a person reads them: cells, arms, prices, card. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis import stats
from words import called

Row = Mapping[str, Any]
DASH = "–"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells are plain text."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with paragraphs, then a table, then pictures: name (`gates 0`: of the first candidate) and caption."""

    title: str
    lines: Sequence[str] = ()
    table: Table | None = None
    pictures: Sequence[tuple[str, str]] = field(default_factory=tuple)


def card(said: Row) -> Section:
    """Criterion by criterion."""
    rows = [[name, cell(value)] for name, value in sorted((said["card"].get("terms") or {}).items())]
    lines = [f"Version {said['card']['version']}, SHA-256 {said['card']['digest']}."]
    return Section(title="A. Decision card", lines=lines, table=Table(head=("criterion", "value"), rows=rows))


def sections(said: Row) -> Iterator[Section]:
    """Cost, latency and reliability; what nothing was measured of has no section."""
    if rows := said.get("arms"):
        lines = [
            "Sums of each provider's side of all blocks, as sure as their least sure part. Sums have no interval; the "
            "saving above has one."
        ]
        yield Section(title="C. Cost and bills", lines=lines, table=_arms(rows))
    if rows := said.get("cells"):
        lines = [
            "Two-sided 95 %. Latency counts from the intended start, and a failure is endless. Too few jobs for both "
            "limits: n so far of n needed."
        ]
        yield Section(title="D, E. Success and latency by cell", lines=lines, table=_cells(rows))


def prices(said: Row) -> Section | None:
    """What a worker's second was asked for when it was frozen; None where nobody knew."""
    rows = [[_asked(name), f"{nano / 1e9:.6f}", f"{nano * 3600 / 1e9:.2f}"] for name, nano in said["prices"].items()]
    lines = ["As asked for when this was judged; of a marketplace the median."]
    head = ("provider and GPU", "$ a second", "$ an hour")
    return Section(title="I. Prices", lines=lines, table=Table(head=head, rows=rows)) if rows else None


def cell(value: Any) -> str:
    """Any plain value."""
    if value is None or value in ("", {}, [], ()):
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(cell(each) for each in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _asked(name: str) -> str:
    backend, _, gpu = name.partition(" ")
    return f"{called(backend)} {gpu}"


def _arms(rows: Sequence[Row]) -> Table:
    head = (
        "workflow", "provider", "GPU", "deployments", "jobs", "good images", "billed", "estimated", "bill",
        "$ per 1,000 good images",
    )  # fmt: skip
    return Table(head=head, rows=[_arm(row) for row in rows])


def _arm(row: Row) -> list[str]:
    each = row["fully_loaded_usd_per_image"]
    sums = [DASH if row[name] is None else f"${row[name]:,.2f}" for name in ("billed_usd", "estimated_usd")]
    return [
        row["workflow"], called(row["backend"]), row["gpu"],
        *(cell(row[name]) for name in ("deployments", "jobs", "good_images")),
        *sums, cell(row["state"]), DASH if each is None else f"{each * 1000:,.2f}",
    ]  # fmt: skip


def _cells(rows: Sequence[Row]) -> Table:
    head = ("workflow", "provider", "GPU", "start", "n", "success, %", "p50, s", "p95, s")
    return Table(head=head, rows=[_cell(row) for row in rows])


def _cell(row: Row) -> list[str]:
    rate = [None if row[f"success_{end}"] is None else 100 * row[f"success_{end}"] for end in ("rate", "lo", "hi")]
    spans = [[row[f"latency_{name}{end}_s"] for end in ("", "_lo", "_hi")] for name in ("p50", "p95")]
    latencies = [_told(span, row["n"], stats.min_n(q)) for span, q in zip(spans, (0.5, 0.95), strict=True)]
    success = _told(rate, row["n"], stats.MIN_RATE_N)
    return [
        row["workflow"], called(row["backend"]), row["gpu"], row["start_kind"], f"{row['n']:,}", success, *latencies,
    ]  # fmt: skip


def _told(span: Sequence[float | None], n: int, least: int) -> str:
    """9.1 [9.0, 9.2]; too few to say: n 48 of 72. A latency without an upper end is endless: that many failed."""
    if n < least:
        return f"n {n:,} of {least:,}"
    point, low, high = ("∞" if value is None else f"{value:,.1f}" for value in span)
    return f"{point} [{low}, {high}]"
