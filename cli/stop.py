"""`bakeoff stop`: end a run, or everything, and tell what is left running."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any

import typer
from sqlmodel import Session

from cli.launch import user
from cli.output import AsJson, Refused, data_folder, give, reading, say, world_clock, writing
from storage.db import FolderInUse, lock_folder
from storage.models import Request, Run
from storage.queries import ask
from words import RequestKind, RequestState, called

WAIT_S = 90.0  # world seconds for the answer: the collector looks every 2 s and gives itself 60
LOOK_S = 0.2  # liveness seconds


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("stop")(stop)


def stop(
    run: Annotated[int | None, typer.Argument(help="Number of the run.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every run; schedules are paused.")] = False,
    json: AsJson = False,
) -> None:
    """Cancel what is in flight, destroy what is rented, and prove that nothing is left. Exit code 1 without the proof.

    The wish is kept: without a collector, the next one carries it out before anything else.
    """
    if (run is None) is not everything:
        raise Refused("Name one run, as in `bakeoff stop 3`, or everything with `bakeoff stop --all`.")
    with writing() as session:
        request_id = _ask(session, run)
    asked = _answer(request_id) if _collector_runs() else None
    if asked is not None and asked.state is RequestState.REFUSED:
        raise Refused(asked.reply["error"])
    reply: dict[str, Any] = asked.reply if asked is not None else {}
    left = reply.get("left", {})
    proven = asked is not None and all(count == 0 for count in left.values())
    if json:
        state = RequestState.ASKED if asked is None else asked.state
        give({"request": request_id, "state": state.value, "runs": reply.get("runs", []), "left": left})
    else:
        say(_told(left) if asked is not None else _unanswered())
    raise typer.Exit(0 if proven else 1)


def _ask(session: Session, run: int | None) -> int:
    now = world_clock(data_folder()).now()
    if run is None:
        return ask(session, RequestKind.STOP_ALL, {}, asked_by=user(), now=now).id or 0
    row = session.get(Run, run)
    if row is None:
        raise Refused(f"There is no run {run}. `bakeoff runs` lists them.")
    if row.status.final:
        raise Refused(f"Run {run} is {row.status.value} already.")
    return ask(session, RequestKind.STOP_RUN, {"run_id": run}, asked_by=user(), now=now).id or 0


def _collector_runs() -> bool:
    """Whoever holds the folder's lock is one."""
    try:
        with lock_folder(data_folder()):
            return False
    except FolderInUse:
        return True


def _answer(request_id: int) -> Request | None:
    """The request once the collector has answered it; None if it did not in time."""

    async def wait() -> Request | None:
        clock = world_clock(data_folder())
        until = clock.now() + timedelta(seconds=WAIT_S)
        while clock.now() < until:
            with reading() as session:
                row = session.get_one(Request, request_id)
                if row.state is not RequestState.ASKED:
                    return row
            await clock.rest(LOOK_S)
        return None

    return asyncio.run(wait())


def _unanswered() -> str:
    if _collector_runs():
        return (
            f"The collector has not answered within {WAIT_S:.0f} s; the wish is kept. See its log and `bakeoff runs`."
        )
    return (
        f"No collector runs on {data_folder().path}: nothing was stopped yet, and what is rented costs money. "
        "Start `bakeoff collect`: it carries this out before anything else."
    )


def _told(left: dict[str, int | None]) -> str:
    """Left running: Modal 0, Runpod 0, Vast.ai 0."""
    parts = [f"{called(name)} {'unknown' if count is None else count}" for name, count in left.items()]
    sentence = f"Left running: {', '.join(parts) or 'nothing that we rent'}."
    if any(count != 0 for count in left.values()):
        sentence += " The collector goes on trying; look for yourself as docs/runbooks say."
    return sentence
