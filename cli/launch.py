"""`bakeoff launch`: ask for a run."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session, col, select

from cli.loads import load_asked
from cli.output import AsJson, Refused, data_folder, give, say, world_clock, writing
from storage.models import Backend, Offer
from storage.plans import RunPlan, insert_run
from workflows import load

LOAD_HELP = (
    'Instead of warm and cold: "concurrent n=50 k=5", "constant n=100 per_hour=120", "poisson n=100 per_hour=42 '
    'seed=1", "gamma n=100 per_hour=42 cv=2", "burst size=10 bursts=2 every_s=600", "ramp n=100 from_per_hour=10 '
    'to_per_hour=200", "eviction_probe window_s=60".'
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("launch")(launch)


def launch(
    workflow: Annotated[str, typer.Argument(help="flux-dev, qwen-image-2512 or qwen-image-2512-fast.")],
    cap: Annotated[str, typer.Option(help="Spend cap of this run in dollars; it stops there.")],
    cap_gpu_seconds: Annotated[int | None, typer.Option(help="Ceiling in GPU-seconds, beside --cap.")] = None,
    gpu: Annotated[str | None, typer.Option(help="GPU; default: what production uses for the workflow.")] = None,
    backend: Annotated[list[str] | None, typer.Option(help="modal, runpod, vast; repeat the option.")] = None,
    warm: Annotated[int, typer.Option(help="Warm jobs per backend, back to back.")] = 24,
    cold: Annotated[int, typer.Option(help="Cold jobs per backend; on Vast.ai each is a fresh host.")] = 4,
    repeats: Annotated[int, typer.Option(help="Repeats of one warm job for the cache check; 0 for none.")] = 3,
    load_profile: Annotated[str | None, typer.Option("--load", help=LOAD_HELP)] = None,
    trace: Annotated[Path | None, typer.Option(help="File of past instants to replay, one a line, UTC.")] = None,
    max_workers: Annotated[int, typer.Option(help="Workers that may run at once, where a backend scales.")] = 1,
    idle_timeout: Annotated[int, typer.Option(help="Seconds after which idle capacity goes away.")] = 10,
    size: Annotated[int | None, typer.Option(help="Width and height in pixels.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoiser steps.")] = None,
    note: Annotated[str, typer.Option(help="Shown beside the run.")] = "",
    json: AsJson = False,
) -> None:
    """Insert a run for the collector to start. It rents capacity on every backend named, and tears it down."""
    now = world_clock(data_folder()).now()
    arriving = load_asked(load_profile, trace, now=now)
    jobs = {"load": arriving} if arriving else {"warm": warm, "cold": cold, "repeats": repeats if warm else 0}
    params = {"width": size, "height": size, "steps": steps}
    plan = RunPlan(
        workflow=workflow,
        gpu=gpu or load(workflow).default_gpu,
        backends=backend or ["modal", "runpod", "vast"],
        **jobs,
        idle_timeout_s=idle_timeout,
        max_workers=max_workers,
        cap_usd=dollars(cap),
        cap_gpu_s=cap_gpu_seconds,
        params={name: value for name, value in params.items() if value is not None},
        note=note,
        asked_by=user(),
    )
    _insert(plan, now, as_json=json)


def _insert(plan: RunPlan, now: datetime, *, as_json: bool) -> None:
    with writing() as session:
        _check(session, plan)
        run_id = insert_run(session, plan, now=now)
    if as_json:
        give({"run": run_id})
    else:
        say(f"Run {run_id} waits for the collector. Watch it with `bakeoff runs` or on the page Runs.")


def _check(session: Session, plan: RunPlan) -> None:
    known = sorted(session.exec(select(Backend.name)))
    for name in plan.backends:
        if name not in known:
            raise Refused(f"There is no backend '{name}'. Known here: {', '.join(known) or 'none yet'}.")
    gpus = sorted(set(session.exec(select(Offer.gpu).where(col(Offer.backend).in_(plan.backends)))))
    if plan.gpu not in gpus:
        seen = ", ".join(gpus) or "none yet"
        raise Refused(f"No {plan.gpu} was ever on offer at {', '.join(plan.backends)}. On offer here: {seen}.")


def user() -> str:
    """Who asks; empty where the account has no name."""
    try:
        return getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return ""


def dollars(text: str) -> Decimal:
    """An amount as typed. Raises Refused."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Refused(f"The spend cap must be a number of dollars, not '{text}'.") from None
