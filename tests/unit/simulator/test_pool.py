"""Workers and their queue, by hand arithmetic on the quiet world: pull 9 s, boot 12 s, load 21 s."""

import itertools

import pytest

from simulator.engine import US
from simulator.pool import Capacity, Pool, SimJob, SimWorker
from tests.unit.simulator.stand import GPU, PROVIDER, Stand, at_s, execution_s, failing, spans, world_with

PULL_S, BOOT_S, LOAD_S, IDLE_S = 9, 12, 21, 10
COLD_S = PULL_S + BOOT_S


@pytest.fixture
def stand() -> Stand:
    return Stand()


def run_s(stand: Stand) -> float:
    return execution_s(stand.world)


# ---------------------------------------------------------------- one worker


def test_the_first_job_waits_for_pull_and_boot_and_pays_the_load(stand: Stand) -> None:
    pool = stand.pool()
    job = stand.submit(pool, "a")
    stand.finish(job)
    (worker,) = pool.workers
    assert [at_s(worker.pulled_us), at_s(worker.ready_us)] == [PULL_S, COLD_S]
    assert (at_s(job.picked_us), job.load_us, job.start_kind) == (COLD_S, LOAD_S * US, "cold")
    assert at_s(job.done_us) == pytest.approx(COLD_S + LOAD_S + run_s(stand))
    assert job.good
    assert stand.picked == [job]


def test_the_next_job_of_a_worker_is_warm_and_pays_no_load(stand: Stand) -> None:
    pool = stand.pool()
    first, second = stand.submit(pool, "a"), stand.submit(pool, "b", seed=2)
    stand.finish(first, second)
    assert second.worker is first.worker
    assert (second.start_kind, second.load_us, second.picked_us) == ("warm", 0, first.done_us)
    assert second.done_us is not None
    assert second.picked_us is not None
    assert second.done_us - second.picked_us == pytest.approx(run_s(stand) * US)


def test_another_model_on_a_warm_worker_pays_its_load_but_is_no_cold_start(stand: Stand) -> None:
    pool = stand.pool()
    first = stand.submit(pool, "a")
    other = stand.submit(pool, "b", seed=2, model="qwen-image-2512")
    stand.finish(first, other)
    assert (other.start_kind, other.load_us) == ("warm", 23 * US)


def test_a_job_just_before_the_idle_window_closes_is_warm_and_one_just_at_its_end_is_cold(stand: Stand) -> None:
    kinds = []
    for early_us in (1, 0):
        pool = stand.pool(f"d{early_us}")
        first = stand.submit(pool, "a")
        stand.finish(first)
        stand.engine.advance(stand.engine.now_us + IDLE_S * US - early_us)
        second = stand.submit(pool, "b", seed=2)
        stand.finish(second)
        kinds.append((second.start_kind, len(pool.workers)))
    assert kinds == [("warm", 1), ("cold", 2)]


def test_a_worker_scales_down_exactly_at_its_idle_window(stand: Stand) -> None:
    pool = stand.pool()
    job = stand.submit(pool, "a")
    stand.finish(job)
    stand.wait(1000)
    assert pool.workers[0].stopped_us == (job.done_us or 0) + IDLE_S * US
    assert pool.alive() == []


def test_an_idle_window_starts_anew_after_each_job(stand: Stand) -> None:
    pool = stand.pool()
    for number in range(4):
        stand.finish(stand.submit(pool, f"j{number}", seed=number))
        stand.wait(IDLE_S - 1)
    assert len(pool.workers) == 1
    assert pool.alive() != []


def test_without_an_idle_window_a_worker_stays_until_the_pool_closes(stand: Stand) -> None:
    pool = stand.pool(idle_s=None)
    stand.finish(stand.submit(pool, "a"))
    stand.wait(10 * 86_400)
    assert pool.workers[0].state == "idle"
    pool.close()
    assert pool.workers[0].stopped_us == stand.engine.now_us


def test_a_restored_worker_says_so_on_its_first_job_only() -> None:
    world = world_with(restore={"median_s": 4, "source": "assumed: test"}, restore_share=1.0)
    stand = Stand(world)
    pool = stand.pool()
    first, second = stand.submit(pool, "a"), stand.submit(pool, "b", seed=2)
    stand.finish(first, second)
    assert (first.start_kind, second.start_kind) == ("restored", "warm")
    assert at_s(first.picked_us) == PULL_S + 4


def test_a_visit_boots_a_worker_and_keeps_it_for_one_more_window(stand: Stand) -> None:
    pool = stand.pool()
    pool.visit()
    stand.wait(COLD_S + IDLE_S - 1)
    pool.visit()
    stand.wait(IDLE_S - 1)
    assert pool.alive() != []
    stand.wait(1)
    assert pool.alive() == []
    assert len(pool.workers) == 1


# ---------------------------------------------------------------- several workers


def test_a_queue_starts_workers_up_to_the_maximum_and_no_more(stand: Stand) -> None:
    pool = stand.pool(max_workers=3)
    jobs = [stand.submit(pool, f"j{number}", seed=number) for number in range(8)]
    assert len(pool.alive()) == 3
    stand.finish(*jobs)
    assert len(pool.workers) == 3


def test_a_free_worker_takes_a_job_before_a_new_one_is_started(stand: Stand) -> None:
    pool = stand.pool(max_workers=3)
    stand.finish(stand.submit(pool, "a"))
    stand.submit(pool, "b", seed=2)
    assert len(pool.workers) == 1


def test_several_inputs_per_worker_want_fewer_workers(stand: Stand) -> None:
    pool = stand.pool(max_workers=10, inputs_per_worker=4)
    for number in range(5):
        stand.submit(pool, f"j{number}", seed=number)
    assert len(pool.alive()) == 2


def test_jobs_are_picked_up_in_the_order_in_which_they_came(stand: Stand) -> None:
    pool = stand.pool(max_workers=2)
    jobs = [stand.submit(pool, f"j{number}", seed=number) for number in range(6)]
    stand.finish(*jobs)
    assert [job.id for job in stand.picked] == [f"j{number}" for number in range(6)]


def test_a_worker_runs_one_job_at_a_time(stand: Stand) -> None:
    pool = stand.pool(max_workers=2)
    stand.finish(*[stand.submit(pool, f"j{number}", seed=number) for number in range(9)])
    for span in spans(pool.workers):
        assert span == sorted(span)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(span))


# ---------------------------------------------------------------- capacity


def test_where_nothing_is_free_a_job_waits_until_another_pool_gives_back() -> None:
    stand = Stand(exists={GPU: 1})
    holder, waiter = stand.pool("holder"), stand.pool("waiter")
    first = stand.submit(holder, "a")
    second = stand.submit(waiter, "b", seed=2)
    assert waiter.workers == []
    stand.finish(first, second)
    assert waiter.workers[0].created_us == holder.workers[0].stopped_us == (first.done_us or 0) + IDLE_S * US
    assert second.good


def test_those_who_wait_for_capacity_are_served_in_the_order_in_which_they_came() -> None:
    stand = Stand(exists={GPU: 1})
    holder = stand.pool("holder")
    stand.submit(holder, "a")
    waiters = [stand.pool(f"w{number}") for number in range(3)]
    jobs = [stand.submit(pool, "b", seed=number) for number, pool in enumerate(waiters)]
    stand.submit(waiters[0], "again", seed=9)  # asking twice gives no second place in the line
    stand.finish(*jobs)
    starts = [pool.workers[0].created_us for pool in waiters]
    assert starts == sorted(starts)


def test_who_no_longer_needs_capacity_leaves_it_to_the_next_in_line() -> None:
    stand = Stand(exists={GPU: 1})
    holder, gone, closed, waiting = (stand.pool(name) for name in ("holder", "gone", "closed", "waiting"))
    stand.finish(stand.submit(holder, "a"))
    given_up = stand.submit(gone, "b", seed=2)
    stand.submit(closed, "c", seed=3)
    job = stand.submit(waiting, "d", seed=4)
    gone.cancel(given_up)
    closed.close()
    stand.finish(job)
    assert (gone.workers, closed.workers, len(waiting.workers)) == ([], [], 1)


def test_capacity_is_counted_back_to_what_exists(stand: Stand) -> None:
    pool = stand.pool(max_workers=5)
    jobs = [stand.submit(pool, f"j{number}", seed=number) for number in range(7)]
    assert stand.capacity.free(GPU) == 95
    stand.finish(*jobs)
    pool.close()
    pool.close()
    assert stand.capacity.free(GPU) == 100


def test_who_asks_again_while_waiting_is_called_once() -> None:
    capacity, called = Capacity({GPU: 0}), []
    again, other = (lambda: called.append("again")), (lambda: called.append("other"))
    for retry in (again, other, again):
        capacity.wait(retry)
    capacity.give_back(GPU)
    capacity.give_back(GPU)
    assert called == ["again", "other"]


def test_a_gpu_that_no_one_has_cannot_be_taken() -> None:
    capacity = Capacity({GPU: 0})
    assert not capacity.take(GPU)
    assert not capacity.take("B200")
    assert capacity.free("B200") == 0


# ---------------------------------------------------------------- cancel, close, limit


def test_a_cancelled_queued_job_was_never_picked_up(stand: Stand) -> None:
    pool = stand.pool()
    first, second = stand.submit(pool, "a"), stand.submit(pool, "b", seed=2)
    pool.cancel(second)
    stand.finish(first)
    assert (second.state, second.fate, second.picked_us, second.start_kind) == ("cancelled", "cancelled", None, None)
    assert second.done_us == second.accepted_us
    assert not pool.queue


def test_cancelling_a_running_job_frees_its_worker_for_the_next_at_once(stand: Stand) -> None:
    pool = stand.pool()
    first, second = stand.submit(pool, "a"), stand.submit(pool, "b", seed=2)
    stand.wait(COLD_S + 5)
    pool.cancel(first)
    assert (first.state, at_s(first.done_us)) == ("cancelled", COLD_S + 5)
    assert (second.state, second.picked_us) == ("running", first.done_us)
    stand.finish(second)
    stand.wait(1000)
    assert (first.state, at_s(first.done_us)) == ("cancelled", COLD_S + 5)  # its planned end was taken back
    assert len(pool.workers) == 1


@pytest.mark.parametrize(("after_s", "load_s"), [(LOAD_S - 1, LOAD_S), (LOAD_S + 1, 0)])
def test_a_model_that_was_not_loaded_to_its_end_is_loaded_again(stand: Stand, after_s: int, load_s: int) -> None:
    pool = stand.pool()
    first, second = stand.submit(pool, "a"), stand.submit(pool, "b", seed=2)
    stand.wait(COLD_S + after_s)
    pool.cancel(first)
    stand.finish(second)
    assert second.load_us == load_s * US


def test_a_worker_freed_by_a_cancel_scales_down_when_nothing_follows(stand: Stand) -> None:
    pool = stand.pool()
    job = stand.submit(pool, "a")
    stand.wait(COLD_S + 5)
    pool.cancel(job)
    stand.wait(IDLE_S)
    assert at_s(pool.workers[0].stopped_us) == COLD_S + 5 + IDLE_S


def test_cancelling_what_is_over_changes_nothing(stand: Stand) -> None:
    pool = stand.pool()
    job = stand.submit(pool, "a")
    stand.finish(job)
    done_us = job.done_us
    stand.wait(1)
    pool.cancel(job)
    assert (job.state, job.done_us) == ("completed", done_us)


def test_closing_while_the_image_is_pulled_ends_worker_and_job_there(stand: Stand) -> None:
    pool = stand.pool()
    job = stand.submit(pool, "a")
    stand.wait(PULL_S - 1)
    pool.close()
    stand.wait(1000)
    (worker,) = pool.workers
    assert (worker.state, at_s(worker.stopped_us), worker.pulled_us) == ("stopped", PULL_S - 1, None)
    assert job.state == "cancelled"
    assert stand.capacity.free(GPU) == 100


def test_closing_while_a_worker_boots_never_makes_it_ready(stand: Stand) -> None:
    pool = stand.pool()
    stand.submit(pool, "a")
    stand.wait(PULL_S + 1)
    pool.close()
    stand.wait(1000)
    assert pool.workers[0].ready_us is None


def test_closing_with_a_queue_picks_nothing_up_any_more(stand: Stand) -> None:
    pool = stand.pool()
    jobs = [stand.submit(pool, f"j{number}", seed=number) for number in range(3)]
    stand.wait(COLD_S + 1)
    pool.close()
    assert [job.state for job in jobs] == ["cancelled"] * 3
    assert [job.picked_us is None for job in jobs] == [False, True, True]
    assert stand.picked == jobs[:1]
    assert pool.workers[0].jobs == jobs[:1]


def test_a_closed_pool_starts_no_worker(stand: Stand) -> None:
    pool = stand.pool()
    pool.close()
    first_us = pool.closed_us
    stand.wait(1)
    pool.close()
    assert pool.closed_us == first_us
    assert pool.start_worker() is None


def test_a_job_over_its_limit_times_out_and_its_worker_goes_on(stand: Stand) -> None:
    pool = stand.pool()
    first, second = stand.submit(pool, "a", limit_s=LOAD_S + 1), stand.submit(pool, "b", seed=2, limit_s=600)
    stand.finish(first, second)
    assert (first.state, first.fate) == ("timed_out", "timeout")
    assert at_s(first.done_us) == COLD_S + LOAD_S + 1
    assert second.good
    assert second.worker is first.worker


def test_a_limit_that_is_met_to_the_microsecond_is_no_timeout(stand: Stand) -> None:
    pool = stand.pool()
    stand.finish(stand.submit(pool, "a"))
    job = stand.submit(pool, "b", seed=2, limit_s=run_s(stand))
    stand.finish(job)
    assert job.good


# ---------------------------------------------------------------- crash loops


def test_a_worker_that_crashes_at_the_end_of_its_boot_takes_no_job_and_holds_its_place() -> None:
    stand = Stand(world_with(crash_share=1.0))
    pool = stand.pool()
    job = stand.submit(pool, "a")
    stand.wait(3600)
    (worker,) = pool.workers
    assert (worker.state, worker.ready_us, at_s(worker.crashed_us)) == ("unhealthy", None, COLD_S)
    assert (job.state, pool.start_worker()) == ("queued", None)
    pool.close()
    assert (worker.state, job.state, stand.capacity.free(GPU)) == ("stopped", "cancelled", 100)


def test_who_escalates_a_crash_gives_up_the_job_that_waited_longest() -> None:
    stand = Stand(world_with(crash_share=1.0))

    def crashed(pool: Pool, worker: SimWorker) -> None:
        pool.stop(worker)
        pool.give_up("init_failure")
        pool.dispatch()

    pool = stand.pool(on_crash=crashed)
    jobs = [stand.submit(pool, name, seed=seed) for seed, name in enumerate("ab")]
    stand.finish(jobs[0])
    assert [(job.state, job.fate) for job in jobs] == [("failed", "init_failure"), ("queued", None)]
    stand.finish(jobs[1])
    assert [at_s(job.done_us) for job in jobs] == [COLD_S, 2 * COLD_S]
    pool.give_up("init_failure")  # nothing waits: nothing happens
    assert stand.capacity.free(GPU) == 100


# ---------------------------------------------------------------- failures


@pytest.mark.parametrize("fate", ["out_of_memory", "execution_error"])
def test_a_failed_execution_ends_early_and_keeps_the_worker(fate: str) -> None:
    stand = Stand(failing(**{fate: 1.0}))
    pool = stand.pool()
    job = stand.submit(pool, "a")
    stand.finish(job)
    assert (job.state, job.fate, job.good) == ("failed", fate, False)
    assert COLD_S + LOAD_S < (at_s(job.done_us) or 0) < COLD_S + LOAD_S + run_s(stand)
    assert pool.workers[0].state == "idle"


def test_a_lost_worker_takes_its_job_with_it_and_another_serves_the_queue() -> None:
    stand = Stand(failing(worker_lost=1.0))
    pool = stand.pool()
    first, second = stand.submit(pool, "a"), stand.submit(pool, "b", seed=2)
    stand.finish(first)
    dead, fresh = pool.workers
    assert (first.state, first.fate) == ("failed", "worker_lost")
    assert (dead.lost, dead.stopped_us, fresh.created_us) == (True, first.done_us, first.done_us)
    stand.finish(second)
    assert (second.worker, second.start_kind) == (fresh, "cold")
    assert stand.capacity.free(GPU) == 100


def test_a_worker_lost_before_the_limit_is_lost_and_not_timed_out() -> None:
    stand = Stand(failing(worker_lost=1.0))
    probe = stand.submit(stand.pool(), "a")
    stand.finish(probe)
    lived_s = ((probe.done_us or 0) - (probe.picked_us or 0)) / US
    for limit_s, fate in ((lived_s + 0.001, "worker_lost"), (lived_s - 0.001, "timeout")):
        again = Stand(failing(worker_lost=1.0))
        job = again.submit(again.pool(), "a", limit_s=limit_s)
        again.finish(job)
        assert job.fate == fate


@pytest.mark.parametrize("fate", ["black", "noise", "wrong_size", "truncated", "fewer_steps", "result_missing"])
def test_a_broken_picture_is_completed_but_not_good(fate: str) -> None:
    stand = Stand(failing(**{fate: 1.0}))
    job = stand.submit(stand.pool(), "a")
    stand.finish(job)
    assert (job.state, job.fate, job.good) == ("completed", fate, False)
    assert at_s(job.done_us) == pytest.approx(COLD_S + LOAD_S + run_s(stand))


def test_a_duplicate_needs_an_earlier_good_picture_of_its_worker() -> None:
    stand = Stand(failing(duplicate=1.0))
    pool = stand.pool()
    jobs = [stand.submit(pool, f"j{number}", seed=number) for number in range(3)]
    stand.finish(*jobs)
    assert [job.fate for job in jobs] == ["good", "duplicate", "duplicate"]
    assert [job.duplicate_of for job in jobs] == [None, jobs[0].asked, jobs[0].asked]


def test_a_model_without_a_step_time_on_the_gpu_does_not_fit_there() -> None:
    world = world_with()
    flux = world.models["flux-dev"]
    small = flux.model_copy(update={"step": {name: step for name, step in flux.step.items() if name != GPU}})
    stand = Stand(world.model_copy(update={"models": {**world.models, "flux-dev": small}}))
    job = stand.submit(stand.pool(), "a")
    stand.finish(job)
    assert (job.state, job.fate) == ("failed", "out_of_memory")


def test_a_graph_without_a_known_model_costs_the_overhead_alone(stand: Stand) -> None:
    job = stand.submit(stand.pool(), "a", model="unknown", steps=0)
    stand.finish(job)
    assert job.good
    assert job.load_us == 0
    assert ((job.done_us or 0) - (job.picked_us or 0)) / US == stand.world.provider(PROVIDER).overhead_s


# ---------------------------------------------------------------- cheats


def play(stand: Stand, *seeds: int, **what: int) -> list[SimJob]:
    """One job after the other."""
    pool, done = stand.pool(), []
    for index, seed in enumerate(seeds):
        done.append(stand.submit(pool, f"j{index}", seed=seed, **what))
        stand.finish(done[-1])
    return done


def took_s(job: SimJob) -> float:
    return (job.done_us - job.picked_us) / US  # type: ignore[operator]


def test_a_cache_answers_what_was_asked_before_at_once_and_nothing_else() -> None:
    stand = Stand(world_with(cache_share=1.0))
    jobs = play(stand, 1, 2, 1, 1)
    assert [job.cached for job in jobs] == [False, False, True, True]
    assert [took_s(job) for job in jobs[1:]] == [pytest.approx(run_s(stand)), 0.05, 0.05]
    assert all(job.good for job in jobs)


def test_a_picture_of_another_size_is_not_in_the_cache() -> None:
    stand = Stand(world_with(cache_share=1.0))
    pool = stand.pool()
    small, large = stand.submit(pool, "a", width=512), stand.submit(pool, "b")
    stand.finish(small, large)
    assert (large.cached, large.repeat) == (False, True)


def test_what_never_came_out_well_is_in_no_cache() -> None:
    jobs = play(Stand(world_with(cache_share=1.0, failures={"black": 1.0})), 1, 1, 1)
    assert [job.cached for job in jobs] == [False] * 3


def test_an_honest_provider_computes_each_repeat_anew() -> None:
    stand = Stand()
    jobs = play(stand, 1, 2, 1)
    assert [(job.repeat, job.cached) for job in jobs] == [(False, False), (False, False), (True, False)]
    assert took_s(jobs[2]) == pytest.approx(run_s(stand))


def test_an_answer_from_the_cache_loads_no_model() -> None:
    stand = Stand(world_with(cache_share=1.0))
    pool = stand.pool()
    first = stand.submit(pool, "a")
    stand.finish(first)
    stand.wait(IDLE_S + 1)
    again, other = stand.submit(pool, "b"), stand.submit(pool, "c", seed=2)
    stand.finish(again, other)
    assert (again.start_kind, again.load_us, other.load_us) == ("cold", 0, LOAD_S * US)
