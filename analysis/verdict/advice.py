"""What it costs if a verdict is wrong, and what it costs to know more: of its document. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.verdict.buying import MONTHS
from analysis.verdict.levers import usd_text
from analysis.verdict.said import NAMES
from words import Gate, Verdict, called

OPEN = (Verdict.INSUFFICIENT.value, Verdict.NOT_SHOWN.value)
Document = Mapping[str, Any]
HEAD = ("Move", "Gate", "Chance", "Needs", "Hours", "$")
_NOT_KNOWN = "not known: what is left of the saving has no limits"


def if_wrong(said: Document) -> list[str]:
    """A sentence for each workflow: of a move its work and the way back, of a stay what is forgone."""
    return [
        _moving(said, row) if row["state"] == Verdict.GO.value else _staying(said, row) for row in said["workflows"]
    ]


def _moving(said: Document, placed: Document) -> str:
    (row,) = (each for each in _of(said, placed["workflow"]) if each["candidate"] == placed["destination"])
    work = f"{_move(row)}, {usd_text(row['one_off_usd'])} for the move and as much for the way back"
    low = _year(row, "low")
    if low is None:
        return f"{work}; what its first year brings is {_NOT_KNOWN}."
    brings = f"still brings {usd_text(low)}" if low >= 0 else f"loses {usd_text(-low)}"
    return f"{work}; at the lower limit its first year {brings}."


def _staying(said: Document, placed: Document) -> str:
    """Candidates that are surely worse are no loss."""
    stays = f"{placed['workflow']} stays on {called(placed['destination'])}"
    left = [row for row in _of(said, placed["workflow"]) if row["state"] != Verdict.NO_GO.value]
    if not left:
        return f"{stays}, nothing, each candidate is surely worse than a limit."
    known = [(high, row) for row in left if (high := _year(row, "high")) is not None]
    if len(known) < len(left):
        return f"{stays}, {_NOT_KNOWN}."
    high, row = max(known, key=lambda each: each[0])
    if high <= 0:
        return f"{stays}, nothing, even at the upper limit no move pays in its first year."
    return (
        f"{stays}, at most {usd_text(high)} forgone in the first year, the upper limit on {called(row['candidate'])}."
    )


def _year(row: Document, end: str) -> float | None:
    """What a first year brings at that limit of the net saving, the move paid; None: not known."""
    worth = next((gate for gate in row["gates"] if gate["gate"] == Gate.WORTH.value), None)
    if worth is None or worth[end] is None or row["one_off_usd"] is None:
        return None
    return float(MONTHS * worth[end] - row["one_off_usd"])


# ---------------------------------------------------------------- knowing more


def to_know_more(said: Document) -> str:
    """214 jobs, $31, 2 days; each move measured by itself."""
    bought = [row["buy"] for row in said["candidates"] if row["buy"] and row["buy"]["buys"]]
    if not bought:
        return _nothing_bought(said)
    jobs, usd = (sum(each[name] for each in bought) for name in ("jobs", "usd"))
    days = max(each["days"] for each in bought)
    parts = [f"{jobs:,} jobs" if jobs else "no job", f"${usd:,.0f}"]
    parts += [f"{days} day{'' if days == 1 else 's'}"] if days else []
    also = list(dict.fromkeys(ask for each in bought for ask in each["asks"]))
    alone = "each move measured by itself" if len(bought) > 1 else ""
    return "; ".join([", ".join(parts), *([alone] if alone else []), *also])


def _nothing_bought(said: Document) -> str:
    if _open(said):
        return "nothing is worth buying"
    return (
        "not known: no price of a job is known"
        if any(row["state"] in OPEN for row in said["candidates"])
        else ("nothing, no move is open")
    )


def rows(said: Document) -> list[list[str]]:
    """Under `HEAD`: for each open move its gates in the order in which to finish them, then all of them together."""
    return [row for each in _open(said) for row in _rows(each)]


def _open(said: Document) -> Sequence[Document]:
    return [row for row in said["candidates"] if row["buy"]]


def _rows(row: Document) -> Iterator[list[str]]:
    found, move = row["buy"], _move(row)
    if not found["buys"]:
        yield [move, "all", _chance(found["chance"]), _nothing(found), "", ""]
        return
    for step in found["steps"]:
        gate = NAMES[Gate(step["gate"])]
        yield [move, gate, _chance(step["chance"]), step["what"], _hours(step["hours"]), f"{step['usd']:,.0f}"]
    yield [move, "all", _chance(found["chance"]), found["sentence"], _hours(found["hours"]), f"{found['usd']:,.0f}"]


def _nothing(found: Document) -> str:
    worth, usd = found["worth_usd"], found["usd"]
    if worth is None or usd <= worth:
        return "nothing: no plan would likely settle it"
    return f"nothing: knowing is worth ${worth:,.0f} at most, less than the ${usd:,.0f} that it costs"


def _chance(share: float | None) -> str:
    return "not known" if share is None else f"{share * 100:.0f} %"


def _hours(hours: float) -> str:
    return f"{hours:.1f}" if hours else ""


def _of(said: Document, workflow: str) -> list[Document]:
    return [row for row in said["candidates"] if row["workflow"] == workflow]


def _move(row: Document) -> str:
    return f"{row['workflow']} on {called(row['candidate'])}"
