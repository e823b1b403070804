"""Traffic, prices and effort on the command line: added, listed, replayed, taken off, refused in a sentence."""

import json
from pathlib import Path

import pytest
from sqlmodel import Session, select

from storage.db import DataFolder, open_engine, open_reader
from storage.models import Deployment, Effort, PriceLayer, TrafficProfile
from tests.unit.cli.conftest import Command
from tests.unit.cli.test_bad_input import refused
from tests.unit.storage.rows import after, deployment_of, jobs_of, launch, ready, succeed
from words import RunStatus, StartKind

TRACE = "when\n2026-11-01T08:00:00Z\n2026-11-01T08:00:01Z\n"
LAYER = ("prices", "add", "ours", "--kind", "override", "--backend", "runpod", "--gpu", "L40S", "--per-hour", "1.5")


def rows_of(folder: DataFolder, model: type) -> list:
    with Session(open_reader(folder.db)) as session:
        return list(session.exec(select(model)))


# ---------------------------------------------------------------- traffic


def test_a_volume_with_its_curve_is_added_and_listed(bakeoff: Command, known: DataFolder) -> None:  # noqa: ARG001
    assert "--known" in bakeoff("traffic").out
    curve = ",".join(["0"] * 12 + ["3", "1"] + ["0"] * 10)
    told = json.loads(bakeoff("traffic", "add", "ours", "--per-day", "500", "--curve", curve, "--json").out)
    assert (told["traffic"], told["kind"], told["per_day"], told["curve"][12]) == (1, "daily", 500, 0.75)
    assert "12:00, 75.0 %" in bakeoff("traffic").out
    assert [row["name"] for row in json.loads(bakeoff("traffic", "--json").out)["profiles"]] == ["ours"]


def test_a_file_of_instants_is_kept_and_a_known_volume_has_its_own_name(
    bakeoff: Command, known: DataFolder, tmp_path: Path
) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(TRACE)
    assert bakeoff("traffic", "add", "log", "--csv", str(path)).code == 0
    assert bakeoff("traffic", "add", "--known", "1,000 requests a day").code == 0
    trace, volume = rows_of(known, TrafficProfile)
    assert (trace.requests, trace.kind.value, volume.name) == (2, "trace", "1,000 requests a day")
    assert known.blobs.joinpath(trace.instants_sha256[:2], trace.instants_sha256[2:4], trace.instants_sha256).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("one of --per-day, --csv and --known",)),
        (("x", "--per-day", "5", "--known", "y"), ("one of",)),
        (("x", "--known", "a lot"), ("'a lot'", "1,000 requests a day")),
        (("x", "--per-day", "0"), ("above 0",)),
        (("x", "--per-day", "5", "--curve", "1,2"), ("24 weights",)),
        (("x", "--per-day", "5", "--curve", "a,b"), ("24 numbers",)),
        (("x", "--known", "1,000 requests a day", "--curve", "1"), ("goes with --per-day",)),
        (("--per-day", "5"), ("needs a name",)),
        (("x", "--csv", "nowhere.csv"), ("nowhere.csv cannot be read",)),
    ],
    ids=lambda value: "-".join(value)[:30],
)
def test_traffic_that_cannot_be_is_refused(
    arguments: tuple[str, ...], words: tuple[str, ...], bakeoff: Command, known: DataFolder
) -> None:
    refused(bakeoff("traffic", "add", *arguments), *words)
    assert rows_of(known, TrafficProfile) == []


def test_a_file_that_is_no_trace_names_its_line(bakeoff: Command, known: DataFolder, tmp_path: Path) -> None:  # noqa: ARG001
    path = tmp_path / "trace.csv"
    path.write_text(TRACE + "soon\n")
    refused(bakeoff("traffic", "add", "log", "--csv", str(path)), "Line 4", "soon")


@pytest.fixture
def measured(known: DataFolder) -> DataFolder:
    """One run that has ended: a cold and two warm jobs on Modal and on Runpod."""
    with Session(open_engine(known.db)) as session:
        run = launch(session, backends=["modal", "runpod"])
        for name in ("modal", "runpod"):
            deployment = deployment_of(session, run, name)
            ready(deployment, name)
            for i, job in enumerate(jobs_of(session, deployment)):
                succeed(session, job, start_s=20 + 12 * i, kind=StartKind.WARM if i else StartKind.COLD)
        run.status, run.ended_at = RunStatus.DONE, after(500)
        session.commit()
    return known


def test_a_replay_tells_cost_and_wait_of_each_provider_and_what_it_does_not_know(
    bakeoff: Command,
    measured: DataFolder,  # noqa: ARG001
) -> None:
    bakeoff("traffic", "add", "ours", "--per-day", "200")
    told = json.loads(bakeoff("traffic", "replay", "--requests", "200", "--json").out)
    modal, runpod = told["providers"]
    assert (modal["provider"], runpod["provider"], told["subject"]["workflow"]) == ("Modal", "Runpod", "flux-dev")
    assert (modal["as_is"]["window_s"], modal["as_is"]["concurrency"]) == (300, 5)
    assert 0 < runpod["as_is"]["usd_per_image"]["point"] < modal["as_is"]["usd_per_image"]["point"]
    month = runpod["as_is"]["usd_per_image"]["point"] * 200 * 730 / 24
    assert runpod["as_is"]["usd_per_month"]["point"] == pytest.approx(month, rel=0.01)
    assert runpod["as_is"]["usd_per_image"]["withheld"].endswith("more blocks")
    assert runpod["equal_service"] is None, "one block proves no equal service"
    assert "not known yet" in runpod["reason"]
    assert 0 < runpod["as_is_saving"]["point"] < 1
    assert {row["service"] for row in told["settings"]} == {"Modal", "Runpod"}
    assert {row["option"] for row in told["curves"]} == {"Modal", "Runpod", "FAL flux/dev"}
    assert len({(row["option"], row["other"]) for row in told["break_evens"]}) == 3
    (bought,) = told["bought"]
    assert (bought["name"], bought["usd_per_image"]) == ("FAL flux/dev", 0.025)
    assert bought["source"].endswith(", 2026-02-07")


def test_a_replay_is_tables_for_people_and_an_override_changes_it(bakeoff: Command, measured: DataFolder) -> None:  # noqa: ARG001
    bakeoff("traffic", "add", "ours", "--per-day", "200")
    bakeoff(*LAYER)
    told = bakeoff("traffic", "replay", "1", "--requests", "100", "--volumes", "100-400").out
    assert told.startswith("SIMULATED")
    assert "more blocks)" in told
    assert "Where the cheaper one changes" in told
    assert "FAL flux/dev: $0.0250 an image, not measured (list price: " in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("7",), ("no traffic profile 7",)),
        (("--workflow", "sdxl"), ("No run of sdxl has ended", "flux-dev")),
        (("--gpu", "T4"), ("No run has ended",)),
        (("--volumes", "many"), ("LOW-HIGH", "many")),
        (("--volumes", "9-3", "--requests", "100"), ("from 9 to 3",)),
        (("--requests", "1"), ("100 to",)),
    ],
    ids=lambda value: "-".join(value)[:30],
)
def test_a_replay_that_cannot_be_is_refused(
    arguments: tuple[str, ...],
    words: tuple[str, ...],
    bakeoff: Command,
    measured: DataFolder,  # noqa: ARG001
) -> None:
    bakeoff("traffic", "add", "ours", "--per-day", "200")
    refused(bakeoff("traffic", "replay", *arguments), *words)


def test_without_traffic_or_a_measured_baseline_the_way_out_is_named(bakeoff: Command, measured: DataFolder) -> None:
    refused(bakeoff("traffic", "replay"), "bakeoff traffic add")
    with Session(open_engine(measured.db)) as session:
        for row in session.exec(select(Deployment).where(Deployment.backend == "modal")):
            row.usd_per_s = None
        session.commit()
    bakeoff("traffic", "add", "ours", "--per-day", "200")
    refused(bakeoff("traffic", "replay"), "No price of Modal was seen.")


# ---------------------------------------------------------------- prices


def test_prices_are_shown_with_the_layers_over_them_and_a_layer_comes_off_again(
    bakeoff: Command, known: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "ada")
    told = json.loads(bakeoff(*LAYER, "--reason", "letter", "--json").out)
    assert (told["layer"], told["kind"], told["usd_per_s"], told["reason"]) == (1, "override", "0.000416667", "letter")
    listed = bakeoff("prices").out
    assert "$1.50 an hour" in listed
    assert bakeoff("prices", "revoke", "1").code == 0
    (row,) = rows_of(known, PriceLayer)
    assert row.revoked_at is not None
    assert json.loads(bakeoff("prices", "--json").out)["layers"][0]["revoked_by"] == row.revoked_by


def test_the_history_of_prices_is_by_day_and_of_what_was_asked(bakeoff: Command, known: DataFolder) -> None:  # noqa: ARG001
    found = json.loads(bakeoff("prices", "history", "--backend", "vast", "--json").out)["history"]
    assert {(row["backend"], row["median_nano"]) for row in found} == {("vast", 500_000)}
    assert {row["gpu"] for row in found} == {"L40S", "H100"}
    assert "$1.80" in bakeoff("prices", "history", "--gpu", "L40S").out
    assert "No price of that" in bakeoff("prices", "history", "--gpu", "T4").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--kind", "gift", "--backend", "modal"), ("'gift'", "discount")),
        (("--kind", "discount", "--backend", "modal"), ("needs per cent",)),
        (("--kind", "discount", "--backend", "modal", "--percent", "150"), ("nothing, or less",)),
        (("--kind", "override", "--backend", "modal", "--per-hour", "-3"), ("above zero",)),
        (("--kind", "override", "--backend", "modal", "--per-hour", "dear"), ("number of dollars", "dear")),
        (("--kind", "override", "--backend", "fal", "--per-hour", "3"), ("'fal'", "modal, runpod, vast")),
        (
            ("--kind", "credit", "--backend", "modal", "--monthly", "9", "--from", "2026-02-01", "--to", "2026-01-01"),
            ("not after it begins",),
        ),
        (("--kind", "credit", "--backend", "modal", "--monthly", "9", "--from", "May"), ("YYYY-MM-DD", "May")),
    ],
    ids=lambda value: "-".join(value)[:40],
)
def test_a_layer_that_cannot_be_is_refused(
    arguments: tuple[str, ...], words: tuple[str, ...], bakeoff: Command, known: DataFolder
) -> None:
    refused(bakeoff("prices", "add", "x", *arguments), *words)
    refused(bakeoff("prices", "revoke", "5"), "no price layer 5")
    assert rows_of(known, PriceLayer) == []


# ---------------------------------------------------------------- effort


def test_work_is_logged_summed_by_kind_and_taken_out_again(bakeoff: Command, known: DataFolder) -> None:
    assert "bakeoff effort add" in bakeoff("effort").out
    bakeoff("effort", "add", "vast", "debug", "30", "--text", "no GPU", "--at", "2026-10-01T09:00")
    assert json.loads(bakeoff("effort", "add", "vast", "debug", "10", "--json").out)["entry"] == 2
    (total,) = json.loads(bakeoff("effort", "--json").out)["summary"]
    assert (total["backend"], total["kind"], total["n"], total["minutes"], total["measured"]) == (
        "vast", "debug", 2, 40.0, False,
    )  # fmt: skip
    assert "no GPU" in bakeoff("effort").out
    assert bakeoff("effort", "drop", "1").code == 0
    assert [row.minutes for row in rows_of(known, Effort)] == [10.0]


def test_a_command_is_timed_as_measured_with_how_it_ended(bakeoff: Command, known: DataFolder) -> None:
    assert bakeoff("effort", "time", "modal", "logs", "--", "false").code == 0
    assert bakeoff("effort", "time", "modal", "logs", "--limit", "0.0005", "--", "tail", "-f", "/dev/null").code == 0
    failed, stuck = rows_of(known, Effort)
    assert (failed.measured, failed.text, failed.note) == (True, "false", "exit code 1")
    assert 0 < failed.minutes < 1
    assert "the limit" in stuck.note
    assert stuck.minutes >= 0.0005


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "fal", "debug", "5"), ("'fal'", "modal, runpod, vast")),
        (("add", "vast", "lunch", "5"), ("'lunch'", "debug")),
        (("add", "vast", "debug", "0"), ("above 0",)),
        (("add", "vast", "debug", "nan"), ("not nan",)),
        (("add", "vast", "debug", "5", "--at", "2999-01-01"), ("once it is done",)),
        (("add", "vast", "debug", "5", "--at", "noon"), ("YYYY-MM-DDTHH:MM", "noon")),
        (("drop", "9"), ("no effort entry 9",)),
        (("time", "vast", "logs", "--", "no-such-program"), ("no-such-program cannot be run",)),
        (("time", "vast", "logs", "--limit", "0", "--", "true"), ("above 0",)),
    ],
    ids=lambda value: "-".join(value)[:40],
)
def test_effort_that_cannot_be_is_refused(
    arguments: tuple[str, ...], words: tuple[str, ...], bakeoff: Command, known: DataFolder
) -> None:
    refused(bakeoff("effort", *arguments), *words)
    assert rows_of(known, Effort) == []
