"""The program that runs in Modal's containers, driven against a small ComfyUI that speaks as the real one does."""

import asyncio
import pickletools
import runpy
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from modal._serialization import serialize

import workflows
from simulator.modal.results import result_of
from tests.simulation.modal_stage import Workspace, play

PROGRAM = runpy.run_path(str(Path(__file__).parents[3] / "deploy" / "modal" / "app.py"))
GRAPH = workflows.load("flux-dev").render({"prompt": "a red fox", "seed": 1})
PNG = b"\x89PNG\r\n\x1a\n and more"
Script = Callable[["ComfyUi", str], Awaitable[None]]


class ComfyUi:
    """`/prompt`, `/ws`, `/history`, `/view` and `/interrupt`; what happens after a prompt is a script."""

    def __init__(self, script: Script, *, refusal: tuple[int, Any] | None = None, **history: Any) -> None:
        self.script, self.refusal, self.history = script, refusal, history
        self.socket: web.WebSocketResponse | None = None
        self.interrupted = False
        self.tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_get("/ws", self._ws)
        app.router.add_post("/prompt", self._prompt)
        app.router.add_get("/history/{id}", self._history)
        app.router.add_get("/view", self._view)
        app.router.add_post("/interrupt", self._interrupt)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def __aexit__(self, *_error: object) -> None:
        for task in self.tasks:
            task.cancel()
        await self.runner.cleanup()

    async def say(self, kind: str, **data: Any) -> None:
        assert self.socket is not None
        await self.socket.send_json({"type": kind, "data": data})

    async def _ws(self, request: web.Request) -> web.WebSocketResponse:
        self.socket = web.WebSocketResponse()
        await self.socket.prepare(request)
        await self.say("status", sid=request.query["clientId"])
        await self.socket.send_bytes(b"a preview")
        async for _ in self.socket:
            pass
        return self.socket

    async def _prompt(self, request: web.Request) -> web.Response:
        if self.refusal:
            return web.json_response(self.refusal[1], status=self.refusal[0])
        assert (await request.json())["prompt"] == GRAPH
        self.tasks.append(asyncio.create_task(self.script(self, "p1")))
        return web.json_response({"prompt_id": "p1", "number": 1, "node_errors": {}})

    async def _history(self, request: web.Request) -> web.Response:
        messages = [["execution_start", {"timestamp": 1000}], ["execution_success", {"timestamp": 5500}]]
        entry = {"outputs": {}, "status": {"status_str": "success", "messages": messages}} | self.history
        return web.json_response({request.match_info["id"]: entry})

    async def _view(self, request: web.Request) -> web.Response:
        return web.Response(body=PNG if request.query["filename"] == "a.png" else b"")

    async def _interrupt(self, _request: web.Request) -> web.Response:
        self.interrupted = True
        return web.Response()


async def to_the_end(comfy: ComfyUi, prompt: str) -> None:
    """A good run: cached loader, sampler with steps, save, and the only event after which history is there."""
    await comfy.say("execution_start", prompt_id="another", timestamp=1)
    await comfy.say("execution_cached", prompt_id=prompt, nodes=["vae"])
    for node in ("unet", "positive"):
        await comfy.say("executing", prompt_id=prompt, node=node)
    await comfy.say("executing", prompt_id=prompt, node="sampler")
    for step in (1, 2, 3):
        await comfy.say("progress", prompt_id=prompt, node="sampler", value=step, max=3)
    await comfy.say("execution_success", prompt_id=prompt, timestamp=5500)
    await comfy.say("executing", prompt_id=prompt, node=None)


async def never(_comfy: ComfyUi, _prompt: str) -> None:
    """Nothing more is ever said."""


def saying(kind: str, **data: Any) -> Script:
    async def script(comfy: ComfyUi, prompt: str) -> None:
        await comfy.say(kind, prompt_id=prompt, **data)

    return script


async def hang_up(comfy: ComfyUi, _prompt: str) -> None:
    assert comfy.socket is not None
    await comfy.socket.close()


def saved(**more: str) -> Mapping[str, Any]:
    return {"9": {"images": [{"filename": "a.png", "subfolder": "", "type": "output"} | more]}}


async def drive(comfy: ComfyUi, *, timeout_s: float = 20.0) -> dict[str, Any]:
    async with comfy as url:
        return await PROGRAM["drive"](GRAPH, timeout_s, {"container_id": "ta-1", "call_index": 0}, url)


async def test_a_good_run_returns_the_image_comfyuis_times_and_what_was_cached() -> None:
    result = await drive(ComfyUi(to_the_end, outputs=saved()))
    assert (result["ok"], result["error"], result["images"]) == (True, None, [PNG])
    assert (result["exec_started_at"], result["exec_done_at"]) == (1.0, 5.5)
    assert result["cached_nodes"] == ["vae"]
    assert result["received_at"] <= result["returned_at"]
    assert (result["container_id"], result["call_index"]) == ("ta-1", 0)


def test_it_returns_the_very_fields_that_the_simulator_returns() -> None:
    real = asyncio.run(drive(ComfyUi(to_the_end, outputs=saved())))
    facts = {"region", "cloud", "image_id", "gpu", "driver", "comfyui", "restored_at", "snapshot_mode"}
    assert set(real) | facts | {"enter_started_at", "enter_done_at"} == set(play(_one_result))


async def _one_result(here: Workspace) -> dict[str, Any]:
    await here.deploy()
    await here.run()
    job = next(iter(here.app().pool.jobs.values()))
    return result_of(here.simulation.site, here.app(), job)


@pytest.mark.parametrize(
    ("comfy", "kind", "words"),
    [
        (ComfyUi(never, refusal=(400, {"error": {"type": "invalid_prompt"}})), "refused", "invalid_prompt"),
        (ComfyUi(never, refusal=(200, {"prompt_id": "p", "node_errors": {"1": {}}})), "refused", "node_errors"),
        (ComfyUi(to_the_end, outputs={}), "no_image", "without an image"),
        (ComfyUi(to_the_end, outputs=saved(type="temp")), "no_image", "without an image"),
        (ComfyUi(hang_up), "internal", "websocket"),
        (
            ComfyUi(saying("execution_interrupted"), status={"status_str": "error", "messages": []}),
            "execution",
            "error",
        ),
        (
            ComfyUi(saying("execution_error", exception_type="torch.OutOfMemoryError", exception_message="CUDA")),
            "out_of_memory",
            "CUDA",
        ),
        (
            ComfyUi(saying("execution_error", exception_type="RuntimeError", exception_message="shapes")),
            "execution",
            "shapes",
        ),
    ],
)
async def test_each_way_to_fail_is_told_and_none_is_raised(comfy: ComfyUi, kind: str, words: str) -> None:
    result = await drive(comfy)
    assert (result["ok"], result["images"], result["error"]["type"]) == (False, [], kind)
    assert words in result["error"]["message"]


async def test_a_run_over_its_time_is_interrupted_and_told_apart_from_a_pending_one() -> None:
    comfy = ComfyUi(never)
    result = await drive(comfy, timeout_s=0.2)
    assert (result["error"]["type"], comfy.interrupted) == ("timeout", True)


async def test_a_comfyui_that_is_down_is_told() -> None:
    result = await PROGRAM["drive"](GRAPH, 5.0, {}, "http://127.0.0.1:9")
    assert result["error"]["type"] == "comfyui_down"


def test_the_time_for_weights_is_the_loaders_and_what_the_first_step_took_beyond_a_usual_one() -> None:
    events = [("executing", {"node": node}, at) for node, at in (("unet", 0.0), ("positive", 6.0), ("sampler", 7.0))]
    events += [("progress", {}, at) for at in (12.0, 12.5, 13.0, 13.6)]
    events.append(("executing", {"node": None}, 14.0))
    assert PROGRAM["load_time"](GRAPH, events) == 6.0 + 5.0 - 0.5
    assert PROGRAM["load_time"](GRAPH, events[:3]) is None


def test_what_is_sent_to_the_container_knows_no_module_of_this_project() -> None:
    """Names of modules in the pickle are strings before a STACK_GLOBAL; ours would be imported there and fail."""
    pickled = serialize(PROGRAM["Comfy"])
    strings = {str(value).partition(".")[0] for _, value, _ in pickletools.genops(pickled) if isinstance(value, str)}
    ours = {"analysis", "backends", "clock", "collectors", "simulator", "storage", "tests", "words", "workflows"}
    assert strings & ours == set()
    assert "wait_for_comfyui" in strings  # it comes by value


def test_it_waits_for_comfyui_and_says_when_it_died(tmp_path: Path) -> None:
    server = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"], cwd=tmp_path)
    with pytest.raises(RuntimeError, match="code 3"):
        PROGRAM["wait_for_comfyui"]("http://127.0.0.1:9", server)
