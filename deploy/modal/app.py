"""ComfyUI as one Modal app per deployment: one container runs one graph at a time and stamps every step.

`build_app` describes the app; our adapter deploys it through the SDK. What it sends is self-contained: nothing of this
project is in the container. Every call returns the same dict (see `drive`) and raises nothing: a TimeoutError of ours
could not be told from the SDK's own "not ready yet".
"""

import asyncio
import itertools
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

import modal

COMFYUI = "0.12.1"
TORCH = ("torch==2.9.1", "torchvision==0.24.1", "torchaudio==2.9.1")
HOME, MODELS, PORT = "/root/ComfyUI", "/models", 8188
VOLUME = "bakeoff-models"  # filled once by deploy/modal/models.py
CALL_LIMIT_S = 3600  # Modal's own backstop; each call has a shorter limit of its own
START_LIMIT_S = 900
FOLDERS = ("checkpoints", "diffusion_models", "loras", "text_encoders", "vae")
LOADERS = ("UNETLoader", "CLIPLoader", "DualCLIPLoader", "VAELoader", "LoraLoaderModelOnly", "CheckpointLoaderSimple")


def build_app(spec: Mapping[str, Any]) -> modal.App:
    """The app of one deployment.

    `spec`: name, tags, gpu ("L40S", "H100!"), cpu (physical cores), memory_gib, scaledown_s (2 to 3600),
    max_containers. The hourly bill has one row per app, so that the name is the join key.
    """
    app = modal.App(spec["name"], tags=dict(spec["tags"]))
    app.cls(
        image=comfyui_image(),
        gpu=spec["gpu"],
        cpu=spec["cpu"],
        memory=round(spec["memory_gib"] * 1024),
        scaledown_window=spec["scaledown_s"],
        max_containers=spec["max_containers"],
        timeout=CALL_LIMIT_S,
        startup_timeout=START_LIMIT_S,
        volumes={MODELS: modal.Volume.from_name(VOLUME)},
        restrict_modal_access=True,
        serialized=True,
    )(Comfy)
    return app


def comfyui_image() -> modal.Image:
    """ComfyUI pinned, without custom nodes; the weights come from the volume."""
    folders = "".join(f"  {folder}: {folder}/\\n" for folder in FOLDERS)
    return (
        # A serialized class needs the Python it was serialized with.
        modal.Image.debian_slim(python_version=f"{sys.version_info.major}.{sys.version_info.minor}")
        .apt_install("git")
        .run_commands(f"git clone --depth 1 --branch v{COMFYUI} https://github.com/comfyanonymous/ComfyUI {HOME}")
        .uv_pip_install(*TORCH)
        .run_commands(
            f"pip install --requirement {HOME}/requirements.txt",
            f"printf 'bakeoff:\\n  base_path: {MODELS}\\n{folders}' > {HOME}/extra_model_paths.yaml",
        )
    )


class Comfy:
    """One container: ComfyUI on loopback and a counter of the calls it has seen."""

    @modal.enter()
    def start(self) -> None:
        """Boot ComfyUI; a container whose ComfyUI does not come up fails its start."""
        started_at = time.time()
        self._server = subprocess.Popen(
            [sys.executable, "main.py", "--listen", "127.0.0.1", "--port", str(PORT), "--disable-metadata"], cwd=HOME
        )
        wait_for_comfyui(f"http://127.0.0.1:{PORT}", self._server)
        self._calls = 0
        self._facts = {**container_facts(), "enter_started_at": started_at, "enter_done_at": time.time()}

    @modal.method()
    async def run(self, graph: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Run one graph; see `drive`."""
        facts = {**self._facts, "call_index": self._calls}
        self._calls += 1
        return await drive(graph, timeout_s, facts, f"http://127.0.0.1:{PORT}")


def wait_for_comfyui(url: str, server: "subprocess.Popen[bytes]") -> None:
    """Return once ComfyUI answers; RuntimeError if its process ends first."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/system_stats", timeout=2):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"ComfyUI ended with code {server.returncode} before it answered")


def container_facts() -> dict[str, Any]:
    """Who and where this container is; no snapshot is taken, so that `restored_at` stays None."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    gpu, _, driver = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip().partition(", ")
    return {
        "container_id": os.environ.get("MODAL_TASK_ID"),
        "region": os.environ.get("MODAL_REGION"),
        "cloud": os.environ.get("MODAL_CLOUD_PROVIDER"),
        "image_id": os.environ.get("MODAL_IMAGE_ID"),
        "gpu": gpu,
        "driver": driver,
        "comfyui": COMFYUI,
        "restored_at": None,
        "snapshot_mode": "off",
    }


async def drive(graph: Mapping[str, Any], timeout_s: float, facts: Mapping[str, Any], url: str) -> dict[str, Any]:
    """Run a graph on the ComfyUI at `url` and say how it went.

    ok, error (None or {type, message}; types: refused, out_of_memory, execution, timeout, no_image, comfyui_down,
    internal), images (PNG bytes), received_at, exec_started_at, exec_done_at, returned_at (seconds since 1970),
    model_load_s, cached_nodes, and `facts`.
    """
    import aiohttp  # ComfyUI's own server brings it

    seen: dict[str, Any] = {
        **facts,
        "received_at": time.time(),
        "exec_started_at": None,
        "exec_done_at": None,
        "model_load_s": None,
        "cached_nodes": [],
    }
    images: list[bytes] = []
    error: dict[str, str] | None = None
    async with aiohttp.ClientSession(url) as session:
        try:
            async with asyncio.timeout(timeout_s):
                images, error = await execute(session, graph, seen)
        except TimeoutError:
            error = failure("timeout", f"not finished within {timeout_s:g} s")
            await interrupt(session)
        except aiohttp.ClientError as lost:
            error = failure("comfyui_down", f"{type(lost).__name__}: {lost}")
        except Exception as other:  # whatever it is, the caller is told and the container goes on
            error = failure("internal", f"{type(other).__name__}: {other}")
    return {"ok": error is None, "error": error, "images": images, **seen, "returned_at": time.time()}


async def execute(session: Any, graph: Mapping[str, Any], seen: dict[str, Any]) -> tuple[list[bytes], Any]:
    """Post, listen until the last node is done, fetch. Adds its stamps to `seen`."""
    client_id = f"bakeoff-{seen['received_at']:.6f}"
    async with session.ws_connect("/ws", params={"clientId": client_id}) as socket:
        body = {"prompt": graph, "client_id": client_id}
        async with session.post("/prompt", json=body) as reply:
            text = await reply.text()
            answer = await reply.json() if reply.status == 200 else {}
        # A graph with one sound and one broken output is answered 200 and runs in part.
        if reply.status != 200 or answer.get("node_errors"):
            return [], failure("refused", f"ComfyUI refused the graph ({reply.status}): {text[:2000]}")
        prompt_id = answer["prompt_id"]
        events = await listen(socket, prompt_id)
    seen["cached_nodes"] = [node for kind, data, _ in events if kind == "execution_cached" for node in data["nodes"]]
    seen["model_load_s"] = load_time(graph, events)
    if broken := next((data for kind, data, _ in events if kind == "execution_error"), None):
        text = f"{broken['exception_type']}: {broken['exception_message']}"
        return [], failure("out_of_memory" if "OutOfMemory" in broken["exception_type"] else "execution", text)
    return await result(session, prompt_id, seen)


async def listen(socket: Any, prompt_id: str) -> list[tuple[str, dict[str, Any], float]]:
    """Events of this prompt with the time they came, up to `executing{node: null}` or a failure.

    Nothing earlier will do: after execution_success the history was still empty in 3 of 60 runs (ComfyUI 0.12.1).
    """
    events: list[tuple[str, dict[str, Any], float]] = []
    async for message in socket:
        if message.type.name != "TEXT":
            continue
        kind, data = message.json()["type"], message.json()["data"]
        if data.get("prompt_id") != prompt_id:
            continue
        events.append((kind, data, time.time()))
        if kind in ("execution_error", "execution_interrupted") or (kind == "executing" and data["node"] is None):
            return events
    raise ConnectionError("ComfyUI closed its websocket")


def load_time(graph: Mapping[str, Any], events: list[tuple[str, dict[str, Any], float]]) -> float | None:
    """Seconds for weights: loader nodes, and what the first sampler step took beyond a usual one.

    A lower bound, since text encoders move to the GPU while they encode. None without any sampler step.
    """
    starts = [(data["node"], at) for kind, data, at in events if kind == "executing"]
    loaders = sum(
        done - began
        for (node, began), (_, done) in itertools.pairwise(starts)
        if node is not None and graph[node]["class_type"] in LOADERS
    )
    steps = [at for kind, _, at in events if kind == "progress"]
    sampler = max((at for node, at in starts if node is not None and steps and at <= steps[0]), default=None)
    if sampler is None:
        return None
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(steps))
    usual = gaps[len(gaps) // 2] if gaps else 0.0
    return round(loaders + max(0.0, steps[0] - sampler - usual), 6)


async def result(session: Any, prompt_id: str, seen: dict[str, Any]) -> tuple[list[bytes], Any]:
    """The saved images of a finished prompt, and ComfyUI's own start and end."""
    async with session.get(f"/history/{prompt_id}") as reply:
        entry = (await reply.json())[prompt_id]
    at = {kind: data["timestamp"] / 1000 for kind, data in entry["status"]["messages"] if "timestamp" in data}
    seen["exec_started_at"], seen["exec_done_at"] = at.get("execution_start"), at.get("execution_success")
    if entry["status"]["status_str"] != "success":
        return [], failure("execution", f"ComfyUI says {entry['status']['status_str']}")
    files = [image for output in entry["outputs"].values() for image in output.get("images", ())]
    images = []
    for file in files:
        if file["type"] == "output":  # a preview is "temp"
            async with session.get("/view", params=file, raise_for_status=True) as reply:
                images.append(await reply.read())
    return images, None if images else failure("no_image", "ComfyUI reported success without an image")


async def interrupt(session: Any) -> None:
    """Free the GPU for the next call; a ComfyUI that does not answer is the next call's finding."""
    try:
        async with asyncio.timeout(5), session.post("/interrupt"):
            pass
    except (OSError, TimeoutError):
        return


def failure(kind: str, message: str) -> dict[str, str]:
    """An error as the caller gets it."""
    return {"type": kind, "message": message}
