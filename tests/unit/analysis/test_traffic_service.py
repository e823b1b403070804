"""What a month costs on a service: metered seconds at its rate, as billed, per good image."""

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.estimates import Jobs
from analysis.eviction import Drawn
from analysis.traffic.poisson import poisson_worker
from analysis.traffic.profile import Curve, arrivals
from analysis.traffic.replay import MONTH_S, Arrivals, ReplayError, Setting, rented, replay
from analysis.traffic.service import drawn, half_up, month_of, played
from tests.unit.analysis.traffic_samples import MODAL_NANO, RUNPOD_NANO, VAST_NANO, measured, steady

INSTANTS = Arrivals(at_s=np.array([0.0, 30, 60, 400, 410, 2000]), span_s=float(MONTH_S))
ONE = Setting(window_s=300, max_workers=1)


def test_a_months_cost_is_its_paid_seconds_at_the_rate() -> None:
    month = month_of(steady("Modal", 1000, ONE, service_s=10, boot_s=30), INSTANTS)
    assert month.replayed.paid_s == 1060
    assert (month.usd_per_month_nano, month.usd_per_image_nano, month.requests) == (1_060_000, 176_667, 6)


def test_bills_failures_boots_and_what_is_due_at_rest_enter_it() -> None:
    service = steady("Runpod", 1000, ONE, service_s=10, boot_s=30)
    dear = replace(
        service,
        good={0: (3, 4), 1: (6, 8)},
        billed={0: (103, 100), 1: (107, 100)},
        usd_per_boot_nano=2_000,
        usd_per_month_nano=500,
    )
    month = month_of(dear, INSTANTS)
    assert dear.kappa == 1.05
    assert month.usd_per_month_nano == half_up(1.05 * (1_060_000 + 3 * 2_000)) + 500
    assert month.good == 4.5
    assert month.usd_per_image_nano == half_up((1.05 * 1_066_000 + 500) / 4.5)


def test_what_is_billed_in_whole_steps_of_each_life_is() -> None:
    """Three lives of 340 to 370 s: 400 s each at the one rate, 600 s each at the other."""
    month = month_of(steady("Runpod", 1000, ONE, service_s=10, boot_s=30, steps=[(100.0, 900), (300.0, 100)]), INSTANTS)
    assert month.replayed.lives_s.tolist() == [370, 350, 340]
    assert month.usd_per_month_nano == 900 * 1200 + 100 * 1800
    exact = month_of(steady("Runpod", 1000, ONE, service_s=10, boot_s=30, steps=[(10.0, 1000)]), INSTANTS)
    assert exact.usd_per_month_nano == 1_060_000


def test_pulls_are_drawn_from_the_measured_ones_and_delay_the_boot() -> None:
    plainly = measured("Runpod", 1000, Setting(window_s=60, max_workers=1))
    pulled = replace(plainly, pull=Jobs.exact([7.0, 9.0], [0, 1]))
    came = arrivals(Curve(per_day=1000))
    late, plain = (month_of(each, came).replayed for each in (pulled, plainly))
    first = late.latency_s[0] - plain.latency_s[0]
    assert first in (pytest.approx(7), pytest.approx(9))
    assert late.cold_share < plain.cold_share, "a worker that comes later stays later"
    assert set(pulled.without(1).pull.high) == {7.0}


def test_a_load_is_that_of_the_same_job_as_its_boot() -> None:
    queue = Setting(window_s=20, max_workers=3, bound=False)
    service = replace(
        measured("Runpod", 1000, queue, blocks=3),
        boot=Jobs.exact([40.0, 20, 60], [0, 1, 2]),
        load=Jobs.exact([1.0, 19, 30], [0, 1, 2]),
    )
    came = arrivals(Curve(per_day=9000), hours=4)
    loads = {40: 1, 20: 19, 60: 30}
    for each in (service, service.without(0)):
        chances = np.random.default_rng((5, 1)).random((came.n, 3))
        boot_s = drawn(each.boot, chances[:, 1])
        load_s = [loads[round(boot)] for boot in boot_s]
        direct = replay(came, queue, service_s=drawn(each.service, chances[:, 0]), boot_s=boot_s, load_s=load_s)
        assert played(each, came, queue, seed=5).latency_s.tolist() == direct.latency_s.tolist()
    assert set(service.without(0).load.high) == {19, 30}


def test_every_worker_that_booted_pays_for_its_boot_and_a_machine_for_one_each_day() -> None:
    queue = Setting(window_s=5, max_workers=2, bound=False)
    twice = Arrivals(at_s=np.array([0.0, 1]), span_s=float(MONTH_S))
    dear = steady("Runpod", 0, queue, service_s=0, boot_s=30, usd_per_boot_nano=70)
    month = month_of(dear, twice)
    assert (month.replayed.boots, month.replayed.cold.tolist()) == (2, [True, False]), "the second found nobody waiting"
    assert month.usd_per_month_nano == 140
    ten_days = Arrivals(at_s=np.array([0.0]), span_s=864_000.0)
    by_day = month_of(replace(dear, setting=rented(2, hours=(8, 20))), ten_days)
    assert by_day.nano == pytest.approx(2 * 10 * 70 * MONTH_S / 864_000)
    assert month_of(replace(dear, setting=rented(2)), ten_days).nano == 0, "they stand since before"


def test_a_longer_stretch_is_scaled_to_a_month() -> None:
    twice = Arrivals(at_s=np.concatenate([INSTANTS.at_s, INSTANTS.at_s + MONTH_S]), span_s=2.0 * MONTH_S)
    month = month_of(steady("Modal", 1000, ONE, service_s=10, boot_s=30), twice)
    assert (month.usd_per_month_nano, month.requests) == (1_060_000, 6)


def test_overhead_holds_the_worker_longer() -> None:
    month = month_of(steady("Modal", 1000, ONE, service_s=8, boot_s=30, overhead_s=2.0), INSTANTS)
    assert month.replayed.latency_s.tolist() == [40, 20, 10, 40, 40, 40]


def test_most_of_an_as_is_saving_is_the_shorter_window() -> None:
    """42 an hour, 15 s and 45 s: $1,705.89 at 300 s, $873.72 at 10 s, and $695.89 there at the other's rate."""
    per_month = [
        poisson_worker(42, service_s=15, boot_s=45, window_s=window).usd_per_month(nano / 1e9)
        for window, nano in ((300, MODAL_NANO), (10, MODAL_NANO), (10, RUNPOD_NANO))
    ]
    assert [round(usd, 2) for usd in per_month] == [1705.89, 873.72, 695.89]
    assert round(1 - per_month[2] / per_month[0], 2) == 0.59
    assert round(1 - per_month[2] / per_month[1], 3) == 0.204
    came = arrivals(Curve(per_day=1008), hours=24 * 30)
    for window, nano, usd in ((300, MODAL_NANO, 1705.89), (10, RUNPOD_NANO, 695.89)):
        month = month_of(steady("x", nano, Setting(window_s=window, max_workers=1)), came)
        assert month.nano / 1e9 == pytest.approx(usd, rel=0.01)


def test_a_machine_around_the_clock_costs_730_hours() -> None:
    month = month_of(steady("Vast.ai", VAST_NANO, rented()), INSTANTS)
    assert month.usd_per_month_nano == 394_200_000_000
    assert not month.replayed.cold.any()


def test_a_machine_rented_by_hours_pays_for_these_and_lets_the_rest_wait() -> None:
    """Of 10 days 8 to 20: at 7 and at 21 one waits for the next opening; what arrives at the end is still served."""
    hour = 3600.0
    came = Arrivals(at_s=np.array([7 * hour, 12 * hour, 20 * hour - 5, 21 * hour]), span_s=864_000.0)
    month = month_of(steady("Vast.ai", 1000, rented(hours=(8, 20))), came)
    assert month.replayed.wait_s.tolist() == [hour, 0, 0, 11 * hour]
    assert month.replayed.boot_s == 10 * 45
    assert month.replayed.paid_s == 10 * (12 * hour + 45) + 10  # one was at work for 10 s after the end
    twice = month_of(steady("Vast.ai", 1000, rented(2, hours=(8, 20))), came)
    assert twice.replayed.paid_s == 2 * month.replayed.paid_s


def test_seconds_are_drawn_from_the_measured_ones_each_as_likely() -> None:
    service = measured("Modal", 1000, Setting(window_s=60))
    run = month_of(service, arrivals(Curve(per_day=1000))).replayed
    work = run.latency_s - run.wait_s
    assert set(np.round(work[~run.cold], 9)) <= set(np.round(service.service.high, 9))
    assert work[~run.cold].mean() == pytest.approx(service.service.high.mean(), rel=0.01)
    assert run.boot_s / run.cold.sum() == pytest.approx(service.boot.high.mean(), rel=0.02)


def test_the_same_chances_meet_every_service_and_setting_and_another_seed_others() -> None:
    came = arrivals(Curve(per_day=300))
    slow, fast = measured("a", 1, Setting(window_s=9), service_s=18), measured("b", 1, Setting(window_s=9))
    runs = [month_of(service, came).replayed for service in (slow, fast)]
    works = [run.latency_s - run.wait_s for run in runs]
    both = ~runs[0].cold & ~runs[1].cold
    assert np.allclose(works[0][both], 2 * works[1][both])
    assert (month_of(fast, came).replayed.latency_s == runs[1].latency_s).all()
    assert not (month_of(fast, came, seed=2).replayed.latency_s == runs[1].latency_s).all()


def test_a_drawn_window_holds_for_the_setting_as_deployed() -> None:
    law = Drawn(n=64, median_s=100, steepness=4, centre_s=100, covariance=np.eye(2))
    service = steady("Modal", 1000, ONE, window=law)
    came = arrivals(Curve(per_day=600), hours=24 * 100)
    share = month_of(service, came).replayed.cold_share
    gone = law.cold_chance(25).point
    assert share == pytest.approx(poisson_worker(25, service_s=15, boot_s=45, gone=gone).cold_share, abs=0.006)
    other = month_of(service, came, setting=replace(ONE, window_s=1e6)).replayed
    assert other.cold.sum() == 1


def test_without_a_block_its_seconds_counts_and_bills_are_gone() -> None:
    service = measured("Modal", 1000, ONE, blocks=3)
    rest = service.without(1)
    assert service.blocks == [0, 1, 2]
    assert rest.blocks == [0, 2]
    assert (rest.service.n, rest.boot.n, sorted(rest.billed)) == (120, 8, [0, 2])
    assert set(rest.service.high) == set(service.service.high[service.service.block != 1])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"service": Jobs.exact([], [])}, "no warm execution time was measured on Modal"),
        ({"boot": Jobs.exact([], [])}, "no boot time was measured on Modal"),
        ({"boot": Jobs.exact([math.inf], [0])}, "no boot time was measured on Modal"),
        ({"good": {}}, "no good image came from Modal"),
        ({"good": {0: (0, 5)}}, "no good image came from Modal"),
    ],
)
def test_what_was_not_measured_is_not_replayed(more: dict, said: str) -> None:
    with pytest.raises(ReplayError, match=said):
        month_of(steady("Modal", 1000, ONE, **more), INSTANTS)


def test_too_few_workers_cannot_be_replayed() -> None:
    came = arrivals(Curve(per_day=6000), hours=48)
    with pytest.raises(ReplayError, match=r"One worker cannot keep up: the requests are 104% of what can be served"):
        month_of(steady("Modal", 1000, ONE), came)
    with pytest.raises(ReplayError, match="2 workers cannot keep up"):
        month_of(steady("Modal", 1000, rented(2), service_s=30), came)
