"""What must hold of every replay, and the fast one beside a plain one that moves worker objects from event to event."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.traffic.profile import Curve, arrivals
from analysis.traffic.replay import Arrivals, Replayed, Setting, replay
from benchmarks.plain_queue import Asked, Queue

WHOLE = st.integers(0, 60)
SETTINGS = st.builds(
    lambda window, room, least, more: Setting(
        window_s=window, concurrency=room, min_workers=least, max_workers=None if more is None else max(1, least + more)
    ),
    st.sampled_from([0, 1, 5, 20, 100, math.inf]),
    st.integers(1, 4),
    st.integers(0, 3),
    st.none() | st.integers(0, 4),
)
REQUESTS = st.lists(
    st.tuples(WHOLE, WHOLE, WHOLE, WHOLE), min_size=1, max_size=36
)  # gap, service, boot, pull or window


QUEUES = st.builds(lambda setting: replace(setting, bound=False), SETTINGS)
ASKED = st.lists(
    st.builds(
        lambda work, boot, load, pull, window: {
            "work_s": work, "boot_s": boot + load, "load_s": load, "pull_s": pull, "window_s": window
        },
        WHOLE, WHOLE, WHOLE, WHOLE, st.integers(0, 100),
    ),
    min_size=36, max_size=36,
)  # fmt: skip
GAPS = st.lists(WHOLE, min_size=1, max_size=36)


def arrived(requests: list[tuple[int, ...]]) -> Arrivals:
    at = np.cumsum([float(gap) for gap, *_ in requests])
    return Arrivals(at_s=at, span_s=float(at[-1]) + 50)


def replayed(requests: list[tuple[int, ...]], setting: Setting) -> Replayed:
    _, service, boot, pull = zip(*requests, strict=True)
    return replay(arrived(requests), setting, service_s=service, boot_s=boot, pull_s=pull)


def queued(gaps, told, setting: Setting, *, drawn: bool = False) -> tuple[Arrivals, Replayed]:
    came = arrived([(gap,) for gap in gaps])
    of = {name: [each[name] for each in told[: came.n]] for name in told[0]}
    found = replay(
        came, setting, service_s=of["work_s"], boot_s=of["boot_s"], load_s=of["load_s"], pull_s=of["pull_s"],
        windows_s=of["window_s"] if drawn else None,
    )  # fmt: skip
    return came, found


# ---------------------------------------------------------------- properties


@given(REQUESTS, SETTINGS)
def test_a_replay_is_that_of_workers_one_by_one_and_pays_for_their_whole_lives(requests, setting: Setting) -> None:
    found, (starts, colds, lives_s) = replayed(requests, setting), plainly(requests, setting)
    assert found.cold.tolist() == colds
    assert (arrived(requests).at_s + found.latency_s).tolist() == starts
    assert found.paid_s == lives_s  # whole seconds: no rounding
    assert found.paid_s == found.boot_s + found.busy_s + found.idle_s == found.paid_each_s.sum()
    if setting.min_workers == 0 and math.isfinite(setting.window_s):
        assert found.lives_s.sum() == lives_s


@given(REQUESTS, SETTINGS)
def test_with_drawn_windows_too(whole, setting: Setting) -> None:
    """Each service has a bit of its own, so that no two workers are free at once: which of them is taken is open."""
    requests = [(gap, service + 2.0 ** -(i + 1), boot, window) for i, (gap, service, boot, window) in enumerate(whole)]
    _, service, boot, windows = zip(*requests, strict=True)
    found = replay(arrived(requests), setting, service_s=service, boot_s=boot, windows_s=windows)
    starts, colds, lives_s = plainly(requests, setting, drawn=True)
    assert found.cold.tolist() == colds
    assert (arrived(requests).at_s + found.latency_s).tolist() == starts
    assert math.isclose(found.paid_s, lives_s, abs_tol=1e-9)


@given(REQUESTS, SETTINGS)
def test_no_request_is_served_faster_than_its_service_and_its_own_boot(requests, setting: Setting) -> None:
    _, service, boot, _ = zip(*requests, strict=True)
    found = replayed(requests, setting)
    assert (found.wait_s >= 0).all()
    assert (found.latency_s >= np.array(service) + found.cold * np.array(boot)).all()
    assert found.busy_s == sum(service)


@given(GAPS, ASKED, QUEUES, st.booleans())
def test_a_queue_is_that_of_workers_that_take_from_it_one_by_one(gaps, told, setting: Setting, drawn: bool) -> None:
    came, found = queued(gaps, told, setting, drawn=drawn)
    asked = [
        Asked(at_s=at, **each | ({} if drawn else {"window_s": None}))
        for at, each in zip(came.at_s.tolist(), told, strict=False)
    ]
    plain = Queue(setting=setting, asked=asked).run(came.span_s)
    assert (came.at_s + found.latency_s).tolist() == plain.ends
    assert found.cold.tolist() == plain.cold
    assert found.boots == plain.boots
    assert found.paid_s == plain.paid_s  # whole seconds: no rounding
    assert found.paid_s == found.boot_s + found.busy_s + found.idle_s == found.paid_each_s.sum()
    if setting.min_workers == 0 and (drawn or math.isfinite(setting.window_s)):
        assert found.lives_s.sum() == found.paid_s
        assert found.lives_s.size == found.boots


@given(GAPS, ASKED, QUEUES, WHOLE)
def test_from_a_queue_nobody_is_taken_before_who_came_earlier(gaps, told, setting: Setting, load_s: int) -> None:
    alike = [one | {"boot_s": one["boot_s"] - one["load_s"] + load_s, "load_s": load_s} for one in told]
    came, found = queued(gaps, alike, setting)
    waited_s = found.latency_s - [one["work_s"] for one in alike[: came.n]] - found.cold * load_s
    assert (waited_s >= 0).all()
    assert (np.diff(came.at_s + waited_s) >= 0).all()
    assert (waited_s == found.wait_s)[~found.cold].all()
    assert found.boots >= found.cold.sum()


@given(GAPS, ASKED, st.sampled_from([0, 1, 5, 20, 100, math.inf]), st.booleans(), st.booleans())
def test_one_worker_has_nobody_to_take_its_requests(gaps, told, window, kept: bool, drawn: bool) -> None:
    one = Setting(window_s=window, min_workers=int(kept), max_workers=1)
    (_, bound), (_, queue) = (queued(gaps, told, replace(one, bound=each), drawn=drawn) for each in (True, False))
    for name in ("latency_s", "wait_s", "cold", "paid_each_s", "lives_s"):
        assert getattr(bound, name).tolist() == getattr(queue, name).tolist()
    assert (bound.boots, bound.paid_s) == (queue.boots, queue.paid_s)


@given(GAPS, ASKED, SETTINGS)
def test_who_is_bound_waits_for_boot_and_load_whichever_is_which(gaps, told, setting: Setting) -> None:
    apart, whole = (queued(gaps, each, setting)[1] for each in (told, [one | {"load_s": 0} for one in told]))
    assert apart.latency_s.tolist() == whole.latency_s.tolist()
    assert apart.paid_s == whole.paid_s


@given(REQUESTS, WHOLE, st.integers(0, 100), st.integers(0, 100))
def test_of_one_worker_a_longer_window_never_makes_more_cold(requests, boot: int, window: int, more: int) -> None:
    """As long as boots take equally long: a long boot keeps a worker busy through gaps in which another one goes."""
    _, service, _, _ = zip(*requests, strict=True)
    short, long = (
        replay(arrived(requests), Setting(window_s=each, max_workers=1), service_s=service, boot_s=boot).cold.sum()
        for each in (window, window + more)
    )
    assert long <= short


@given(st.floats(1, 500), st.integers(0, 2**31), st.lists(st.floats(0.01, 9), min_size=24, max_size=24))
def test_the_seed_decides(per_day: float, seed: int, weights: list[float]) -> None:
    first, again = (arrivals(Curve(per_day=per_day + 1, weights=weights), seed=seed, hours=240) for _ in range(2))
    assert (first.at_s == again.at_s).all()
    assert (np.diff(first.at_s) >= 0).all()
    assert first.at_s[-1] <= first.span_s == 240 * 3600


# ---------------------------------------------------------------- the plain one


@dataclass(eq=False)
class Worker:
    born_s: float
    finishes: list[float] = field(default_factory=list)
    free_s: float = 0.0
    window_s: float = math.inf

    def assigned(self, now: float) -> int:
        return sum(finish > now for finish in self.finishes)

    @property
    def gone_s(self) -> float:
        return self.free_s + self.window_s


def plainly(requests, setting: Setting, *, drawn: bool = False) -> tuple[list[float], list[bool], float]:
    """Ends of all requests, which were cold, and the summed lives of all workers.

    The fourth number of a request is the window that follows it if windows are drawn, else the pull of its worker.
    """
    alive = [Worker(born_s=0, window_s=setting.window_s) for _ in range(setting.min_workers)]
    ends, colds, lives_s = [], [], 0.0
    for now, (_, service, boot, fourth) in zip(arrived(requests).at_s.tolist(), requests, strict=True):
        lives_s += bury(alive, setting.min_workers, now)
        worker = chosen(alive, now, setting)
        colds.append(worker is None)
        if worker is None:
            born_s = now if drawn else now + fourth
            worker = Worker(born_s=born_s, free_s=born_s + boot)
            alive.append(worker)
        worker.free_s = max(worker.free_s, now) + service
        worker.window_s = fourth if drawn else setting.window_s
        worker.finishes.append(worker.free_s)
        ends.append(worker.free_s)
    lives_s += bury(alive, setting.min_workers, math.inf)
    end = arrived(requests).span_s
    return ends, colds, lives_s + sum(max(end, worker.free_s) - worker.born_s for worker in alive)


def bury(alive: list[Worker], least: int, now: float) -> float:
    """Let go whose window has ended, the first to end first, while more than the fewest are there."""
    lives_s = 0.0
    for worker in sorted(alive, key=lambda each: each.gone_s):
        if worker.gone_s <= now and len(alive) > least and math.isfinite(worker.gone_s):
            alive.remove(worker)
            lives_s += worker.gone_s - worker.born_s
    return lives_s


def chosen(alive: list[Worker], now: float, setting: Setting) -> Worker | None:
    """None: a new one."""
    if idle := [worker for worker in alive if worker.free_s <= now]:
        return max(idle, key=lambda worker: worker.free_s)
    if room := [worker for worker in alive if worker.assigned(now) < setting.concurrency]:
        return min(room, key=lambda worker: worker.free_s)
    if setting.max_workers is None or len(alive) < setting.max_workers:
        return None
    return min(alive, key=lambda worker: worker.free_s)
