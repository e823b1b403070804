"""A provider's lists may be late, its workers' clocks wrong and their ids used again; what truly happens stays."""

from datetime import datetime

import pytest

from clock import from_us, to_us
from simulator.engine import us
from tests.simulation.modal_stage import Workspace, play, quiet_world
from tests.simulation.runpod_stage import Wire, runpod_world
from tests.simulation.vast_desk import Desk, world_with

LAG_S = 20.0


def wire(**changes: object) -> Wire:
    return Wire(runpod_world(**changes))


def rows(wire: Wire, endpoint_id: str) -> list[dict]:
    return wire.rest("GET", f"/serverless/{endpoint_id}/workers").body["workers"]


def test_runpod_lists_a_worker_late_when_it_comes_and_when_it_leaves() -> None:
    here = wire(listing_lag_s=LAG_S)
    endpoint = here.endpoint()
    job = here.run(endpoint)
    (worker,) = endpoint.pool.workers

    def listed(since_us: int) -> list[int]:
        """How many rows just before the list catches up with that instant, and then."""
        counts = []
        for late_us in (-1, 0):
            here.now = from_us(since_us + worker.draw.lag_us + late_us)
            counts.append(len(rows(here, endpoint.id)))
        return counts

    assert 0 < worker.draw.lag_us < us(LAG_S)
    assert listed(worker.created_us) == [0, 1]
    here.finish(endpoint, job)
    (done,) = endpoint.pool.jobs.values()
    assert listed((done.done_us or 0) + us(30)) == [1, 0]
    assert worker.stopped_us == (done.done_us or 0) + us(30)


def test_a_workers_clock_is_wrong_by_a_constant_of_its_own() -> None:
    here = wire(clock_skew_s=2.0)
    endpoint = here.endpoint(workers={"max": 3, "idleTimeout": 30})
    for seed in (1, 2, 3):
        here.run(endpoint, seed)
    here.wait(25)
    told = {row["id"]: row["startedAt"] for row in rows(here, endpoint.id)}
    off_us = {worker.draw.clock_us for worker in endpoint.pool.workers}
    assert len(off_us) == 3
    assert all(0 < abs(each) <= us(2) for each in off_us)
    for worker in endpoint.pool.workers:
        assert (
            to_us(datetime.fromisoformat(told[endpoint.worker_id(worker)])) == worker.pulled_us + worker.draw.clock_us
        )


@pytest.mark.parametrize(("reused", "names"), [(False, 2), (True, 1)])
def test_runpod_gives_a_dead_workers_id_out_again_only_where_ids_are_reused(reused: bool, names: int) -> None:
    here = wire(ids_reused=reused)
    endpoint = here.endpoint()
    here.finish(endpoint, here.run(endpoint))
    (worker,) = endpoint.pool.workers
    worker.lost = True
    endpoint.pool.stop(worker)
    here.finish(endpoint, here.run(endpoint, 2))
    assert len({endpoint.worker_id(each) for each in endpoint.pool.workers}) == names


@pytest.mark.parametrize(("reused", "names"), [(False, 2), (True, 1)])
def test_modal_names_two_containers_alike_only_where_ids_are_reused(reused: bool, names: int) -> None:
    async def scenario(here: Workspace) -> list[dict]:
        await here.deploy()
        first = await here.run()
        await here.wait(seconds=90)
        return [first, await here.run()]

    results = play(scenario, world=quiet_world(ids_reused=reused))
    assert len({result["container_id"] for result in results}) == names
    assert [result["call_index"] for result in results] == [0, 0]


def test_a_modal_containers_stamps_share_its_wrong_clock_and_its_call_list_does_not() -> None:
    async def scenario(here: Workspace) -> None:
        await here.deploy()
        result = await here.run()
        (worker,), (job,) = here.app().pool.workers, here.app().pool.jobs.values()
        assert 0 < abs(worker.draw.clock_us) <= us(2)
        assert round(result["received_at"] * 1e6) == job.picked_us + worker.draw.clock_us
        assert round(result["enter_done_at"] * 1e6) == worker.ready_us + worker.draw.clock_us
        (row,) = await here.client.calls("bakeoff-app")
        assert to_us(row["started_at"]) == job.picked_us

    play(scenario, world=quiet_world(clock_skew_s=2.0))


def test_modals_call_list_tells_what_happened_only_later() -> None:
    async def scenario(here: Workspace) -> list[tuple]:
        await here.deploy()
        await here.run()
        call_id = next(iter(here.simulation.modal.calls))
        lag_us = here.simulation.modal.laws.lag_us(call_id)
        seen = [(0 < lag_us < us(LAG_S),)]
        for seconds in (0, lag_us / 1e6):
            await here.wait(seconds=seconds)
            seen += [(row["status"], row["execution_s"] is None) for row in await here.client.calls("bakeoff-app")]
        return seen

    certain, *told = play(scenario, world=quiet_world(listing_lag_s=LAG_S))
    assert certain == (True,)
    assert told[-1] == ("success", False)
    assert told[0] != told[-1]


def test_vast_lists_an_instance_late_and_tells_of_it_by_id_at_once() -> None:
    desk = Desk(world_with(listing_lag_s=LAG_S))
    listed = []
    for _ in range(4):
        id = desk.rent()
        lag_us = desk.cloud.laws.lag_us(id)
        desk.ask("GET", f"/api/v0/instances/{id}/")
        for at_us in (lag_us - 1, lag_us):
            desk.engine.advance(desk.cloud.rentals[id].created_us + at_us)
            listed.append(id in [rental.id for rental in desk.cloud.listed_rentals()])
        desk.calm("DELETE", f"/api/v0/instances/{id}/", {})
        gone_us = desk.cloud.rentals[id].destroyed_us or 0
        for at_us in (lag_us - 1, lag_us):
            desk.engine.advance(gone_us + at_us)
            listed.append(id in [rental.id for rental in desk.cloud.listed_rentals()])
    assert listed == [False, True, True, False] * 4


def test_vasts_wrapper_and_comfyui_tell_the_time_by_their_hosts_clock() -> None:
    desk = Desk(world_with(clock_skew_s=2.0))
    id, port = desk.running()
    header = {"x-include-comfyui-response": "1"}
    task = desk.generate(port, headers=header).body["id"]
    reply = desk.finished(port, task).body
    rental = desk.cloud.rentals[id]
    (job,) = rental.pool.jobs.values()
    clock_us = rental.worker.draw.clock_us if rental.worker else 0
    assert 0 < abs(clock_us) <= us(2)
    assert reply["timings"]["completed_at_ms"] == round((job.done_us + clock_us) / 1000)
    assert reply["timings"]["queued_at_ms"] == round((job.accepted_us + clock_us) / 1000)
    (entry,) = reply["comfyui_response"].values()
    assert entry["status"]["messages"][0][1]["timestamp"] == (job.picked_us + clock_us) // 1000


def test_the_first_job_of_a_worker_that_stood_ready_is_neither_cold_nor_warm() -> None:
    here = wire()
    endpoint = here.endpoint()
    unwanted = here.run(endpoint)
    here.wait(2)
    here.jobs("POST", f"/{endpoint.id}/cancel/{unwanted}")
    while not any(worker.state == "idle" for worker in endpoint.pool.workers):
        here.wait(1)
        rows(here, endpoint.id)
    here.finish(endpoint, here.run(endpoint, 2))
    here.finish(endpoint, here.run(endpoint, 3))
    assert [job.start_kind for job in endpoint.pool.jobs.values()] == [None, None, "warm"]
