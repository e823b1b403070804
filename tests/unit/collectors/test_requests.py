"""What the web asks for is answered once, whatever was asked, and never brings the collector down."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from backends.errors import AuthFailed, NotYetGone, Unavailable
from collectors.requests import answer_all, answer_stops
from collectors.runs import drive_run
from collectors.spending import Ceilings, Limit
from collectors.stopping import STOP_S
from storage.db import StorageError
from storage.models import Backend, Offer, Request, Run, Schedule
from tests.unit.collectors.fakes import RATE, RENTED, Desk, FakeBackend, killed, play, until
from words import JobStatus, Reason, RequestKind, RequestState, RunStatus, ScheduleStatus

DRY: dict[str, Any] = {
    "workflow": "flux-dev",
    "gpu": "L40S",
    "backends": ["alpha"],
    "warm": 4,
    "cold": 2,
    "cap_usd": "10",
}


def put(desk: Desk, kind: str, **arguments: Any) -> None:
    with Session(desk.engine) as session:
        session.add(Request(kind=kind, arguments=arguments, asked_by="ada", asked_at=desk.clock.now()))
        session.commit()


async def answered(desk: Desk, kind: str, **arguments: Any) -> Request:
    put(desk, kind, **arguments)
    await answer_all(desk.ctx)
    await answer_stops(desk.ctx)
    request: Request = desk.rows(Request)[-1]
    return request


def ask(path: Path, kind: str, *backends: Any, **arguments: Any) -> Request:
    async def scenario(desk: Desk) -> Request:
        return await answered(desk, kind, **arguments)

    return play(path, scenario, *backends)


# ---------------------------------------------------------------- recheck and dry run


def test_a_recheck_asks_every_provider_and_keeps_state_and_offers(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Request, dict[str, str], set[tuple[str, str]]]:
        desk.backend.plan("offers", AuthFailed("alpha refused the key (401)."))
        reply = await answered(desk, RequestKind.RECHECK)
        with Session(desk.engine) as session:
            states = {name: session.get_one(Backend, name).state for name in ("alpha", "beta")}
        return reply, states, {(offer.backend, offer.gpu) for offer in desk.rows(Offer)}

    reply, states, offers = play(tmp_path, scenario, FakeBackend, lambda clock: FakeBackend(clock, name="beta"))
    assert (reply.state, reply.reply) == (RequestState.DONE, {})
    assert reply.answered_at is not None
    assert states == {"alpha": "alpha refused the key (401).", "beta": "ready"}
    assert offers == {("beta", "L40S"), ("beta", "H100")}


def test_an_unchanged_offer_is_kept_once_and_a_new_price_again(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[int]:
        counts = []
        for gpus in (("L40S",), ("L40S",), ("L40S", "H100")):
            desk.backend.gpus = gpus
            await answered(desk, RequestKind.RECHECK)
            counts.append(len(desk.rows(Offer)))
        return counts

    assert play(tmp_path, scenario) == [3, 3, 6]


def test_a_dry_run_says_what_would_be_started_and_rents_nothing(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Request, int, int]:
        reply = await answered(desk, RequestKind.DRY_RUN, **{**DRY, "backends": ["alpha", "beta"]})
        return reply, desk.backend.count("deploy"), desk.backend.count("submit")

    beta = lambda clock: FakeBackend(clock, name="beta", features=RENTED, gpus=())  # noqa: E731
    reply, orders, submits = play(tmp_path, scenario, FakeBackend, beta)
    assert (reply.state, orders, submits) == (RequestState.DONE, 0, 0)
    assert reply.reply["arms"] == {
        "alpha": {"deployments": 1, "jobs": 6, "offers": 3, "usd_per_s": str(RATE)},
        "beta": {"deployments": 2, "jobs": 6, "offers": 0, "usd_per_s": None},
    }


def test_a_provider_that_cannot_be_asked_says_so_in_its_own_arm(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> dict[str, Any]:
        desk.backend.plan("offers", Unavailable("alpha cannot be reached."))
        return (await answered(desk, RequestKind.DRY_RUN, **DRY)).reply

    assert play(tmp_path, scenario)["arms"] == {"alpha": {"error": "alpha cannot be reached."}}


def test_a_dry_run_names_every_ceiling_and_what_is_taken_of_it(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> dict[str, Any]:
        run_id = desk.ask(warm=5)
        task = asyncio.create_task(drive_run(desk.ctx, run_id))
        await desk.clock.sleep(20)
        desk.ctx.ceilings = Ceilings(day=Limit(usd=Decimal(7)), installation=Limit(Decimal(60), 9000))
        reply = (await answered(desk, RequestKind.DRY_RUN, **DRY, cap_gpu_s=500)).reply["ceilings"]
        await killed(task)
        return reply  # type: ignore[no-any-return]

    found = play(tmp_path, scenario)
    assert found["run"] == {"usd": "10", "gpu_s": "500"}
    assert found["job"] == {"usd": None, "gpu_s": None}
    taken = {"taken_usd": str(70 * RATE), "taken_gpu_s": "70.0"}  # of an order: its first job and its idle window
    assert found["day"] == {"usd": "7", "gpu_s": None, **taken}
    assert found["installation"] == {"usd": "60", "gpu_s": "9000", **taken}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"workflow": "sdxl"}, "There is no workflow 'sdxl'"),
        ({"backends": ["lambda"]}, "There is no backend 'lambda'. Known: alpha."),
        ({"backends": []}, "at least one backend"),
        ({"warm": -1}, "at least 1 cold and 0 warm"),
        ({"cold": 0}, "at least 1 cold and 0 warm"),
        ({"cap_usd": "much"}, "must be a number of dollars"),
        ({"cap_usd": "nan"}, "must be a number of dollars, not NaN"),
        ({"cap_usd": "inf"}, "must be a number of dollars, not Infinity"),
        ({"cap_usd": "0"}, "must be above $0"),
        ({"cap_usd": None}, "must be a number of dollars"),
        ({"params": {"width": 7}}, "width"),
        ({"colour": "red"}, "colour"),
        ({"warm": "many"}, "warm must be a whole number, not 'many'"),
        ({"warm": True}, "warm must be a whole number"),
        ({"warm": 10_000}, "at most 10,000 jobs"),
        ({"idle_timeout_s": 0}, "idle_timeout_s must be at least 1"),
        ({"backends": ["alpha", "alpha"]}, "each backend once"),
        ({"backends": "alpha"}, "at least one backend"),
        ({"cap_usd": "1e30"}, "at most $1,000,000"),
    ],
)
def test_a_wrong_dry_run_is_refused_with_the_cause(tmp_path: Path, wrong: dict[str, Any], says: str) -> None:
    reply = ask(tmp_path, RequestKind.DRY_RUN, **{**DRY, **wrong})
    assert reply.state is RequestState.REFUSED
    assert says in reply.reply["error"]


# ---------------------------------------------------------------- stop


def test_a_stop_is_written_into_the_run_and_heard_at_once(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Request, Any, set[int], list[str]]:
        run_id = desk.ask()
        reply = await answered(desk, RequestKind.STOP_RUN, run_id=run_id)
        return reply, desk.run(), desk.ctx.stopping, desk.told("run")

    reply, run, stopping, told = play(tmp_path, scenario)
    assert reply.state is RequestState.DONE
    assert (run.stop_reason, stopping) == ("asked by ada", {1})
    assert told == ["Run 1 was asked to stop."]


@pytest.mark.parametrize("run_id", [99, None, "1", 1.5, [1]])
def test_there_is_no_stopping_what_is_not_there(tmp_path: Path, run_id: Any) -> None:
    async def scenario(desk: Desk) -> tuple[Request, set[int]]:
        desk.ask()
        return await answered(desk, RequestKind.STOP_RUN, run_id=run_id), desk.ctx.stopping

    reply, stopping = play(tmp_path, scenario)
    assert (reply.state, reply.reply) == (RequestState.REFUSED, {"error": f"There is no run {run_id}."})
    assert stopping == set()


@pytest.mark.parametrize("status", [status for status in RunStatus if status.final])
def test_a_run_that_is_over_cannot_be_stopped(tmp_path: Path, status: RunStatus) -> None:
    async def scenario(desk: Desk) -> tuple[Request, Any]:
        run_id = desk.ask()
        desk.change(desk.run(), status=status)
        return await answered(desk, RequestKind.STOP_RUN, run_id=run_id), desk.run()

    reply, run = play(tmp_path, scenario)
    assert reply.reply == {"error": f"Run 1 is {status.value} already."}
    assert run.stop_reason is None


def test_a_stop_answered_by_a_collector_that_dies_right_then_is_kept_by_the_next(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Any, int]:
        run_id = desk.ask(warm=9)
        task = asyncio.create_task(drive_run(desk.ctx, run_id))
        await desk.clock.sleep(45)
        await answered(desk, RequestKind.STOP_RUN, run_id=run_id)
        await killed(task)
        submits = desk.backend.count("submit")
        await drive_run(desk.restart().ctx, run_id)
        return desk.run(), desk.backend.count("submit") - submits

    run, sent_later = play(tmp_path, scenario)
    assert (run.status, sent_later) == (RunStatus.STOPPED, 0)


@pytest.mark.parametrize("wait_s", [0.5, 2, 20, 31, 36, 60])  # ordering, provisioning, ready, running
def test_everything_is_stopped_wherever_it_stands_and_nothing_is_left(tmp_path: Path, wait_s: float) -> None:
    async def scenario(desk: Desk) -> tuple[Request, float, list[Any], set[str | None], int]:
        for _ in range(2):
            desk.ask(warm=20, cold=2)
        tasks = [asyncio.create_task(drive_run(desk.ctx, run_id)) for run_id in (1, 2)]
        await desk.clock.sleep(wait_s)
        began = desk.clock.now()
        reply = await answered(desk, RequestKind.STOP_ALL)
        took_s = (desk.clock.now() - began).total_seconds()
        standing = sum(len(backend.standing()) for backend in fakes(desk))
        await asyncio.wait(tasks)
        reasons = {job.reason for job in desk.jobs() if job.status is not JobStatus.SUCCEEDED}
        return reply, took_s, desk.rows(Run), reasons, standing

    beta = lambda clock: FakeBackend(clock, name="beta", features=RENTED)  # noqa: E731
    reply, took_s, runs, reasons, standing = play(tmp_path, scenario, FakeBackend, beta)
    assert reply.state is RequestState.DONE
    assert reply.reply == {"runs": [1, 2], "left": {"alpha": 0, "beta": 0}}
    assert took_s <= STOP_S
    assert standing == 0
    assert {(run.status, run.stop_reason, run.left_running) for run in runs} == {(RunStatus.STOPPED, "asked by ada", 0)}
    assert reasons == {Reason.STOPPED}


def fakes(desk: Desk) -> list[FakeBackend]:
    return [backend for backend in desk.ctx.backends.values() if isinstance(backend, FakeBackend)]


def test_a_stop_of_all_ends_orphans_and_pauses_schedules(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[dict[str, Any], int, Any]:
        desk.backend._rent(f"{desk.ctx.token}-r9-alpha-0")
        desk.backend._rent("somebody-elses")
        with Session(desk.engine) as session:
            desk.ask()
            row = session.get_one(Run, 1)
            shared = {"gpu": "L40S", "cap_usd": Decimal(9), "seed": 1, "simulated": True, "asked_at": desk.clock.now()}
            session.add(Schedule(workflow_hash=row.workflow_hash, **shared))
            session.commit()
        reply = (await answered(desk, RequestKind.STOP_ALL)).reply
        (schedule,) = desk.rows(Schedule)
        return reply, [rental.ref.key for rental in desk.backend.standing()], (schedule.status, schedule.reason)

    reply, standing, schedule = play(tmp_path, scenario)
    assert reply == {"runs": [1], "left": {"alpha": 0}}
    assert standing == ["somebody-elses"]
    assert schedule == (ScheduleStatus.PAUSED, "asked by ada")


def test_what_cannot_be_listed_is_not_called_gone(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[dict[str, Any], float]:
        desk.backend.plan("live", *[Unavailable("alpha cannot be reached.")] * 200)
        began = desk.clock.now()
        reply = (await answered(desk, RequestKind.STOP_ALL)).reply
        return reply, (desk.clock.now() - began).total_seconds()

    reply, took_s = play(tmp_path, scenario)
    assert reply["left"] == {"alpha": None}
    assert took_s <= STOP_S + 2


def test_what_will_not_go_is_told_as_left(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> dict[str, Any]:
        desk.backend._rent(f"{desk.ctx.token}-r9-alpha-0")
        desk.backend.plan("teardown", *[NotYetGone("not yet")] * 200)
        reply: dict[str, Any] = (await answered(desk, RequestKind.STOP_ALL)).reply
        return reply

    assert play(tmp_path, scenario)["left"] == {"alpha": 1}


def test_a_stop_destroys_each_thing_once(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[int]:
        run_id = desk.ask(warm=4, cold=3)
        task = asyncio.create_task(drive_run(desk.ctx, run_id))
        await desk.clock.sleep(45)
        await answered(desk, RequestKind.STOP_RUN, run_id=run_id)
        await task
        return [desk.backend.count("deploy"), desk.backend.count("teardown")]

    assert play(tmp_path, scenario, lambda clock: FakeBackend(clock, features=RENTED)) == [3, 3]


class Slow(FakeBackend):
    """A provider that takes its time to tell its prices."""

    async def offers(self, gpu: str) -> Any:
        """Later."""
        await self.clock.sleep(500)
        return await super().offers(gpu)


def test_a_stop_does_not_wait_for_a_recheck(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> float:
        task = asyncio.create_task(desk.service().run())
        await desk.clock.sleep(5000)
        put(desk, RequestKind.RECHECK)
        await desk.clock.sleep(10)
        put(desk, RequestKind.STOP_ALL)
        await until(desk.clock, lambda: desk.rows(Request)[-1].state is RequestState.DONE)
        await killed(task)
        assert desk.rows(Request)[0].state is RequestState.ASKED
        last = desk.rows(Request)[-1]
        return float((last.answered_at - last.asked_at).total_seconds())

    assert play(tmp_path, scenario, Slow) <= 10


def test_the_next_collector_carries_out_a_stop_before_prices_hold_it_up(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[int, float]:
        run_id = desk.ask(warm=9)
        task = asyncio.create_task(drive_run(desk.ctx, run_id))
        await desk.clock.sleep(545)
        await killed(task)
        assert len(desk.backend.standing()) == 1
        put(desk, RequestKind.STOP_ALL)
        began = desk.clock.now()
        await desk.restart().service().run(until=lambda: True)
        return len(desk.backend.standing()), (desk.clock.now() - began).total_seconds()

    standing, took_s = play(tmp_path, scenario, Slow)
    assert standing == 0
    assert took_s <= STOP_S


@pytest.mark.parametrize("dead_s", [1, 100])
def test_a_result_that_is_there_when_a_stop_is_carried_out_is_taken_first(tmp_path: Path, dead_s: float) -> None:
    async def scenario(desk: Desk) -> list[JobStatus]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=9)))
        await until(desk.clock, lambda: desk.backend.count("submit") == 1)
        await desk.clock.sleep(10 - dead_s if dead_s < 10 else 5)  # it ends 10 s after it was taken
        await killed(task)
        await desk.clock.sleep(dead_s)
        put(desk, RequestKind.STOP_ALL)
        await desk.restart().service().run(until=lambda: True)
        return [job.status for job in desk.jobs()]

    statuses = play(tmp_path, scenario, lambda clock: FakeBackend(clock, features=RENTED))
    assert statuses == [JobStatus.SUCCEEDED] + [JobStatus.CANCELLED] * 9


# ---------------------------------------------------------------- the inbox


def test_an_unknown_request_is_refused(tmp_path: Path) -> None:
    reply = ask(tmp_path, "make_coffee")
    assert reply.reply == {"error": "The collector does not know the request 'make_coffee'."}


def test_requests_are_answered_in_order_and_only_once(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[RequestState], list[Any], int]:
        for _ in range(2):
            put(desk, RequestKind.RECHECK)
        await answer_all(desk.ctx)
        asked = desk.backend.count("offers")
        first = [request.answered_at for request in desk.rows(Request)]
        await desk.clock.sleep(5)
        await answer_all(desk.ctx)
        assert [request.answered_at for request in desk.rows(Request)] == first
        return [request.state for request in desk.rows(Request)], first, desk.backend.count("offers") - asked

    states, _, again = play(tmp_path, scenario)
    assert states == [RequestState.DONE] * 2
    assert again == 0


def test_a_request_that_trips_over_a_fault_of_ours_is_refused_and_the_next_is_answered(tmp_path: Path) -> None:
    class Faulty(FakeBackend):
        async def offers(self, gpu):  # type: ignore[no-untyped-def]
            raise KeyError(gpu)

    async def scenario(desk: Desk) -> list[tuple[RequestState, str]]:
        desk.ask()
        put(desk, RequestKind.RECHECK)
        put(desk, RequestKind.DRY_RUN)
        await answer_all(desk.ctx)
        return [(request.state, request.reply["error"]) for request in desk.rows(Request)]

    first, second = play(tmp_path, scenario, Faulty)
    assert first == (RequestState.REFUSED, "The request failed on a fault of ours (KeyError).")
    assert second[0] is RequestState.REFUSED
    assert second[1].startswith("The spend cap must be")


def test_a_request_during_a_full_disk_stays_open(tmp_path: Path) -> None:
    class Full(FakeBackend):
        async def offers(self, gpu):  # type: ignore[no-untyped-def]
            raise StorageError(f"The disk is full: nothing was written about {gpu}.")

    async def scenario(desk: Desk) -> RequestState:
        put(desk, RequestKind.RECHECK)
        with pytest.raises(StorageError):
            await answer_all(desk.ctx)
        return desk.rows(Request)[0].state

    assert play(tmp_path, scenario, Full) is RequestState.ASKED


def test_money_in_an_answer_is_exact(tmp_path: Path) -> None:
    reply = ask(tmp_path, RequestKind.DRY_RUN, **DRY)
    assert Decimal(reply.reply["arms"]["alpha"]["usd_per_s"]) == RATE
