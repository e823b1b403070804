"""How far the initiative's definition of done is met (IN-035), each line ticked by evidence and never by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from words import called

Row = Mapping[str, Any]
DOCUMENTS = ("runbooks/modal.md", "runbooks/runpod.md", "runbooks/vast.md", "reference/formulas.md")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the definition. evidence: what ticks it, or what is missing. view: where it is seen in the app."""

    text: str
    done: bool
    evidence: str
    view: str


def progress(
    cells: Sequence[Row],
    arms: Sequence[Row],
    *,
    timed: Sequence[str],
    snapshots: int,
    state: str,
    documents: Sequence[str],
) -> list[Line]:
    """`cells`, `arms`: of a verdict's document. timed: backends with operations effort. snapshots: that were frozen.

    state: what the rule says now; empty: it has not spoken. documents: of DOCUMENTS, those that are there.
    """
    return [
        _measured("runpod", cells, arms),
        _measured("vast", cells, arms),
        _compared(cells, arms, timed),
        _recommended(snapshots, state),
        _written(documents),
    ]


def _written(documents: Sequence[str]) -> Line:
    missing = [name for name in DOCUMENTS if name not in documents]
    evidence = f"missing: {', '.join(missing)}" if missing else f"{', '.join(DOCUMENTS)} are there"
    return Line(text="Findings and runbooks are in docs/", done=not missing, evidence=evidence, view="docs")


def _measured(backend: str, cells: Sequence[Row], arms: Sequence[Row]) -> Line:
    """Cost, latency and success rate of at least one workflow, each with its interval or its sum."""
    name = called(backend)
    mine = [row for row in cells if row["backend"] == backend]
    told = [row for row in mine if row["success_lo"] is not None and row["latency_p50_lo_s"] is not None]
    paid = [row for row in arms if row["backend"] == backend and row["fully_loaded_usd_per_image"] is not None]
    both = sorted({row["workflow"] for row in told} & {row["workflow"] for row in paid})
    if both:
        row = max((row for row in told if row["workflow"] in both), key=lambda each: each["n"])
        numbers = f"success {row['success_rate']:.1%} and p50 {row['latency_p50_s']:.1f} s of {row['n']} jobs"
        evidence = f"{', '.join(both)}: {numbers}"
    else:
        jobs = sum(row["n"] for row in mine)
        evidence = f"{jobs} jobs so far, without an interval or a cost" if jobs else "nothing measured yet"
    return Line(
        text=f"At least one workflow is deployed on {name} and measured: cost, latency, success rate",
        done=bool(both),
        evidence=evidence,
        view="compare",
    )


def _compared(cells: Sequence[Row], arms: Sequence[Row], timed: Sequence[str]) -> Line:
    backends = {row["backend"] for row in cells} & {row["backend"] for row in arms}
    missing = [called(name) for name in ("modal", "runpod", "vast") if name not in backends]
    untimed = [called(name) for name in ("modal", "runpod", "vast") if name not in timed]
    said = [f"not measured: {', '.join(missing)}"] if missing else []
    said += [f"operations not timed: {', '.join(untimed)}"] if untimed else []
    return Line(
        text="A report compares the three: cost, latency, reliability, operations",
        done=not said,
        evidence="; ".join(said) or "`bakeoff report` writes it",
        view="compare",
    )


def _recommended(snapshots: int, state: str) -> Line:
    decided = bool(snapshots) and state not in ("", "insufficient", "blocked")
    if decided:
        evidence = f"{state.replace('_', ' ')}, frozen in {snapshots} snapshot{'s' if snapshots > 1 else ''}"
    elif state in ("insufficient", "blocked"):
        evidence = f"the rule says {state}"
    else:
        evidence = "the verdict is not frozen yet: sign it off" if state else "no verdict yet"
    return Line(text="A recommendation, go or no-go, with next steps", done=decided, evidence=evidence, view="decision")
