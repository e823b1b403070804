"""What `demo` and `up` start: simulator, collector and web server, each in a process of its own."""

import asyncio
import json
import os
import socket
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.output import Refused
from cli.processes import Child, Supervisor
from storage.db import DataFolder

ROOT = Path(__file__).resolve().parent.parent
START_S = 60.0  # liveness seconds that a child may take to be ready


async def start_simulator(
    supervisor: Supervisor, folder: DataFolder, *, world: str, seed: int, speed: float, keys: Mapping[str, str]
) -> dict[str, Any]:
    """Start it on the folder's clock; gives its ready line, which is also kept in the folder for the others."""
    command = ["-m", "simulator", "--world", world, "--seed", str(seed), "--speed", str(speed)]
    command += ["--control", "--clock", str(folder.clock)]
    child = await supervisor.start("simulator", command, keys)
    first = await asyncio.wait_for(child.first_line, START_S)
    if not first.startswith("{"):
        raise Refused(f"The simulator did not start: {first or 'it ended without a word'}")
    line: dict[str, Any] = json.loads(first)
    (folder.path / "simulator.json").write_text(first, encoding="utf-8")
    return line


async def start_collector(supervisor: Supervisor, folder: DataFolder, *options: str) -> Child:
    """Start the collector; ready once its first line says what it works on."""
    env = {"BAKEOFF_DATA_DIR": str(folder.path)}
    child = await supervisor.start("collector", ["-m", "cli.main", "collect", *options], env)
    first = await asyncio.wait_for(child.first_line, START_S)
    if not first.startswith("collector"):
        raise Refused(f"The collector did not start: {first or 'it ended without a word'}")
    return child


async def start_web(supervisor: Supervisor, folder: DataFolder, *, address: str, port: int) -> str:
    """Start the web server at `port` or the next free one; gives its address once it is healthy."""
    port = free_port(address, port)
    env = {"BAKEOFF_DATA_DIR": str(folder.path), **_keyless()}
    command = ["-m", "uvicorn", "app:app", "--app-dir", str(ROOT), "--host", address, "--port", str(port)]
    await supervisor.start("web", [*command, "--log-level", "warning"], env)
    url = f"http://{address}:{port}"
    for _ in range(int(START_S / 0.2)):
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


def free_port(address: str, port: int) -> int:
    """`port`, or the next one above it that nobody listens on."""
    for candidate in range(port, port + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, candidate))
            except OSError:
                continue
            return candidate
    raise Refused(f"No port between {port} and {port + 99} is free. Free one, or set BAKEOFF_PORT.")


def _keyless() -> dict[str, str]:
    """The web process runs without keys: whatever the environment holds is blanked for it."""
    secret = ("_API_KEY", "_TOKEN", "_TOKEN_ID", "_TOKEN_SECRET", "_SECRET")
    return {name: "" for name in os.environ if name.endswith(secret)}
