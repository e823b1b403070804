"""Production's traffic on every provider: who is cheapest at equal service, what is left out, and where it changes."""

import math
from dataclasses import replace
from typing import Any

import pytest

from analysis.traffic.blended import Blended, at_best, blended, options_of, volumes, worth_trying
from analysis.traffic.breakeven import Bought
from analysis.traffic.equal import Swapped, Terms, Tried, cheapest, cost_of, saved, saving
from analysis.traffic.measured import Unmeasured
from analysis.traffic.profile import Curve
from analysis.traffic.replay import Setting, rented
from analysis.traffic.service import Service
from analysis.traffic.trials import Trials
from tests.unit.analysis.traffic_samples import MODAL_NANO, RUNPOD_NANO, VAST_NANO, measured

TERMS = Terms(traffic=Curve(per_day=1000), requests=1500, requests_per_block=150)
MODAL = measured("Modal", MODAL_NANO, Setting(window_s=300), blocks=8, seed=1)
RUNPOD = measured("Runpod", RUNPOD_NANO, Setting(window_s=10), blocks=8, seed=2)
VAST = measured("Vast.ai", VAST_NANO, rented(), blocks=8, seed=3)
NOTHING = Unmeasured(name="Fourth", gpu="L40S", reason="No price of Fourth was seen.")
FAL = Bought(name="FAL flux/dev", usd_per_image_nano=25_000_000)


@pytest.fixture(scope="module")
def found() -> Blended:
    told = blended([RUNPOD, MODAL, VAST, NOTHING], TERMS, baseline="Modal")
    assert isinstance(told, Blended)
    return told


def test_the_baseline_comes_first_and_saves_nothing_against_itself(found: Blended) -> None:
    assert [each.name for each in found.providers] == ["Modal", "Runpod", "Vast.ai"]
    modal = found.providers[0]
    assert (modal.saving, modal.as_is_saving) == (None, None)
    assert modal.as_is is found.tried[0]
    assert modal.best is not None
    assert modal.best.serves


def test_each_provider_is_at_its_cheapest_that_serves_as_well(found: Blended) -> None:
    for offered in found.providers:
        serving = [each for each in found.tried if each.service.name == offered.name and each.serves]
        assert offered.best is min(serving, key=lambda each: each.month.nano_per_image)
        assert "serves as well" in offered.reason or "measure" in offered.reason


def test_savings_hold_the_best_against_the_best_and_the_present_against_the_present(found: Blended) -> None:
    modal, runpod, _ = found.providers
    at_best = 1 - runpod.best.month.nano_per_image / modal.best.month.nano_per_image
    as_is = 1 - runpod.as_is.month.nano_per_image / modal.as_is.month.nano_per_image
    assert runpod.saving.point == pytest.approx(at_best)
    assert runpod.as_is_saving.point == pytest.approx(as_is)
    assert runpod.as_is_saving.point > runpod.saving.point, "most of it is only the shorter window"


def test_windows_kept_workers_machines_and_hours_are_searched() -> None:
    tried = worth_trying(RUNPOD, TERMS)
    assert tried[0] == RUNPOD.setting
    assert {setting.min_workers for setting in tried} == {0, 1}
    assert worth_trying(VAST, TERMS) == [
        rented(), rented(hours=(6, 22)), rented(hours=(8, 20)), rented(2), rented(2, hours=(6, 22)),
        rented(2, hours=(8, 20)),
    ]  # fmt: skip
    busier = replace(TERMS, traffic=Curve(per_day=20_000))  # 2.1 machines' worth
    assert worth_trying(VAST, busier)[:2] == [rented(), rented(3)]


def test_who_could_not_be_replayed_is_named_with_the_reason(found: Blended) -> None:
    assert found.unmeasured == [NOTHING]
    bootless = replace(RUNPOD, boot=MODAL.boot.where(MODAL.boot.high < 0))
    told = blended([replace(MODAL, setting=rented()), bootless], TERMS, baseline="Modal")
    assert isinstance(told, Blended)
    (runpod,) = told.unmeasured
    assert (runpod.name, runpod.reason) == ("Runpod", "No boot time was measured on Runpod.")


def test_without_a_measured_baseline_nothing_is_compared() -> None:
    assert blended([RUNPOD], TERMS, baseline="Modal") == Unmeasured(
        name="Modal", gpu="", reason="Nothing was measured on Modal."
    )
    unpriced = Unmeasured(name="Modal", gpu="L40S", reason="No price of Modal was seen.")
    assert blended([unpriced, RUNPOD], TERMS, baseline="Modal") == replace(unpriced, gpu="")


def test_every_pair_of_options_has_its_break_even_the_external_price_too(found: Blended) -> None:
    names = [option.name for option in options_of(found, [FAL])]
    assert names[:2] == ["Modal", "Runpod"]
    assert names[-1] == "FAL flux/dev"
    small = replace(found, terms=replace(found.terms, traffic=Curve(per_day=200)))
    curves, crossings = volumes(small, [5, 500], [FAL])
    assert set(curves["option"]) == set(names)
    pairs = {(row["option"], row["other"]) for row in crossings.iter_rows(named=True)}
    assert len(pairs) == len(names) * (len(names) - 1) / 2
    assert curves.filter(option="FAL flux/dev")["usd_per_image_nano"].to_list() == [25_000_000] * 2


def test_a_machine_rented_by_hours_is_an_option_around_the_clock_too(found: Blended) -> None:
    hourly = next(each for each in found.tried if each.setting.hours is not None and each.month is not None)
    vast = replace(found.providers[2], best=hourly)
    names = [option.name for option in options_of(replace(found, providers=[vast]))]
    assert names == ["Vast.ai", "Vast.ai around the clock"]


# ---------------------------------------------------------------- the search


@pytest.mark.parametrize("service", [MODAL, RUNPOD], ids=lambda service: service.name)
def test_the_search_finds_what_trying_every_setting_finds(service: Service) -> None:
    settings = worth_trying(service, TERMS)
    trials = Trials.of(MODAL, TERMS)
    best = cheapest([trials.tried(service, setting) for setting in settings], service.name)
    found = cheapest(trials.search(service, settings), service.name)

    assert found is not None
    assert best is not None
    assert found.setting == best.setting
    assert found.month is not None
    assert found.nano_per_image is not None
    assert found.nano_per_image.limits.low is not None


def test_the_search_works_out_no_limits_for_what_is_dearer_or_slower_at_sight() -> None:
    settings = worth_trying(RUNPOD, TERMS)
    found = Trials.of(MODAL, TERMS).search(RUNPOD, settings)
    won = cheapest(found, RUNPOD.name)
    assert won is not None

    assert [each.setting for each in found] == settings
    glanced = [each for each in found if each.month is not None and each.ratio is None]
    assert len(glanced) > len(settings) / 2
    for each in glanced:
        if each.serves is None:
            assert cost_of(each) > 0.95 * cost_of(won)
            assert each.reason == "dearer than one that serves"
        else:
            assert each.reason.startswith("may be slower: its blended p95 is ")


def test_fewer_workers_at_most_are_tried_and_can_win() -> None:
    """Two requests in a row wait for one worker instead of booting a second one."""
    settings = worth_trying(RUNPOD, TERMS)
    trials = Trials.of(MODAL, TERMS)
    unbounded = [setting for setting in settings if setting.max_workers is None]
    free, bounded = (cheapest(trials.search(RUNPOD, some), RUNPOD.name) for some in (unbounded, settings))

    assert {setting.max_workers for setting in settings} == {None, 1, 2}
    assert not any(setting.min_workers == setting.max_workers for setting in settings)
    assert bounded is not None
    assert free is None or cost_of(bounded) <= cost_of(free)


# ---------------------------------------------------------------- which setting serves as well is a sample, too

QUIET = Terms(traffic=Curve(per_day=200), requests=1500, requests_per_block=300)


def same_again(seed: int) -> tuple[Service, Service, Trials]:
    """Two providers of the very same laws and price, twelve blocks of each, few requests a day: most are cold."""
    known: dict[str, Any] = {"blocks": 12, "service_s": 2.8, "boot_s": 37}
    modal = measured("Modal", MODAL_NANO, Setting(window_s=300), seed=2 * seed + 1, **known)
    other = measured("Runpod", MODAL_NANO, Setting(window_s=10), seed=2 * seed + 2, **known)
    return other, modal, Trials.of(modal, QUIET)


def best_of(trials: Trials, service: Service) -> Tried:
    found = cheapest(trials.search(service, worth_trying(service, trials.terms)), service.name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("seed", "lucky"), [(4, "Runpod"), (11, "Runpod"), (0, "Modal"), (8, "Modal")], ids=lambda value: str(value)
)
def test_who_is_lucky_with_a_setting_is_not_surely_cheaper(seed: int, lucky: str) -> None:
    """One is shown to serve as well with a shorter window and the other one just not: by the same laws."""
    other, modal, trials = same_again(seed)
    best, base = best_of(trials, other), best_of(trials, modal)
    blind, seeing = saving(best, base), at_best(best, base, trials)
    assert blind is not None
    assert seeing is not None

    assert blind.point == seeing.point
    surely = blind.limits.low if lucky == "Runpod" else -(blind.limits.high or 0)
    assert surely is not None
    assert surely > 0.3, "what was once claimed of two that are alike"
    assert seeing.limits.low is not None
    assert seeing.limits.high is not None
    assert seeing.limits.low < 0 < seeing.limits.high
    closed = (seeing.limits.high, blind.limits.high) if lucky == "Runpod" else (seeing.limits.low, blind.limits.low)
    assert closed[0] == closed[1], "the other limit stays where it was"


def test_what_the_baseline_saves_by_the_candidates_setting_is_counted_in_its_own_dollars() -> None:
    other, modal, trials = same_again(4)
    best, base = best_of(trials, other), best_of(trials, modal)
    swapped = trials.swapped(best, base)
    assert swapped.baseline is not None
    found = saved(best, base, swapped=swapped)
    assert found is not None

    left = (cost_of(swapped.baseline) - cost_of(best)) / cost_of(base)
    assert 1 - math.exp(found.theta + found.worse) == pytest.approx(left)
    assert (found.better, swapped.candidate) == (0.0, None)


def test_a_setting_that_is_surely_slower_or_dearer_or_cannot_be_opens_nothing(found: Blended) -> None:
    _, runpod, vast = found.providers
    trials = Trials.of(MODAL, TERMS)
    base = best_of(trials, MODAL)
    strict = replace(trials, terms=replace(TERMS, margin=0.01))
    assert runpod.best is not None
    short = next(each for each in found.tried if each.service.name == "Runpod" and each.setting.window_s == 5)

    assert strict.swapped(replace(runpod.best, setting=short.setting), base) == Swapped()
    rented_one = vast.best or vast.as_is
    assert trials.swapped(rented_one, base) == Swapped(), "a machine is there or it is not"
