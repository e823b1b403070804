"""Estimates beside final bills: 20 of the worlds of `make estimates` in short, and what must not pass."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from benchmarks.estimates import VIEWS, bounds, looked
from benchmarks.final_bills import RUN, SHOWN, WITH_VOLUME, Bill, Looked, look, with_volumes
from benchmarks.judge import failing
from benchmarks.planted import live, planted
from storage import frames
from tests.simulation.quick import scratch

SHORT = 15  # jobs of a run instead of 100, two of them cold: what is planted weighs the more
ON_RUNPOD, ON_VAST = 8, 12  # worlds of one provider


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as made:
        yield made


def odd(seed: int, folder: Path, **billing: float) -> Looked:
    """The world of a seed, with something large in its bills."""
    return look(planted(seed, jobs=SHORT, more=billing), folder)


def test_in_twenty_worlds_the_estimates_meet_the_final_bills() -> None:
    seen = list(looked(range(1, 21), jobs=SHORT))
    assert list(failing(bounds(seen))) == []
    assert all(each.jobs >= 0.9 * SHORT for each in seen)
    assert {bill.of for each in seen for bill in each.bills} == {RUN, "modal", "runpod", "vast"}
    shown, loaded = (sum(each.run(view).billed for each in seen) for view in (SHOWN, WITH_VOLUME))
    assert 1.0005 * shown < loaded < 1.05 * shown  # there are volumes, of an ordinary size


def test_a_large_forgotten_volume_is_out_of_bounds_and_blocks_the_run_that_is_charged_for_it(folder: Path) -> None:
    seen = odd(ON_RUNPOD, folder, volume_usd_h=1.0)
    run = seen.run(WITH_VOLUME)
    assert run.error < -0.2
    assert any(line.startswith("p95 error with the volume") for line in failing(bounds([seen])))
    (reason,) = seen.blocked[WITH_VOLUME]
    assert reason.startswith("Nothing that we measured explains $")
    assert "Runpod's bill" in reason
    assert "the limit is 5 %" in reason
    assert (seen.wrong, seen.blocked[SHOWN]) == ([], [])  # the whole of it is in `unexplained`, and not the run's own
    assert run.unexplained - seen.run(SHOWN).unexplained == run.billed - seen.run(SHOWN).billed


def test_a_volume_counts_for_the_time_that_the_run_was_up_and_not_for_its_day(folder: Path) -> None:
    made = live(planted(ON_VAST, jobs=SHORT, more={"volume_usd_h": 1.0}), folder)
    with made.reading() as session:
        charges, deployments = frames.charges(session), frames.deployments(session)
    charged = with_volumes(charges, deployments).filter(pl.col("deployment_id").is_not_null())["billed_nano"].sum()
    hours = (charged - charges.filter(pl.col("deployment_id").is_not_null())["billed_nano"].sum()) / 1e9
    rented = made.simulation.ledger.rented
    up_us = max(each.pool.closed_us for each in rented) - min(each.created_us for each in rented)
    assert hours == pytest.approx(up_us / 3.6e9, rel=0.01)
    assert 0 < hours < 8  # the line of that day has 16


def test_starts_that_are_billed_three_minutes_early_are_out_of_bounds_and_block_the_run(folder: Path) -> None:
    seen = odd(ON_VAST, folder, early_s=200.0)
    assert seen.run(SHOWN).error < -0.05
    assert seen.wrong == []
    (reason,) = seen.blocked[SHOWN]
    assert "Vast.ai's bill" in reason


def test_a_difference_that_is_not_in_unexplained_is_told(folder: Path) -> None:
    seen = odd(ON_RUNPOD, folder, fee_usd_h=0.05)
    assert seen.run(SHOWN).error < -0.2
    assert seen.blocked[SHOWN] == []  # a fee is explained
    assert any("as shown: the estimate is -" in text for text in seen.wrong)
    assert any(line.startswith("worlds that do not hold: ") for line in failing(bounds([seen])))


def test_bills_that_were_never_published_are_told(folder: Path) -> None:
    seen = odd(ON_RUNPOD, folder, gap_share=1.0)
    assert "as shown: bills are missing" in seen.wrong
    assert any(text.startswith("billed $0.000000, in truth $0.") for text in seen.wrong)


def test_a_world_that_breaks_down_does_not_hold(tmp_path: Path) -> None:
    seen = look(planted(ON_RUNPOD, jobs=SHORT), tmp_path / "nowhere")
    assert len(seen.wrong) == 1
    assert seen.wrong[0].startswith("broke down: ")
    assert not any(check.holds for check in bounds([seen]))


BILL = Bill(view=SHOWN, of=RUN, estimated=900, billed=1000, unexplained=80)


@pytest.mark.parametrize(
    ("estimated", "beyond"), [(900, 50), (950, 0), (1000, 0), (1050, 0), (1100, -50)], ids=lambda value: str(value)
)
def test_beyond_is_what_the_bound_does_not_allow(estimated: int, beyond: int) -> None:
    bill = replace(BILL, estimated=estimated)
    assert bill.beyond == beyond
    assert bill.error == pytest.approx(estimated / 1000 - 1)


def test_nothing_billed_is_no_small_error() -> None:
    assert replace(BILL, billed=0).error == float("inf")
    assert replace(BILL, billed=0, estimated=0).error == 0.0


def test_more_than_a_verdict_bears_is_strange_either_way() -> None:
    assert [replace(BILL, unexplained=nano).strange for nano in (-51, -50, 50, 51)] == [True, False, False, True]


def test_kept_worlds_are_not_lived_again(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    (first,) = looked([ON_RUNPOD], jobs=2, keep=file)
    before = file.read_text()
    assert list(looked([ON_RUNPOD], jobs=SHORT, keep=file)) == [first]
    assert file.read_text() == before


def runs(percents: list[float]) -> list[Looked]:
    """Worlds in which the estimates are off by so much, in both readings of the bill."""
    return [
        Looked(seed=seed, bills=[replace(BILL, view=view, estimated=round(1000 + 10 * percent)) for view in VIEWS])
        for seed, percent in enumerate(percents)
    ]


@pytest.mark.parametrize(
    ("percents", "broken"),
    [
        ([1.9] * 10 + [-4.9] * 9 + [30.0], []),
        ([0.0] * 9 + [-2.1] * 11, ["median"]),
        ([0.0] * 18 + [5.1, -5.1], ["p95"]),
    ],
)
def test_the_bounds_are_2_percent_at_the_median_and_5_at_the_p95(percents: list[float], broken: list[str]) -> None:
    told = [line.split(":")[0] for line in failing(bounds(runs(percents)))]
    assert told == [f"{name} error {view}" for view in VIEWS for name in broken]
