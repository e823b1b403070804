"""Vast.ai's simulated account by hand: raw requests at chosen world instants, no adapter and no transport between."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import workflows
from clock import to_us
from simulator.engine import Engine, us
from simulator.ledger import Ledger
from simulator.site import Site
from simulator.studio import InlineStudio
from simulator.vast.cloud import VastCloud
from simulator.wire import Reply, Request
from simulator.world import Failures, World, load_world

PASSWORD = "wrapper-password"
FILES = (
    "diffusion_models/flux1-dev.safetensors|30000000000|https://example.com/a;vae/ae.safetensors|5000000000|https://b"
)
ENV: Mapping[str, str] = {"-p 8288:8288": "1", "WEB_PASSWORD": PASSWORD, "BAKEOFF_FILES": FILES}
ORDER: Mapping[str, Any] = {
    "client_id": "me",
    "image": "vastai/comfy:v0.3.71-cuda-12.9-py312",
    "label": "bakeoff-desk",
    "disk": 80,
    "env": ENV,
    "cancel_unavail": True,
}


def world_with(failures: Failures | None = None, **changes: Any) -> World:
    """The default world, Vast.ai changed; nothing fails unless told."""
    world = load_world("default")
    return world.model_copy(
        update={"vast": world.vast.model_copy(update={"failures": failures or Failures(), **changes})}
    )


class Desk:
    """One account. Time passes by `wait` only."""

    def __init__(self, world: World | None = None, *, seed: int = 3, key: str | None = None) -> None:
        self.world = world or world_with()
        self.engine, self.ledger = Engine(to_us(self.world.epoch)), Ledger()
        keys = {"vast": key} if key else {}
        self.site = Site(
            world=self.world,
            seed=seed,
            engine=self.engine,
            ledger=self.ledger,
            studio=InlineStudio(),
            keys=keys,
        )
        self.cloud = VastCloud(self.site)
        self.ledger.books = [self.cloud]

    @property
    def now_s(self) -> float:
        return self.engine.now_us / 1e6

    def wait(self, seconds: float) -> None:
        self.engine.advance(self.engine.now_us + us(seconds))

    def ask(
        self, method: str, path: str, body: Any = None, *, query: Mapping[str, Any] | None = None, key: str | None = "k"
    ) -> Reply:
        """One request to the console; values of the query are sent as JSON unless they are strings."""
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in (query or {}).items()}
        return self._handle("vast_console", method, path, body, key=key, query=texts)

    def calm(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """The same after a pause long enough for every rate limit."""
        self.wait(13)
        return self.ask(method, path, body, **more)

    def knock(
        self,
        port: int,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = PASSWORD,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request to a rented instance's port."""
        return self._handle("vast_wrapper", method, path, body, key=key, port=port, headers=headers or {})

    def offers(self, **query: Any) -> list[dict[str, Any]]:
        return self.calm("POST", "/api/v0/bundles/", query).body["offers"]

    def rent(self, offer_id: int | None = None, **order: Any) -> int:
        """A contract number, for the cheapest L40S unless told."""
        cheapest = {"gpu_name": {"eq": "L40S"}, "order": [["dph_base", "asc"]]}
        ask = offer_id or self.offers(**cheapest)[0]["id"]
        return self.calm("PUT", f"/api/v0/asks/{ask}/", {**ORDER, **order}).body["new_contract"]

    def row(self, id: int) -> dict[str, Any] | None:
        return self.calm("GET", f"/api/v0/instances/{id}/").body["instances"]

    def listed(self, id: int) -> dict[str, Any]:
        reply = self.calm("GET", "/api/v1/instances/", query={"select_filters": {"id": {"eq": id}}})
        return reply.body["instances"][0]

    def running(self, **order: Any) -> tuple[int, int]:
        """A rented instance whose wrapper is ready: its number and its port."""
        id = self.rent(**order)
        self.wait(3 * 3600)
        return id, int(self.listed(id)["ports"]["8288/tcp"][0]["HostPort"])

    def generate(self, port: int, *, headers: Mapping[str, str] | None = None, **more: Any) -> Reply:
        """A small flux-dev job."""
        return self.knock(port, "POST", "/generate", {"input": job(**more)}, headers=headers)

    def finished(self, port: int, request_id: str) -> Reply:
        self.wait(600)
        return self.knock(port, "GET", f"/result/{request_id}")

    def _handle(self, service: str, method: str, path: str, body: Any, *, key: str | None, **more: Any) -> Reply:
        headers = {**more.pop("headers", {}), **({"authorization": f"Bearer {key}"} if key else {})}
        sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = self.cloud.handle(
            Request(service=service, method=method, path=path, body=sent, headers=headers, **more)
        )
        return replace(reply, body=json.loads(json.dumps(reply.body)))


def graph(**params: Any) -> dict[str, Any]:
    """A small flux-dev graph."""
    return workflows.load("flux-dev").render({"prompt": "a fox", "seed": 1, "width": 256, "height": 256, **params})


def job(**more: Any) -> dict[str, Any]:
    """The `input` of a request for one."""
    params = {name: more.pop(name) for name in ("seed", "prompt", "steps") if name in more}
    return {"workflow_json": graph(**params), "return_outputs_as_base64": True, **more}
