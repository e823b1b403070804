"""What `bakeoff traffic replay` shows: the replay of a profile on what was measured, as a document and as tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl
import typer
from sqlmodel import Session, select

from analysis.arrivals import LoadError
from analysis.layers import Layer
from analysis.traces import MOST_REQUESTS
from analysis.traffic import breakeven
from analysis.traffic.blended import Blended, Offered, blended, volumes
from analysis.traffic.breakeven import Bought
from analysis.traffic.equal import Terms, Tried
from analysis.traffic.measured import Subject, Unmeasured, services, subjects
from analysis.traffic.profile import MOST_PER_DAY, Traffic
from analysis.traffic.replay import ReplayError
from cli.figures import NANO, document_of, figures, interval, limits, percent
from cli.output import Refused, plain, table
from storage import frames
from storage.blobs import Blobs
from storage.layers import layers
from storage.list_prices import bought
from storage.models import Run, TrafficProfile
from storage.profiles import chosen, traffic_of
from words import Provider

BASELINE = Provider.MODAL.label
POINTS, SPAN = 15, 30.0
LEAST = 100  # requests of a replay
OFFERED = ("provider", "setting", "cold", "p95 s", "$ per 1,000", "$ a month", "saves", "why")
SETTINGS = ("provider", "gpu", "window s", "kept up", "hours", "cold", "p95 s", "$ per 1,000", "serves", "why")
CROSSINGS = ("option", "other", "requests a day", "$ per 1,000", "why")


class Ended(NamedTuple):
    """Frames of runs that are over."""

    deployments: pl.DataFrame
    jobs: pl.DataFrame
    charges: pl.DataFrame


def replayed(
    session: Session,
    blobs: Blobs,
    now: datetime,
    *,
    number: int | None,
    workflow: str | None,
    gpu: str | None,
    between: tuple[float, float] | None,
    requests: int,
    with_layers: bool,
) -> dict[str, Any]:
    """The document. Raises Refused, ProfileRefused where there is no such traffic or nothing to replay it on."""
    refuse_requests(requests)
    profile = chosen(session, number)
    traffic = traffic_of(profile, blobs)
    measured = ended(session, gpu)
    subject = _subject(measured.jobs, workflow)
    over = layers(session) if with_layers else []
    try:
        found = blend(measured, subject, traffic, layers=over, requests=requests, now=now)
        if isinstance(found, Unmeasured):
            raise Refused(found.reason)
        at = breakeven.grid(*(between or _around(traffic)), points=POINTS)
        others = bought(subject.workflow)
        curves, crossings = volumes(found, at, others, requests=min(found.terms.requests, breakeven.REQUESTS))
    except (LoadError, ReplayError) as error:
        raise Refused(str(error)) from None
    return {
        "simulated": profile.simulated,
        "traffic": asked(profile, traffic),
        "subject": subject._asdict(),
        "layers": [layer.name for layer in over],
        "providers": [_offered(each) for each in found.providers],
        "unmeasured": [{"provider": each.name, "gpu": each.gpu, "reason": each.reason} for each in found.unmeasured],
        "bought": [_bought(one) for one in others],
        "settings": document_of(found.settings),
        "break_evens": document_of(crossings),
        "curves": document_of(curves),
    }


def refuse_requests(requests: int) -> None:
    """Of fewer or more no replay is made."""
    if not LEAST <= requests <= MOST_REQUESTS:
        raise Refused(f"A replay takes {LEAST:,} to {MOST_REQUESTS:,} requests, not {requests:,}.")


def draw(shown: dict[str, Any]) -> None:
    """The document as tables."""
    mark = "SIMULATED: no real cloud, no real dollar.\n" if shown["simulated"] else ""
    traffic, subject = shown["traffic"], shown["subject"]
    typer.echo(
        f"{mark}{plain(traffic['name'])}, {traffic['per_day']:,.0f} requests a day, on {subject['workflow']} "
        f"({plain(subject['settings'])}). Equal service: each at its cheapest that serves as well"
    )
    table(OFFERED, [_best(row) for row in shown["providers"]])
    typer.echo("\nAs is: each as it is deployed now (most of this saving may be only a shorter window)")
    table(OFFERED, [_as_is(row) for row in shown["providers"]])
    for row in shown["unmeasured"]:
        typer.echo(f"{row['provider']} {row['gpu']}: {row['reason']}")
    typer.echo("\nSettings that were tried")
    table(SETTINGS, [_setting(row) for row in shown["settings"]])
    typer.echo("\nWhere the cheaper one changes")
    table(CROSSINGS, [_crossing(row) for row in shown["break_evens"]])
    for row in shown["bought"]:
        typer.echo(f"{row['name']}: {figures(row['usd_per_image'])} an image, not measured ({row['source']}).")


def blend(
    measured: Ended, subject: Subject, traffic: Traffic, *, layers: Sequence[Layer], requests: int, now: datetime
) -> Blended | Unmeasured:
    """The traffic on what was measured of a subject. Raises LoadError, ReplayError."""
    terms = Terms(traffic=traffic, requests=requests, requests_per_block=min(requests, Terms.requests_per_block))
    return blended(services(*measured, subject=subject, layers=layers, at=now), terms, baseline=BASELINE)


def ended(session: Session, gpu: str | None) -> Ended:
    """Of runs that can change no more."""
    runs = [row.id for row in session.exec(select(Run)) if row.status.final and row.id is not None]
    deployments, jobs = frames.deployments(session, runs), frames.jobs(session, runs)
    if gpu is not None:
        deployments, jobs = deployments.filter(gpu=gpu), jobs.filter(gpu=gpu)
    return Ended(deployments, jobs, frames.charges(session, runs))


def _subject(jobs: pl.DataFrame, workflow: str | None) -> Subject:
    found = subjects(jobs)
    mine = [each for each in found if workflow in (None, each.workflow)]
    if not mine:
        names = ", ".join(sorted({each.workflow for each in found})) or "nothing"
        what = "" if workflow is None else f" of {workflow}"
        raise Refused(f"No run{what} has ended yet with the jobs that a replay needs. Measured so far: {names}.")
    return mine[0]


def _around(traffic: Traffic) -> tuple[float, float]:
    return traffic.per_day / SPAN, min(traffic.per_day * SPAN, MOST_PER_DAY)


def asked(profile: TrafficProfile, traffic: Traffic) -> dict[str, Any]:
    """Which traffic was replayed."""
    return {"traffic": profile.id, "name": profile.name, "per_day": traffic.per_day, "source": profile.note}


def _bought(one: Bought) -> dict[str, Any]:
    return {"name": one.name, "usd_per_image": one.usd_per_image_nano / NANO, "source": one.source}


def _offered(each: Offered) -> dict[str, Any]:
    return {
        "provider": each.name,
        "equal_service": None if each.best is None else _tried(each.best),
        "as_is": _tried(each.as_is),
        "saving": limits(each.saving),
        "as_is_saving": limits(each.as_is_saving),
        "reason": each.reason,
    }


def _tried(each: Tried) -> dict[str, Any]:
    setting = each.setting
    return {
        "gpu": each.service.gpu,
        "window_s": None if setting.window_s == float("inf") else setting.window_s,
        "concurrency": setting.concurrency,
        "min_workers": setting.min_workers,
        "max_workers": setting.max_workers,
        "hours": setting.hours,
        "cold_share": limits(each.cold_share),
        "p95_s": limits(each.p95_s),
        "usd_per_image": limits(each.nano_per_image, size=NANO),
        "usd_per_month": limits(each.nano_per_month, size=NANO),
        "reason": each.reason,
    }


def _best(row: dict[str, Any]) -> list[Any]:
    if row["equal_service"] is None:
        return [row["provider"], *[None] * 6, row["reason"]]
    return [row["provider"], *_numbers(row["equal_service"]), _saves(row["saving"]), row["reason"]]


def _as_is(row: dict[str, Any]) -> list[Any]:
    return [row["provider"], *_numbers(row["as_is"]), _saves(row["as_is_saving"]), row["as_is"]["reason"]]


def _numbers(tried: dict[str, Any]) -> list[Any]:
    return [
        _said(tried), _scaled(tried["cold_share"], 100, ".1f", " %"), interval(tried["p95_s"], ".1f"),
        _scaled(tried["usd_per_image"], 1000, ".2f"), interval(tried["usd_per_month"], ",.0f"),
    ]  # fmt: skip


def _said(tried: dict[str, Any]) -> str:
    """L40S, window 60 s, 1 kept up; or L40S, 2 rented, 8-20 UTC."""
    if tried["min_workers"] and tried["min_workers"] == tried["max_workers"]:
        hours = "around the clock" if tried["hours"] is None else "{}-{} UTC".format(*tried["hours"])
        return f"{tried['gpu']}, {tried['min_workers']} rented, {hours}"
    window = "never gone" if tried["window_s"] is None else f"window {tried['window_s']:g} s"
    kept = f", {tried['min_workers']} kept up" if tried["min_workers"] else ""
    most = f", {tried['max_workers']} at most" if tried["max_workers"] else ""
    return f"{tried['gpu']}, {window}{kept}{most}"


def _saves(saving: dict[str, Any]) -> str | None:
    return _scaled(saving, 100, ".1f", " %")


def _scaled(found: dict[str, Any], size: float, form: str, unit: str = "") -> str | None:
    ends = {name: None if found[name] is None else found[name] * size for name in ("point", "low", "high")}
    return interval({**ends, "withheld": found["withheld"]}, form, unit=unit)


def _setting(row: dict[str, Any]) -> list[Any]:
    window = "never gone" if row["window_s"] is None else f"{row['window_s']:g}"
    p95 = None if row["p95_s"] is None else f"{row['p95_s']:.1f}"
    serves = "?" if row["serves"] is None else "yes" if row["serves"] else "no"
    kept = f"{row['min_workers']}{' *' if row['wins'] else ''}"
    told = [row["service"], row["gpu"], window, kept, row["hours"], percent(row["cold_share"]), p95]
    return [*told, _thousand(row["usd_per_image_nano"]), serves, row["why"]]


def _crossing(row: dict[str, Any]) -> list[Any]:
    volume = None if row["per_day"] is None else f"{row['per_day']:,.0f}"
    return [row["option"], row["other"], volume, _thousand(row["usd_per_image_nano"]), row["reason"]]


def _thousand(nano: int | None) -> str | None:
    return None if nano is None else figures(nano * 1000 / NANO)
