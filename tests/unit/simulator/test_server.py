"""The simulator on real sockets of this process: one port a service, resets, hangs, and an end that closes doors."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from clock import SharedClock
from simulator.faults import Fault
from simulator.server import SERVICES, WRAPPER_PORTS, Doors, serve
from simulator.simulation import Simulation
from simulator.studio import InlineStudio
from simulator.wire import Request
from simulator.world import load_world
from tests.virtual import EPOCH


@asynccontextmanager
async def served(tmp_path: Path, *, shut: bool = False) -> AsyncIterator[tuple[Simulation, Doors]]:
    """A quiet world behind open doors; with `shut` its control address stays shut."""
    clock = SharedClock.create(tmp_path / "clock", epoch=EPOCH, speed=100)
    simulation = Simulation(load_world("quiet"), seed=1, studio=InlineStudio(), now=clock.now())
    doors, ready = Doors(control=not shut), asyncio.Event()
    task = asyncio.create_task(serve(simulation, clock, doors, ready.set))
    await ready.wait()
    try:
        yield simulation, doors
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def seen_by(simulation: Simulation) -> list[Request]:
    """Every request from here on, as the simulation sees it."""
    seen: list[Request] = []
    answer = simulation._answer

    def noting(request: Request) -> Any:
        seen.append(request)
        return answer(request)

    simulation._answer = noting  # type: ignore[method-assign]
    return seen


async def test_every_service_has_a_port_of_its_own_and_rented_instances_have_theirs(tmp_path: Path) -> None:
    async with served(tmp_path) as (simulation, doors):
        assert set(doors.urls()) == set(SERVICES)
        ports = [int(url.rsplit(":", 1)[1]) for url in doors.urls().values()] + doors.wrapper_ports()
        assert len(set(ports)) == len(SERVICES) + WRAPPER_PORTS
        assert simulation.site.ports == doors.wrapper_ports()
        assert {doors.service_of[port] for port in doors.wrapper_ports()} == {"vast_wrapper"}


async def test_a_request_arrives_as_it_was_sent(tmp_path: Path) -> None:
    async with served(tmp_path) as (simulation, doors), httpx.AsyncClient() as client:
        seen = seen_by(simulation)
        port = int(doors.urls()["vast_console"].rsplit(":", 1)[1])
        url = f"http://127.0.0.1:{port}/api/v0/instances/7%20b/?q=a%20b&empty=&q2=%7B%7D"
        await client.put(url, headers={"Authorization": "Bearer K", "X-Mixed": "Case"}, json={"a": [1, "ü"]})
    (request,) = seen
    assert (request.service, request.method, request.path) == ("vast_console", "PUT", "/api/v0/instances/7 b/")
    assert request.query == {"q": "a b", "empty": "", "q2": "{}"}
    assert (request.bearer, request.headers["x-mixed"]) == ("K", "Case")
    assert request.json() == {"a": [1, "ü"]}
    assert request.port == port


async def test_a_large_body_arrives_whole(tmp_path: Path) -> None:
    async with served(tmp_path) as (simulation, doors), httpx.AsyncClient() as client:
        seen = seen_by(simulation)
        body = json.dumps("x" * 3_000_000).encode()
        await client.post(f"{doors.urls()['runpod_jobs']}/v2/e/run", content=body)
    assert seen[0].body == body


async def test_status_headers_and_body_come_back(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, doors), httpx.AsyncClient() as client:
        found = await client.get(f"{doors.urls()['control']}/health")
        missing = await client.get(f"{doors.urls()['control']}/nowhere")
    assert (found.status_code, found.headers["content-type"]) == (200, "application/json")
    assert found.json()["simulated"] is True
    assert missing.status_code == 404


async def test_a_shut_control_address_has_no_port(tmp_path: Path) -> None:
    async with served(tmp_path, shut=True) as (_, doors):
        assert "control" not in doors.urls()


@pytest.mark.parametrize("kind", ["drop", "lost_reply"])
async def test_a_reset_is_a_reset_on_the_wire_and_the_door_stays_open(
    tmp_path: Path, kind: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    async with served(tmp_path) as (simulation, doors), httpx.AsyncClient() as client:
        simulation.faults.planned.append(Fault(service="control", kind=kind))
        url = f"{doors.urls()['control']}/health"
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await client.get(url)
        assert (await client.get(url)).status_code == 200
    assert capfd.readouterr().err == ""


async def test_a_hang_lasts_until_the_caller_gives_up(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with served(tmp_path) as (simulation, doors), httpx.AsyncClient() as client:
        simulation.faults.planned.append(Fault(service="control", kind="hang"))
        url = f"{doors.urls()['control']}/health"
        with pytest.raises(httpx.ReadTimeout):
            await client.get(url, timeout=0.2)
        assert (await client.get(url)).status_code == 200
    assert capfd.readouterr().err == ""


async def test_a_hang_holds_nobody_else_up(tmp_path: Path) -> None:
    async with served(tmp_path) as (simulation, doors), httpx.AsyncClient(timeout=5) as client:
        simulation.faults.planned.append(Fault(service="control", kind="hang"))
        url = f"{doors.urls()['control']}/health"
        hanging = asyncio.create_task(client.get(url))
        await asyncio.sleep(0)
        while simulation.faults.planned[0].times > 0:
            await asyncio.sleep(0.01)
        assert (await client.get(url)).status_code == 200
        hanging.cancel()
        await asyncio.wait([hanging])


async def test_once_it_has_ended_every_door_is_shut(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, doors):
        ports = list(doors.service_of)
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_doors_are_open_on_loopback_alone(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, doors):
        assert {sock.getsockname()[0] for sock in doors.all()} == {"127.0.0.1"}
