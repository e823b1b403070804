"""Bad input to every verb: one sentence on stderr, exit code 2, nothing on stdout, nothing half written."""

import json
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session, select
from typer.main import get_command

from cli.main import app
from cli.output import Refused
from cli.stack import free_port
from clock import SharedClock
from storage.db import DataFolder, lock_folder, open_engine, open_reader
from storage.models import Installation, Request, Run
from tests.unit.cli.conftest import Command, Said

READ_VERBS = (
    ("runs",), ("compare",), ("export", "out"), ("launch", "flux-dev", "--cap", "5"), ("costs",), ("bills",),
    ("prices",), ("traffic",), ("effort",), ("card",), ("answer",), ("plan", "flux-dev"),
)  # fmt: skip


def refused(said: Said, *words: str) -> None:
    """One sentence with the cause and the way out, and nothing else."""
    assert said.code == 2, said
    assert said.out == ""
    assert said.err.startswith("bakeoff: "), said.err
    assert said.err.count("\n") == 1
    assert said.err.rstrip().endswith((".", "!"))
    for word in words:
        assert word in said.err


def listed(path: Path) -> list[str]:
    return sorted(str(found.relative_to(path)) for found in path.rglob("*"))


def runs_in(folder: DataFolder) -> int:
    with Session(open_reader(folder.db)) as session:
        return len(session.exec(select(Run)).all())


# ---------------------------------------------------------------- any verb


@pytest.mark.parametrize("arguments", READ_VERBS, ids=lambda arguments: arguments[0])
def test_without_a_data_folder_a_verb_names_the_way_out_and_makes_none(
    arguments: tuple[str, ...], bakeoff: Command, folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(bakeoff(*arguments), str(folder.path), "bakeoff")
    assert listed(tmp_path) == []


@pytest.mark.parametrize("arguments", [*READ_VERBS, ("migrate",)], ids=lambda arguments: arguments[0])
def test_a_folder_of_a_newer_version_is_left_alone(
    arguments: tuple[str, ...], bakeoff: Command, known: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Session(open_engine(known.db)) as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        session.commit()
    refused(bakeoff(*arguments), "newer version")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", READ_VERBS, ids=lambda arguments: arguments[0])
def test_a_database_that_is_none_is_one_sentence(
    arguments: tuple[str, ...], bakeoff: Command, folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder.create()
    folder.db.write_bytes(b"this is no database, whatever its name says" * 100)
    refused(bakeoff(*arguments))


@pytest.mark.parametrize(
    ("name", "value"), [("BAKEOFF_PORT", "loud"), ("BAKEOFF_SPEND_CAP_USD", "-1"), ("BAKEOFF_TOUCH_PRODUCTION", "x")]
)
@pytest.mark.parametrize("verb", ["runs", "collect", "up"])
def test_a_wrong_setting_is_named(
    name: str, value: str, verb: str, bakeoff: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    refused(bakeoff(verb), name, "unset it")


def test_every_verb_has_help_that_says_what_it_does() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert {name for name, command in commands.items() if not command.hidden} == {
        "demo", "up", "simulate", "collect", "launch", "plan", "schedule", "schedules", "runs", "stop", "compare",
        "costs", "bills", "prices", "traffic", "effort", "card", "answer", "verdict", "sign", "report", "tell",
        "export", "migrate",
    }  # fmt: skip
    for name, command in commands.items():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None) or parameter.name == "help", (name, parameter.name)


def test_an_unknown_verb_is_a_usage_error(bakeoff: Command) -> None:
    said = bakeoff("race")
    assert said.code == 2
    assert "race" in said.err


# ---------------------------------------------------------------- launch


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sdxl", "--cap", "5"), ("There is no workflow 'sdxl'", "flux-dev")),
        (("flux-dev", "--cap", "much"), ("must be a number of dollars", "'much'")),
        (("flux-dev", "--cap", "nan"), ("must be a number of dollars",)),
        (("flux-dev", "--cap", "inf"), ("must be a number of dollars",)),
        (("flux-dev", "--cap", "0"), ("must be above $0",)),
        (("flux-dev", "--cap", "-1"), ("must be above $0",)),
        (("flux-dev", "--cap", "1e12"), ("at most $1,000,000",)),
        (("flux-dev", "--cap", "5", "--warm", "-1"), ("at least 1 cold and 0 warm",)),
        (("flux-dev", "--cap", "5", "--cold", "0"), ("at least 1 cold and 0 warm",)),
        (("flux-dev", "--cap", "5", "--warm", "1000000"), ("at most 10,000 jobs",)),
        (("flux-dev", "--cap", "5", "--gpu", "B9000"), ("No B9000 was ever on offer", "H100, L40S")),
        (("flux-dev", "--cap", "5", "--backend", "lambda"), ("There is no backend 'lambda'", "modal, runpod, vast")),
        (("flux-dev", "--cap", "5", "--backend", "vast", "--backend", "vast"), ("each backend once",)),
        (("flux-dev", "--cap", "5", "--size", "7"), ("width",)),
        (("flux-dev", "--cap", "5", "--steps", "0"), ("steps",)),
    ],
)
def test_a_wrong_launch_says_what_is_wrong_and_inserts_nothing(
    arguments: tuple[str, ...], words: tuple[str, ...], bakeoff: Command, known: DataFolder
) -> None:
    refused(bakeoff("launch", *arguments), *words)
    assert runs_in(known) == 0


def test_a_good_launch_inserts_one_run_and_says_its_number(bakeoff: Command, known: DataFolder) -> None:
    said = bakeoff("launch", "flux-dev", "--cap", "5", "--backend", "vast", "--warm", "3", "--cold", "2", "--json")
    assert (said.code, json.loads(said.out)) == (0, {"run": 1})
    with Session(open_reader(known.db)) as session:
        (run,) = session.exec(select(Run))
    asked = {"workflow": "flux-dev", "backends": ["vast"], "warm": 3, "cold": 2, "repeats": 3}
    assert run.plan == {**asked, "idle_timeout_s": 10, "max_workers": 1, "load": None}
    assert (run.gpu, str(run.cap_usd), run.simulated) == ("L40S", "5", True)


def test_a_broken_world_clock_refuses_a_launch(bakeoff: Command, known: DataFolder) -> None:
    known.clock.write_bytes(b"tick")
    refused(bakeoff("launch", "flux-dev", "--cap", "5"), "no world's clock", "bakeoff demo")
    assert runs_in(known) == 0


def test_a_launch_before_any_collector_ran_says_so(bakeoff: Command, folder: DataFolder) -> None:
    assert bakeoff("migrate").code == 0
    refused(bakeoff("launch", "flux-dev", "--cap", "5"), "none yet")
    assert runs_in(folder) == 0


# ---------------------------------------------------------------- collect and up


def test_real_providers_need_a_spend_cap(bakeoff: Command, folder: DataFolder) -> None:
    for verb in ("collect", "up"):
        refused(bakeoff(verb), "need a spend cap", "BAKEOFF_SPEND_CAP_USD", "bakeoff demo")
    assert not folder.path.exists()


def test_only_a_simulated_world_settles(bakeoff: Command, folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_SPEND_CAP_USD", "5")
    refused(bakeoff("collect", "--settle"), "leave out --settle")
    assert not folder.path.exists()


def test_a_second_collector_on_a_folder_names_the_first(
    bakeoff: Command, known: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_SPEND_CAP_USD", "5")
    with lock_folder(known):
        refused(bakeoff("collect"), "Another collector (pid ", "BAKEOFF_DATA_DIR")


def test_real_keys_on_a_simulated_folder_are_refused(
    bakeoff: Command, known: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_SPEND_CAP_USD", "5")
    refused(bakeoff("collect"), "belongs to a simulated world", "another folder")
    with Session(open_reader(known.db)) as session:
        assert session.exec(select(Request)).all() == []


@pytest.mark.parametrize("verb", ["up", "demo"])
@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.7", "example.org", "::"])
def test_the_web_is_served_on_loopback_only(
    address: str, verb: str, bakeoff: Command, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_SPEND_CAP_USD", "5")
    monkeypatch.setenv("BAKEOFF_ADDRESS", address)
    refused(bakeoff(verb), address, "use 127.0.0.1")
    assert not folder.path.exists()


@pytest.mark.parametrize("line", ["", "{", "[]", '{"urls": 1'])
def test_a_ready_line_that_is_none_is_one_sentence(line: str, bakeoff: Command, known: DataFolder) -> None:
    (known.path / "simulator.json").write_text(line)
    refused(bakeoff("collect"), "simulator.json", "bakeoff demo")


# ---------------------------------------------------------------- demo and simulate


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--world", "nowhere"), ("There is no world 'nowhere'", "default, demo, hostile, quiet")),
        (("--no-past", "--workflow", "sdxl"), ("The demo has no workflow 'sdxl'", "flux-dev")),
        (("--no-past", "--workflow", "flux-dev", "--workflow", "sdxl"), ("'sdxl'",)),
        (("--warm", "8"), ("sizes are of a demo without a past", "--no-past")),
    ],
)
def test_a_demo_of_what_is_not_there_starts_nothing(
    arguments: tuple[str, ...], words: tuple[str, ...], bakeoff: Command, tmp_path: Path
) -> None:
    refused(bakeoff("demo", "--headless", "--data", str(tmp_path / "demo"), *arguments), *words)
    assert listed(tmp_path) == []


def test_a_demo_leaves_a_folder_alone_that_is_no_demos(bakeoff: Command, known: DataFolder, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("three years")
    refused(bakeoff("demo", "--data", str(mine)), "holds no demo", "--data")
    (mine / "simulator.json").write_text("{}")  # a demo's folder into which somebody put a file of theirs
    refused(bakeoff("demo", "--data", str(mine)), "holds no demo")
    refused(bakeoff("demo", "--data", str(known.path)), "holds no demo")  # real data: no clock, no ready line
    refused(bakeoff("demo", "--data", str(mine / "thesis.txt")), "Cannot use")
    assert (mine / "thesis.txt").read_text() == "three years"
    assert known.db.exists()


def test_nothing_but_a_demo_that_begins_gets_a_past(bakeoff: Command, known: DataFolder) -> None:
    refused(bakeoff("past"), "Only a demo has a past", "bakeoff demo")  # no clock of a simulated world
    SharedClock.create(known.clock, epoch=datetime(2026, 11, 2, tzinfo=UTC), speed=10.0)
    with Session(open_engine(known.db)) as session:
        session.get_one(Installation, 1).simulated = False
        session.commit()
    refused(bakeoff("past"), "has a past of its own")
    with Session(open_engine(known.db)) as session:
        assert session.exec(select(Run)).all() == []


def test_a_demo_leaves_the_folder_of_a_demo_that_still_runs_alone(bakeoff: Command, known: DataFolder) -> None:
    (known.path / "simulator.json").write_text("{}")
    with lock_folder(known):
        refused(bakeoff("demo", "--data", str(known.path)), "Another collector (pid ")
    assert known.db.exists()


@pytest.mark.parametrize("verb", ["demo", "simulate"])
@pytest.mark.parametrize(
    "option", [("--speed", "0"), ("--speed", "1000"), ("--speed", "fast"), ("--seed", "-1"), ("--seed", str(2**70))]
)
def test_a_speed_or_seed_that_cannot_be_is_a_usage_error(verb: str, option: tuple[str, str], bakeoff: Command) -> None:
    said = bakeoff(verb, *option)
    assert (said.code, said.out) == (2, "")
    assert option[0] in said.err


def test_a_simulation_of_no_world_starts_nothing(bakeoff: Command, tmp_path: Path) -> None:
    refused(bakeoff("simulate", "--world", str(tmp_path)), "cannot be read")
    refused(bakeoff("simulate", "--clock", str(tmp_path / "clock")), "no world's clock")


# ---------------------------------------------------------------- export


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_export_to_where_nothing_can_be_written_says_so_and_leaves_nothing(
    form: str, bakeoff: Command, known: DataFolder, tmp_path: Path
) -> None:
    assert known.db.exists()
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    refused(bakeoff("export", str(blocker), "--format", form), "Cannot write to", "another folder")
    out = tmp_path / "out"
    (out / f"jobs.{form}").mkdir(parents=True)
    refused(bakeoff("export", str(out), "--format", form), "Cannot write to")
    assert listed(out) == [f"jobs.{form}"]


def test_an_unknown_format_is_a_usage_error(bakeoff: Command) -> None:
    assert bakeoff("export", "out", "--format", "xls").code == 2


# ---------------------------------------------------------------- ports


def test_a_taken_port_gives_way_to_the_next_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < free_port("127.0.0.1", port) < port + 100
    assert free_port("127.0.0.1", port) == port


def test_the_last_port_has_none_after_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 65_535))
        taken.listen()
        with pytest.raises(Refused, match="No port between 65535 and 65535 is free"):
            free_port("127.0.0.1", 65_535)
