"""The official Modal SDK and CLI drive the simulator unmodified. Imports nothing of ours."""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
SECRET = "as-peers"
SPEED = 200  # world seconds per real second: a bill's lag of 600 s is 3 s
DAY = "2026-11-02"  # the default world's first day
NOBODY_ELSES = {"MODAL_CONFIG_PATH": os.devnull, "MODAL_TOKEN_ID": "ak-peers", "MODAL_TOKEN_SECRET": SECRET}


class World:
    """One simulator process and its control address."""

    def __init__(self, line: dict[str, Any]) -> None:
        self.control, self.modal = line["urls"]["control"], line["modal_grpc"]

    def ledger(self) -> dict[str, Any]:
        """What truly happened."""
        return httpx.get(f"{self.control}/ledger", timeout=20).json()

    def plan(self, **fault: Any) -> None:
        """A fault on Modal's gRPC."""
        planned = [{"service": "modal_grpc", **fault}]
        assert httpx.post(f"{self.control}/faults", json=planned, timeout=20).status_code == 201

    def jobs(self, app: str) -> list[dict[str, Any]]:
        """The true jobs of an app, oldest first."""
        return [job for job in self.ledger()["jobs"] if job["deployment"] == app]

    def submits(self) -> int:
        """Spawns that took effect."""
        return self.ledger()["paid_calls"].get("modal.submit", 0)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    command = [ROOT / ".venv" / "bin" / "python", "-m", "simulator", "--control", "--speed", str(SPEED)]
    command += ["--key", f"modal={SECRET}"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        found = World(json.loads(process.stdout.readline()))
        # The SDK takes its address and its keys from process-wide settings, read when a client is made.
        settings = {**NOBODY_ELSES, "MODAL_SERVER_URL": found.modal}
        before = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings)
        try:
            yield found
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
            process.terminate()


@pytest.fixture(scope="module")
def app(world: World) -> str:  # noqa: ARG001 - it has to be there
    """Our own app, deployed by the SDK as it stands; gives its name."""
    return deploy("bakeoff-peers")


def deploy(name: str, **changes: Any) -> str:
    """Deploy the program of `deploy/modal/app.py`."""
    plain = {"gpu": "L40S", "cpu": 4.0, "memory_gib": 32.0, "scaledown_s": 60, "max_containers": 1}
    spec = {"name": name, "tags": {"workflow": "flux-dev"}} | plain | changes
    runpy.run_path(str(ROOT / "deploy" / "modal" / "app.py"))["build_app"](spec).deploy(name=name)
    return name


def graph(seed: int, *, size: int, steps: int) -> dict[str, Any]:
    """A filled flux-dev graph."""
    filled = json.loads((ROOT / "workflows" / "flux-dev" / "graph.json").read_text())
    filled["positive"]["inputs"]["text"] = "a red fox at dawn"
    filled["sampler"]["inputs"].update(seed=seed, steps=steps)
    filled["latent"]["inputs"].update(width=size, height=size)
    return filled


def spawn(app: str, seed: int, *, size: int = 256, steps: int = 20) -> Any:
    """One call of the deployed class; small and quick unless told otherwise."""
    import modal

    return modal.Cls.from_name(app, "Comfy")().run.spawn(graph(seed, size=size, steps=steps), 600.0)


def cli(*arguments: str) -> Any:
    """A command of `modal`, its JSON parsed where it prints any."""
    command = [sys.executable, "-m", "modal", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def at(text: str) -> datetime:
    """An instant, whatever number of decimals it is written with."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_a_spawned_call_is_pending_then_gives_the_result_of_our_function(world: World, app: str) -> None:
    call = spawn(app, 1, steps=100)
    with pytest.raises(TimeoutError):
        call.get(timeout=0)
    result = call.get(timeout=20)
    (job,) = world.jobs(app)
    assert (result["ok"], result["error"], result["call_index"]) == (True, None, 0)
    assert result["images"][0].startswith(b"\x89PNG")
    assert result["received_at"] == pytest.approx(at(job["picked_at"]).timestamp(), abs=1e-5)
    assert result["returned_at"] == pytest.approx(at(job["done_at"]).timestamp(), abs=1e-5)


def test_a_cancelled_call_ends_and_is_listed_as_terminated(world: World, app: str) -> None:
    call = spawn(app, 2, size=1024, steps=100)  # long enough to be still there
    call.cancel()
    with pytest.raises(Exception, match="cancelled"):
        call.get(timeout=20)
    assert cli("function", "calls", f"{app}/Comfy.*", "--json", "-n", "1")[0]["status"] == "terminated"
    assert world.jobs(app)[-1]["state"] == "cancelled"


@pytest.mark.parametrize("kind", ["lost_reply", "drop", "unavailable"])
def test_a_spawn_that_failed_on_the_way_is_executed_once(world: World, app: str, kind: str) -> None:
    before = world.submits()
    spawn(app, 20)  # the class is looked up before the fault is planned
    world.plan(call="/FunctionMap$", kind=kind)
    call = spawn(app, 21)
    assert call.get(timeout=20)["ok"] is True
    assert world.submits() == before + 2


def test_the_command_line_lists_the_calls_with_the_true_times(world: World, app: str) -> None:
    call = spawn(app, 3)
    call.get(timeout=20)
    row = cli("function", "calls", f"{app}/Comfy.*", "--json", "-n", "1")[0]
    job = world.jobs(app)[-1]
    assert row["function_call_id"] == call.object_id == job["job_id"]
    assert (at(row["enqueued_at"]), at(row["started_at"])) == (at(job["accepted_at"]), at(job["picked_at"]))
    assert row["execution_time_seconds"] == pytest.approx(job["busy_s"], abs=1e-5)
    assert (row["status"], row["container_id"]) == ("success", f"ta-{job['worker']}")


def test_the_command_line_lists_a_range_of_calls_of_a_function_by_its_id(world: World, app: str) -> None:
    first = spawn(app, 30)
    first.get(timeout=20)
    second = spawn(app, 31)
    accepted = {job["job_id"]: at(job["accepted_at"]).replace(microsecond=0) for job in world.jobs(app)}
    since, until = accepted[first.object_id], accepted[second.object_id]  # whole seconds; the end is exclusive
    (app_id,) = [row["app_id"] for row in cli("app", "list", "--json") if row["description"] == app]
    period = ("--since", since.isoformat(), "--until", until.isoformat())
    listed = cli("function", "calls", app_id.replace("ap-", "fu-"), *period, "--json")
    ids = [row["function_call_id"] for row in listed]
    assert (first.object_id in ids, second.object_id in ids) == (True, False)


def test_deploying_a_name_again_keeps_the_app(world: World) -> None:  # noqa: ARG001
    name = deploy("bakeoff-again")
    before = [row["app_id"] for row in cli("app", "list", "--json") if row["description"] == name]
    deploy("bakeoff-again", scaledown_s=90)
    assert [row["app_id"] for row in cli("app", "list", "--json") if row["description"] == name] == before


def test_the_bill_adds_up_to_the_ledger(world: World, app: str) -> None:
    """Read until the lag has passed: the command takes long enough for that by itself."""
    name = deploy("bakeoff-bill", scaledown_s=2)
    spawn(name, 1).get(timeout=20)
    last = (at(f"{DAY}T00:00:00Z") + timedelta(days=2)).date().isoformat()
    for _ in range(10):
        rows = cli("billing", "report", "--start", DAY, "--end", last, "-r", "h", "--show-resources", "--json")
        billed = sum(Decimal(row["cost"]) for row in rows if row["description"] == name)
        true = sum(Decimal(row["usd"]) for row in world.ledger()["charges"] if row["deployment"] == name)
        if billed == true > 0:
            break
    assert billed == true > 0
    ours = [row for row in rows if row["description"] == name]
    assert {row["resource"] for row in ours} == {"L40S", "CPU", "Memory"}
    assert {"object_id", "environment", "interval_start"} <= set(ours[0])
    assert app not in {row["description"] for row in ours}


def test_the_rates_and_the_summary_are_told(world: World, app: str) -> None:  # noqa: ARG001
    assert cli("billing", "rates", "--json")["CPU"] == "0.0000131"
    summary = cli("billing", "summary", "--for", "2026-11", "--json")
    assert Decimal(summary["metered_cost"]) == Decimal(summary["billed_cost"])


def test_the_command_line_lists_and_stops_a_deployed_app(world: World) -> None:
    name = deploy("bakeoff-stopped", gpu="H100!")
    (row,) = [row for row in cli("app", "list", "--json") if row["description"] == name]
    assert row["state"] == "deployed"
    cli("app", "stop", name, "--yes")
    (row,) = [row for row in cli("app", "list", "--json") if row["description"] == name]
    assert row["state"] == "stopped"
    assert world.ledger()["paid_calls"]["modal.deploy"] >= 1


def test_a_deploy_whose_answer_was_lost_happened_once(world: World) -> None:
    before = world.ledger()["paid_calls"].get("modal.deploy", 0)
    world.plan(call="/AppPublish$", kind="lost_reply")
    name = deploy("bakeoff-once")
    assert world.ledger()["paid_calls"]["modal.deploy"] == before + 1
    assert [row["description"] for row in cli("app", "list", "--json")].count(name) == 1


def test_a_refused_token_is_an_authentication_error(world: World) -> None:  # noqa: ARG001
    import modal

    client = modal.Client.from_credentials("ak-peers", "as-of-somebody-else")
    try:
        with pytest.raises(modal.exception.AuthError):
            modal.Cls.from_name("bakeoff-peers", "Comfy", client=client).hydrate()
    finally:
        client.close()


def test_an_unknown_app_is_not_found(world: World) -> None:  # noqa: ARG001
    import modal

    with pytest.raises(modal.exception.NotFoundError):
        modal.Cls.from_name("bakeoff-none", "Comfy")().run.spawn({}, 1.0)
