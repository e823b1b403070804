"""The collector compares images once they exist, a few at a time, and never in the way of jobs."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlmodel import Session, delete

from analysis.pairing import Shot, Wanted
from analysis.parity import dissimilarity, luma
from backends.base import Observation, Times
from clock import Clock
from collectors import pairs
from collectors.pairs import PORTION, compare, compare_all
from collectors.runs import drive_run
from collectors.service import PAIRS
from storage.blobs import Blobs
from storage.models import Image, Job, Pair
from storage.pairs import ToCompare
from tests.unit.collectors.fakes import Desk, FakeBackend, FakeJob, picture, play
from words import JobStatus, Provider


def shown(job: FakeJob, *, drift: int) -> Observation:
    """The n-th picture of each deployment, moved a little on each backend; its container is the deployment's."""
    lane, _, number = job.key.rpartition("-j")
    times = Times(queue_s=2.0, execution_s=8.0)
    images = [picture(10 * int(number) + drift)]
    return Observation(status=JobStatus.SUCCEEDED, images=images, times=times, worker_id=lane)


def provider(name: str, drift: int) -> Callable[[Clock], FakeBackend]:
    kind = Provider.MODAL if name == "modal" else Provider.RUNPOD
    return lambda clock: FakeBackend(clock, name=name, provider=kind, outcome=partial(shown, drift=drift))


MODAL, RUNPOD = provider("modal", 0), provider("runpod", 1)


def found(desk: Desk) -> list[Pair]:
    return desk.rows(Pair)


def content(desk: Desk, image_id: int) -> bytes:
    return desk.ctx.blobs.get(next(row.sha256 for row in desk.rows(Image) if row.id == image_id))


async def block(desk: Desk, **plan: Any) -> None:
    await drive_run(desk.ctx, desk.ask(**{"warm": 3, "cold": 1} | plan))


def test_each_pair_s_distance_is_kept(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[tuple[float, float]]:
        await block(desk)
        assert await compare(desk.ctx) == 4
        return [
            (
                row.dissimilarity,
                dissimilarity(*(luma(content(desk, each)) for each in (row.baseline_image_id, row.other_image_id))),
            )
            for row in found(desk)
        ]

    told = play(tmp_path, scenario, MODAL, RUNPOD)

    assert len(told) == 4
    assert all(kept == again > 0 for kept, again in told)


def test_from_the_second_block_on_the_baseline_is_compared_with_itself(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[tuple[str, float | None]]:
        await block(desk)
        await block(desk)
        await compare_all(desk.ctx)
        return [(row.backend, row.dissimilarity) for row in found(desk)]

    told = play(tmp_path, scenario, MODAL, RUNPOD)

    assert Counter(backend for backend, _ in told) == {"modal": 4, "runpod": 4}
    assert {distance for backend, distance in told if backend == "modal"} == {0.0}


def test_a_turn_compares_no_more_than_its_portion_and_the_next_goes_on(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[int]:
        await block(desk, warm=7)
        await block(desk, warm=7)
        return [await compare(desk.ctx) for _ in range(3)]

    assert play(tmp_path, scenario, MODAL, RUNPOD) == [PORTION, 6, 0]


def test_without_another_image_nothing_is_looked_for(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[int]:
        await block(desk)
        await compare_all(desk.ctx)
        with Session(desk.engine) as session:
            session.exec(delete(Pair))  # what only a look would find missing
            session.commit()
        idle = await compare(desk.ctx)
        await block(desk)
        return [idle, await compare(desk.ctx)]

    assert play(tmp_path, scenario, MODAL, RUNPOD) == [0, 8]


def test_a_lost_file_leaves_the_distance_open_and_ends_nothing(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[float | None]:
        await block(desk)
        jobs = {row.id: row for row in desk.rows(Job)}
        lost = next(row for row in desk.rows(Image) if jobs[row.job_id].worker_id.endswith("runpod-0"))
        desk.ctx.blobs.path(lost.sha256).unlink()
        await compare_all(desk.ctx)
        return [row.dissimilarity for row in found(desk) if row.other_image_id == lost.id] + [len(found(desk))]

    assert play(tmp_path, scenario, MODAL, RUNPOD) == [None, 4]


def test_a_file_that_is_no_picture_any_more_leaves_it_open_too(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> int:
        await block(desk)
        desk.ctx.blobs.path(desk.rows(Image)[0].sha256).write_bytes(b"overwritten")
        await compare_all(desk.ctx)
        return sum(row.dissimilarity is None for row in found(desk))

    assert play(tmp_path, scenario, MODAL, RUNPOD) == 1


def test_pictures_are_read_and_compared_outside_the_event_loop(tmp_path: Path) -> None:
    class Watched(Blobs):
        def get(self, sha256: str) -> bytes:
            threads.append(threading.current_thread())
            return super().get(sha256)

    threads: list[threading.Thread] = []
    blobs = Watched(tmp_path)
    shot = Shot(1, (), "modal", 1, None, "p", 1)
    each = ToCompare(Wanted(shot, shot), (blobs.put(picture(1)), blobs.put(picture(2))))

    async def main() -> float | None:
        assert threading.current_thread() is threading.main_thread()
        return await pairs._compared(blobs, each)

    assert asyncio.run(main()) > 0
    assert len(threads) == 2
    assert threading.main_thread() not in threads


def test_a_collector_that_is_to_end_begins_no_comparison(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> int:
        await block(desk)
        desk.ctx.draining = True
        await compare_all(desk.ctx)
        await compare(desk.ctx)
        return len(found(desk))

    assert play(tmp_path, scenario, MODAL, RUNPOD) == 0


def test_another_collector_goes_on_where_one_was_killed(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[int]:
        await block(desk, warm=7)
        await block(desk, warm=7)
        await compare(desk.ctx)
        again = desk.restart()
        await compare_all(again.ctx)
        return [len(found(desk)), len({(row.baseline_image_id, row.other_image_id) for row in found(desk)})]

    assert play(tmp_path, scenario, MODAL, RUNPOD) == [16, 16]


def test_the_service_compares_while_it_runs(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[int]:
        task = asyncio.create_task(desk.service().run())
        await block_asked(desk)
        before = len(found(desk))
        await desk.clock.sleep(2 * PAIRS.total_seconds())
        task.cancel()
        await asyncio.wait([task])
        return [before, len(found(desk))]

    before, after = play(tmp_path, scenario, MODAL, RUNPOD)
    assert (before <= 4, after) == (True, 4)


async def block_asked(desk: Desk) -> None:
    """The service drives it."""
    desk.ask(warm=3, cold=1)
    while not (jobs := desk.jobs()) or not all(job.status.final for job in jobs):
        await desk.clock.sleep(1)


def test_a_simulated_world_does_not_end_before_all_is_compared(tmp_path: Path) -> None:
    async def settle() -> None:
        return None

    async def scenario(desk: Desk) -> int:
        desk.ask(warm=7)
        desk.ask(warm=7)
        await desk.service(when_idle=settle).run(until=lambda: True)
        return len(found(desk))

    assert play(tmp_path, scenario, MODAL, RUNPOD) == 16


def test_every_five_minutes_is_often_enough_for_a_block_in_an_hour() -> None:
    assert timedelta(hours=1) / PAIRS * PORTION >= 60 + 59
