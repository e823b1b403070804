"""The sweep ends what is ours and unwanted, and nothing else, and is held up by nobody."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from backends.errors import AuthFailed, NotYetGone, Unavailable
from collectors.orphans import BETWEEN_S, TRIES, sweep
from collectors.runs import drive_run
from tests.unit.collectors.fakes import Desk, FakeBackend, killed, play, until
from words import DeploymentState, Feature, RunStatus


def names(desk: Desk) -> list[str]:
    return sorted(rental.ref.key for rental in desk.backend.standing())


def test_what_no_row_wants_is_ended_and_told(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[int, list[str], list[str]]:
        desk.backend._rent("bakeoff-t-r7-alpha-0")
        return await sweep(desk.ctx), names(desk), desk.told("orphan")

    ended, left, told = play(tmp_path, scenario)
    assert (ended, left) == (1, [])
    assert told == ["bakeoff-t-r7-alpha-0 on alpha belonged to nothing; it was ended."]


def test_what_is_not_ours_is_never_touched(tmp_path: Path) -> None:
    strangers = ["bakeoff-tx-r1-alpha-0", "bakeoff-other-r1-alpha-0", "my-endpoint", "bakeoff-t"]

    async def scenario(desk: Desk) -> tuple[int, list[str]]:
        for stranger in strangers:
            desk.backend._rent(stranger)
        return await sweep(desk.ctx), names(desk)

    assert play(tmp_path, scenario) == (0, sorted(strangers))


def test_what_another_installation_named_is_told_once_even_across_starts(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[str]:
        for name in ("bakeoff-other-r1-alpha-0", "bakeoff-tx-r1-alpha-0", "my-endpoint"):
            desk.backend._rent(name)
        for _ in range(3):
            await sweep(desk.ctx)
        return desk.told("orphan")

    said = "is not of this installation: it is left alone."
    assert sorted(play(tmp_path, scenario)) == [
        f"bakeoff-other-r1-alpha-0 on alpha {said}",
        f"bakeoff-tx-r1-alpha-0 on alpha {said}",
    ]


@pytest.mark.parametrize(
    ("state", "status", "kept"),
    [
        (DeploymentState.INTENDED, RunStatus.RUNNING, True),
        (DeploymentState.PROVISIONING, RunStatus.RUNNING, True),
        (DeploymentState.READY, RunStatus.RUNNING, True),
        (DeploymentState.READY, RunStatus.TEARING_DOWN, True),
        (DeploymentState.FAILED, RunStatus.RUNNING, False),
        (DeploymentState.GONE, RunStatus.RUNNING, False),
        (DeploymentState.READY, RunStatus.DONE, False),
        (DeploymentState.READY, RunStatus.FAILED, False),
        (DeploymentState.INTENDED, RunStatus.STOPPED, False),
    ],
)
def test_a_row_wants_its_resource_while_it_and_its_run_are_open(
    tmp_path: Path, state: DeploymentState, status: RunStatus, kept: bool
) -> None:
    async def scenario(desk: Desk) -> int:
        await drive_run(desk.ctx, desk.ask(warm=0))
        desk.change(desk.deployments()[0], state=state)
        desk.change(desk.run(), status=status)
        desk.backend._rent(desk.deployments()[0].key)
        await sweep(desk.ctx)
        return len(desk.backend.standing())

    assert play(tmp_path, scenario) == int(kept)


def test_a_sweep_in_the_middle_of_a_run_disturbs_nothing(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[int], list[Any]]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=3)))
        ended = []
        while not task.done():
            ended.append(await sweep(desk.ctx))
            await desk.clock.sleep(1.3)
        return ended, desk.reasons()

    ended, reasons = play(tmp_path, scenario)
    assert set(ended) == {0}
    assert len(ended) > 20
    assert reasons == [None] * 4


def test_a_provider_that_cannot_be_asked_holds_the_others_not_up(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[int, int]:
        other = desk.ctx.backends["beta"]
        assert isinstance(other, FakeBackend)
        desk.backend.plan("live", Unavailable("away"))
        desk.backend._rent("bakeoff-t-r7-alpha-0")
        other._rent("bakeoff-t-r7-beta-0")
        return await sweep(desk.ctx), len(other.standing())

    assert play(tmp_path, scenario, FakeBackend, lambda clock: FakeBackend(clock, name="beta")) == (1, 0)


def test_a_teardown_under_way_is_called_again(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[int, int]:
        desk.backend._rent("bakeoff-t-r7-alpha-0")
        desk.backend.plan("teardown", NotYetGone("soon"), Unavailable("away"))
        return await sweep(desk.ctx), len(desk.backend.standing())

    assert play(tmp_path, scenario) == (1, 0)


def test_one_that_will_not_go_is_left_to_the_next_sweep(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[int, float, list[str], int]:
        for key in ("bakeoff-t-r7-alpha-0", "bakeoff-t-r7-alpha-1"):
            desk.backend._rent(key)
        desk.backend.plan("teardown", *[AuthFailed("no")] * TRIES)
        ended, took_s = await sweep(desk.ctx), desk.clock.alive_s()
        return ended, took_s, desk.told("orphan"), await sweep(desk.ctx)

    ended, took_s, told, ended_later = play(tmp_path, scenario)
    assert (ended, ended_later) == (1, 1)
    assert took_s <= TRIES * BETWEEN_S
    assert told[0] == "bakeoff-t-r7-alpha-0 on alpha belongs to nothing and could not be ended yet."


def test_a_backend_that_rents_nothing_is_not_asked(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> int:
        await sweep(desk.ctx)
        return desk.backend.count("live")

    web = frozenset({Feature.LONG_POLL})
    assert play(tmp_path, scenario, lambda clock: FakeBackend(clock, features=web)) == 0


def test_a_rental_of_a_killed_collector_is_wanted_by_its_row(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[int, list[Any]]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=1)))
        await until(desk.clock, lambda: bool(desk.backend.rentals))
        await killed(task)
        again = desk.restart()
        ended = await sweep(again.ctx)
        await drive_run(again.ctx, 1)
        return ended, desk.reasons()

    assert play(tmp_path, scenario) == (0, [None, None])
