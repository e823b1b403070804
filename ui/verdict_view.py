"""What the page Decision says once a card is locked: a verdict's document as titles, figures and rows. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from analysis.verdict.document import shown
from analysis.verdict.report import day
from ui.charts.gates import REACH
from ui.formats import count, interval, percent, plain, usd, whole_percent, whole_usd
from ui.names import label
from words import Gate, Verdict

Document = Mapping[str, Any]

NAMES: Mapping[str, str] = {
    "success": "Success",
    "warm_p95": "Warm p95",
    "stalls": "Stalls",
    "cold": "Cold",
    "quality": "Image parity",
    "saving": "Saving",
    "worth": "Net a month",
}
ORDER = ("saving", "worth", "warm_p95", "stalls", "cold", "success", "quality")
BADGES: Mapping[str, tuple[str, str, str]] = {  # word, icon, colour
    "go": ("GO", ":material/check_circle:", "green"),
    "no_go": ("NO-GO", ":material/cancel:", "red"),
    "not_worth_it": ("STAY", ":material/home:", "gray"),
    "not_shown": ("STAY", ":material/home:", "gray"),
    "insufficient": ("INSUFFICIENT", ":material/hourglass_empty:", "yellow"),
    "blocked": ("BLOCKED", ":material/block:", "yellow"),
    "split": ("SPLIT", ":material/call_split:", "green"),
    "stale": ("STALE", ":material/update:", "yellow"),
}
_PARITY: Mapping[str, float] = {"warm_p95": 1.0, "cold": 1.0}  # the value of no difference; of all others 0


def title(said: Document) -> str:
    """The finding, in Markdown: what people wrote into it stays words."""
    ending = said.get("overridden", "")
    return f"{said['title'].removesuffix(ending)}{plain(ending)}"


def gate_rows(candidate: Document, *, simulated: bool) -> pl.DataFrame:
    """For `charts.gates`, in the order in which finance reads them."""
    found = {row["gate"]: row for row in candidate["gates"]}
    rows = [_gate(found[name], label(candidate["candidate"]), simulated) for name in ORDER if name in found]
    return pl.DataFrame(rows, schema=_GATES)


_GATES = pl.Schema(
    {
        **dict.fromkeys(("gate", "estimate", "interval", "limit", "mark", "state", "edge", "key"), pl.String()),
        **dict.fromkeys(("at", "low", "high"), pl.Float64()),
        "n": pl.Int64(),
        "simulated": pl.Boolean(),
    }
)


def _gate(row: Document, key: str, simulated: bool) -> dict[str, Any]:
    told = row["low"] is not None or row["high"] is not None  # a point without an interval is not drawn
    at, low, high = (_distance(row, row[name] if told else None) for name in ("value", "low", "high"))
    ends = sorted(end for end in (low, high) if end is not None)
    state = {True: "go", False: "nogo" if row["harm"] else "wait", None: "wait"}[row["passes"]]
    return {
        "gate": NAMES[row["gate"]],
        "estimate": row["words"]["estimate"],
        "interval": row["words"]["interval"],
        "limit": row["words"]["bound"],
        "mark": {"go": "✓", "nogo": "✕", "wait": "?"}[state],
        "state": state,
        "edge": "◂" if at is not None and at <= -REACH else "",
        "key": key,
        "at": at,
        "low": ends[0] if ends else at,
        "high": ends[-1] if ends else at,
        "n": row["n"],
        "simulated": simulated,
    }


def _distance(row: Document, value: float | None) -> float | None:
    """Of a value from the limit, above 0 where it passes, in units of |parity - limit|; clipped to what is drawn."""
    if value is None or row["gate"] == Gate.QUALITY.value:
        return None
    unit = abs(row["margin"] - _PARITY.get(row["gate"], 0.0)) or max(abs(value), 1.0)
    ahead = (value - row["margin"]) * (1 if row["least"] else -1)
    return float(max(-REACH, min(REACH, ahead / unit)))


_FEWEST = 0.01  # and 0.99: what is beyond is said as such


def figures(said: Document) -> list[tuple[str, str, str, str]]:
    """The four at the top: name, value, what is under it, glossary term."""
    rows = _moving(said)
    month = ("–", "nothing moves") if not rows else _summed([_row(row, "worth") for row in rows])
    share = ("–", "no candidate is a go")
    if len(rows) > 1:
        share = ("–", f"{len(rows)} workflows move: see each")
    elif rows and (saving := _row(rows[0], "saving")):
        share = (whole_percent(saving["value"]), interval(saving["low"], saving["high"], whole_percent))
    final = said["final_share"]
    bills = "no bill yet" if final is None else f"{percent(final)} of it final"
    return [
        ("Saving a month", *month, "worth"),
        ("Saving", *share, "saving"),
        _chance(said),
        ("Spent to know", usd(said["spent_usd"]), bills, "cost state"),
    ]


def caption(said: Document) -> str:
    """Valid to 21 Feb 2027 · card v3 locked by ana, before the first sample · 4,811 jobs."""
    card = said["card"]
    when = card["post_hoc"] or "before the first sample"
    valid_to = day(datetime.fromisoformat(said["valid_to"]))
    names = " · names are as typed, not verified" if said.get("signed") else ""
    return (
        f"Valid to {valid_to} · card v{card['version']} locked by {card['locked_by']}, {when} · "
        f"{count(said['jobs'])} jobs in {said['blocks']} blocks{names}"
    )


def basis(candidate: Document) -> str:
    """What it rests on: look 1, 12 blocks; before the first look the reason has said how many there are."""
    if not candidate["look"]:
        return ""
    return f"Look {candidate['look']}, {candidate['blocks']} blocks."


def unknowns(candidate: Document) -> str:
    """Why gates are open that no more blocks would close: Net a month: nobody has timed its operations."""
    found = [row for row in candidate["gates"] if row["passes"] is None and row["value"] is None and row["why"]]
    return " ".join(f"{NAMES[row['gate']]}: {row['why']}." for row in found)


def _chance(said: Document) -> tuple[str, str, str, str]:
    """Of the move that a reader asks about first."""
    row = said["candidates"][shown(said)]
    found = row.get("chances")
    target = said["card"]["terms"]["margins.target_saving"]
    name = f"Chance of ≥ {whole_percent(target)}"
    if found is None:
        return name, "–", "no look yet", "chance"
    held = min(max(found["above_target"], _FEWEST), 1 - _FEWEST)  # no draw is sure of anything
    sign = {held: ""}.get(found["above_target"], "> " if found["above_target"] > held else "< ")
    return name, sign + whole_percent(held), f"{row['workflow']} on {label(row['candidate'])}", "chance"


def aa(said: Document) -> str:
    """How the baseline fared against itself so far."""
    found = said.get("aa") or {}
    if not found.get("comparisons"):
        return "The baseline was not held to itself yet: that takes five blocks."
    few = "schedule" if found["schedules"] == 1 else "schedules"
    return (
        f"The baseline against itself, in the life of this installation: {found['outside']} of {found['comparisons']} "
        f"comparisons in {found['schedules']} {few} outside their limits; by chance at most one schedule of a "
        "hundred has any."
    )


def ground(said: Document) -> list[dict[str, str]]:
    """Whether the ground is firm: what would block a verdict, candidate by candidate."""
    rows = []
    for row in said["candidates"]:
        held = row["state"] != Verdict.BLOCKED.value
        rows.append(
            {
                "Move": f"{row['workflow']} on {label(row['candidate'])}",
                "May be decided": ":green[:material/check:] yes" if held else ":yellow[:material/block:] blocked",
                "Why not": "" if held else row["reason"],
            }
        )
    return rows


def _moving(said: Document) -> list[Document]:
    """The candidate that each workflow moves to; of two that may go it is the one that was chosen."""
    places = {(row["workflow"], row["destination"]) for row in said["workflows"] if row["state"] == Verdict.GO.value}
    return [row for row in said["candidates"] if (row["workflow"], row["candidate"]) in places]


def _summed(rows: Sequence[Document | None]) -> tuple[str, str]:
    """Dollars a month of all that moves; the ends of a sum are the sums of the ends, which is wider than 95 %."""
    known = [row for row in rows if row is not None]
    if len(known) < len(rows):
        return "–", "not known of each move"
    ends = [[row[name] for row in known] for name in ("low", "high")]
    if any(end is None for each in ends for end in each):
        return whole_usd(sum(row["value"] for row in known)), "no interval yet"
    low, high = (sum(each) for each in ends)
    return whole_usd(sum(row["value"] for row in known)), f"{whole_usd(low)} to {whole_usd(high)}"


def _row(candidate: Document, gate: str) -> Document | None:
    rows: Sequence[Document] = candidate["gates"]
    return next((row for row in rows if row["gate"] == gate and row["value"] is not None), None)
