"""A deployment's life: ordered once, found again, ready, dead, gone."""

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backends.base import Deployment as Seen
from backends.base import DeploymentRef
from backends.errors import (
    AuthFailed,
    BackendError,
    FateUnknown,
    InvalidRequest,
    NoCapacity,
    NotYetGone,
    RateLimited,
    Unavailable,
    UnexpectedReply,
)
from collectors import deployments
from collectors.deployments import FIND_AGAIN_S, FIND_TRIES, READY_LIMIT_S
from collectors.runs import drive_run
from storage.models import Deployment, Event, Offer
from tests.unit.collectors.fakes import RATE, RENTED, Desk, FakeBackend, killed, play, until
from words import DeploymentState, JobStatus, Reason, RunStatus, WorkerState


async def one_lane(desk: Desk, **more: Any) -> Deployment:
    """A run of one job on one lane, to its end."""
    await drive_run(desk.ctx, desk.ask(warm=0, cold=1, **more))
    (row,) = desk.deployments()
    return row


def test_a_deployment_keeps_offer_rate_instants_and_where_it_ran(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Deployment, Offer, FakeBackend]:
        row = await one_lane(desk)
        return row, next(offer for offer in desk.rows(Offer) if offer.id == row.offer_id), desk.backend

    row, offer, backend = play(tmp_path, scenario)
    assert row.intended_at == row.created_at
    assert row.ready_at == row.created_at + timedelta(seconds=30)
    assert row.ended_at > row.ready_at
    assert (row.state, row.usd_per_s, row.provenance) == (DeploymentState.GONE, RATE, {"gpu_name": "fake"})
    assert (offer.offer_id, offer.usd_per_s) == ("o0", RATE)
    (spec,) = backend.specs
    assert (spec.workflow, spec.gpu, spec.idle_timeout_s, spec.max_workers) == ("flux-dev", "L40S", 10, 1)
    assert 30 < spec.model_gb < 40
    assert spec.offer is not None
    assert spec.offer.offer_id == "o0"


def test_the_order_is_written_down_before_it_is_sent(tmp_path: Path) -> None:
    seen: list[tuple[DeploymentState, bool]] = []

    class Watching(FakeBackend):
        async def deploy(self, spec, key):  # type: ignore[no-untyped-def]
            (row,) = desks[0].deployments()
            seen.append((row.state, row.intended_at == self.clock.now()))
            return await super().deploy(spec, key)

    desks: list[Desk] = []

    async def scenario(desk: Desk) -> None:
        desks.append(desk)
        await one_lane(desk)

    play(tmp_path, scenario, Watching)
    assert seen == [(DeploymentState.INTENDED, True)]


# ---------------------------------------------------------------- the order


def test_an_offer_that_is_gone_gives_way_to_the_next(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Deployment, list[str]]:
        desk.backend.plan("deploy", NoCapacity("taken"), NoCapacity("taken"))
        row = await one_lane(desk)
        return row, [spec.offer.offer_id for spec in desk.backend.specs if spec.offer]

    row, tried = play(tmp_path, scenario)
    assert tried == ["o0", "o1", "o2"]
    assert row.created_at is not None
    assert row.intended_at == row.created_at


def test_where_every_offer_is_gone_nothing_is_rented_and_no_job_was_sent(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Deployment, list[Any], int]:
        desk.backend.plan("deploy", *[NoCapacity("taken")] * 10)
        row = await one_lane(desk)
        return row, desk.jobs(), desk.backend.count("teardown")

    row, (job,), teardowns = play(tmp_path, scenario, lambda clock: FakeBackend(clock, offers_each=9))
    assert (row.reason, row.cause) == ("No L40S can be rented on alpha now.", Reason.NO_CAPACITY)
    assert (job.status, job.reason, job.error) == (JobStatus.CANCELLED, Reason.NOT_SENT, row.reason)
    assert teardowns == 0


def test_no_more_than_five_offers_are_tried(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> int:
        desk.backend.plan("deploy", *[NoCapacity("taken")] * 10)
        await one_lane(desk)
        return desk.backend.count("deploy")

    assert play(tmp_path, scenario, lambda clock: FakeBackend(clock, offers_each=9)) == 5


def test_without_an_offer_nothing_is_ordered(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[str | None, str | None, int]:
        row = await one_lane(desk, gpu="B200")
        return row.reason, row.cause, desk.backend.count("deploy")

    assert play(tmp_path, scenario) == ("No B200 can be rented on alpha now.", Reason.NO_CAPACITY, 0)


REFUSALS = [
    (AuthFailed("key refused"), Reason.AUTH_REFUSED),
    (InvalidRequest("no such image"), Reason.INVALID_REQUEST),
    (RateLimited("slow"), Reason.UNREACHABLE),
]


@pytest.mark.parametrize("verb", ["offers", "deploy"])
@pytest.mark.parametrize(("error", "cause"), REFUSALS)
def test_a_refused_order_fails_the_lane_with_the_providers_words_and_a_cause(
    tmp_path: Path, verb: str, error: BackendError, cause: Reason
) -> None:
    async def scenario(desk: Desk) -> tuple[Deployment, int]:
        desk.backend.plan(verb, error)
        return await one_lane(desk), desk.backend.count(verb)

    row, calls = play(tmp_path, scenario)
    assert (row.reason, row.cause, row.provider_id, calls) == (str(error), cause, None, 1)


@pytest.mark.parametrize("error", [FateUnknown("the connection broke"), UnexpectedReply("<html>")])
def test_an_order_whose_answer_is_missing_is_found_by_its_name_and_never_sent_twice(
    tmp_path: Path, error: BackendError
) -> None:
    async def scenario(desk: Desk) -> tuple[list[Any], int, list[str]]:
        desk.backend.plan("deploy", error, took_effect=True)
        await one_lane(desk)
        return desk.reasons(), desk.backend.count("deploy"), desk.told("deployment")

    reasons, orders, told = play(tmp_path, scenario)
    assert (reasons, orders) == ([None], 1)
    assert told[0] == "bakeoff-t-r1-alpha-0 was rented though no answer came; found by its name."


def test_a_list_that_fails_at_first_is_asked_again(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[Any], int]:
        desk.backend.plan("deploy", FateUnknown("the connection broke"), took_effect=True)
        desk.backend.plan("live", Unavailable("away"), Unavailable("away"))
        await one_lane(desk)
        return desk.reasons(), desk.backend.count("deploy")

    assert play(tmp_path, scenario) == ([None], 1)


def test_an_order_that_is_listed_nowhere_fails_after_a_while_and_is_not_sent_again(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Deployment, int, float]:
        desk.backend.plan("deploy", FateUnknown("the connection broke"))
        row = await one_lane(desk)
        return row, desk.backend.count("deploy"), (desk.clock.now() - row.intended_at).total_seconds()  # type: ignore[operator]

    row, orders, took_s = play(tmp_path, scenario)
    assert row.reason == "The provider did not answer the order and lists nothing of that name."
    assert row.cause == Reason.FATE_UNKNOWN
    assert (orders, took_s) == (1, FIND_TRIES * FIND_AGAIN_S)


def test_what_is_listed_under_a_longer_name_is_not_taken_for_ours(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> str | None:
        desk.backend._rent("bakeoff-t-r1-alpha-01")
        desk.backend.plan("deploy", FateUnknown("the connection broke"))
        return (await one_lane(desk)).provider_id

    assert play(tmp_path, scenario) is None


def test_a_lost_order_that_shows_up_after_all_is_ended_before_the_run_is_done(tmp_path: Path) -> None:
    """The list was late: longer than the search, not longer than the proof at the run's end."""

    class Late(FakeBackend):
        async def live(self, prefix):  # type: ignore[no-untyped-def]
            found = await super().live(prefix)
            return found if self.count("live") > FIND_TRIES else []

    async def scenario(desk: Desk) -> tuple[int | None, int]:
        desk.backend.plan("deploy", FateUnknown("the connection broke"), took_effect=True)
        await one_lane(desk)
        return desk.run().left_running, len(desk.backend.standing())

    assert play(tmp_path, scenario, Late) == (0, 0)


# ---------------------------------------------------------------- ready


def test_failed_looks_while_it_boots_are_no_failure(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[Any]:
        desk.backend.plan("observe", Unavailable("away"), RateLimited("slow"), UnexpectedReply("?"))
        await one_lane(desk)
        return desk.reasons()

    assert play(tmp_path, scenario) == [None]


def test_capacity_that_never_gets_ready_is_given_up_and_torn_down(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Deployment, int, list[Any]]:
        return await one_lane(desk), len(desk.backend.standing()), desk.reasons()

    row, standing, reasons = play(tmp_path, scenario, lambda clock: FakeBackend(clock, ready_after_s=1e9))
    assert (row.reason, row.cause) == ("Not ready after 45 minutes.", Reason.NEVER_READY)
    assert timedelta() <= row.ended_at - row.created_at - timedelta(seconds=READY_LIMIT_S) < timedelta(seconds=10)
    assert (standing, reasons) == (0, [Reason.NOT_SENT])


class Crashing(FakeBackend):
    """Its one worker starts and fails, again and again."""

    async def observe(self, ref: DeploymentRef) -> Seen:
        return replace(await super().observe(ref), workers={WorkerState.UNHEALTHY: 1})


def test_capacity_that_crashes_until_its_time_is_over_is_no_capacity_failure(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> str | None:
        return (await one_lane(desk)).cause

    assert play(tmp_path, scenario, lambda clock: Crashing(clock, ready_after_s=1e9)) == Reason.CRASH_LOOP


def test_capacity_that_got_ready_has_no_cause(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[str | None, str | None]:
        row = await one_lane(desk)
        return row.cause, row.reason

    assert play(tmp_path, scenario) == (None, None)


def test_capacity_that_fails_while_it_boots_says_why(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[tuple[str | None, str | None], list[Any], list[Event]]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask()))
        await until(desk.clock, lambda: bool(desk.backend.rentals))
        desk.backend.standing()[0].dead = "the host has no space left"
        await task
        told = [event for event in desk.rows(Event) if "no space left" in event.text and event.kind == "deployment"]
        (row,) = desk.deployments()
        return (row.reason, row.cause), desk.reasons(), told

    why, reasons, (told,) = play(tmp_path, scenario)
    assert (why, reasons) == (("the host has no space left", Reason.WORKER_LOST), [Reason.NOT_SENT] * 3)
    assert (told.run_id, told.deployment_id) == (1, 1)


def test_capacity_that_dies_between_jobs_ends_its_lane_and_sends_nothing_more(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[Any], int, str | None]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=4)))
        await until(desk.clock, lambda: len(desk.backend.jobs) == 2)
        desk.backend.plan("poll", *[Unavailable("the host is gone")] * 1000)
        desk.backend.standing()[0].dead = "the host died"
        await task
        return desk.reasons(), desk.backend.count("submit"), desk.deployments()[0].reason

    reasons, submits, why = play(tmp_path, scenario)
    assert reasons == [None, Reason.WORKER_LOST, Reason.NOT_SENT, Reason.NOT_SENT, Reason.NOT_SENT]
    assert (submits, why) == (2, "the host died")


def test_one_failed_job_on_capacity_that_is_well_does_not_end_the_lane(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[Any]:
        desk.backend.plan("submit", InvalidRequest("no"))
        desk.backend.plan("observe", *[Unavailable("away")] * 3)
        await drive_run(desk.ctx, desk.ask(warm=2))
        return desk.reasons()

    assert play(tmp_path, scenario) == [Reason.INVALID_REQUEST, None, None]


# ---------------------------------------------------------------- restarts


@pytest.mark.parametrize("after_s", [0, 1, 15, 29, 31, 45])
def test_a_collector_killed_at_any_moment_orders_nothing_twice(tmp_path: Path, after_s: float) -> None:
    async def scenario(desk: Desk) -> tuple[int, list[JobStatus], int]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=1)))
        await desk.clock.sleep(after_s)
        await killed(task)
        again = desk.restart()
        await drive_run(again.ctx, 1)
        return desk.backend.count("deploy"), [job.status for job in desk.jobs()], len(desk.backend.standing())

    orders, statuses, standing = play(tmp_path, scenario)
    assert (orders, standing) == (1, 0)
    assert all(status.final for status in statuses)


@pytest.mark.parametrize(("took_effect", "reason"), [(True, None), (False, Reason.NOT_SENT)])
def test_a_collector_killed_between_order_and_answer_looks_it_up(
    tmp_path: Path, took_effect: bool, reason: Reason | None
) -> None:
    class Hanging(FakeBackend):
        async def deploy(self, spec, key):  # type: ignore[no-untyped-def]
            if took_effect:
                await super().deploy(spec, key)
            await asyncio.get_running_loop().create_future()

    async def scenario(desk: Desk) -> tuple[list[Any], int]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=0)))
        await desk.clock.sleep(5)
        await killed(task)
        await drive_run(desk.restart().ctx, 1)
        return desk.reasons(), len(desk.backend.standing())

    assert play(tmp_path, scenario, Hanging) == ([reason], 0)


def test_lanes_that_wait_for_their_turn_to_order_lose_nothing_when_the_collector_is_killed(tmp_path: Path) -> None:
    class Paced(FakeBackend):
        async def deploy(self, spec, key):  # type: ignore[no-untyped-def]
            await self.clock.sleep(6)
            return await super().deploy(spec, key)

    async def scenario(desk: Desk) -> tuple[list[Any], int, int]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=0, cold=4)))
        await until(desk.clock, lambda: len(desk.backend.rentals) == 1)
        await desk.clock.sleep(1)
        await killed(task)
        await drive_run(desk.restart().ctx, 1)
        return sorted(desk.reasons(), key=str), len(desk.backend.rentals), len(desk.backend.standing())

    reasons, rentals, standing = play(tmp_path, scenario, lambda clock: Paced(clock, features=RENTED))
    assert reasons == [None, None, None, Reason.NOT_SENT]  # the one that was being sent: nobody knows, so never again
    assert (rentals, standing) == (3, 0)


def test_a_lane_that_waits_for_its_turn_to_order_hears_a_stop(tmp_path: Path) -> None:
    class Paced(FakeBackend):
        async def deploy(self, spec, key):  # type: ignore[no-untyped-def]
            await self.clock.sleep(6)
            return await super().deploy(spec, key)

    async def scenario(desk: Desk) -> tuple[int, int, list[str | None]]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=0, cold=4)))
        await desk.clock.sleep(3)
        desk.ctx.stopping.add(1)
        await task
        return len(desk.backend.rentals), len(desk.backend.standing()), [row.reason for row in desk.deployments()]

    rentals, standing, reasons = play(tmp_path, scenario, lambda clock: Paced(clock, features=RENTED))
    assert (rentals, standing) == (1, 0)
    assert reasons == [deployments.STOPPED] * 4


def test_a_lane_that_was_ready_is_not_too_old_for_a_restart(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[Any], Any]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=1)))
        await until(desk.clock, lambda: len(desk.backend.jobs) == 1)
        await killed(task)
        ready_at = desk.deployments()[0].ready_at
        await desk.clock.sleep(READY_LIMIT_S + 600)
        await drive_run(desk.restart().ctx, 1)
        return desk.reasons(), desk.deployments()[0].ready_at == ready_at

    assert play(tmp_path, scenario) == ([None, None], True)


def test_what_was_in_flight_on_capacity_that_died_meanwhile_is_lost_and_nothing_hangs(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[Any], RunStatus]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=2)))
        await until(desk.clock, lambda: len(desk.backend.jobs) == 2)
        await killed(task)
        desk.backend.standing()[0].dead = "the host died"
        await drive_run(desk.restart().ctx, 1)
        return desk.reasons(), desk.run().status

    assert play(tmp_path, scenario) == ([None, Reason.FATE_UNKNOWN, Reason.NOT_SENT], RunStatus.DONE)


# ---------------------------------------------------------------- teardown


def test_teardown_is_called_until_the_provider_says_gone(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[int, DeploymentState, int]:
        desk.backend.plan("teardown", NotYetGone("soon"), Unavailable("away"), AuthFailed("?"), NotYetGone("soon"))
        row = await one_lane(desk)
        return desk.backend.count("teardown"), row.state, len(desk.backend.standing())

    assert play(tmp_path, scenario) == (5, DeploymentState.GONE, 0)


def test_waits_between_teardowns_grow_and_stay_within_a_minute(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[float]:
        at: list[float] = []

        class Stubborn(FakeBackend):
            async def teardown(self, ref):  # type: ignore[no-untyped-def]
                at.append(self.clock.alive_s())
                if len(at) < 10:
                    raise Unavailable(f"{ref.key}: away")

        stubborn = Stubborn(desk.clock)
        await deployments.destroy(desk.ctx, stubborn, stubborn._rent("bakeoff-x").ref)
        return [later - earlier for earlier, later in itertools.pairwise(at)]

    assert play(tmp_path, scenario) == [2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_what_is_gone_is_not_torn_down_again(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[int, Any, Any]:
        row = await one_lane(desk)
        ended_at = row.ended_at
        await desk.clock.sleep(60)
        await deployments.teardown(desk.ctx, row)
        return desk.backend.count("teardown"), desk.deployments()[0].ended_at, ended_at

    teardowns, now_at, then_at = play(tmp_path, scenario)
    assert (teardowns, now_at) == (1, then_at)
