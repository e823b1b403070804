"""The definition of done, ticked by what was measured and by nothing else."""

from typing import Any

from analysis.verdict.progress import DOCUMENTS, progress

ALL = ("modal", "runpod", "vast")


def cell(backend: str, **said: Any) -> dict[str, Any]:
    return {
        "backend": backend, "workflow": "flux-dev", "n": 720, "success_rate": 0.99, "success_lo": 0.98,
        "latency_p50_s": 9.04, "latency_p50_lo_s": 8.9,
    } | said  # fmt: skip


def arm(backend: str, usd: float | None = 0.02) -> dict[str, Any]:
    return {"backend": backend, "workflow": "flux-dev", "fully_loaded_usd_per_image": usd}


def done(*lines: Any) -> list[bool]:
    return [line.done for line in lines]


def test_all_is_done_once_all_is_measured_timed_and_frozen() -> None:
    lines = progress(
        [cell(name) for name in ALL],
        [arm(name) for name in ALL],
        timed=ALL,
        snapshots=1,
        state="split",
        documents=DOCUMENTS,
    )

    assert done(*lines) == [True] * 5
    assert lines[0].evidence == "flux-dev: success 99.0% and p50 9.0 s of 720 jobs"
    assert lines[3].evidence == "split, frozen in 1 snapshot"


def test_nothing_is_ticked_on_an_empty_installation_but_the_documents() -> None:
    lines = progress([], [], timed=(), snapshots=0, state="", documents=DOCUMENTS)

    assert done(*lines) == [False] * 4 + [True]
    assert [line.evidence for line in lines[:4]] == [
        "nothing measured yet",
        "nothing measured yet",
        "not measured: Modal, Runpod, Vast.ai; operations not timed: Modal, Runpod, Vast.ai",
        "no verdict yet",
    ]


def test_a_provider_without_an_interval_or_a_cost_is_not_measured() -> None:
    few = progress(
        [cell("runpod", success_lo=None)], [arm("runpod")], timed=(), snapshots=0, state="", documents=DOCUMENTS
    )
    unpaid = progress([cell("runpod")], [arm("runpod", None)], timed=(), snapshots=0, state="", documents=DOCUMENTS)

    assert (few[0].done, unpaid[0].done) == (False, False)
    assert few[0].evidence == "720 jobs so far, without an interval or a cost"


def test_a_verdict_that_is_open_or_not_frozen_recommends_nothing() -> None:
    said = {
        state: progress([], [], timed=(), snapshots=n, state=state, documents=DOCUMENTS)[3]
        for state, n in (("insufficient", 3), ("blocked", 1), ("go", 0))
    }

    assert not any(line.done for line in said.values())
    assert said["blocked"].evidence == "the rule says blocked"
    assert said["go"].evidence == "the verdict is not frozen yet: sign it off"


def test_a_provider_whose_operations_nobody_timed_is_named() -> None:
    lines = progress(
        [cell(name) for name in ALL],
        [arm(name) for name in ALL],
        timed=("modal",),
        snapshots=0,
        state="go",
        documents=DOCUMENTS,
    )

    assert (lines[2].done, lines[2].evidence) == (False, "operations not timed: Runpod, Vast.ai")


def test_a_runbook_that_is_not_there_is_named() -> None:
    line = progress([], [], timed=(), snapshots=0, state="", documents=DOCUMENTS[1:])[4]

    assert (line.done, line.evidence) == (False, f"missing: {DOCUMENTS[0]}")
