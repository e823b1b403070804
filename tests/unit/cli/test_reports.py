"""`bakeoff report`: every format is written whole or not at all."""

import json
from pathlib import Path

import pytest

from storage.db import DataFolder
from tests.unit.cli.conftest import Command
from tests.unit.cli.test_bad_input import refused


def test_each_format_is_a_file_of_its_kind(bakeoff: Command, measured: DataFolder, frozen: str, tmp_path: Path) -> None:
    files = {form: tmp_path / f"report.{form}" for form in ("md", "html", "pdf", "json")}
    said = [bakeoff("report", "--snapshot", frozen[:12], "--out", str(file)) for file in files.values()]

    assert [each.code for each in said] == [0] * 4
    assert files["md"].read_text().startswith("**SIMULATED: no real cloud, no real dollar**")
    page = files["html"].read_text()
    assert page.count("<svg") == 4  # gates of two candidates, cost against volume, and what is assumed
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert files["pdf"].read_bytes().startswith(b"%PDF-")
    assert json.loads(files["json"].read_text())["snapshot"] == frozen
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


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("nowhere/report.md", ("There is no folder",)),
        ("file.md/report.md", ("There is no folder",)),
        (f"{'a' * 300}/report.md", ("There is no folder",)),
        ("taken.md", ("cannot be written", "Nothing was changed")),
        (f"{'a' * 250}.md", ("cannot be written", "Nothing was changed")),
    ],
    ids=["no folder", "a file as folder", "a long folder", "a folder", "a long name"],
)
def test_a_path_that_cannot_be_written_is_refused_and_leaves_nothing(
    out: str, words: tuple[str, ...], bakeoff: Command, frozen: str, tmp_path: Path
) -> None:
    (tmp_path / "taken.md").mkdir()
    (tmp_path / "file.md").write_text("an older report")
    refused(bakeoff("report", "--snapshot", frozen, "--out", str(tmp_path / out)), *words)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "file.md", "taken.md"]
    assert (tmp_path / "file.md").read_text() == "an older report"


def test_a_snapshot_whose_hash_does_not_match_is_not_reported(
    bakeoff: Command, measured: DataFolder, frozen: str, tmp_path: Path
) -> None:
    path = measured.blobs / frozen[:2] / frozen[2:4] / frozen
    path.write_bytes(path.read_bytes().replace(b'"jobs":1440', b'"jobs":9440'))
    (tmp_path / "report.md").write_text("an older report")
    refused(bakeoff("report", "--snapshot", frozen, "--out", str(tmp_path / "report.md")), "has been changed")

    assert (tmp_path / "report.md").read_text() == "an older report"


def test_without_a_card_there_is_nothing_to_report(bakeoff: Command, known: DataFolder, tmp_path: Path) -> None:
    said = bakeoff("report", "--out", str(tmp_path / "report.md"))

    assert said.code == 20
    assert known.db.exists()
    assert not (tmp_path / "report.md").exists()
