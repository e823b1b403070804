"""What a plan would show of a candidate: the blocks each gate needs, what to raise, and what all of it rests on."""

import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.traffic import measured
from analysis.traffic.blended import Blended, blended
from analysis.traffic.equal import Terms
from analysis.traffic.measured import DEPLOYED, Subject, Unmeasured
from analysis.traffic.profile import Curve
from analysis.traffic.replay import Setting
from analysis.verdict.campaigns import BLOCKS, HALF_BLOCKS, Plan, Side, World, campaign
from analysis.verdict.card import Card, Minima
from analysis.verdict.outlook import (
    ASSUMED,
    Basis,
    MoveCost,
    Outlook,
    assumed,
    basis,
    default_card,
    one_block,
    outlook,
    planned_blocks,
)
from analysis.verdict.pilot import Pilot, pilot
from analysis.verdict.planner import MOST_BLOCKS, Raise, least, needed, on_card, power, raised, sized
from benchmarks.measured import FIRST, Measured, frames
from words import Gate

CARD = default_card("w", ("c", "d"))
ENDPOINT, MARKET = ASSUMED[1], ASSUMED[2]
SUBJECT = Subject("flux-dev", "h", "{}")
TIMED = MoveCost(more_usd=7.0, one_off_usd=1600.0)


# ---------------------------------------------------------------- what to raise


def test_a_plan_with_blocks_enough_has_nothing_to_raise() -> None:
    assert max(needed(CARD, BLOCKS, ENDPOINT).values()) == 19
    assert raised(CARD, BLOCKS, ENDPOINT) == []


@pytest.mark.parametrize(
    ("warm", "cold", "blocks", "parts", "many", "numbers"),
    [
        (60, 4, 12, 1, 1, ["blocks"]),
        (24, 4, 20, 1, 1, ["warm"]),  # far from enough jobs: more of them cost less than more blocks
        (60, 2, 20, 2, 2, ["cold"]),
        (5, 1, 20, 1, 2, ["warm", "cold"]),
    ],
)
def test_what_is_raised_is_enough_for_every_gate_and_no_gate_was_before(
    warm: int, cold: int, blocks: int, parts: int, many: int, numbers: list[str]
) -> None:
    plan, of = replace(sized(blocks, Plan(parts=parts)), warm=warm, cold=cold), ASSUMED[parts]
    more = raised(CARD, plan, of, candidates=many)
    larger = replace(plan, **{each.number: each.to for each in more})

    assert [each.number for each in more] == numbers
    assert max(needed(CARD, plan, of, candidates=many).values()) > plan.blocks
    assert max(needed(CARD, larger, of, candidates=many).values()) <= larger.blocks
    assert all(each.to % parts == 0 for each in more)


def test_blocks_are_raised_in_whole_days_and_to_what_the_card_asks_for_at_least() -> None:
    strict = replace(CARD, minima=Minima(blocks=30), looks=(18, 24, 30))

    assert raised(CARD, sized(12, BLOCKS), ENDPOINT) == [Raise("blocks", 20)]
    assert least(strict, BLOCKS) == 30
    assert raised(strict, BLOCKS, ENDPOINT) == [Raise("blocks", 32)]


def test_where_no_plan_helps_nothing_is_raised() -> None:
    wild = replace(ENDPOINT, candidate=Side(host=0.5, boot_between=2.0, bill=1.0))

    assert max(needed(CARD, BLOCKS, wild).values()) > MOST_BLOCKS
    assert raised(CARD, BLOCKS, wild) == []
    assert raised(CARD, BLOCKS, ENDPOINT, saving=0.05) == []  # less than has to be shown


@pytest.mark.parametrize(("like", "blocks"), [(BLOCKS, 12), (HALF_BLOCKS, 7)])
def test_the_least_plan_is_the_smallest_that_is_no_contradiction(like: Plan, blocks: int) -> None:
    assert least(CARD, like) == blocks
    assert power(CARD, sized(blocks, like), ENDPOINT, campaigns=1).campaigns == 1


def test_a_plan_is_judged_at_the_cards_own_looks_where_it_ends_there() -> None:
    card = replace(CARD, looks=(10, 20), looks_rented=(24, 48))

    assert on_card(card, BLOCKS, 20).looks == (10, 20)
    assert on_card(card, BLOCKS, 24) == sized(24, BLOCKS)
    assert on_card(card, HALF_BLOCKS, 24).looks == (24, 48)
    assert planned_blocks(card, [BLOCKS, HALF_BLOCKS]) == 24
    assert planned_blocks(card, [BLOCKS]) == 20


def test_latencies_over_the_baselines_median_vary_by_the_hosts_of_both() -> None:
    base, mine, both = (
        Pilot(candidate=Side(host=of), baseline=Side(host=beside))
        for of, beside in ((0.0, 0.05), (0.05, 0.0), (0.03, 0.04))
    )

    assert len({needed(CARD, BLOCKS, each)[Gate.WARM_P95] for each in (base, mine, both)}) == 1


def test_a_block_of_which_every_warm_job_failed_ends_no_campaign() -> None:
    rare = Side(success=0.3)
    drawn = campaign(np.random.default_rng(1), saving=0.2, candidate=rare, baseline=rare, plan=replace(BLOCKS, warm=1))

    assert len(drawn.looks) == 3


# ---------------------------------------------------------------- one candidate


def planned(warm: int, blocks: int, card: Card = CARD) -> Outlook:
    like = one_block(warm, 4, rents=False)
    return outlook(card, "runpod", like, blocks=blocks, basis=assumed(1, "Nothing."), candidates=1)


def test_an_outlook_says_which_gates_lack_blocks() -> None:
    assert (planned(60, 20).short, planned(60, 20).drawable) == ([], True)
    assert planned(60, 16).short == [Gate.SUCCESS]
    assert planned(60, 16).raised == [Raise("blocks", 20)]
    assert planned(60, 11).drawable is False  # the card asks for 12


def test_without_a_warm_job_no_gate_has_a_number_and_warm_jobs_are_to_be_raised() -> None:
    found = planned(0, 20)

    assert {*found.needs.values()} == {None}
    assert [each.number for each in found.raised] == ["warm"]
    assert found.drawable is False
    assert planned(found.raised[0].to, 20).short == []


@pytest.mark.parametrize(("cold", "rents", "parts"), [(4, True, 2), (1, True, 1), (4, False, 1)])
def test_a_block_on_rented_machines_has_two_halves_if_each_can_have_a_cold_job(
    cold: int, rents: bool, parts: int
) -> None:
    assert one_block(60, cold, rents=rents).parts == parts


# ---------------------------------------------------------------- what it rests on


@cache
def replay(blocks: int = 6) -> tuple[Blended, pl.DataFrame]:
    """Our traffic on what so many blocks measured of both, and the jobs."""
    arms = [Measured(backend="modal"), Measured(backend="runpod", side=Side(host=0.06))]
    found = frames(np.random.default_rng(4), arms, plan=Plan(blocks=blocks, warm=20, cold=4))
    services = measured.services(found.deployments, found.jobs, found.charges, subject=SUBJECT, at=FIRST)
    terms = Terms(traffic=Curve(per_day=960), requests=100, requests_per_block=50)
    shown = blended(services, terms, baseline="Modal")
    assert isinstance(shown, Blended)
    return shown, found.jobs


def changed(**of: Any) -> tuple[Blended, pl.DataFrame]:
    """As if Runpod had been measured otherwise."""
    shown, jobs = replay()
    base, mine = shown.providers
    as_is = replace(mine.as_is, service=replace(mine.as_is.service, **of))
    return replace(shown, providers=[base, replace(mine, as_is=as_is)]), jobs


def known(of: tuple[Blended, pl.DataFrame] | None = None, candidate: str = "runpod", cost: MoveCost = TIMED) -> Basis:
    return basis(*(of or replay()), candidate, baseline="modal", parts=1, cost=cost)


def test_what_was_measured_is_the_pilot_with_its_jobs_blocks_and_days() -> None:
    found = known()
    world = found.pilot.world

    assert found.sentence == "Pilot: 288 jobs of both sides in 6 blocks on 2 days, simulated."
    assert (found.why, found.pilot.blocks, found.untimed) == ("", 6, False)
    assert (world.per_hour, world.more_usd, world.one_off_usd) == (40, 7.0, 1600.0)
    assert found.pilot.candidate.within == pytest.approx(0.12, rel=0.2)
    real = replace(known(cost=MoveCost()), simulated=False)
    assert real.sentence.endswith("2 days, measured; operations count as costing the same, since nobody timed them.")


def test_both_are_compared_at_the_windows_that_serve_as_well_or_as_they_are_deployed() -> None:
    shown, jobs = replay()
    base, mine = shown.providers
    best = replace(mine.as_is, setting=Setting(window_s=60))
    worlds = [
        known((replace(shown, providers=[base, replace(mine, best=each)]), jobs)).pilot.world for each in (best, None)
    ]

    assert [world.candidate_window_s for world in worlds] == [60, DEPLOYED["runpod"].window_s]
    assert worlds[0].baseline_window_s == (base.best or base.as_is).setting.window_s


def test_one_block_does_not_tell_how_blocks_differ_and_that_is_said() -> None:
    found = known(replay(1))

    assert found.pilot.candidate.host == ENDPOINT.candidate.host != known().pilot.candidate.host
    assert found.pilot.candidate.within != ENDPOINT.candidate.within
    assert found.sentence.endswith(
        "in 1 block on 1 day, simulated; how blocks differ is assumed, since one does not tell."
    )


def test_without_a_pilot_the_laws_are_assumed_and_it_says_why() -> None:
    warm = replay()[0].providers[1].as_is.service.warm
    slow = replace(warm, low=warm.low * 3, high=warm.high * 3)
    found = {
        "Nothing was measured on Vast.ai.": known(candidate="vast"),
        "Most jobs of Runpod failed": known(changed(good={0: (9, 20)})),
        "no warm job of Runpod took at most 2 times Modal's median of its block": known(changed(warm=slow)),
    }

    assert {each.pilot for each in found.values()} == {ENDPOINT}
    assert all(why in each.why for why, each in found.items())
    assumed_so = "Assumed, not measured (9 s warm, 45 s boots, hosts that differ by 3 %, 20 requests an hour): "
    assert all(each.sentence.startswith(assumed_so) for each in found.values())


def test_before_any_run_the_laws_are_assumed() -> None:
    nothing = Unmeasured(name="Modal", gpu="L40S", reason="No run has ended yet.")
    found = basis(nothing, replay()[1], "vast", baseline="modal", parts=2, cost=TIMED)

    assert (found.pilot, found.jobs, found.days, found.why) == (MARKET, 0, 0, "No run has ended yet.")


def test_workers_are_as_many_as_whole_latencies_keep_busy() -> None:
    """Campaigns hold a worker for a job's latency: by executions alone one could not keep up."""
    base, mine = (each.as_is.service for each in replay()[0].providers)
    slow = replace(base, warm=replace(base.warm, low=base.warm.low * 3, high=base.warm.high * 3))
    found = pilot(mine, slow, World(per_hour=300.0))

    assert found.world.workers >= math.ceil(300 / 3600 * found.world.warm_s / 0.8)
    assert power(CARD, BLOCKS, found, campaigns=1).campaigns == 1
