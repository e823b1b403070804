"""The harness at its smallest: every part of it works on real sockets, and what it finds is true. No bound on time."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    """Figures by contender."""
    command = [sys.executable, "-m", "benchmarks.harness", "--quick", "--json", "--contenders", "ours,script"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert set(document) == {"ours", "script"}
    return document


def test_the_truth_lies_in_every_bracket_and_no_job_fails(found: dict[str, dict[str, Any]]) -> None:
    assert found["ours"]["truth inside its bracket, %"] == 100
    assert [each["jobs that failed"] for each in found.values()] == [0, 0]


def test_both_are_measured_by_the_same_figures(found: dict[str, dict[str, Any]]) -> None:
    ours, script = found["ours"], found["script"]
    assert list(ours) == list(script)
    assert not [name for name, value in ours.items() if value is None and "at 100" not in name]
    for each in (ours, script):
        assert 0 <= each["sent late at 50 in flight, p99 ms"] < each["reached the provider late at 50, p99 ms"]
        assert each["memory at 100 in flight, MB"] > 10


def test_looking_each_second_errs_by_more_than_looking_when_the_end_is_due(found: dict[str, dict[str, Any]]) -> None:
    name = "latency error by looking, p95 ms"
    assert 0 < found["ours"][name] < found["script"][name] < 1500
    assert found["ours"]["latency error by the provider's seconds, p95 ms"] < found["ours"][name]
    assert found["script"]["latency error by the provider's seconds, p95 ms"] is None
