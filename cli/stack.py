"""What `demo` and `up` start: simulator, collector and web server, each in a process of its own."""

import asyncio
import ipaddress
import json
import os
import socket
import urllib.request
from collections.abc import Mapping
from typing import Any

from cli.output import Refused, write_text
from cli.past import sleeping
from cli.processes import Child, Supervisor
from storage.db import DataFolder

START_S = 60.0  # liveness seconds that a child may take to be ready


async def start_simulator(
    supervisor: Supervisor, folder: DataFolder, *, world: str, seed: int, speed: float, keys: Mapping[str, str]
) -> dict[str, Any]:
    """Start it on the folder's clock; gives its ready line, which is also kept in the folder for the others."""
    command = ["-m", "simulator", "--world", world, "--seed", str(seed), "--speed", str(speed)]
    command += ["--control", "--clock", str(folder.clock)]
    if (asleep := sleeping(folder)).exists():
        command += ["--past", str(asleep)]
    text = await _ready(await supervisor.start("simulator", command, keys, ready="{"))
    line: dict[str, Any] = json.loads(text)
    write_text(folder.path / "simulator.json", text)
    return line


async def start_past(supervisor: Supervisor, folder: DataFolder) -> Child:
    """Start the campaign behind a demo; it ends by itself."""
    return await supervisor.start("past", ["-m", "cli.main", "past"], {"BAKEOFF_DATA_DIR": str(folder.path)})


async def start_collector(supervisor: Supervisor, folder: DataFolder, *options: str) -> Child:
    """Start the collector; ready once it says what it works on."""
    env = {"BAKEOFF_DATA_DIR": str(folder.path)}
    child = await supervisor.start("collector", ["-m", "cli.main", "collect", *options], env, ready="collector ")
    await _ready(child)
    return child


async def _ready(child: Child) -> str:
    """Its ready line; refused with what it said last if it ended, or took too long."""
    try:
        line = await asyncio.wait_for(child.ready, START_S)
    except TimeoutError:
        raise Refused(f"The {child.name} was not ready within {START_S:.0f} seconds.") from None
    if line is None:
        raise Refused(f"The {child.name} did not start: {child.last or 'it ended without a word'}")
    return line


async def start_web(supervisor: Supervisor, folder: DataFolder, *, address: str, port: int) -> str:
    """Start the web server at `port` or the next free one; gives its address once it is healthy."""
    port = free_port(address, port)
    env = {"BAKEOFF_DATA_DIR": str(folder.path), **keyless()}
    child = await supervisor.start("web", ["-m", "cli.web", address, str(port)], env)
    url = f"http://{address}:{port}"
    for _ in range(int(START_S / 0.2)):
        if child.process.returncode is not None:
            raise Refused(f"The web server did not start: {child.last or 'it ended without a word'}")
        try:
            await asyncio.to_thread(fetch, f"{url}/_stcore/health")
        except OSError:
            await asyncio.sleep(0.2)
        else:
            return url
    raise Refused(f"The web server did not answer at {url}.")


def fetch(url: str) -> bytes:
    """The body behind one of our own loopback addresses; OSError while nobody answers."""
    with urllib.request.urlopen(url, timeout=30) as reply:  # noqa: S310 - our own loopback address
        body: bytes = reply.read()
    return body


def truth_of(line: dict[str, Any]) -> dict[str, Any]:
    """What the simulator says truly happened; OSError if its control address is shut or silent."""
    truth: dict[str, Any] = json.loads(fetch(f"{line['urls']['control']}/truth"))
    return truth


def require_loopback(address: str) -> None:
    """Refuse an address that others could reach: there is no sign-in yet."""
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = address == "localhost"
    if not loopback:
        raise Refused(f"{address} is no loopback address. There is no sign-in yet: use 127.0.0.1.")


def free_port(address: str, port: int) -> int:
    """`port`, or the next one above it that nobody listens on."""
    last = min(port + 99, 65_535)
    for candidate in range(port, last + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, candidate))
            except OSError:
                continue
            return candidate
    raise Refused(f"No port between {port} and {last} is free. Free one, or set BAKEOFF_PORT.")


def keyless() -> dict[str, str]:
    """The web process runs without keys: whatever the environment holds is blanked for it."""
    secret = ("_API_KEY", "_TOKEN", "_TOKEN_ID", "_TOKEN_SECRET", "_SECRET", "_WEBHOOK")
    return {name: "" for name in os.environ if name.endswith(secret)}
