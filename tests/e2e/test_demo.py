"""The wiring on real sockets: one small demo against its ledger, and what it shows and keeps."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.demo import CANARY, KEYS, ROOT, Demo
from tests.e2e.web import chromium, serving, visiting

JOBS = 3 * (8 + 3 + 2)  # warm, repeats for the cache check and cold, on three providers


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, dict[str, Any], str]]:
    with Demo(tmp_path_factory.mktemp("demo"), seed=3) as demo:
        document, said = demo.finish()
        yield demo, document, said


def test_a_demo_on_sockets_measures_what_its_ledger_says(shown: tuple[Demo, dict[str, Any], str]) -> None:
    _, document, _ = shown

    assert document["simulated"] is True
    assert document["jobs"] >= JOBS  # a warm job that a busy machine turned cold is drawn again
    assert document["paid_calls"] == document["truth"]["paid_calls"] == document["jobs"] + 4
    assert {(cell["backend"], cell["start_kind"]) for cell in document["cells"]} == {
        (backend, kind) for backend in ("modal", "runpod", "vast") for kind in ("cold", "warm")
    }
    for cell in document["cells"]:
        whole = cell["n"] + cell["discarded"]  # the ledger keeps what was discarded, all of it good
        assert whole == cell["truth"]["n"], cell
        good = cell["success_rate"] * cell["n"] + cell["discarded"]
        assert good / whole == pytest.approx(cell["truth"]["success_rate"]), cell
        assert cell["marginal_usd_per_image"] == pytest.approx(cell["truth"]["marginal_usd_per_image"], rel=0.05)
    for row in document["deployments"]:
        truth = row["truth"]["fully_loaded_usd_per_image"]
        assert row["fully_loaded_usd_per_image"] == pytest.approx(truth, rel=0.05), row


def test_warm_latency_on_sockets_is_the_ledgers(shown: tuple[Demo, dict[str, Any], str]) -> None:
    for cell in shown[1]["cells"]:
        if cell["start_kind"] == "warm":
            assert cell["latency_s"]["p50"] == pytest.approx(cell["truth"]["latency_s"]["p50"], rel=0.05), cell


def test_no_key_is_found_anywhere_after_a_demo(shown: tuple[Demo, dict[str, Any], str]) -> None:
    demo, document, said = shown

    assert CANARY not in json.dumps(document) + said
    searched = [path for path in demo.folder.path.rglob("*") if path.is_file()]
    assert any(path.name == "bakeoff.db" for path in searched)
    for path in searched:
        assert CANARY.encode() not in path.read_bytes(), path


def test_no_page_of_a_demo_shows_a_key(
    shown: tuple[Demo, dict[str, Any], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)  # even where the web process is given the keys
    with (
        serving(shown[0].folder.path, tmp_path / "web.log") as url,
        sync_playwright() as playwright,
        chromium(playwright) as browser,
        visiting(browser, url) as visit,
    ):
        for path in ("/", "/compare", "/run?id=1", "/job?id=1", "/bills", "/providers", "/launch"):
            visit.open(path)
            assert "SIMULATED" in visit.page.content(), path
            assert CANARY not in visit.page.content(), path
    assert CANARY not in (tmp_path / "web.log").read_text()


def test_a_demos_folder_opens_for_every_other_verb(shown: tuple[Demo, dict[str, Any], str], tmp_path: Path) -> None:
    demo, document, _ = shown
    env = {**os.environ, "BAKEOFF_DATA_DIR": str(demo.folder.path)}

    def verb(*arguments: str) -> Any:
        command = [sys.executable, "-m", "cli.main", *arguments, "--json"]
        ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True)
        return json.loads(ran.stdout)

    assert [run["status"] for run in verb("runs")["runs"]] == ["done"]
    assert len(verb("compare")["cells"]) == len(document["cells"])
    assert verb("export", str(tmp_path / "out"))["rows"]["jobs.csv"] == document["jobs"]
    assert CANARY not in "".join(path.read_text() for path in (tmp_path / "out").iterdir())
