"""Titles are findings: each is the sentence that the numbers allow, and no more."""

from datetime import timedelta
from decimal import Decimal
from itertools import product

import polars as pl
import pytest

from analysis import schema, validity
from analysis.bases import BASES
from analysis.parity import PAIRED
from storage.models import Backend, Charge, Deployment, Run
from storage.queries import RunDetail, RunLine
from tests.pages.frames import SOME, START, arm, arms, cell, cells, image, images, job, jobs, speed, timed_jobs
from ui import (
    bills_view,
    compare_view,
    cost_view,
    decision_view,
    gallery_view,
    image_panels,
    latency_view,
    providers_view,
    run_view,
)
from ui.runs_view import runs_title
from ui.scope import Scope, main_scopes, settings_words
from words import CostState, DeploymentState, JobStatus, RunStatus, StartKind

NINE, TEN = speed(9.0, 8.8, 9.2), speed(10.0, 9.8, 10.2)


# ---------------------------------------------------------------- compare


@pytest.mark.parametrize(
    ("found", "costs", "title"),
    [
        ([], [], "No flux-dev job has ended yet"),
        ([cell("modal")], [arm("modal", 0.02)], "Only Modal is measured"),
        ([cell("modal", n=29), cell("runpod")], [arm("modal", 2), arm("runpod", 1)], "Too few to rank: 29 of 30 jobs"),
        (
            [cell("runpod"), cell("vast")],
            [arm("runpod", 0.02), arm("vast", 0.01)],
            "No flux-dev job on Modal yet: nothing to compare with",
        ),
        (
            [cell("modal", **NINE), cell("runpod", **speed(9.1, 9.0, 9.3))],
            [arm("modal", 0.02), arm("runpod", 0.0138)],
            "Runpod cost 31 % less than Modal at the same warm speed",
        ),
        (
            [cell("modal", **NINE), cell("runpod", **TEN)],
            [arm("modal", 0.02), arm("runpod", 0.022)],
            "Runpod cost 10 % more than Modal, 11 % slower warm",
        ),
        (
            [cell("modal", **TEN), cell("vast", n=200, good=180, **NINE)],
            [arm("modal", 0.02), arm("vast", 0.01)],
            "Vast.ai cost 50 % less than Modal, 10 % faster warm, but drops 10 more in 100",
        ),
        (
            [cell("modal"), cell("runpod", good=99)],
            [arm("modal", 0.02), arm("runpod", 0.02)],
            "Runpod cost as much as Modal",
        ),
    ],
)  # fmt: skip
def test_the_summary_says_what_cost_speed_and_success_prove(found: list, costs: list, title: str) -> None:
    assert compare_view.summary_title(cells(*found), arms(*costs), "flux-dev") == title


def test_cards_show_providers_in_one_order_with_their_n() -> None:
    found = cells(cell("vast", n=33), cell("modal", n=11), cell("runpod", n=22))
    card = next(one for one in compare_view.cards(found, arms()) if one.term == "success")
    assert card.rows["row"].to_list() == ["Modal", "Runpod", "Vast.ai"]
    assert card.note == "n 11, 22, 33"
    assert card.rows["label"].to_list() == ["n 11 of 30", "n 22 of 30", "100.0 %"]


def test_a_fully_loaded_cost_shows_its_state_where_an_interval_would_be() -> None:
    card = compare_view.cards(cells(cell("modal")), arms(arm("modal", 0.0214, "provisional")))[0]
    row = card.rows.row(0, named=True)
    assert (row["label"], row["note"], row["low"], row["high"]) == ("$21.4", "◐ provisional", None, None)


def test_the_success_rate_is_of_cold_and_warm_together() -> None:
    whole = compare_view.both(cells(cell("modal", n=40, good=39), cell("modal", "cold", n=4, good=4)))
    assert whole.select("n", "good").rows() == [(44, 43)]


@pytest.mark.parametrize(
    ("goods", "title"),
    [
        ((100, 100), "No failure in 200 jobs: under 1.5 % at 95 %"),
        ((92, 99), "Modal lost 80 jobs in 1,000, Vast.ai 10"),
        ((99, 92), "Vast.ai lost 80 jobs in 1,000, Modal 10"),
    ],
)
def test_reliability_names_the_worst_first(goods: tuple[int, int], title: str) -> None:
    found = cells(cell("modal", good=goods[0]), cell("vast", good=goods[1]))
    assert compare_view.reliability_title(found) == title


def test_latency_names_the_gap_and_the_longest_cold_job() -> None:
    found = cells(cell("modal", **NINE), cell("runpod", **TEN))
    cold = timed_jobs(job(1, "vast", start_kind="cold", seconds=277), job(2, "modal", start_kind="cold", seconds=61))
    assert compare_view.latency_title(found, cold) == (
        "Warm, Modal is 1.0 s faster than Runpod; the longest cold job took 276 s on Vast.ai"
    )
    assert compare_view.latency_title(found.head(1), cold) == "Too few warm jobs to compare speed"


def test_phases_do_not_count_a_second_twice() -> None:
    split = latency_view.split_phases(dispatch_s=0.1, queue_s=15.0, boot_s=12.0, load_s=20.0, execution_s=29.0)
    assert split == (0.1, 3.0, 12.0, 20.0, 9.0, None)


def test_a_boot_longer_than_the_wait_came_before_the_job() -> None:
    split = latency_view.split_phases(dispatch_s=0.1, queue_s=0.2, boot_s=288.0, load_s=None, execution_s=26.0)
    assert (split.queue, split.boot, split.before) == (0.2, None, 288.0)
    rented = cells(cell("vast", "cold", queue_s=0.2, boot_s=288.0, execution_s=26.0))
    assert latency_view.boots_before(rented, StartKind.COLD) == [
        "Not in it: Vast.ai boots 288 s before the job, when the host is rented."
    ]
    assert latency_view.phase_means(rented, StartKind.COLD).filter(pl.col("seconds") > 100).is_empty()


def test_what_a_provider_does_not_say_stays_unknown() -> None:
    split = latency_view.split_phases(dispatch_s=None, queue_s=None, boot_s=None, load_s=None, execution_s=9.0)
    assert split == (None, None, None, None, 9.0, None)


def test_failures_are_counted_per_reason_with_every_provider_beside_it() -> None:
    lost = {"status": "failed", "reason": "worker_lost", "good_image": None}
    found = timed_jobs(*(job(i) for i in range(1, 10)), job(10, **lost), *(job(i, "vast") for i in range(11, 21)))
    rows = latency_view.failure_rows(found).to_dicts()
    assert [(row["key"], row["count"], row["n"], row["rate"]) for row in rows] == [
        ("Modal", 1, 10, 100.0),
        ("Vast.ai", 0, 10, 0.0),
    ]
    assert rows[1]["high"] > 0, "no failure in ten is no proof of none"


# ---------------------------------------------------------------- cost


def fall(**parts: float) -> dict:
    values = dict.fromkeys(cost_view.PARTS, 0) | {name: round(usd * 1e9) for name, usd in parts.items()}
    whole = sum(values.values())
    return {
        **values,
        "billed_nano": whole,
        "good_images": 100,
        "cost_state": "final",
        "billed": 1,
        "unknown_jobs": 0,
        "rented": 2,
        "simulated": True,
    }


def test_the_cost_title_names_the_part_that_is_saved() -> None:
    falls = {"modal": fall(good_nano=0.7, idle_nano=1.4), "runpod": fall(good_nano=0.6, idle_nano=0.4)}
    assert cost_view.cost_title(falls, arms()) == "Idle is what Runpod saves: $10.0 of $21.0 per 1,000"


def test_a_bill_that_does_not_add_up_is_the_title() -> None:
    falls = {"modal": fall(good_nano=1.0), "runpod": fall(good_nano=0.9, unexplained_nano=0.1)}
    assert cost_view.cost_title(falls, arms()) == "Runpod's bill does not add up: 10.0 % is unexplained"
    falls["runpod"] |= {"cost_state": "open"}
    assert "add up" not in cost_view.cost_title(falls, arms()), "an open bill says nothing yet"
    falls["runpod"] |= {"cost_state": "provisional", "unexplained_nano": -falls["runpod"]["unexplained_nano"]}
    assert "add up" not in cost_view.cost_title(falls, arms()), "and one that may grow is not too small"


def basis(backend: str, usd: float, low: float | None, high: float | None, **values: object) -> dict[str, object]:
    row = {"backend": backend, "basis": "fully_loaded", "unit": "thousand_images", "usd": usd, "usd_lo": low}
    return {**row, "usd_hi": high, "of_units": 90.0, "blocks": 8, "cost_state": "final", **values}


def bases(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in BASES} for row in rows], schema=BASES)


def test_limits_that_meet_show_no_difference() -> None:
    falls = {"modal": fall(good_nano=2.1), "runpod": fall(good_nano=1.0)}
    apart = bases(basis("modal", 21, 18, 24), basis("runpod", 10, 9, 12))
    assert cost_view.cost_title(falls, arms(), apart).startswith("Execution is what Runpod saves")
    meet = bases(basis("modal", 21, 11, 24), basis("runpod", 10, 9, 12))
    said = cost_view.cost_title(falls, arms(), meet)
    assert said == "No cost difference shows yet: Runpod $10.0 [9.00, 12.0] and Modal $21.0 [11.0, 24.0] per 1,000"
    withheld = bases(basis("modal", 21, None, None), basis("runpod", 10, 9, 12))
    assert cost_view.cost_title(falls, arms(), withheld).startswith("Execution is what Runpod saves")


def test_a_basis_is_told_in_four_units_with_its_limits_or_why_it_has_none() -> None:
    units = [("image", 0.021), ("job", 0.02), ("hour", 2.4), ("gpu_s", 0.00067)]
    rows = [basis("modal", usd, None, None, unit=unit) for unit, usd in units]
    other = basis("modal", 99, 98, 100, basis="marginal")
    [said] = cost_view.basis_rows(
        bases(*rows, basis("modal", 21, None, None, withheld="needs 3 more blocks"), other), "fully_loaded"
    )
    assert said["$ per 1,000"].startswith("$21.0 ")
    assert "needs" in said["$ per 1,000"]
    assert [said[name] for name in ("$ per image", "$ per job", "$ per hour", "$ per GPU-s", "n")] == [
        "$0.0210", "$0.0200", "$2.40", "$0.000670", "90 in 8 blocks",
    ]  # fmt: skip


def test_no_candidate_that_is_cheaper_is_said() -> None:
    falls = {"modal": fall(good_nano=1.0), "vast": fall(good_nano=1.2)}
    assert cost_view.cost_title(falls, arms()) == "No candidate cost less than Modal: Vast.ai $12.0 against $10.0"


@pytest.mark.parametrize(
    ("costs", "title"),
    [
        ([], "No cost is known yet"),
        ([arm("modal", 0.02, "estimated", estimated_usd=2.0)], "No bill yet: costs are estimates"),
    ],
)
def test_without_a_bill_the_title_says_what_there_is(costs: list, title: str) -> None:
    assert cost_view.cost_title({}, arms(*costs)) == title


def test_the_waterfall_ends_in_the_bill_and_leaves_out_nothing() -> None:
    rows = cost_view.waterfall_rows("runpod", fall(good_nano=0.6, idle_nano=0.4, unexplained_nano=-0.02))
    assert rows["part"].to_list() == ["execution", "idle", "unexplained", "billed"]
    assert rows["high"][2] == pytest.approx(rows["high"][3])
    assert rows["label"].to_list() == ["6.00", "4.00", "−0.200", "$9.80"]
    known = "● final · 0.0 % unexplained · 1 of 2 deployments billed"
    assert cost_view.fall_caption(fall(good_nano=1.0)) == known
    assert cost_view.fall_caption({**fall(good_nano=1.0), "unknown_jobs": 3}) == (
        f"{known}. How long 3 jobs worked is not known: it is in idle, or unexplained."
    )


# ---------------------------------------------------------------- decision


def line(status: RunStatus, *, run_id: int = 1, jobs: int = 60, done: int = 60, **values: object) -> RunLine:
    run = Run(
        id=run_id, workflow_hash="h", status=status, gpu="L40S", params={}, cap_usd=Decimal(20), simulated=True,
        plan={"backends": ["modal", "runpod"], "warm": 28, "cold": 2}, asked_at=START, started_at=START,
        **values,
    )  # fmt: skip
    by_status = {JobStatus.SUCCEEDED: done, JobStatus.QUEUED: jobs - done}
    return RunLine(
        run=run, workflow="flux-dev", backends=["modal", "runpod"], jobs=jobs, by_status=by_status, good_images=done,
        billed_usd=None, cost_state=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "ended", "title"),
    [
        ([], 0, "Nothing measured yet"),
        ([line(RunStatus.RUNNING, jobs=0, done=0)], 0, "Measuring: the first capacity is being rented"),
        ([line(RunStatus.RUNNING, done=20)], 20, "Measuring: 20 of 60 jobs"),
        ([line(RunStatus.DONE)], 60, "No verdict yet: 60 jobs are measured, the limits are not locked"),
    ],
)
def test_the_decision_waits_for_its_rule(lines: list[RunLine], ended: int, title: str) -> None:
    assert decision_view.decision_title(lines, ended) == title


def test_the_decision_never_says_go_before_the_rule_has_run() -> None:
    scope = Scope("flux-dev", "L40S", "{}")
    found = cells(cell("modal", **TEN), cell("runpod", **NINE))
    moves = decision_view.moves(scope, found, arms(arm("modal", 0.02), arm("runpod", 0.001)))
    said = [decision_view.decision_title([line(RunStatus.DONE)], 60), decision_view.decision_sentence([], moves)]
    said += [text for move in moves for row in move.rows for text in row.values()]
    assert "95 % less on Runpod" in said[1]
    assert not any(word in text for text in said for word in ("GO", "Go:", "Split", "Stay on"))


def test_no_cost_is_told_of_a_workflow_that_is_still_running() -> None:
    moves = decision_view.moves(Scope("flux-dev", "L40S", "{}"), cells(cell("modal"), cell("runpod")), arms(
        arm("modal", 0.02), arm("runpod", 0.01)
    ))  # fmt: skip
    assert "50 % less on Runpod" in decision_view.decision_sentence([line(RunStatus.DONE)], moves)
    assert "told when the run is over" in decision_view.decision_sentence([line(RunStatus.RUNNING)], moves)


def test_a_candidate_without_a_baseline_is_no_move() -> None:
    assert decision_view.moves(Scope("flux-dev", "L40S", "{}"), cells(cell("runpod")), arms()) == []


def test_a_success_difference_comes_with_its_newcombe_interval() -> None:
    found = cells(cell("modal", n=521, good=516), cell("runpod", n=521, good=505))
    [move] = decision_view.moves(Scope("flux-dev", "L40S", "{}"), found, arms())
    difference = move.rows[-1]["Difference"].replace("\\", "").replace("\u00a0", " ")
    assert difference == "−2.1 pp :small[:gray[[−4.0, −0.4]]]"


def test_what_is_missing_is_counted() -> None:
    needs = decision_view.needs(timed_jobs(*(job(i) for i in range(1, 42))), pl.DataFrame(schema={"state": pl.String}))
    said = {need.need: (need.have, need.enough) for need in needs}
    assert said["Warm p95 with an interval in every cell"] == ("n 41 of 72", False)
    assert said["All bills final"] == ("no bill yet", False)
    assert not any(need.enough for need in needs)


# ---------------------------------------------------------------- runs and one run


@pytest.mark.parametrize(
    ("lines", "title"),
    [
        ([], "No run yet"),
        ([line(RunStatus.RUNNING)], "1 run is live, 0 are over, nothing billed yet"),
        (
            [line(RunStatus.QUEUED), line(RunStatus.RUNNING), line(RunStatus.DONE)],
            "2 runs are live, 1 is over, nothing billed yet",
        ),
    ],
)
def test_the_runs_title_counts_what_is_live(lines: list[RunLine], title: str) -> None:
    assert runs_title(lines) == title


def deployment(state: DeploymentState, backend: str = "modal") -> Deployment:
    return Deployment(run_id=1, key="k", backend=backend, gpu="L40S", state=state, idle_timeout_s=10, simulated=True)


def detail(one: RunLine, *states: DeploymentState) -> RunDetail:
    names = ("modal", "runpod")
    rows = [deployment(state, name) for state, name in zip(states, names, strict=False)]
    return RunDetail(line=one, deployments=rows, events=[])


@pytest.mark.parametrize(
    ("one", "states", "title"),
    [
        (line(RunStatus.QUEUED, done=0), (), "Run 1 waits for the collector"),
        (
            line(RunStatus.RUNNING, done=0),
            (DeploymentState.READY, DeploymentState.PROVISIONING),
            "Run 1 is booting: 1 of 2 ready",
        ),
        (line(RunStatus.RUNNING, done=20), (), "Run 1 is running: 20 of 60 jobs, ~$7.24 of $20"),
        (line(RunStatus.TEARING_DOWN), (DeploymentState.GONE, DeploymentState.READY), "Run 1 is tearing down: 1 left"),
        (line(RunStatus.DONE, left_running=0), (), "Run 1 is done: 60 jobs, 0 failed, ~$7.24, nothing left running"),
        (
            line(RunStatus.STOPPED, done=9, left_running=0),
            (),
            "Run 1 was stopped: 9 jobs, 0 failed, ~$7.24, nothing left running",
        ),
        (line(RunStatus.DONE), (), "Run 1 is done: 60 jobs, 0 failed, ~$7.24, what is left running was not checked"),
        (line(RunStatus.DONE, left_running=2), (), "Run 1 ended but 2 resources are up"),
        (line(RunStatus.FAILED, stop_reason="a fault of ours"), (), "Run 1 failed: a fault of ours"),
    ],
)  # fmt: skip
def test_the_run_title_is_the_first_state_that_applies(one: RunLine, states: tuple, title: str) -> None:
    found = detail(one, *states)
    assert run_view.run_title(found, run_view.arm_lines(found, timed_jobs(), {}), 7.24) == title


def test_time_left_follows_the_pace_so_far() -> None:
    found = detail(line(RunStatus.RUNNING, done=20))
    assert run_view.time_left(found, START + timedelta(minutes=10)) == timedelta(minutes=20)
    assert run_view.time_left(detail(line(RunStatus.RUNNING, done=0)), START) is None
    assert run_view.time_left(detail(line(RunStatus.DONE)), START) is None


def test_a_forecast_never_passes_the_cap() -> None:
    found = detail(line(RunStatus.RUNNING, done=20))
    point = run_view.forecast(found, 9.0, START + timedelta(minutes=10))
    assert point == (30.0, 20.0)


def test_an_arm_is_ready_when_one_of_its_rentals_is() -> None:
    states = (DeploymentState.GONE, DeploymentState.READY, DeploymentState.FAILED)
    found = RunDetail(line=line(RunStatus.RUNNING), deployments=[deployment(s) for s in states], events=[])
    [modal, _] = run_view.arm_lines(found, timed_jobs(job(1), job(2, status="queued")), {"modal": 1.5})
    assert (modal.state, modal.counts, modal.capacity) == (
        DeploymentState.READY,
        "1 of 2 · 0 cold · 0 failed",
        "1 of 3 rentals up",
    )
    assert (modal.share, modal.spent_usd) == (0.5, 1.5)


def test_the_marks_of_a_run_are_said_in_words_those_first_that_keep_it_out() -> None:
    again = {"left_out": "cache_repeat", "seconds": 1.1}
    duplicate = {"status": "failed", "reason": "image_broken", "defect": "duplicate"}
    rows = jobs(
        job(1, **duplicate), job(2, "runpod"), *(job(i, "runpod", **again) for i in (3, 4, 5)), job(6, "vast")
    )  # fmt: skip
    assert run_view.mark_lines(validity.marks(rows)) == [
        run_view.MarkLine(
            heading="Runpod: cached, kept out of verdicts",
            reason="3 repeats of one prompt and seed took 0.10 s (median), fresh ones 8.00 s: "
            "answers come from a cache.",
            excludes=True,
        ),
        run_view.MarkLine(
            heading="Modal: ignored seed",
            reason="1 job gave the pixels of another prompt or seed; each counts as a failure.",
            excludes=False,
        ),
    ]
    assert run_view.unchecked_lines(rows) == [
        "Modal and Vast.ai: A cache was not tested for: no prompt was repeated.",
        "Modal, Runpod and Vast.ai: No physical floor is known: its workflow has changed.",
    ]


def test_the_newest_images_are_of_all_providers() -> None:
    rows = images(*(image(i) for i in range(1, 9)), image(9, "runpod"), image(10, "runpod"))
    newest = image_panels.newest_images(rows, 4)
    assert newest["image_id"].to_list() == [8, 10, 7, 9]


# ---------------------------------------------------------------- gallery, bills, providers, scopes


def test_a_pair_is_the_same_prompt_and_seed_and_the_newest_job_of_each() -> None:
    old, new, other = job(1, seed=1), job(2, seed=1), job(3, "vast", seed=1)
    found = gallery_view.items(
        timed_jobs(old, new, other), images(image(1), image(2), image(3, "vast", defect="black"))
    )
    [item] = found
    assert [(shot.backend, shot.job_id) for shot in item.shots] == [("modal", 2), ("vast", 3)]
    assert item.flagged
    assert (
        gallery_view.gallery_title(found, waiting=False)
        == "1 prompt to compare; 1 of 2 images is broken, on Vast.ai (1)"
    )
    two = gallery_view.opposite(item, "vast")
    assert two is not None
    assert [shot.backend for shot in two] == ["modal", "vast"]


def pair(number: int, backend: str, value: float | None, **values: object) -> dict[str, object]:
    return {
        **SOME, "pair_id": number, "backend": backend, "spread": backend == "modal", "prompt_id": "product-01",
        "seed": number, "baseline_job_id": 1, "other_job_id": 2, "dissimilarity": value, **values,
    }  # fmt: skip


def paired(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in PAIRED} for row in rows], schema=PAIRED)


def test_a_pair_is_told_against_the_baseline_s_own_spread_at_its_settings_and_gpu() -> None:
    own = [pair(100 + i, "modal", 0.02) for i in range(59)]
    elsewhere = [pair(200 + i, "modal", 0.5, gpu="H100") for i in range(59)]
    mine = [pair(1, "vast", 0.01), pair(1, "runpod", 0.03), pair(2, "runpod", 0.4, gpu="A40"), pair(3, "vast", None)]
    done = [job(n, backend, seed=seed) for n, (backend, seed) in enumerate(product(["modal", "vast"], [1, 2, 3]), 1)]
    shown = images(*(image(each["job_id"], each["backend"], seed=each["seed"]) for each in done))

    found = gallery_view.items(timed_jobs(*done), shown, paired(*own, *elsewhere, *mine))

    assert {item.seed: [each.words for each in item.distances] for item in found} == {
        1: [
            "Runpod differs by 0.0300, beyond Modal's own 0.0200",
            "Vast.ai differs by 0.0100, within Modal's own 0.0200",
        ],
        2: ["Runpod differs by 0.4000; Modal's own spread is not known yet"],
        3: [],
    }
    title = gallery_view.gallery_title(found, waiting=False)
    assert title == "1 of 2 pairs look the same; none of 6 images is broken"
    order = gallery_view.chosen(found, workflow="flux-dev", strata=[], order="largest difference", flagged_only=False)
    assert [item.seed for item in order] == [2, 1, 3]


@pytest.mark.parametrize(("waiting", "title"), [(True, "The first images are on their way"), (False, "No images yet")])
def test_no_image_yet_is_told_apart_from_none_to_come(waiting: bool, title: str) -> None:
    assert gallery_view.gallery_title([], waiting=waiting) == title


def test_a_failed_job_keeps_its_place_with_the_reason() -> None:
    lost = {"status": "failed", "reason": "worker_lost", "good_image": None}
    [item] = gallery_view.items(timed_jobs(job(1, seed=1), job(2, "vast", seed=1, **lost)), images(image(1)))
    assert item.shots[1].failure == "worker lost (provider)"
    assert item.shots[1].latency_s is None
    assert gallery_view.opposite(item, None) is None


def charge(state: CostState, provider: str = "modal") -> Charge:
    return Charge(
        id=f"{provider}-{state}", provider=provider, resource_id="r", deployment_id=1, sku="gpu",
        charge_period_start=START,
        charge_period_end=START + timedelta(hours=1), billed_cost=Decimal(1), state=state, simulated=True,
        first_seen_at=START, same_since=START, fetched_at=START,
    )  # fmt: skip


def test_the_bills_title_says_whose_bills_may_still_change() -> None:
    deployments = pl.DataFrame(
        [
            {
                "deployment_id": 1,
                "backend": "modal",
                "billed_usd": 1.02,
                "estimated_usd": 1.0,
                "state": "final",
                "run_id": 1,
            }
        ]
    )
    parts = dict.fromkeys((name for name in schema.WATERFALL if name.endswith("_nano")), 0)
    told = {"deployment_id": 1, "backend": "modal", "cost_state": "final", "simulated": True, "unknown_jobs": 0}
    waterfall = pl.DataFrame([{**parts, **told, "billed_nano": 1_020_000_000}])
    charges = [charge(CostState.FINAL), charge(CostState.PROVISIONAL, "vast")]
    title = bills_view.bills_title(deployments, waterfall, charges)
    assert title == "Bills agree with our estimates within 2.0 %; the last day of Vast.ai is open"
    far = bills_view.bills_title(deployments.with_columns(billed_usd=pl.lit(1.2)), waterfall, charges)
    assert far.startswith("Bills differ from our estimates by up to 20.0 %; ")
    odd = waterfall.with_columns(unexplained_nano=pl.lit(70_000_000))
    assert bills_view.bills_title(deployments, odd, charges) == "Modal: 6.9 % unexplained, verdict blocked"
    growing = odd.with_columns(cost_state=pl.lit("open"))
    assert bills_view.bills_title(deployments, growing, charges).startswith("Bills agree"), "an open bill says nothing"
    assert bills_view.bills_title(deployments, waterfall, []).startswith("No bill yet")
    without = bills_view.bills_title(deployments, waterfall, [], no_report=["modal"])
    assert without == "No bill to read on Modal's plan: costs stay estimated"


def test_dollars_are_shared_out_by_how_sure_they_are() -> None:
    charges = [charge(CostState.FINAL), charge(CostState.FINAL, "runpod"), charge(CostState.OPEN, "vast")]
    assert bills_view.shares_by_state(charges) == "● final 67 %, ◐ open 33 %"


def backend(name: str, state: str = "ready") -> Backend:
    return Backend(name=name, provider=name, simulated=False, state=state)


@pytest.mark.parametrize(
    ("rows", "simulated", "title"),
    [
        ([], False, "No provider was checked yet"),
        ([backend("modal"), backend("runpod")], False, "Modal and Runpod are ready"),
        ([backend("modal"), backend("runpod", "Key refused (401).")], False, "Runpod is not ready"),
        ([backend("vast"), backend("modal")], True, "Simulated world: no keys needed, Modal and Vast.ai are ready"),
        ([backend("modal"), backend("modal-web", "no address")], False, "Modal is ready"),
    ],
)
def test_the_providers_title_names_who_is_not_ready(rows: list[Backend], simulated: bool, title: str) -> None:
    assert providers_view.providers_title(rows, simulated=simulated) == title


def test_the_main_scope_of_a_workflow_is_the_setting_with_most_jobs() -> None:
    rows = jobs(job(1, settings='{"steps":4}'), job(2), job(3), job(4, workflow="qwen", gpu="H100"))
    assert [(scope.workflow, scope.gpu, scope.settings) for scope in main_scopes(rows)] == [
        ("flux-dev", "L40S", "{}"),
        ("qwen", "H100", "{}"),
    ]


def test_settings_are_written_as_a_person_would() -> None:
    assert settings_words('{"cfg":1.5,"height":1024,"steps":20,"width":1024}') == "1024 px, 20 steps, cfg 1.5"
    assert settings_words("{}") == "default settings"
