"""What `bakeoff traffic payback` shows: whether a move pays back, held against hours, fees and storage."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import typer
from sqlmodel import Session

from analysis.arrivals import LoadError
from analysis.moves import Assumed, Move, moves
from analysis.tco import Beside, Span
from analysis.traffic.measured import Unmeasured, subjects
from analysis.traffic.replay import ReplayError
from cli.figures import interval, money
from cli.output import Refused, plain, table
from cli.replays import asked, blend, ended, refuse_requests
from storage.blobs import Blobs
from storage.effort import effort
from storage.layers import layers
from storage.list_prices import plans
from storage.profiles import chosen, traffic_of
from words import EffortKind, Provider

MOVES = ("workflow", "to", "saving $ a month", "beside the bill", "net $ a month", "payback, months", "comes to")
BASELINE = Provider.MODAL
MOST = 1e6


def assumed_of(
    often: Sequence[str], at_rest: Sequence[str], *, plan: str, once: float, hourly: float, least: float
) -> Assumed:
    """As options say it. Raises Refused."""
    fees = {each.name: float(each.monthly_usd) for each in plans(BASELINE)}
    if plan not in fees:
        raise Refused(f"Modal's plans are {', '.join(fees)}, not '{plan}'.")
    if not all(0 <= value <= MOST for value in (once, hourly, least)):
        raise Refused(f"Hours and dollars are from 0 to {MOST:,.0f}.")
    per_month = _pairs(often, "--often", EffortKind)
    return Assumed(
        **({"per_month": {EffortKind(kind): times for kind, times in per_month.items()}} if per_month else {}),
        one_off_hours=once,
        hourly_usd=hourly,
        least_usd=least,
        plan_usd={BASELINE.value: fees[plan]},
        storage_usd=_pairs(at_rest, "--at-rest", Provider),
    )


def paid_back(
    session: Session,
    blobs: Blobs,
    now: datetime,
    *,
    number: int | None,
    workflow: str | None,
    gpu: str | None,
    requests: int,
    with_layers: bool,
    assumed: Assumed,
) -> dict[str, Any]:
    """The document. Raises Refused, ProfileRefused where there is no such traffic or nothing to replay it on."""
    refuse_requests(requests)
    profile = chosen(session, number)
    traffic, measured = traffic_of(profile, blobs), ended(session, gpu)
    mine = {each.workflow: each for each in reversed(subjects(measured.jobs)) if workflow in (None, each.workflow)}
    if not mine:
        raise Refused(f"No run{f' of {workflow}' if workflow else ''} has ended yet: no saving is known.")
    over, log = layers(session) if with_layers else [], effort(session)
    shown: dict[str, Any] = {"moves": [], "unmeasured": []}
    for name, subject in mine.items():
        try:
            found = blend(measured, subject, traffic, layers=over, requests=requests, now=now)
        except (LoadError, ReplayError) as error:
            raise Refused(str(error)) from None
        if isinstance(found, Unmeasured):
            shown["unmeasured"].append({"workflow": name, "reason": found.reason})
        else:
            shown["moves"] += [_told(name, move) for move in moves(found, log, assumed, baseline=BASELINE)]
    return {
        "simulated": profile.simulated or bool(measured.jobs["simulated"].any()),
        "traffic": asked(profile, traffic),
        "layers": [layer.name for layer in over],
        "assumed": asdict(assumed) | {"plan_source": plans(BASELINE)[0].source},
        **shown,
    }


def draw(shown: dict[str, Any]) -> None:
    """The document as a table, with what it rests on."""
    mark = "SIMULATED: no real cloud, no real dollar.\n" if shown["simulated"] else ""
    traffic, assumed = shown["traffic"], shown["assumed"]
    typer.echo(
        f"{mark}{plain(traffic['name'])}, {traffic['per_day']:,.0f} requests a day: does a move pay back? "
        "(saving at equal service; 95 %)"
    )
    table(MOVES, [_row(row) for row in shown["moves"]])
    for row in shown["unmeasured"]:
        typer.echo(f"{row['workflow']}: {row['reason']}")
    often = ", ".join(f"{kind} {times:g}" for kind, times in assumed["per_month"].items() if times) or "no task"
    fee = money(assumed["plan_usd"][BASELINE.value])
    rest = ", ".join(f"{each.label} {money(assumed['storage_usd'].get(each.value, 0.0))}" for each in Provider)
    typer.echo(
        f"Assumed: the move takes {assumed['one_off_hours']:g} h (--once); a month {often} (--often); an hour is "
        f"{money(assumed['hourly_usd'])} (--hourly); below {money(assumed['least_usd'])} a month a saving is too small "
        f"(--least); storage at rest a month {rest} (--at-rest).\n"
        f"Modal's plan is {fee} a month (--modal-plan; {assumed['plan_source']}): "
        "a fee counts as saved, which holds if nothing stays on Modal; none is counted elsewhere."
    )


def _pairs(said: Sequence[str], option: str, known: Iterable[str]) -> dict[str, float]:
    names = [str(each) for each in known]
    found = {}
    for text in said:
        name, _, amount = text.partition("=")
        if name not in names:
            raise Refused(f"{option} is NAME=NUMBER with one of {', '.join(names)}, not '{text[:60]}'.")
        found[name] = _number(amount, option)
    return found


def _number(text: str, option: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise Refused(f"{option} needs a number, not '{text[:60]}'.") from None
    if not 0 <= value <= MOST:
        raise Refused(f"{option} is from 0 to {MOST:,.0f}, not {text[:60]}.")
    return value


def _told(workflow: str, move: Move) -> dict[str, Any]:
    owned = move.owned
    return {
        "workflow": workflow,
        "provider": move.name,
        "saving_usd_per_month": _ends(move.saving),
        "beside_usd_per_month": {"candidate": _beside(move.candidate), "baseline": _beside(move.baseline)},
        "more_usd_per_month": owned.more_usd if owned else None,
        "net_usd_per_month": _ends(owned.net if owned else None),
        "one_off_usd": owned.one_off_usd if owned else None,
        "payback_months": _ends(owned.payback if owned else None, _months),
        "outcome": owned.outcome if owned else None,
        "reason": move.said,
    }


def _beside(found: Beside) -> dict[str, Any]:
    return asdict(found) | {"usd": found.usd}


def _ends(found: Span | None, write: Callable[[float], Any] = float) -> dict[str, Any]:
    ends = {} if found is None else asdict(found)
    return {name: None if ends.get(name) is None else write(ends[name]) for name in ("point", "low", "high")}


def _months(value: float) -> float | str:
    return "never" if math.isinf(value) else value


def _row(row: dict[str, Any]) -> list[Any]:
    paid = row["payback_months"]
    told = [
        _dollars(row["saving_usd_per_month"]),
        money(row["more_usd_per_month"], 0),
        _dollars(row["net_usd_per_month"]),
    ]
    ends = (
        f" [{_month(paid['low'])}, {_month(paid['high'])}]"
        if paid["low"] is not None and paid["high"] is not None
        else ""
    )
    months = None if paid["point"] is None else f"{_month(paid['point'])}{ends}"
    return [row["workflow"], row["provider"], *told, months, row["reason"]]


def _dollars(found: dict[str, Any]) -> str | None:
    return interval({**found, "withheld": None}, ",.0f")


def _month(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.1f}"
