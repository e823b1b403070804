"""Each cheat in a frame of jobs, and the honest jobs beside it."""

from typing import Any

import pytest

from analysis import cheats, schema
from tests.unit.analysis.samples import failed, job, jobs

FLUX = {"model": "flux-dev", "width": 1024, "height": 1024, "steps": 20, "forwards_per_step": 1, "gpu": "H100"}


def fresh(*executions: float | None, **said: Any) -> list[dict[str, Any]]:
    return [job(execution_s=each, seed=i, **said) for i, each in enumerate(executions)]


def repeats(*executions: float | None, **said: Any) -> list[dict[str, Any]]:
    return [job(execution_s=each, left_out="cache_repeat", **said) for each in executions]


def check(*rows: dict[str, Any]) -> dict[str, Any]:
    (found,) = cheats.checks(jobs(*rows)).to_dicts()
    return found


def test_no_jobs_make_no_checks() -> None:
    assert cheats.checks(jobs()).schema == schema.CHECKS


def test_each_run_and_backend_is_checked_on_its_own() -> None:
    rows = [job(run_id=run, backend=backend) for run in (2, 1) for backend in ("vast", "modal")]
    found = cheats.checks(jobs(*rows))
    assert found.schema == schema.CHECKS
    assert found.select("run_id", "backend").rows() == [(1, "modal"), (1, "vast"), (2, "modal"), (2, "vast")]


# ---------------------------------------------------------------- cache


@pytest.mark.parametrize(
    ("again", "cached"),
    [
        ((4.4, 4.4, 4.4), True),
        ((4.6, 4.6, 4.6), False),
        ((4.5, 4.5, 4.5), False),  # half is not under half
        ((0.1, 9.0, 9.0), False),  # the median of the three decides
        ((0.1, 0.1, 9.0), True),
    ],
)
def test_repeats_under_half_of_fresh_executions_are_cached(again: tuple[float, ...], cached: bool) -> None:
    found = check(*fresh(8.0, 9.0, 20.0), *repeats(*again))
    assert found["cached"] is cached
    assert (found["repeats"], found["fresh"], found["fresh_s"], found["cached_untested"]) == (3, 3, 9.0, None)
    assert found["repeat_s"] == sorted(again)[1]


def test_only_warm_and_fresh_jobs_are_compared_with() -> None:
    slow = [
        *fresh(60.0, 60.0, start_kind="cold"),
        *fresh(60.0, start_kind="restored"),
        *fresh(60.0, left_out="cold_in_warm_series"),
        failed("execution_error", execution_s=60.0),
    ]
    found = check(*slow, *fresh(9.0), *repeats(8.0, 8.0, 8.0))
    assert (found["fresh"], found["fresh_s"], found["cached"]) == (1, 9.0, False)


def test_a_repeat_that_failed_leaves_two_that_can_tell() -> None:
    lost = failed("worker_lost", left_out="cache_repeat", execution_s=0.1)
    assert check(*fresh(9.0), *repeats(0.1, 0.1), lost)["cached"] is True
    assert check(*fresh(9.0), *repeats(9.0, 9.0), lost)["cached"] is False


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (fresh(9.0), "no prompt was repeated"),
        ([*fresh(9.0), *repeats(0.1, None, None)], "1 of 3 repeats can be compared"),
        ([*fresh(9.0, start_kind="cold"), *repeats(9.0, 9.0, 9.0)], "no fresh prompt met a ready worker"),
        (
            [*fresh(9.0), *repeats(9.0), *repeats(0.0, 0.0, sampler_cached=True)],
            "1 of 3 repeats can be compared, 2 came from ComfyUI's own cache",
        ),
    ],
)
def test_what_cannot_be_tested_is_neither_cached_nor_honest(rows: list[dict[str, Any]], why: str) -> None:
    found = check(*rows)
    assert (found["cached"], found["cached_untested"]) == (None, why)


def test_comfyuis_own_cache_is_no_evidence_on_repeats() -> None:
    rows = [*fresh(9.0, sampler_cached=False), *repeats(0.0, sampler_cached=True)]
    assert check(*rows, *repeats(9.0, 9.0))["cached"] is False
    assert check(*rows, *repeats(0.1, 0.1))["cached"] is True


def test_a_fresh_prompt_whose_sampling_was_in_the_cache_is_a_cheat() -> None:
    found = check(*fresh(9.0), *fresh(9.0, sampler_cached=True), *repeats(9.0, 9.0, 9.0))
    assert (found["cached"], found["sampler_cached"]) == (True, 1)


@pytest.mark.parametrize(
    ("jobs", "repeats", "order"),
    [
        ("abcdef", "AAA", "abcdAeAfA"),
        ("abcd", "AAA", "abAcAdA"),
        ("abc", "AAA", "abAcAA"),
        ("a", "AAA", "aAAA"),
        ("abc", "", "abc"),
    ],
)
def test_repeats_lie_apart_behind_the_last_other_prompts(jobs: str, repeats: str, order: str) -> None:
    assert "".join(cheats.spread(jobs, repeats)) == order


# ---------------------------------------------------------------- floor


@pytest.mark.parametrize(
    ("executions", "below"),
    [((3.3, 3.3, 3.3), False), ((3.2, 3.2, 3.3), True), ((1.9, 9.0, 9.0), False), ((1.8, 9.0, 9.0), True)],
)
def test_below_the_floor_is_a_median_beyond_hosts_or_one_job_under_half(
    executions: tuple[float, ...], below: bool
) -> None:
    found = check(*fresh(*executions, **FLUX))
    assert found["floor_s"] == pytest.approx(3.622)
    assert (found["below_floor"], found["floor_unknown"], found["executed"]) == (below, None, 3)
    assert found["execution_s"] == sorted(executions)[1]


def test_repeats_and_failures_are_not_held_to_the_floor() -> None:
    rows = [*repeats(0.1, 0.1, 0.1, **FLUX), failed("execution_error", execution_s=0.2, **FLUX)]
    assert check(*fresh(5.0, **FLUX), *rows)["below_floor"] is False
    assert check(*rows)["below_floor"] is None


def test_a_broken_image_that_came_too_fast_is_below_the_floor_too() -> None:
    broken = failed("image_broken", execution_s=0.2, good_image=False, **FLUX)
    assert check(*fresh(5.0, 5.0, **FLUX), broken)["below_floor"] is True


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"gpu": "L40S"}, "no step of flux-dev was measured on L40S"),
        ({"model": None}, "its workflow has changed"),
        ({"steps": None}, "its workflow has changed"),
    ],
)
def test_without_a_measured_step_no_floor_is_invented(said: dict[str, Any], why: str) -> None:
    found = check(*fresh(0.01, **FLUX | said))
    assert (found["floor_s"], found["below_floor"], found["floor_unknown"]) == (None, None, why)


# ---------------------------------------------------------------- images


def test_what_is_wrong_with_images_is_counted_by_kind() -> None:
    broken = [
        failed("image_broken", good_image=False, defect=defect) for defect in ("duplicate", "wrong_size", "black")
    ]
    found = check(job(), *broken, broken[0], failed("result_missing"), failed("worker_lost"))
    assert (found["duplicates"], found["wrong_size"], found["no_output"]) == (2, 1, 1)


def test_jobs_that_wait_are_no_evidence_of_anything() -> None:
    found = check(job(status="queued", good_image=None, execution_s=None))
    assert (found["executed"], found["execution_s"], found["fresh"], found["cached"]) == (0, None, 0, None)
