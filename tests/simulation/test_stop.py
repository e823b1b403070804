"""From a wish to stop everything until nothing costs money any more, by the simulator's own ledger."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from clock import VirtualClock, to_us
from collectors.stopping import STOP_S
from storage.db import DataFolder
from storage.models import Event, Job, Request, Run
from storage.plans import RunPlan
from storage.queries import ask
from tests.simulation.bakeoff import Bakeoff, plan
from tests.virtual import run
from words import JobStatus, Reason, RequestKind, RequestState, RunStatus

# World seconds after the launch: orders under way; hosts pull, serverless jobs run; rented jobs run; probes wait.
MOMENTS = (1.0, 4.0, 9.0, 30.0, 90.0, 200.0, 350.0)


def stopped(path: Path, after_s: float, *plans: RunPlan, killed: bool = False) -> tuple[Bakeoff, float]:
    """A bake-off that is stopped so long after its launch, and how long the last resource lived on."""
    made = Bakeoff(DataFolder(path), "quiet")

    async def scenario(clock: VirtualClock) -> float:
        made.open(clock)
        made.ask(clock, *(plans or (plan(warm=12, cold=5, idle_timeout_s=60), plan(warm=30, cold=4, gpu="H100"))))
        service = made.service(clock)
        asked = False
        task = asyncio.create_task(service.run(until=lambda: asked))
        await clock.sleep(after_s)
        if killed:
            task.cancel()
            await asyncio.wait([task])
            await service.ctx.writer.close()
            await clock.sleep(500)
        at = clock.now()
        with Session(made.engine()) as session:
            ask(session, RequestKind.STOP_ALL, {}, asked_by="ada", now=at)
            session.commit()
        asked = True
        if killed:
            service = made.service(clock)
            task = asyncio.create_task(service.run(until=lambda: True))
        await clock.sleep(STOP_S)
        live = [row.name for row in made.simulation.ledger.rented if row.pool.closed_us is None]
        assert live == []
        await task
        await service.ctx.writer.close()
        ends = [row.pool.closed_us for row in made.simulation.ledger.rented if row.pool.closed_us is not None]
        return (max(ends, default=to_us(at)) - to_us(at)) / 1e6

    return made, run(scenario)


def told(made: Bakeoff) -> tuple[list[Run], list[Job], Request, list[str]]:
    with made.reading() as session:
        (request,) = session.exec(select(Request)).all()
        events = [event.text for event in session.exec(select(Event))]
        return list(session.exec(select(Run))), list(session.exec(select(Job))), request, events


@pytest.mark.parametrize("after_s", MOMENTS)
def test_nothing_costs_money_a_minute_after_the_wish(tmp_path: Path, after_s: float) -> None:
    made, took_s = stopped(tmp_path, after_s)
    runs, jobs, request, events = told(made)
    assert took_s <= STOP_S
    assert (request.state, request.reply["left"]) == (RequestState.DONE, {"modal": 0, "runpod": 0, "vast": 0})
    assert request.answered_at - request.asked_at <= timedelta(seconds=STOP_S)
    assert {(row.status, row.stop_reason, row.left_running) for row in runs} == {(RunStatus.STOPPED, "asked by ada", 0)}
    assert {job.reason for job in jobs if job.status is not JobStatus.SUCCEEDED} <= {Reason.STOPPED}
    assert "Left running after everything was stopped: Modal 0, Runpod 0, Vast.ai 0." in events


def test_hosts_that_work_are_stopped_in_a_minute_as_well(tmp_path: Path) -> None:
    made, took_s = stopped(tmp_path, 480.0, plan(warm=400, cold=4, backends=("vast",), params={}))
    runs, jobs, request, _ = told(made)
    in_flight = [job for job in jobs if job.reason == Reason.STOPPED and job.sent_at is not None]
    assert len(in_flight) >= 3, "hosts were at work"
    assert took_s <= STOP_S
    assert request.reply["left"] == {"modal": 0, "runpod": 0, "vast": 0}
    assert [(row.status, row.left_running) for row in runs] == [(RunStatus.STOPPED, 0)]


def test_a_collector_that_was_dead_when_it_was_asked_begins_with_the_stop(tmp_path: Path) -> None:
    made, took_s = stopped(tmp_path, 90.0, killed=True)
    _, _, request, _ = told(made)
    assert took_s <= STOP_S
    assert request.reply["left"] == {"modal": 0, "runpod": 0, "vast": 0}


def test_nothing_is_paid_for_after_the_wish(tmp_path: Path) -> None:
    made, _ = stopped(tmp_path, 200.0)
    _, jobs, request, _ = told(made)
    assert [
        job.key for job in jobs if job.sent_at is not None and job.sent_at > request.asked_at + timedelta(seconds=5)
    ] == []
    assert sum(job.sent_at is not None for job in jobs) == sum(
        count for verb, count in made.simulation.ledger.paid_calls.items() if verb.endswith(".submit")
    )


def test_what_a_collector_that_never_comes_back_leaves_costs_nothing_after_the_timers_hours(tmp_path: Path) -> None:
    made = Bakeoff(DataFolder(tmp_path))

    async def scenario(clock: VirtualClock) -> None:
        made.open(clock)
        made.ask(clock, plan(warm=12, cold=4))
        service = made.service(clock)
        task = asyncio.create_task(service.run())
        await clock.sleep(100)
        task.cancel()
        await asyncio.wait([task])
        await service.ctx.writer.close()

    run(scenario)
    engine = made.simulation.engine
    engine.advance(engine.now_us + 8 * 3_600_000_000)
    spent = sum(charge.usd for charge in made.simulation.ledger.charges())
    assert {row.backend for row in made.simulation.ledger.rented if row.pool.closed_us is not None} >= {"vast"}
    assert [row.name for row in made.simulation.ledger.rented if row.pool.alive()] == []
    engine.advance(engine.now_us + 100 * 3_600_000_000)
    assert sum(charge.usd for charge in made.simulation.ledger.charges()) == spent
