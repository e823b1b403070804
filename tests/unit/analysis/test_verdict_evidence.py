"""From tables to what each look saw, what blocks a verdict, and the verdict over campaigns whose truth is known."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.traffic.equal import Terms
from analysis.traffic.profile import Curve
from analysis.verdict.blocked import blocked
from analysis.verdict.campaigns import Plan, Side
from analysis.verdict.card import Card
from analysis.verdict.cases import cases, verdict
from analysis.verdict.evidence import Beside, Compared, Frames, ImageJudgement
from analysis.verdict.replayed import replayed
from benchmarks.measured import FIRST, PINNED, Measured, frames
from words import Gate, Verdict

PLAN = Plan(blocks=13, warm=24, cold=4)
MODAL, RUNPOD = Measured(backend="modal"), Measured(backend="runpod", side=Side(host=0.02, success=0.999))
VAST = Measured(backend="vast", side=Side(host=0.02, success=0.999), parts=2)
CARD = Card(workflows=("flux-dev",), candidates=("runpod",), traffic="1,000 a day", pins={"flux-dev": PINNED})
ALIKE = ImageJudgement(quality="alike", why="60 of 60 pairs are within the baseline's spread")
BESIDE = Beside(
    traffic={"flux-dev": Curve(per_day=1000)},
    at=FIRST + timedelta(days=9),
    ops_usd={"modal": 50.0, "runpod": 60.0, "vast": 200.0},
    images={("flux-dev", "runpod"): ALIKE, ("flux-dev", "vast"): ALIKE},
    licensed=("flux-dev",),
    requests=2_000,
)


@pytest.fixture(scope="module")
def measured() -> Frames:
    return frames(np.random.default_rng(3), [MODAL, RUNPOD, VAST], plan=PLAN)


def compared(found: Frames, candidate: str = "runpod", card: Card = CARD, beside: Beside = BESIDE) -> Compared:
    return Compared(card, found, beside, "flux-dev", candidate)


# ---------------------------------------------------------------- looks


def test_a_look_sees_the_first_blocks_in_which_both_arms_have_jobs(measured: Frames) -> None:
    whole = compared(measured)
    without = replace(
        measured, jobs=measured.jobs.filter(~((pl.col("block_id") == 3) & (pl.col("backend") == "runpod")))
    )

    assert whole.paired == list(range(1, 14))
    assert whole.reached == [list(range(1, 13))]
    assert compared(without).reached == [[1, 2, *range(4, 14)]]


def test_what_comes_after_a_look_changes_nothing_about_it(measured: Frames) -> None:
    (look,) = compared(measured).looks()
    (again,) = compared(measured.of(list(range(1, 13)), ["modal", "runpod"])).looks()

    assert (look.blocks, look.days, look.day_parts, look.hosts) == (12, 3, 4, None)
    for arm in ("candidate", "baseline"):
        one, other = getattr(look, arm), getattr(again, arm)
        assert np.array_equal(one.warm.high, other.warm.high)
        assert one.counts == other.counts
    assert look.money == again.money


def test_both_arms_are_counted_as_they_were_measured(measured: Frames) -> None:
    (look,) = compared(measured).looks()
    mine = measured.jobs.filter(pl.col("backend") == "runpod", pl.col("block_id") <= 12)
    good = mine["good_image"].fill_null(value=False)

    assert look.candidate.counts.n == 12 * 28
    assert sum(look.candidate.counts.good) == int(good.sum())
    assert look.candidate.warm.n == 12 * 24
    assert look.candidate.cold.n == 12 * 4
    assert look.candidate.good_warm.n == mine.filter(good, start_kind="warm").height
    assert np.isinf(look.baseline.warm.high).sum() == look.baseline.warm.n - look.baseline.good_warm.n
    assert sum(look.candidate.lost) == 0


def test_jobs_that_were_lost_before_anybody_took_them_are_kept_apart(measured: Frames) -> None:
    lost = pl.col("job_id") == measured.jobs.filter(pl.col("backend") == "runpod")["job_id"][0]
    change = {"status": "lost", "reason": "fate_unknown", "good_image": None, "accepted_at": None}
    jobs = measured.jobs.with_columns(
        pl.when(lost).then(pl.lit(value, measured.jobs.schema[name])).otherwise(name).alias(name)
        for name, value in change.items()
    )
    (look,) = compared(replace(measured, jobs=jobs)).looks()

    assert look.candidate.lost == [1, *[0] * 11]
    assert look.candidate.counts.n == 12 * 28 - 1


def test_rented_halves_are_what_is_counted_and_their_blocks_are_paired(measured: Frames) -> None:
    vast = compared(measured, "vast", replace(CARD, candidates=("vast",)))
    (look,) = vast.looks()

    assert vast.rented
    assert vast.reached == [list(range(1, 11))]
    assert (look.blocks, look.hosts) == (20, 20)
    assert len(look.candidate.counts.of) == 20
    assert len(look.baseline.counts.of) == 10
    assert sorted({*look.candidate.good_cold.block.tolist()}) == list(range(1, 11))


def test_bills_are_final_once_every_deployment_of_the_look_has_final_lines(measured: Frames) -> None:
    def final(change: Callable[[pl.DataFrame], pl.DataFrame], beside: Beside = BESIDE) -> bool:
        return compared(replace(measured, charges=change(measured.charges)), beside=beside).bills_final([1, 2])

    first = measured.deployments.filter(pl.col("backend") == "modal")["deployment_id"][0]
    is_first = pl.col("deployment_id") == first
    assert final(lambda charges: charges)
    assert not final(lambda charges: charges.filter(~is_first))
    assert not final(
        lambda charges: charges.with_columns(state=pl.when(is_first).then(pl.lit("provisional")).otherwise("state"))
    )
    unbilled = replace(BESIDE, unbilled=("modal",))
    assert final(lambda charges: charges.filter(pl.col("provider") != "modal"), unbilled)


def test_a_cheaper_candidate_at_equal_service_saves_what_its_price_says(measured: Frames) -> None:
    """Same seconds, same windows searched, a rate of 530 to 665 nano-dollars: about a fifth."""
    (look,) = compared(measured).looks()

    assert look.money.saving is not None
    assert look.money.saving.point == pytest.approx(1 - 530_000 / 665_440, abs=0.08)
    assert look.money.more_usd == 10.0
    assert look.money.one_off_usd == 1600.0
    assert look.money.baseline_usd is not None
    assert not look.never_as_well


def test_what_was_never_replayed_is_not_known(measured: Frames) -> None:
    bootless = measured.jobs.filter(~((pl.col("backend") == "runpod") & (pl.col("start_kind") == "cold")))
    (look,) = compared(replace(measured, jobs=bootless)).looks()

    assert look.money.saving is None
    assert look.cold_share_high is None


# ---------------------------------------------------------------- blocked


def test_a_campaign_without_a_flaw_is_not_blocked(measured: Frames) -> None:
    assert blocked(compared(measured)) == []


def _jobs(change: Mapping[str, Any], rows: pl.Expr) -> Callable[[Frames], Frames]:
    return lambda found: replace(
        found,
        jobs=found.jobs.with_columns(
            pl.when(rows).then(pl.lit(value, found.jobs.schema[name])).otherwise(name).alias(name)
            for name, value in change.items()
        ),
    )


_RUNPOD_FIRST = (pl.col("backend") == "runpod") & (pl.col("block_id") == 1)


def _dearer(found: Frames) -> Frames:
    billed = pl.when(pl.col("provider") == "runpod").then((pl.col("billed_nano") * 1.08).round().cast(pl.Int64))
    return replace(found, charges=found.charges.with_columns(billed_nano=billed.otherwise("billed_nano")))


def _halves_apart(found: Frames) -> Frames:
    """Half of the baseline's warm jobs of each block take twice as long, by the very split of the check."""
    split = pl.col("job_id").is_in(_side(found).implode())
    late = pl.when(split).then(pl.col("first_finished_at") + pl.duration(seconds=4)).otherwise("first_finished_at")
    run_s = pl.when(split).then(pl.col("execution_s") + 4).otherwise("execution_s")
    return replace(found, jobs=found.jobs.with_columns(first_finished_at=late, execution_s=run_s))


def _side(found: Frames) -> pl.Series:
    from analysis import blocks

    halves = blocks.halves(compared(found).timed, found.blocks)
    return halves.filter(side=1)["job_id"]


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        (_jobs({"gpu": "H100"}, _RUNPOD_FIRST), "28 jobs of flux-dev on Runpod had another workflow"),
        (_jobs({"settings": '{"steps":4}'}, _RUNPOD_FIRST), "28 jobs of flux-dev on Runpod had another workflow"),
        (_jobs({"reason": "our_fault", "status": "failed", "good_image": None}, _RUNPOD_FIRST), "by our own mistake"),
        (_dearer, "Nothing that we measured explains"),
        (_halves_apart, "The harness tells Modal from itself by latency"),
    ],
)
def test_a_flaw_blocks_and_is_said(flaw: Callable[[Frames], Frames], said: str, measured: Frames) -> None:
    found = blocked(compared(flaw(measured)))

    assert any(said in sentence for sentence in found), found


def test_a_late_generator_blocks_beyond_what_the_card_allows(measured: Frames) -> None:
    late = pl.col("intended_at") + pl.duration(milliseconds=200)
    jobs = measured.jobs.with_columns(sent_at=pl.when(_RUNPOD_FIRST).then(late).otherwise("sent_at"))
    found = replace(measured, jobs=jobs)

    assert "Our jobs went out late" in blocked(compared(found))[0]
    assert blocked(compared(found, card=replace(CARD, late_share=0.05))) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"left_running": {"runpod": 2}}, "2 of our resources are still running on Runpod."),
        ({"licensed": ()}, "No person has answered that flux-dev may be used so commercially."),
        ({"content_open": {"runpod": "Runpod does not allow it."}}, "Runpod does not allow it."),
        ({"post_hoc": "The card was edited after 12 samples."}, "The card was edited after 12 samples."),
    ],
)
def test_what_a_person_or_a_provider_still_owes_blocks(change: dict[str, Any], said: str, measured: Frames) -> None:
    assert blocked(compared(measured, beside=replace(BESIDE, **change))) == [said]


def test_a_card_that_asks_for_no_licence_is_not_blocked_by_one(measured: Frames) -> None:
    beside = replace(BESIDE, licensed=(), content_open={"runpod": "Not answered."})

    assert blocked(compared(measured, beside=beside, card=replace(CARD, licence_needed=False))) == []


def test_the_content_policy_of_another_provider_blocks_nobody_else(measured: Frames) -> None:
    assert blocked(compared(measured, beside=replace(BESIDE, content_open={"vast": "Not answered."}))) == []


# ---------------------------------------------------------------- the verdict


def test_a_campaign_is_judged_from_its_tables(measured: Frames) -> None:
    (ruling,), whole = verdict(CARD, measured, BESIDE)

    assert (ruling.state, ruling.look) == (Verdict.INSUFFICIENT, 1)
    assert whole.state is Verdict.INSUFFICIENT
    assert whole.reason == f"flux-dev: {ruling.reason}"


def test_a_campaign_that_was_large_enough_names_the_winner() -> None:
    """The winner's price is half; the other is surely slower."""
    cheap = replace(RUNPOD, nano_per_s=330_000)
    slow = replace(RUNPOD, backend="runpod-slow", nano_per_s=100_000, side=Side(slower=1.4))
    found = frames(np.random.default_rng(4), [MODAL, cheap, replace(slow, backend="vast")], plan=Plan(blocks=12))
    card = replace(CARD, candidates=("runpod", "vast"), looks_rented=(12, 16, 20))
    rulings, whole = verdict(card, found, BESIDE)

    assert [each.state for each in rulings] == [Verdict.GO, Verdict.NO_GO]
    assert rulings[1].gate is Gate.WARM_P95
    assert (whole.state, [each.destination for each in whole.placed]) == (Verdict.GO, ["runpod"])
    assert whole.low_usd == pytest.approx(rulings[0].gross_low_usd - 60 + 50)


def test_the_same_tables_give_the_same_verdict(measured: Frames) -> None:
    assert verdict(CARD, measured, BESIDE) == verdict(CARD, measured, BESIDE)


def test_a_blocked_candidate_is_a_blocked_case(measured: Frames) -> None:
    (case,) = cases(CARD, measured, replace(BESIDE, licensed=()))

    assert case.seen == 13
    assert len(case.blocked) == 1


def test_the_same_inputs_are_replayed_once_and_others_anew(measured: Frames) -> None:
    pair = compared(measured)
    services = pair.services(pair.reached[-1])
    mine, base = services["runpod"], services["modal"]
    terms = Terms(traffic=Curve(per_day=500.0), requests=2_000)
    first = replayed(mine, base, terms)

    assert replayed(replace(mine), replace(base), replace(terms)) is first, "equal, though other objects"
    dearer = replayed(replace(mine, usd_per_s_nano=round(mine.usd_per_s_nano * 1.02)), base, terms)
    assert dearer.saving
    assert first.saving
    assert dearer.saving.point < first.saving.point
