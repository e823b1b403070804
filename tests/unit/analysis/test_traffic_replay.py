"""Replays held to traces worked out by hand, and to the closed form."""

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.traffic.poisson import poisson_worker, up_share_of_curve
from analysis.traffic.profile import Curve, arrivals
from analysis.traffic.replay import Arrivals, Replayed, ReplayError, Setting, replay

INSTANTS = (0, 30, 60, 400, 410, 2000)
RATE = 0.00066544  # USD a second
QUIET_NIGHT = (1.0,) * 7 + (4.0,) * 5 + (10.0,) * 12


def came(*at: float, span_s: float | None = None) -> Arrivals:
    return Arrivals(at_s=np.array(at, dtype=float), span_s=float(at[-1] if span_s is None else span_s))


def poisson(per_hour: float, n: int, seed: int = 1) -> Arrivals:
    at = np.cumsum(np.random.default_rng(seed).exponential(3600 / per_hour, n))
    return Arrivals(at_s=at, span_s=float(at[-1]))


def seconds(found: Replayed) -> tuple[float, float, float, float]:
    return found.busy_s, found.boot_s, found.idle_s, found.paid_s


# ---------------------------------------------------------------- worked traces


@pytest.mark.parametrize(
    ("setting", "latencies", "cold", "of_seconds"),
    [
        (Setting(window_s=300, max_workers=1), [40, 20, 10, 40, 40, 40], [0, 3, 5], (60, 90, 910, 1060)),
        (Setting(window_s=300, max_workers=2), [40, 40, 10, 40, 40, 40], [0, 1, 3, 4, 5], (60, 150, 1520, 1730)),
        (Setting(window_s=5, max_workers=1), [40, 20, 40, 40, 40, 40], [0, 2, 3, 5], (60, 120, 20, 200)),
    ],
)
def test_a_trace_replays_to_the_second(
    setting: Setting, latencies: list[float], cold: list[int], of_seconds: tuple[float, ...]
) -> None:
    found = replay(came(*INSTANTS), setting, service_s=10, boot_s=30)
    assert found.latency_s.tolist() == latencies
    assert np.flatnonzero(found.cold).tolist() == cold
    assert seconds(found) == of_seconds
    assert found.cold_share == len(cold) / 6


def test_at_exactly_its_window_a_worker_is_gone_and_at_its_finish_it_is_idle() -> None:
    at_its_finish, just_before, at_window = (
        replay(came(0, second), Setting(window_s=20), service_s=10, boot_s=30) for second in (40, 59.999, 60)
    )
    assert [run.cold.tolist() for run in (at_its_finish, just_before, at_window)] == [
        [True, False], [True, False], [True, True],
    ]  # fmt: skip
    assert at_its_finish.wait_s.tolist() == [0, 0]
    assert at_window.idle_s == 40


def test_the_idle_worker_used_last_is_taken_first() -> None:
    """Two workers end at 40 and 45; the second serves on, the first is gone at 90 though requests still come."""
    found = replay(came(0, 5, 60, 85, 100, 101), Setting(window_s=50), service_s=10, boot_s=30)
    assert found.cold.tolist() == [True, True, False, False, False, True]
    assert found.idle_s == 50 + (15 + 15 + 5 + 50) + 50


def test_a_worker_that_boots_holds_up_to_its_concurrency_and_then_another_boots() -> None:
    found = replay(came(0, 1, 2, 3), Setting(window_s=50, concurrency=2), service_s=10, boot_s=30)
    assert found.cold.tolist() == [True, False, True, False]
    assert found.wait_s.tolist() == [0, 39, 0, 39]
    assert found.latency_s.tolist() == [40, 49, 40, 49]


def test_a_finish_makes_room_on_a_busy_worker() -> None:
    """At 41 the first request has ended, and the worker works at the second: one more fits."""
    found = replay(came(0, 1, 41), Setting(window_s=50, concurrency=2), service_s=10, boot_s=30)
    assert found.cold.tolist() == [True, False, False]
    assert found.latency_s.tolist() == [40, 49, 19]


@pytest.mark.parametrize(("second_works_s", "waits_s"), [(60, 9), (55, 6)])
def test_of_busy_workers_with_room_the_one_free_first_is_taken(second_works_s: float, waits_s: float) -> None:
    """The first holds two requests until 80 and is free at 90; the second, with one, is free at 92 or at 87."""
    setting = Setting(window_s=50, concurrency=2)
    found = replay(came(0, 1, 2, 81), setting, service_s=[50, 10, second_works_s, 5], boot_s=30)
    assert found.cold.tolist() == [True, False, True, False]
    assert found.wait_s[3] == waits_s


def test_where_the_one_free_first_is_full_one_with_room_is_taken() -> None:
    """At 90 the first, free at 101, has held two since 80; the second, free at 130, holds one."""
    setting = Setting(window_s=50, concurrency=2)
    found = replay(came(0, 1, 2, 81, 90), setting, service_s=[50, 15, 98, 6, 5], boot_s=30)
    assert found.cold.tolist() == [True, False, True, False, False]
    assert found.wait_s.tolist() == [0, 79, 0, 14, 40]


def test_when_all_are_full_and_no_more_may_boot_the_one_free_first_takes_it() -> None:
    setting = Setting(window_s=50, concurrency=1, max_workers=2)
    found = replay(came(0, 1, 2, 3), setting, service_s=[30, 10, 10, 10], boot_s=30)
    assert found.cold.tolist() == [True, True, False, False]
    assert found.wait_s.tolist() == [0, 0, 39, 48]  # both on the second worker, free at 41 and at 51
    full = replay(came(0, 1, 2, 3, 4), Setting(window_s=50, concurrency=2, max_workers=1), service_s=10, boot_s=30)
    assert full.wait_s.tolist() == [0, 39, 48, 57, 66]


def test_windows_may_be_drawn_for_each_idle_period() -> None:
    found = replay(
        came(0, 60, 100), Setting(window_s=1), service_s=10, boot_s=30, windows_s=[25, 5, 7]
    )  # idle from 40 to 60 within its 25 s; then from 70, gone at 75
    assert found.cold.tolist() == [True, False, True]
    assert found.idle_s == 20 + 5 + 7


def test_of_drawn_windows_the_shorter_ends_first_whoever_was_used_last() -> None:
    """Idle from 40 for 100 s, and from 45 for 3 s: at 60 the older one is still there."""
    found = replay(came(0, 5, 60), Setting(window_s=1), service_s=10, boot_s=30, windows_s=[100, 3, 1])
    assert found.cold.tolist() == [True, True, False]
    assert found.idle_s == 3 + 20 + 1


def test_the_fewest_workers_are_up_before_and_stay_to_the_end() -> None:
    setting = Setting(window_s=20, min_workers=1)
    found = replay(came(10, 12, 200, span_s=1000), setting, service_s=10, boot_s=30)
    assert found.cold.tolist() == [False, True, False]
    # the kept one idles 0-10; it ends at 20 and is gone at 40, as the other is up then; that one ends at 52 and stays
    assert found.idle_s == 10 + 20 + (200 - 52) + (1000 - 210)
    assert found.boot_s == 30


def test_without_an_end_a_worker_idles_to_the_end_of_the_stretch() -> None:
    found = replay(came(0, 100, span_s=1000), Setting(window_s=math.inf), service_s=10, boot_s=30)
    assert found.cold.tolist() == [True, False]
    assert found.paid_s == 1000


def test_until_its_host_has_the_image_a_worker_is_waited_for_and_not_paid() -> None:
    """Pulled until 20, booted until 50, at work until 60, gone at 80: at 75 it is there, as it would not be without."""
    found = replay(came(0, 75), Setting(window_s=20), service_s=10, boot_s=30, pull_s=[20, 99])
    assert found.cold.tolist() == [True, False]
    assert (found.latency_s.tolist(), found.wait_s.tolist()) == ([60, 10], [0, 0])
    assert seconds(found) == (20, 30, 15 + 20, 85)
    assert found.lives_s.tolist() == [85]
    assert replay(came(0, 75), Setting(window_s=20), service_s=10, boot_s=30).cold.all()


def test_from_a_queue_whichever_worker_is_free_first_takes_the_oldest_request() -> None:
    """The first works from 30 to 40, then takes what came at 5, for which the second boots until 50: nobody is left.

    At 53 the second was idle last: it loads for 5 s, and is gone 5 s after that and 10 s of work.
    """
    told = {"service_s": [10, 8, 10], "boot_s": [30, 50, 99], "load_s": [20, 5, 9]}
    queue = Setting(window_s=5, max_workers=2, bound=False)
    found = replay(came(0, 5, 53), queue, **told)
    assert found.latency_s.tolist() == [40, 43, 15]
    assert found.cold.tolist() == [True, False, True]
    assert found.wait_s.tolist() == [0, 35, 15 - 50 - 10], "of the last its worker's boot was begun 48 s before it came"
    assert (found.boots, seconds(found)) == (2, (28, 80, 5 + 3 + 5, 121))
    assert sorted(found.lives_s.tolist()) == [53, 68]
    assert found.paid_each_s.tolist() == [40, 8 + 45, 10 + 5 + 3 + 10]
    bound = replay(came(0, 5, 53), replace(queue, bound=True), **told)
    assert (bound.latency_s.tolist(), bound.boots) == ([40, 58, 109], 3), "the first is gone at 45"


def test_a_worker_that_no_request_was_left_for_is_paid_for_until_its_window_ends_and_loads_nothing() -> None:
    queue = Setting(window_s=5, max_workers=2, bound=False)
    found = replay(came(0, 5), queue, service_s=[10, 8], boot_s=[30, 50], load_s=[20, 5], pull_s=[0, 2])
    assert found.cold.tolist() == [True, False]
    assert (found.boots, seconds(found)) == (2, (18, 30 + 45, 5 + 5, 103))
    drawn = replay(came(0, 5), queue, service_s=[10, 8], boot_s=[30, 50], load_s=[20, 5], windows_s=[7, 100])
    assert drawn.idle_s == 200, "that of the request for both which it was taken by and which it was started for"


def test_of_several_requests_a_worker_a_queue_starts_one_for_each_so_many() -> None:
    """Ready at 30, 32 and 34: each takes one, and the first two also the rest. At most two: each the next by turns."""
    queue = Setting(window_s=50, concurrency=2, bound=False)
    found = replay(came(0, 1, 2, 3, 4), queue, service_s=10, boot_s=30)
    assert (found.boots, found.cold.tolist()) == (3, [True, True, True, False, False])
    assert found.latency_s.tolist() == [40, 42 - 1, 44 - 2, 50 - 3, 52 - 4]
    full = replay(came(0, 1, 2, 3, 4), replace(queue, max_workers=2), service_s=10, boot_s=30)
    assert (full.boots, full.cold.tolist()) == (2, [True, True, False, False, False])
    assert full.latency_s.tolist() == [40, 42 - 1, 50 - 2, 52 - 3, 60 - 4]


def test_lives_are_those_of_workers_that_came_and_went() -> None:
    two = replay(came(*INSTANTS), Setting(window_s=300, max_workers=2), service_s=10, boot_s=30)
    assert sorted(two.lives_s.tolist()) == [340, 340, 340, 340, 370]
    kept = replay(came(10, 12, 200, span_s=1000), Setting(window_s=20, min_workers=1), service_s=10, boot_s=30)
    assert kept.lives_s.tolist() == [40], "the kept one, up from 0, is gone at 40; the other stays"


def test_with_a_window_of_0_every_request_that_finds_no_busy_worker_is_cold() -> None:
    found = replay(came(0, 40, 100), Setting(window_s=0), service_s=10, boot_s=30)
    assert found.cold.all()
    assert found.idle_s == 0


# ---------------------------------------------------------------- closed form


@pytest.mark.parametrize(
    ("per_hour", "service_s", "boot_s", "window_s", "told"),
    [
        (6, 15, 45, 300, (0.606531, 1.072297, 0.565637, 220.164, 260.618, 0.173426, 759.60)),
        (42, 15, 45, 300, (0.030197, 1.231338, 0.024524, 67.509, 83.612, 0.055639, 1705.89)),
        (42, 15, 45, 10, (0.889882, 1.778410, 0.500381, 5.307, 42.825, 0.028497, 873.72)),
        (120, 15, 45, 60, (0.135335, 2.406006, 0.056249, 10.781, 28.313, 0.018840, 1650.41)),
        (2, 110, 60, 300, (0.846482, 1.095141, 0.772943, 252.326, 408.703, 0.271967, 397.07)),
        (20, 9, 45, 5, (0.972604, 1.308580, 0.743252, 3.768, 46.215, 0.030753, 449.00)),
    ],
)
def test_one_worker_in_closed_form_and_replayed(
    per_hour: float, service_s: float, boot_s: float, window_s: float, told: tuple[float, ...]
) -> None:
    found = poisson_worker(per_hour, service_s=service_s, boot_s=boot_s, window_s=window_s)
    digits = (6, 6, 6, 3, 3, 6, 2)
    values = (
        found.gone, found.per_boot, found.cold_share, found.idle_s_per_image, found.paid_s_per_image,
        found.usd_per_image(RATE), found.usd_per_month(RATE),
    )  # fmt: skip
    assert tuple(round(value, places) for value, places in zip(values, digits, strict=True)) == told
    n = 40_000
    setting = Setting(window_s=window_s, max_workers=1)
    run = replay(poisson(per_hour, n), setting, service_s=service_s, boot_s=boot_s)
    # a few per thousand of simulation error; requests behind one boot are no independent draws
    assert run.cold_share == pytest.approx(found.cold_share, abs=4 * math.sqrt(2 * found.cold_share / n))
    assert run.paid_s / n == pytest.approx(found.paid_s_per_image, rel=0.02)
    assert run.idle_s / n == pytest.approx(found.idle_s_per_image, rel=0.03)


def test_the_law_of_service_and_boot_does_not_matter_to_one_worker_only_their_means() -> None:
    dice = np.random.default_rng(4)
    n = 40_000
    setting = Setting(window_s=300, max_workers=1)
    run = replay(poisson(6, n, seed=3), setting, service_s=dice.exponential(15, n), boot_s=dice.exponential(45, n))
    assert run.cold_share == pytest.approx(0.565637, abs=0.012)
    assert run.paid_s / n == pytest.approx(260.618, rel=0.02)


def test_more_workers_cost_more_and_concurrency_saves_them() -> None:
    came_in = poisson(42, 100_000)
    alone, five = (replay(came_in, Setting(window_s=300, concurrency=most), service_s=15, boot_s=45) for most in (1, 5))
    assert alone.cold_share == pytest.approx(0.133, abs=0.004)
    assert alone.paid_s / came_in.n == pytest.approx(127.6, rel=0.01)
    assert five.cold_share == pytest.approx(0.025, abs=0.002)
    assert five.paid_s / came_in.n == pytest.approx(83.4, rel=0.01)


def test_a_quiet_night_is_less_to_pay_than_the_same_volume_spread_evenly() -> None:
    law = {"per_day": 1000, "service_s": 15, "boot_s": 45, "window_s": 300}
    assert round(up_share_of_curve(QUIET_NIGHT, **law), 3) == 0.827
    assert round(up_share_of_curve([1.0] * 24, **law), 3) == 0.975
    assert up_share_of_curve([0.0] * 12 + [1.0] * 12, **law) < 0.5
    run = replay(
        arrivals(Curve(per_day=1000, weights=QUIET_NIGHT), hours=60 * 24),
        Setting(window_s=300, max_workers=1),
        service_s=15,
        boot_s=45,
    )
    assert run.paid_s / (60 * 86_400) == pytest.approx(0.830, abs=0.006)


def test_a_drawn_window_enters_by_its_chance() -> None:
    found = poisson_worker(6, service_s=15, boot_s=45, gone=0.606531)
    assert found.cold_share == pytest.approx(0.565637, abs=1e-6)


# ---------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Setting(window_s=-1), "A window is 0 s or more, not -1"),
        (lambda: Setting(window_s=math.nan), "A window is 0 s or more, not nan"),
        (lambda: Setting(window_s=1, concurrency=0), "at least one request, not 0"),
        (lambda: Setting(window_s=1, min_workers=-1), "min_workers is 0 or more, not -1"),
        (lambda: Setting(window_s=1, min_workers=2, max_workers=1), "max_workers 1 is below 1 or below min_workers 2"),
        (lambda: Setting(window_s=1, max_workers=0), "max_workers 0 is below 1"),
        (lambda: came(3, 2), "in ascending order"),
        (lambda: came(-1, 2), "from 0 s on"),
        (lambda: came(1, math.nan), "finite instants"),
        (lambda: came(1, 5, span_s=4), "The last request, at 5 s, comes after the end, at 4 s"),
        (lambda: Arrivals(at_s=np.empty(0), span_s=1), "There is no request to replay"),
        (lambda: replay(came(1, 2), Setting(window_s=1), service_s=-1, boot_s=1), "service_s must be finite seconds"),
        (lambda: replay(came(1, 2), Setting(window_s=1), service_s=1, boot_s=math.inf), "boot_s must be finite"),
        (
            lambda: replay(came(1, 2), Setting(window_s=1), service_s=1, boot_s=2, load_s=3),
            "load_s is a part of boot_s",
        ),
        (
            lambda: replay(came(1, 2), Setting(window_s=1), service_s=[1, 2, 3], boot_s=1),
            "service_s gives 3 numbers for 2 requests",
        ),
        (lambda: poisson_worker(240, service_s=15, boot_s=1, window_s=1), "One worker cannot serve 240 requests"),
        (lambda: poisson_worker(0, service_s=15, boot_s=1, window_s=1), "Arrivals must be above 0 an hour"),
    ],
)
def test_what_cannot_be_replayed_says_why(made, said: str) -> None:
    with pytest.raises(ReplayError, match=said):
        made()
