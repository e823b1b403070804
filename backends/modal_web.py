"""The production endpoints as they are, seen from outside: latency and an estimated cost, never an arm of a verdict.

A job of ours runs in a customer's queue and its bill mixes ours with theirs, so outside simulated worlds it takes
permission, one job at a time and 20 a day. Nothing is deployed and /health is never asked: it would boot the GPU.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from backends.addresses import Forbidden, same_host
from backends.base import (
    Account,
    Charge,
    Deployment,
    DeploymentRef,
    DeploymentSpec,
    JobRef,
    JobSpec,
    LiveResource,
    Observation,
    Offer,
)
from backends.errors import BackendError, FateUnknown, InvalidRequest, RateLimited, Unavailable, UnexpectedReply
from backends.http import Http, client
from backends.reading import Answer
from backends.signs import Sign, reason_of
from clock import Clock
from words import STATUS_OF, DeploymentState, Feature, JobStatus, Provider, Reason

PATHS: Mapping[str, tuple[str, str]] = {  # workflow -> app and path
    "flux-dev": ("ryla-flux", "/flux-dev"),
    "qwen-image-2512": ("ryla-qwen-image", "/qwen-image-2512"),
    "qwen-image-2512-fast": ("ryla-qwen-image", "/qwen-image-2512-fast"),
}
GPU, USD_PER_S = "L40S", Decimal("0.000542")
PRICE_SOURCE = "list price, modal.com/pricing 2026-07-01; GPU only"
JOBS_A_DAY = 20
READ_S = 170.0  # liveness seconds: the endpoint answers or redirects after 150 s
MOST_HOPS = 20  # 50 minutes; the workflow itself is given up after 20
MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")  # it says image/jpeg and sends PNG: the bytes decide
_SEEN = "the production client's error handling and what it met, commit 57209b5, 2026"
SIGNS = (  # why an answer is no picture; the text is the body
    Sign(state="HTTP 200", reason=Reason.RESULT_MISSING, source=f"{_SEEN}: the body is no image"),
    Sign(state="HTTP 400", reason=Reason.INVALID_REQUEST, said="no prompt", source=_SEEN),
    Sign(state="HTTP 404", reason=Reason.INVALID_REQUEST, source="assumed: no such endpoint, so our address is wrong"),
    Sign(state="HTTP 422", reason=Reason.INVALID_REQUEST, source="FastAPI, a body that does not validate"),
    Sign(
        state="HTTP 408",
        reason=Reason.VANISHED,
        said="Missing request, possibly due to expiry or cancellation",
        source=_SEEN,
    ),
    Sign(state="HTTP 429", reason=Reason.UNREACHABLE, source="Modal documentation, 200 requests a second and app"),
    Sign(
        state="HTTP 500",
        words="terminated by signal",
        reason=Reason.WORKER_LOST,
        said="modal-http: internal error: function was terminated by signal",
        source=_SEEN,
    ),
    Sign(
        state="HTTP 500",
        words="OutOfMemory",
        reason=Reason.OUT_OF_MEMORY,
        said='{"error": "CUDA out of memory", "details": "torch.cuda.OutOfMemoryError: ..", "type": "x"}',
        source=f"{_SEEN}: {{error, details (a traceback), type}}",
    ),
    Sign(
        state="HTTP 500",
        words='"error":|Internal Server Error',
        reason=Reason.EXECUTION_ERROR,
        said='{"error": "\'prompt\'", "details": "Traceback ..", "type": "KeyError"}',
        source=f"{_SEEN}: {{error, details (a traceback), type}}",
    ),
)
ASK_FIRST = (
    "modal-web runs jobs on the production endpoint. A container there works off its requests one after another, so "
    "a customer who asks in the same minute waits for our image first. Allow it with --touch-production; it sends one "
    f"job at a time and stops at {JOBS_A_DAY} a day."
)


def endpoint_urls(workspace: str, base_url: str | None = None) -> dict[str, str]:
    """Workflow -> URL: in the workspace's own domains, or all below `base_url` in a simulated world."""
    return {
        workflow: f"{base_url or f'https://{workspace}--{app}-comfyui-fastapi-app.modal.run'}{path}"
        for workflow, (app, path) in PATHS.items()
    }


@dataclass(kw_only=True)
class _Flight:
    """One request on its way. Lives in this process only: the endpoint gives its call id too late to come back to."""

    sent_at: datetime
    task: "asyncio.Task[Observation]" = field(init=False)
    call_id: str | None = None
    hops: int = 0


class ModalWebBackend:
    """`urls`: workflow -> endpoint. `earlier`: when jobs were sent before this process began, for the daily limit."""

    name = "modal-web"
    provider = Provider.MODAL
    features = frozenset({Feature.LONG_POLL, Feature.SCALES_TO_ZERO})

    def __init__(
        self,
        *,
        urls: Mapping[str, str],
        clock: Clock,
        simulated: bool = False,
        touch_production: bool = False,
        earlier: Sequence[datetime] = (),
        transport: Any = None,
    ) -> None:
        self._urls, self._clock = urls, clock
        self._simulated, self._allowed = simulated, simulated or touch_production
        self._sent = list(earlier)
        self._http = Http(client("", None, transport), clock, "Modal's production endpoint")
        self._flights: dict[str, _Flight] = {}

    async def offers(self, gpu: str) -> list[Offer]:
        if gpu != GPU:
            raise InvalidRequest(f"The production endpoints run on {GPU}, not on '{gpu}'.")
        offer = Offer(
            backend=self.name,
            gpu=gpu,
            offer_id="production",
            unit="s",
            usd_per_unit=USD_PER_S,
            usd_per_s=USD_PER_S,
            source=PRICE_SOURCE,
            seen_at=self._clock.now(),
        )
        return [offer]

    async def deploy(self, spec: DeploymentSpec, key: str) -> DeploymentRef:
        """Names the endpoint that is there already; sends nothing."""
        self._permit()
        if spec.workflow not in self._urls:
            raise InvalidRequest(f"Production has no endpoint for '{spec.workflow}': {', '.join(self._urls)}.")
        if spec.gpu != GPU:
            raise InvalidRequest(f"The production endpoints run on {GPU}, not on '{spec.gpu}'.")
        return DeploymentRef(backend=self.name, id=spec.workflow, key=key)

    async def observe(self, ref: DeploymentRef) -> Deployment:  # noqa: ARG002
        """Always ready, as far as can be told without waking it."""
        return Deployment(state=DeploymentState.READY, usd_per_s=USD_PER_S)

    async def teardown(self, ref: DeploymentRef) -> None:
        """Production stays."""

    async def live(self, prefix: str) -> list[LiveResource]:  # noqa: ARG002
        """Nothing here is ours."""
        return []

    async def submit(self, ref: DeploymentRef, job: JobSpec, key: str) -> JobRef:
        """Start the request and return; the daily limit counts from here."""
        self._permit()
        if any(not flight.task.done() for flight in self._flights.values()):
            raise RateLimited("The production endpoint gets one job of ours at a time.")
        url, fields = self._urls[ref.id], request_fields(job.graph)
        now = self._clock.now()
        flight = _Flight(sent_at=now)
        flight.task = asyncio.create_task(self._fly(flight, url, fields))
        self._sent.append(now)
        self._flights[key] = flight
        return JobRef(deployment=ref, id=key)

    async def poll(self, ref: JobRef, wait_s: float = 0) -> Observation:
        flight = self._flights.get(ref.id)
        if flight is None:
            return _ended(Reason.VANISHED, "The request was another process's and cannot be read again.")
        await asyncio.wait({flight.task}, timeout=wait_s / self._clock.speed)
        if not flight.task.done():
            return Observation(status=JobStatus.SUBMITTED)
        if flight.task.cancelled():
            return _ended(Reason.STOPPED, "We stopped waiting; the endpoint finishes it all the same.")
        return flight.task.result()

    async def cancel(self, ref: JobRef) -> None:
        """Stop waiting. What the container has begun it finishes."""
        flight = self._flights.get(ref.id)
        if flight is not None and flight.task.cancel():
            await asyncio.wait({flight.task})

    async def charges(self, start: datetime, end: datetime) -> list[Charge]:  # noqa: ARG002
        """None: production's bill does not tell our seconds from a customer's."""
        return []

    async def account(self, start: datetime, end: datetime) -> Account:  # noqa: ARG002
        """Nothing of ours."""
        return Account()

    async def aclose(self) -> None:
        for flight in self._flights.values():
            flight.task.cancel()
        await self._http.aclose()

    def _permit(self) -> None:
        if not self._allowed:
            raise InvalidRequest(ASK_FIRST)
        today = sum(at.date() == self._clock.now().date() for at in self._sent)
        if not self._simulated and today >= JOBS_A_DAY:
            raise InvalidRequest(f"{today} jobs went to production today; {JOBS_A_DAY} a day is the limit.")

    async def _fly(self, flight: _Flight, url: str, fields: Mapping[str, Any]) -> Observation:
        try:
            return await self._answer(flight, url, fields)
        except FateUnknown as error:
            return _ended(Reason.FATE_UNKNOWN, str(error), flight)
        except UnexpectedReply as error:
            return _ended(Reason.UNEXPECTED_REPLY, str(error), flight, {"received": error.raw})
        except BackendError as error:
            return _ended(Reason.UNREACHABLE, str(error), flight)

    async def _answer(self, flight: _Flight, url: str, fields: Mapping[str, Any]) -> Observation:
        response = await self._http.exchange("POST", url, json=dict(fields), timeout=READ_S)
        while response.status_code == 303:
            there = response.headers.get("location", "")
            flight.hops += 1
            if flight.hops > MOST_HOPS:
                raise FateUnknown(f"{url} sends us on for ever ({there[:200]}).")
            try:
                response = await self._result(same_host(there, url))
            except Forbidden as error:
                raise FateUnknown(f"{error} {url} sends us on there ({there[:200]}).") from None
        flight.call_id = response.headers.get("modal-function-call-id")
        return observed(response, flight)

    async def _result(self, url: str) -> Answer:
        """The result URL may be read again and again; a broken connection costs nothing there."""
        for _ in range(3):
            try:
                return await self._http.exchange("GET", url, lost=Unavailable, timeout=READ_S)
            except Unavailable:
                await self._clock.sleep(1)
        raise FateUnknown(f"The result at {url} could not be read.")


def request_fields(graph: Mapping[str, Any]) -> dict[str, Any]:
    """The endpoint's fields of a filled graph with one KSampler. A field of another name would be ignored silently."""
    try:
        (sampler,) = (node["inputs"] for node in graph.values() if node["class_type"] == "KSampler")
        latent = graph[sampler["latent_image"][0]]["inputs"]
        return {
            "prompt": graph[sampler["positive"][0]]["inputs"]["text"],
            "negative_prompt": graph[sampler["negative"][0]]["inputs"].get("text", ""),
            "width": latent["width"],
            "height": latent["height"],
            "steps": sampler["steps"],
            "cfg": sampler["cfg"],
            "seed": sampler["seed"],  # flux-dev would draw the same picture for ever without one
        }
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidRequest(f"The graph does not say what the endpoint needs: {error!r}.") from error


def observed(response: Answer, flight: _Flight | None) -> Observation:
    """What the endpoint's last answer means."""
    body = response.content
    raw: dict[str, Any] = {"status": response.status_code, "headers": dict(response.headers)}
    if response.status_code == 200:
        if not body.startswith(MAGIC):
            return _ended(reason_of(SIGNS, "HTTP 200", ""), "The answer is no image.", flight, raw)
        raw["image"] = {"sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)}
        facts = {} if flight is None else _evidence(flight)
        return Observation(status=JobStatus.SUCCEEDED, evidence=facts, images=(body,), raw=raw)
    text = response.text[:2000]
    reason = reason_of(SIGNS, f"HTTP {response.status_code}", text)
    return _ended(reason, text or str(response.status_code), flight, raw | {"text": text})


def _ended(reason: Reason, error: str, flight: _Flight | None = None, raw: Any = None) -> Observation:
    evidence = {} if flight is None else _evidence(flight)
    return Observation(status=STATUS_OF[reason], reason=reason, error=error, evidence=evidence, raw=raw)


def _evidence(flight: _Flight) -> dict[str, Any]:
    """What an observer from outside knows: neither container nor boot, so that the start kind stays unknown."""
    return {"function_call_id": flight.call_id, "hops": flight.hops, "sent_at": flight.sent_at.isoformat()}
