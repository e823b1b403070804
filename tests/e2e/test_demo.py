"""The wiring on real sockets: one small demo against its ledger, and one whose collector is killed twice."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from playwright.sync_api import sync_playwright
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from storage.db import DataFolder, FolderUnusable, open_reader
from storage.models import Collector, Deployment, Job, Run
from tests.e2e.web import chromium, serving, visiting
from words import DeploymentState, JobStatus, Reason, RunStatus

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-7f3a9d"  # must never be found outside this file
KEYS = {
    "RUNPOD_API_KEY": f"rpa-{CANARY}",
    "VAST_API_KEY": f"vast-{CANARY}",
    "MODAL_TOKEN_ID": f"ak-{CANARY}",
    "MODAL_TOKEN_SECRET": f"as-{CANARY}",
    "HF_TOKEN": f"hf-{CANARY}",
}
SMALL = ["--workflow", "flux-dev", "--warm", "8", "--cold", "2", "--speed", "10"]
JOBS = 3 * (8 + 3 + 2)  # warm, repeats for the cache check and cold, on three providers
LIMIT_S = 240


class Demo:
    """A small headless demo in a process of its own."""

    def __init__(self, path: Path, *, seed: int) -> None:
        self.folder = DataFolder(path)
        command = [sys.executable, "-m", "cli.main", "demo", "--headless", "--json", "--data", str(path)]
        self.process = subprocess.Popen(
            [*command, "--seed", str(seed), *SMALL],
            cwd=ROOT,
            env={**os.environ, **KEYS},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Its simulator and its collector see that it is gone, and end too."""
        self.process.kill()
        self.process.communicate()

    def finish(self) -> tuple[dict[str, Any], str]:
        """The one document on stdout, and what was said on stderr."""
        out, said = self.process.communicate(timeout=LIMIT_S)
        assert self.process.returncode == 0, said
        return json.loads(out), said

    def reading(self) -> Session:
        """A session on the demo's tables."""
        return Session(open_reader(self.folder.db))

    def collector(self, after: int | None = None) -> int:
        """The collector's pid, once there is one other than `after` and it has jobs to drive."""
        while self.process.poll() is None:
            with contextlib.suppress(FolderUnusable, OperationalError):  # no database yet, or one without tables
                if (found := self._collector()) not in (None, after):
                    return found
            time.sleep(0.2)
        raise AssertionError(self.process.communicate()[1])

    def _collector(self) -> int | None:
        with self.reading() as session:
            row = session.get(Collector, 1)
            return row.pid if row and session.exec(select(Job.id)).first() else None


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


def test_a_collector_killed_twice_pays_nothing_twice_and_leaves_nothing(tmp_path: Path) -> None:
    dice = random.Random(11)
    pid = None
    with Demo(tmp_path, seed=4) as demo:
        for _ in range(2):
            pid = demo.collector(after=pid)
            time.sleep(dice.uniform(2, 15))
            os.kill(pid, signal.SIGKILL)
        document, said = demo.finish()

    assert said.count("another one takes over") == 2
    with demo.reading() as session:
        jobs = session.exec(select(Job)).all()
        assert {run.status for run in session.exec(select(Run))} == {RunStatus.DONE}
        assert {run.left_running for run in session.exec(select(Run))} == {0}
        assert {row.state for row in session.exec(select(Deployment))} <= {DeploymentState.GONE, DeploymentState.FAILED}
    assert all(job.status.final for job in jobs)
    lost = [job for job in jobs if job.status is JobStatus.LOST]
    assert all(job.reason == Reason.FATE_UNKNOWN for job in lost)
    ours, truth = document["paid_calls"], document["truth"]["paid_calls"]
    assert ours - len(lost) <= truth <= ours  # one that was paid twice is in the ledger and not in our rows
