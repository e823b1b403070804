"""The production web endpoints as they are deployed: one image per POST, 150 s on one connection, then 303.

Ground: the production system's Modal apps at commit 57209b5 (2026-02-07) and Modal's web function limits (docs, 2026).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.comfy import Asked
from simulator.engine import us
from simulator.wire import Reply, Request

if TYPE_CHECKING:
    from simulator.modal.cloud import ModalApp, ModalCall, ModalCloud

HOLD_US = us(150)  # "HTTP limit 150 s; after that 303 to the same URL + ?__modal_function_call_id=fc-..." (Modal docs)
WORKFLOW_LIMIT_S = 1200.0
CALL_PARAM = "__modal_function_call_id"
# wins over width and height; an unknown ratio is ignored (production commit 57209b5)
RATIOS = {
    "1:1": (1328, 1328),
    "16:9": (1664, 928),
    "9:16": (928, 1664),
    "4:3": (1472, 1104),
    "3:4": (1104, 1472),
    "3:2": (1584, 1056),
    "2:3": (1056, 1584),
}
_FLUX_FILES = (
    "diffusion_models/flux1-dev.safetensors",
    "text_encoders/clip_l.safetensors",
    "text_encoders/t5xxl_fp16.safetensors",
    "vae/ae.safetensors",
)
_QWEN_FILES = (
    "diffusion_models/qwen_image_2512_fp8_e4m3fn.safetensors",
    "text_encoders/qwen_2.5_vl_7b_fp8_scaled.safetensors",
    "vae/qwen_image_vae.safetensors",
)


@dataclass(frozen=True, kw_only=True)
class Route:
    """One path: the app behind it and the defaults of its handler."""

    app: str
    model: str
    files: tuple[str, ...]
    size: int
    steps: int
    cfg: float
    lora: str | None = None


ROUTES: Mapping[str, Route] = {
    "/flux-dev": Route(app="ryla-flux", model="flux-dev", files=_FLUX_FILES, size=1024, steps=20, cfg=1.0),
    "/qwen-image-2512": Route(
        app="ryla-qwen-image", model="qwen-image-2512", files=_QWEN_FILES, size=1328, steps=50, cfg=4.0
    ),
    "/qwen-image-2512-fast": Route(
        app="ryla-qwen-image",
        model="qwen-image-2512",
        files=_QWEN_FILES,
        size=1328,
        steps=4,
        cfg=1.0,
        lora="Qwen-Image-Lightning-4steps-V1.0.safetensors",
    ),
}


class ProductionWeb:
    """Two apps of the production workspace; each comes to life with its first request."""

    def __init__(self, cloud: "ModalCloud") -> None:
        self._cloud = cloud

    def handle(self, request: Request) -> Reply:
        """One HTTP exchange. No key is asked for: these endpoints have no authentication at all."""
        if CALL_PARAM in request.query:
            return self._result(request)
        if request.method == "GET" and request.path == "/health":
            return self._health(request)
        route = ROUTES.get(request.path)
        if route is None or request.method != "POST":
            return Reply(status=404 if route is None else 405, body={"detail": "Not Found"})
        return self._generate(request, route)

    def _generate(self, request: Request, route: Route) -> Reply:
        try:
            asked = _asked(route, request.json())
        except (ValueError, KeyError, TypeError) as error:
            details = f"Traceback (most recent call last): {type(error).__name__}: {error}"
            return _failed(str(error), type(error).__name__, details)
        call = self._cloud.queue(self._app(route.app), asked, WORKFLOW_LIMIT_S, backend="modal-web")
        return self._held(request, call)

    def _result(self, request: Request) -> Reply:
        if request.method != "GET":
            # "re-POST -> 400" (third-party reports of Modal's result URL)
            return Reply(status=400, body="modal-http: bad redirect method")
        call = self._cloud.calls.get(request.query[CALL_PARAM])
        if call is None:
            return Reply(status=408, body="Missing request, possibly due to expiry or cancellation")
        return self._held(request, call)

    def _held(self, request: Request, call: "ModalCall") -> Reply:
        now = self._answer(call)
        if now is not None:
            return now
        there = f"{_origin(request)}{request.path}?{CALL_PARAM}={call.id}"
        return Reply(
            status=303,
            headers={"Location": there, "modal-function-call-id": call.id},
            hold=lambda: self._answer(call),
            hold_until_us=self._cloud.site.engine.now_us + HOLD_US,
        )

    def _answer(self, call: "ModalCall") -> Reply | None:
        outcome = self._cloud.outcome(call)
        headers = {"modal-function-call-id": call.id}
        if outcome.status == "pending":
            return None
        if outcome.status != "success" or outcome.value is None:
            text = "modal-http: internal error: function was terminated by signal"
            return Reply(status=500, body=text, headers=headers)
        if error := outcome.value["error"]:
            return _failed(error["message"], "RuntimeError", error["message"], headers)
        # The handler says image/jpeg, the bytes are ComfyUI's PNG; its X- headers never leave the container.
        return Reply(body=outcome.value["images"][0], headers={"content-type": "image/jpeg", **headers})

    def _health(self, request: Request) -> Reply:
        """Served by the GPU class: a cold ping boots an L40S and then idles its whole window."""
        app = self._app("ryla-qwen-image" if "qwen" in request.headers.get("host", "") else "ryla-flux")
        app.pool.visit()
        healthy = Reply(body={"status": "healthy", "app": app.name})

        def answer() -> Reply | None:
            # Inputs of one container run one after another, this one as well.
            return healthy if any(worker.state == "idle" for worker in app.pool.alive()) else None

        until_us = self._cloud.site.engine.now_us + HOLD_US
        return answer() or Reply(status=303, headers={"Location": request.path}, hold=answer, hold_until_us=until_us)

    def _app(self, name: str) -> "ModalApp":
        return self._cloud.production(name)


def _asked(route: Route, fields: Any) -> Asked:
    """The request's fields over the handler's defaults. Unknown keys are ignored without a word."""
    qwen = route.model != "flux-dev"
    prompt = fields.get("prompt", "A beautiful woman") if qwen else fields["prompt"]
    size = (int(fields.get("width", route.size)), int(fields.get("height", route.size)))
    if qwen:
        size = RATIOS.get(fields.get("aspect_ratio", ""), size)
    return Asked(
        model=route.model,
        files=route.files,
        prompt=str(prompt),
        negative=str(fields.get("negative_prompt") or "low quality"),
        seed=int(fields.get("seed", 42)),  # flux-dev's fixed default; qwen draws one, here always the same
        width=size[0],
        height=size[1],
        steps=int(fields.get("steps", route.steps)),
        cfg=float(fields.get("cfg", route.cfg)),
        lora=route.lora,
        outputs=("save",),
    )


def _failed(text: str, kind: str, details: str, headers: Mapping[str, str] | None = None) -> Reply:
    body = json.dumps({"error": text, "details": details, "type": kind}).encode()
    return Reply(status=500, body=body, headers={"content-type": "application/json", **(headers or {})})


def _origin(request: Request) -> str:
    """Scheme and host as the caller named them."""
    host = request.headers.get("host", "")
    return f"{'https' if host.endswith('.modal.run') else 'http'}://{host}"
