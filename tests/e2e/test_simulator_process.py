"""`python -m simulator` as a supervisor sees it: one ready line, every address alive, no process left behind."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 20


@contextmanager
def simulator(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A running simulator and its ready line."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-m", "simulator", *options], cwd=ROOT, text=True, **pipes) as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def children(pid: int) -> list[int]:
    """Processes whose parent it is."""
    return [int(number) for task in Path(f"/proc/{pid}/task").iterdir()
            for number in (task / "children").read_text().split()]  # fmt: skip


def gone(pid: int) -> bool:
    """True once the process is no more, or only a name in the table."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def assert_all_gone(pids: list[int]) -> None:
    """The painter follows within a second, and multiprocessing's own tracker reads its end only once we are dead."""
    for _ in range(PATIENCE_S * 10):
        if all(gone(pid) for pid in pids):
            return
        threading.Event().wait(0.1)
    pytest.fail(f"still alive: {[pid for pid in pids if not gone(pid)]}")


def test_the_ready_line_names_addresses_that_answer() -> None:
    with simulator("--control", "--speed", "20", "--seed", "7") as (_, line):
        assert (line["ready"], line["simulated"], line["world"], line["seed"], line["speed"]) == (
            True, True, "default", 7, 20.0,
        )  # fmt: skip
        urls = line["urls"]
        assert set(urls) == {"control", "runpod_jobs", "runpod_rest", "vast_console", "modal_web"}
        assert httpx.get(f"{urls['control']}/health").json()["seed"] == 7
        assert httpx.get(f"{urls['runpod_rest']}/v2/serverless").status_code == 401
        assert httpx.get(f"{urls['control']}/ledger").json()["jobs"] == []
        assert line["modal_grpc"].startswith("http://127.0.0.1:")
        assert Path(line["clock"]).exists()


def test_the_control_address_is_shut_unless_asked_for() -> None:
    with simulator() as (_, line):
        assert "control" not in line["urls"]


def test_only_the_given_key_is_accepted() -> None:
    with simulator("--key", "runpod=right") as (_, line):
        url = f"{line['urls']['runpod_rest']}/v2/serverless"
        answers = [httpx.get(url, headers={"Authorization": f"Bearer {key}"}).status_code for key in ("wrong", "right")]
        assert answers == [401, 200]


@pytest.mark.parametrize("how", ["stdin", "SIGTERM", "SIGINT"])
def test_it_ends_cleanly_when_told_and_leaves_nothing_behind(how: str) -> None:
    with simulator() as (process, line):
        painters = children(process.pid)
        assert painters
        if how == "stdin":
            process.stdin.close()
        else:
            process.send_signal(getattr(signal, how))
        assert process.wait(PATIENCE_S) == 0
        assert process.stdout.read() == ""  # nothing but the ready line
        assert process.stderr.read() == ""
        assert not Path(line["clock"]).exists()
        assert_all_gone(painters)


def test_a_killed_simulator_takes_its_painter_with_it() -> None:
    with simulator() as (process, _):
        painters = children(process.pid)
        process.kill()
        process.wait(PATIENCE_S)
        assert_all_gone(painters)


def test_a_world_that_does_not_exist_is_one_sentence_and_a_failure() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulator", "--world", "narnia"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.startswith("There is no world 'narnia'. Name one of ")
    assert len(done.stderr.splitlines()) == 1
