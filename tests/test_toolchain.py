"""The set-up scripts and the skip gate, run as a reader's shell runs them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHELL_TOOLS = ("sh", "awk", "env", "dirname")


@pytest.fixture
def bare_machine(tmp_path: Path) -> Path:
    """A PATH folder with a shell and nothing else: what a test puts there is all the machine has."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in SHELL_TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (folder / tool).symlink_to(found)
    command(folder, "df", 'echo "Filesystem blocks Used Available"; echo "disk 9 1 8388608 1% /"')
    return folder


def command(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def python(folder: Path, name: str, *, minor: int, has_venv: bool = True) -> None:
    """A stand-in interpreter: answers the version question and the venv question, the only two asked."""
    venv_answer = 0 if has_venv else 1
    command(folder, name, f'case "$2" in *version_info*) echo {minor} ;; *) exit {venv_answer} ;; esac')


def preflight(folder: Path) -> subprocess.CompletedProcess[str]:
    script = ROOT / "scripts" / "preflight.sh"
    return subprocess.run(
        [folder / "sh", script], env={"PATH": str(folder)}, cwd=folder, capture_output=True, text=True
    )


def assert_one_sentence(result: subprocess.CompletedProcess[str], *, naming: str) -> None:
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert naming in result.stderr


@pytest.mark.parametrize("minor", [11, 14])
def test_preflight_takes_the_first_python_that_fits(bare_machine: Path, minor: int) -> None:
    python(bare_machine, "python3", minor=15)
    python(bare_machine, f"python3.{minor}", minor=minor)
    result = preflight(bare_machine)
    assert (result.returncode, result.stdout.strip()) == (0, str(bare_machine / f"python3.{minor}"))


@pytest.mark.parametrize("minor", [10, 15])
def test_preflight_says_that_a_python_is_too_old_or_too_new(bare_machine: Path, minor: int) -> None:
    python(bare_machine, "python3", minor=minor)
    assert_one_sentence(preflight(bare_machine), naming=f"Python 3.11 to 3.14 (python3 is 3.{minor})")


def test_preflight_says_that_there_is_no_python(bare_machine: Path) -> None:
    assert_one_sentence(preflight(bare_machine), naming="no python3 on the PATH")


def test_preflight_says_that_the_venv_module_is_missing(bare_machine: Path) -> None:
    python(bare_machine, "python3", minor=11, has_venv=False)
    assert_one_sentence(preflight(bare_machine), naming="apt-get install python3-venv")


@pytest.mark.parametrize(("free_kb", "enough"), [(4194304, True), (4194303, False)])
def test_preflight_wants_four_gigabytes_of_disk(bare_machine: Path, free_kb: int, enough: bool) -> None:
    python(bare_machine, "python3", minor=11)
    command(bare_machine, "df", f'echo header; echo "disk 9 1 {free_kb} 1% /"')
    result = preflight(bare_machine)
    if enough:
        assert result.returncode == 0
    else:
        assert_one_sentence(result, naming="only 4095 MB are left")


def test_offline_leaves_nothing_but_loopback() -> None:
    """Where the kernel grants no namespace the script says so, and the tests rest on pytest-socket alone."""
    look = "import socket; print(*(name for _, name in socket.if_nameindex()))"
    result = subprocess.run(
        [ROOT / "scripts" / "offline.sh", sys.executable, "-c", look],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "lo" in result.stdout.split()
    assert result.stdout.split() == ["lo"] or "grants no network namespace" in result.stderr


SUITE = """
import pytest

def test_runs():
    pass

@pytest.mark.skip(reason="not today")
def test_is_left_out():
    pass

@pytest.mark.xfail(reason="known", strict=True)
def test_is_known_to_fail():
    raise AssertionError
"""


def run_suite(folder: Path, *, ci: bool, workers: int) -> subprocess.CompletedProcess[str]:
    (folder / "test_suite.py").write_text(SUITE)
    environment = {key: value for key, value in os.environ.items() if key != "CI" and "PYTEST" not in key}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "tests.conftest",
            "-p",
            "no:cacheprovider",
            "-n",
            str(workers),
        ],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), **({"CI": "true"} if ci else {})},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_a_skip_fails_ci_and_is_named_while_a_strict_xfail_is_fine(tmp_path: Path, workers: int) -> None:
    result = run_suite(tmp_path, ci=True, workers=workers)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED
    named = [line for line in result.stdout.splitlines() if line.startswith("A skip fails CI")]
    assert len(named) == 1
    assert "test_is_left_out" in named[0]
    assert "not today" in named[0]


def test_a_skip_is_allowed_on_a_developers_machine(tmp_path: Path) -> None:
    assert run_suite(tmp_path, ci=False, workers=0).returncode == pytest.ExitCode.OK
