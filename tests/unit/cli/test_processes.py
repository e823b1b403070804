"""Children end with their supervisor, however it ends; what they say is told; their ends are seen."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.processes import Supervisor

ROOT = Path(__file__).resolve().parents[3]
CHILD = """
import signal, sys, time
sys.path.insert(0, {root!r})
from cli.processes import end_with_parent
end_with_parent()
print("ready", flush=True)
while True: time.sleep(60)
"""
PARENT = """
import asyncio, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored where the tests themselves outlive their terminal
sys.path.insert(0, {root!r})
from cli.processes import Supervisor

async def main():
    supervisor = Supervisor()
    for name in ("one", "two", "three"):
        child = await supervisor.start(name, ["-c", {child!r}], {{}}, ready="ready")
        await child.ready
        print(child.process.pid, flush=True)
    await supervisor.ended()

asyncio.run(main())
"""


@pytest.fixture
def child_script() -> str:
    return CHILD.format(root=str(ROOT))


def alive(pid: int) -> bool:
    """Does the process run? A zombie that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone_within(pids: list[int], seconds: float) -> bool:
    """All ended in time; what has not is ended here."""
    ends = time.perf_counter() + seconds
    while any(map(alive, pids)) and time.perf_counter() < ends:
        os.sched_yield()
    left = [pid for pid in pids if alive(pid)]
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return not left


@pytest.fixture
def family(child_script: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A supervisor in a process of its own, and the pids of its three children."""
    script = PARENT.format(root=str(ROOT), child=child_script)
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout
        pids = [int(parent.stdout.readline()) for _ in range(3)]
        yield parent, pids
        parent.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_children_are_gone_soon_after_their_supervisor_however_it_ended(
    family: tuple[subprocess.Popen[str], list[int]], number: signal.Signals
) -> None:
    parent, pids = family
    assert all(map(alive, pids))
    parent.send_signal(number)
    parent.wait(timeout=10)
    assert gone_within(pids, 5)


def test_children_live_on_while_their_supervisor_does(family: tuple[subprocess.Popen[str], list[int]]) -> None:
    parent, pids = family
    assert not gone_or_dying(parent, pids)


def gone_or_dying(parent: subprocess.Popen[str], pids: list[int]) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        parent.wait(timeout=0.5)
        return True
    return not all(map(alive, pids))


def test_a_child_without_a_pipe_behind_its_stdin_has_no_supervisor_to_follow(child_script: str) -> None:
    command = [sys.executable, "-c", child_script]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(timeout=0.5)
        child.kill()


def test_a_child_with_a_closed_stdin_starts_all_the_same(child_script: str) -> None:
    script = f"import os\nos.close(0)\n{child_script}"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
        child.kill()


# ---------------------------------------------------------------- in this process


async def test_stop_ends_every_child_newest_first(child_script: str, capfd: pytest.CaptureFixture[str]) -> None:
    goodbye = child_script.replace("import signal,", "import atexit, signal,").replace(
        'print("ready"',
        'signal.signal(signal.SIGTERM, lambda *_: (print("bye", flush=True), sys.exit(0)))\nprint("ready"',
    )
    supervisor = Supervisor()
    for name in ("first", "second"):
        await (await supervisor.start(name, ["-c", goodbye], {}, ready="ready")).ready
    children = list(supervisor.children)
    await supervisor.stop()
    assert [child.process.returncode for child in children] == [0, 0]
    assert supervisor.children == []
    told = capfd.readouterr().err.splitlines()
    assert [line for line in told if line.endswith("bye")] == ["second     bye", "first      bye"]


async def test_a_child_that_will_not_go_is_killed_after_its_grace() -> None:
    deaf = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(60)"
    )
    supervisor = Supervisor(grace_s=0.2)
    child = await supervisor.start("deaf", ["-c", deaf], {}, ready="ready")
    await child.ready
    await supervisor.stop()
    assert child.process.returncode == -signal.SIGKILL


async def test_a_child_that_is_gone_already_is_no_trouble_to_stop() -> None:
    supervisor = Supervisor()
    child = await supervisor.start("brief", ["-c", "pass"], {})
    await child.process.wait()
    await supervisor.stop()
    assert child.process.returncode == 0


async def test_the_first_child_to_end_is_named(child_script: str) -> None:
    supervisor = Supervisor()
    await (await supervisor.start("steady", ["-c", child_script], {}, ready="ready")).ready
    await supervisor.start("brief", ["-c", "raise SystemExit(3)"], {})
    ended = await supervisor.ended()
    await supervisor.stop()
    assert (ended.name, ended.process.returncode) == ("brief", 3)


async def test_what_a_child_says_is_told_with_its_name_on_stderr_and_its_ready_data_is_kept(
    capfd: pytest.CaptureFixture[str],
) -> None:
    script = """import sys
print("warming up")
print("oops", file=sys.stderr)
sys.stdout.flush()
print('{"ready": true}')
print('{"later": 1}')"""
    supervisor = Supervisor()
    child = await supervisor.start("sim", ["-u", "-c", script], {}, ready="{")
    assert await child.ready == '{"ready": true}'
    await child.process.wait()
    await supervisor.stop()
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == ["sim        warming up", "sim        oops", 'sim        {"later": 1}']


async def test_a_ready_line_is_known_by_how_it_begins_and_not_by_being_first() -> None:
    supervisor = Supervisor()
    script = "print('INFO something'); print('collector 7 works'); print('more')"
    child = await supervisor.start("collector", ["-c", script], {}, ready="collector ")
    assert await child.ready == "collector 7 works"
    await child.process.wait()
    await supervisor.stop()


async def test_a_child_that_ends_without_a_ready_line_leaves_what_it_said_last() -> None:
    supervisor = Supervisor()
    script = "print('one'); raise SystemExit('the port is taken')"
    child = await supervisor.start("x", ["-u", "-c", script], {}, ready="{")
    assert await child.ready is None
    await supervisor.stop()
    assert child.last == "the port is taken"


async def test_a_line_without_end_costs_that_line_and_not_the_rest() -> None:
    supervisor = Supervisor()
    script = "print('x' * 3_000_000); print('ready'); print('after')"
    child = await supervisor.start("long", ["-c", script], {}, ready="ready")
    assert await child.ready == "ready"
    await child.process.wait()
    await supervisor.stop()
    assert child.last == "after"


async def test_a_childs_environment_is_ours_and_what_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    supervisor = Supervisor()
    script = "import os; print(os.environ['OURS'], os.environ['ADDED'])"
    child = await supervisor.start("env", ["-c", script], {"ADDED": "2"})
    assert await child.ready == "1 2"
    await supervisor.stop()
