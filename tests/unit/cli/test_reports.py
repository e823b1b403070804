"""`bakeoff report`: every format is written whole or not at all."""

import json
from pathlib import Path

import pytest

from storage.db import DataFolder
from tests.unit.cli.conftest import Command
from tests.unit.cli.test_bad_input import refused


def test_each_format_is_a_file_of_its_kind(bakeoff: Command, measured: DataFolder, tmp_path: Path) -> None:
    kept = json.loads(bakeoff("verdict", "--json", "--freeze").out)["snapshot"]
    files = {form: tmp_path / f"report.{form}" for form in ("md", "html", "pdf", "json")}
    said = [bakeoff("report", "--snapshot", kept[:12], "--out", str(file)) for file in files.values()]

    assert [each.code for each in said] == [0] * 4
    assert files["md"].read_text().startswith("**SIMULATED: no real cloud, no real dollar**")
    page = files["html"].read_text()
    assert page.count("<svg") == 4  # gates of two candidates, cost against volume, and what is assumed
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert files["pdf"].read_bytes().startswith(b"%PDF-")
    assert json.loads(files["json"].read_text())["snapshot"] == kept
    assert measured.db.exists()


@pytest.mark.parametrize(
    ("out", "words"),
    [("report.doc", ("not 'doc'", "--format")), ("report", ("not nothing", "--format"))],
)
def test_a_format_that_there_is_not_is_refused(
    out: str,
    words: tuple[str, ...],
    bakeoff: Command,
    measured: DataFolder,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    refused(bakeoff("report", "--out", str(tmp_path / out)), *words)
    assert not (tmp_path / out).exists()


def test_a_path_that_cannot_be_written_is_refused_and_leaves_nothing(
    bakeoff: Command,
    measured: DataFolder,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    refused(bakeoff("report", "--out", str(tmp_path / "nowhere" / "report.md")), "There is no folder")
    (tmp_path / "taken.md").mkdir()
    refused(bakeoff("report", "--out", str(tmp_path / "taken.md")), "cannot be written", "Nothing was changed")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "taken.md"]


def test_without_a_card_there_is_nothing_to_report(bakeoff: Command, known: DataFolder, tmp_path: Path) -> None:
    said = bakeoff("report", "--out", str(tmp_path / "report.md"))

    assert said.code == 20
    assert known.db.exists()
    assert not (tmp_path / "report.md").exists()
