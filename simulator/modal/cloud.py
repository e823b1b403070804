"""Modal as it truly is in a simulated world: apps, containers, calls, bills. How it looks on a wire is told elsewhere.

`grpc.py` shows it to the official SDK, `inner.py` to our own inner client in virtual time, `web.py` is production.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Literal

from simulator.comfy import Asked, read_graph, refuse
from simulator.engine import us
from simulator.laws import Laws
from simulator.ledger import Rented, TrueCharge
from simulator.modal.bills import HOUR_US, Bills, Row, Shape
from simulator.modal.results import CallRow, call_row, refusal_of, result_of
from simulator.modal.web import ProductionWeb
from simulator.pool import Capacity, Pool, SimJob, SimWorker
from simulator.site import Site
from simulator.wire import Reply, Request

RESULT_LIFE_US = us(7 * 86_400)  # ".spawn results readable for up to 7 days" (Modal's call history, SDK 1.6.4)
Status = Literal["pending", "success", "terminated", "internal_failure", "init_failure", "expired"]


class NotThere(LookupError):
    """No such app or call."""


class Refused(ValueError):
    """The request cannot be right; its text says why."""


class PlanLacks(Exception):
    """The workspace's plan does not have this API."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a deployed class asked for. `gpu` as Modal spells it: "H100!" pins what "H100" may upgrade to an H200."""

    gpu: str
    cpu: float
    memory_gib: float
    scaledown_s: int
    max_containers: int
    inputs_per_container: int = 1

    @property
    def gpu_type(self) -> str:
        """The GPU without the pin."""
        return self.gpu.rstrip("!+")


# gpu, window and 5 concurrent inputs as deployed (production commit 57209b5). It requests neither cores nor memory and
# is billed for what it uses: assumed to be what our own app requests.
PRODUCTION = Settings(gpu="L40S", cpu=4, memory_gib=32, scaledown_s=300, max_containers=10, inputs_per_container=5)


@dataclass(kw_only=True)
class ModalApp:
    """One deployed app with its one class."""

    id: str
    name: str
    tags: Mapping[str, str]
    settings: Settings
    pool: Pool
    created_us: int
    calls: list["ModalCall"] = field(default_factory=list, repr=False)  # oldest first

    @property
    def stopped_us(self) -> int | None:
        """When it was stopped; None while it is deployed."""
        return self.pool.closed_us


@dataclass(kw_only=True)
class ModalCall:
    """One function call with its one input. `refusal` is the result of a graph that ComfyUI would not take."""

    id: str
    app: ModalApp
    enqueued_us: int
    job: SimJob | None = None
    refusal: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Where a call stands: `value` is what the function returned, `message` the text of a failure."""

    status: Status
    value: dict[str, Any] | None = None
    message: str = ""


class ModalCloud:
    """The workspace. `plan` "starter" has no billing report (Modal changelog 1.3.3: Team and Enterprise)."""

    services: frozenset[str] = frozenset({"modal_web"})

    def __init__(self, site: Site) -> None:
        self.site = site
        self.laws = Laws(site.world, "modal", site.seed)
        self.capacity = Capacity(dict(site.world.modal.capacity))
        self.apps: dict[str, ModalApp] = {}
        self.calls: dict[str, ModalCall] = {}
        self.plan: Literal["starter", "team"] = "team" if site.world.modal.billing.reports else "starter"
        self.bills = Bills(
            site.world.modal,
            self.apps,
            opened_us=site.engine.now_us,
            unpublished=partial(site.unpublished, "modal"),
        )
        self.web = ProductionWeb(self)
        self.serial, self._app_serial = itertools.count(1), itertools.count(1)
        self._done_once: dict[str, Any] = {}

    # -- what the wires ask for ---------------------------------------------------------------------------

    def handle(self, request: Request) -> Reply:
        """The production web endpoint; everything else of Modal is gRPC."""
        return self.web.handle(request)

    def once(self, key: str, effect: Callable[[], Any]) -> Any:
        """Run `effect` the first time a key is seen, afterwards give its result again.

        The SDK repeats a call whose reply was lost with the same x-idempotency-key (SDK 1.6.4, grpc_utils.py).
        """
        if key not in self._done_once:
            self._done_once[key] = effect()
        return self._done_once[key]

    def deploy(self, name: str, settings: Settings, tags: Mapping[str, str], *, app_id: str | None = None) -> ModalApp:
        """Deploy, or deploy again under the same name: Modal then keeps the app and its id."""
        if settings.gpu_type not in self.site.world.modal.price:
            raise Refused(f"Unsupported GPU type: {settings.gpu}")
        self.site.ledger.count("modal", "deploy")
        return self.app_named(name) or self._new(name, settings, tags, app_id=app_id, backend="modal")

    def production(self, name: str) -> ModalApp:
        """One of the production workspace's own apps, there from the first time anybody asks for it."""
        return self.app_named(name) or self._new(name, PRODUCTION, {}, app_id=None, backend="modal-web")

    def _new(
        self, name: str, settings: Settings, tags: Mapping[str, str], *, app_id: str | None, backend: str
    ) -> ModalApp:
        now_us = self.site.engine.now_us
        app = ModalApp(
            id=app_id or self.new_app_id(),
            name=name,
            tags=dict(tags),
            settings=settings,
            pool=self._pool(name, settings),
            created_us=now_us,
        )
        self.apps[app.id] = app
        self.site.ledger.rented.append(
            Rented(
                backend=backend,
                name=name,
                resource_id=app.id,
                usd_per_s=self.usd_per_s(settings),
                pool=app.pool,
                created_us=now_us,
            )
        )
        return app

    def new_app_id(self) -> str:
        """An id that was never given out."""
        return f"ap-{next(self._app_serial):022d}"

    def stop(self, app_id: str) -> None:
        """Stop an app for good: containers end now, open calls are terminated. Stopping twice is no error."""
        if app_id not in self.apps:
            raise NotThere(f"App {app_id} not found")
        self.apps[app_id].pool.close()

    def app_named(self, name: str) -> ModalApp | None:
        """The deployed app of that name; a stopped one has lost its name."""
        return next((app for app in self.apps.values() if app.name == name and app.stopped_us is None), None)

    def spawn(self, app: ModalApp, graph: Any, timeout_s: float) -> ModalCall:
        """Queue one call of the class's `run`; returns at once."""
        if app.stopped_us is not None:
            raise NotThere(f"App {app.name} is stopped")
        if (refused := refuse(graph)) is None:
            return self.queue(app, read_graph(graph), timeout_s, backend="modal")
        # A container would boot to hear this from its ComfyUI; that life is not simulated.
        call = self._called(app, "modal")
        call.refusal = refusal_of(*refused)
        return call

    def queue(self, app: ModalApp, asked: Asked, limit_s: float, *, backend: str) -> ModalCall:
        """Queue one execution of what was asked."""
        call = self._called(app, backend)
        call.job = SimJob(id=call.id, asked=asked, accepted_us=call.enqueued_us, limit_us=us(limit_s))
        app.pool.submit(call.job)
        return call

    def call(self, call_id: str) -> ModalCall:
        """Raises NotThere for an id that was never given out."""
        if call_id not in self.calls:
            raise NotThere(f"Function call {call_id} not found")
        return self.calls[call_id]

    def outcome(self, call: ModalCall) -> Outcome:
        """Where the call stands now, its result included. Raises StillPainting."""
        stands = self.standing(call)
        if stands.status != "success" or call.job is None:
            return stands
        return Outcome(status="success", value=result_of(self.site, call.app, call.job))

    def standing(self, call: ModalCall) -> Outcome:
        """Where the call stands now, without the result of a job that went well."""
        if call.refusal is not None:
            return Outcome(status="success", value=call.refusal)
        job = call.job
        if job is None or not job.final or job.done_us is None:
            return Outcome(status="pending")
        if self.site.engine.now_us - job.done_us > RESULT_LIFE_US:
            return Outcome(status="expired")
        if job.state == "cancelled":
            return Outcome(status="terminated", message="Input was cancelled by user")
        if job.fate == "init_failure":
            return Outcome(status="init_failure", message="RuntimeError: ComfyUI ended with code 1 before it answered")
        if job.fate == "worker_lost":
            return Outcome(status="internal_failure", message="Runner terminated unexpectedly")
        return Outcome(status="success")

    def rows(self, app: ModalApp, count: int) -> list[CallRow]:
        """The app's last `count` calls, newest first."""
        now_us = self.site.engine.now_us
        as_of = [(call, now_us - self.laws.lag_us(call.id)) for call in itertools.islice(reversed(app.calls), count)]
        return [call_row(call, as_of_us) for call, as_of_us in as_of if call.enqueued_us <= as_of_us]

    def stats(self, app: ModalApp) -> tuple[int, int, int]:
        """Backlog, containers, inputs running now."""
        running = sum(job.state == "running" for job in app.pool.jobs.values())
        return len(app.pool.queue), len(app.pool.alive()), running

    def cancel(self, call_id: str) -> None:
        """Terminate a call; a finished one stays as it is."""
        call = self.call(call_id)
        if call.job is not None:
            call.app.pool.cancel(call.job)

    def true_charges(self) -> list[TrueCharge]:
        """Everything truly billed up to now, per app, hour and resource."""
        return self.bills.true_charges(self.site.engine.now_us)

    def report(self, start_us: int, end_us: int, *, step_us: int = HOUR_US) -> list[Row]:
        """The rows of the billing report as they are sent. Raises PlanLacks."""
        if self.plan == "starter":
            raise PlanLacks("Billing reports need a Team or Enterprise plan")
        odd = self.site.odd_bills
        if odd.has("modal", "no_rights"):
            raise PlanLacks("The token may not read billing")
        rows = self.bills.report(start_us, end_us, step_us=step_us, now_us=self.site.engine.now_us)
        return odd.bent("modal", rows, Shape())

    def usd_per_s(self, settings: Settings) -> Decimal:
        """One container's whole rate: GPU + cores + GiB. GPU alone would be 11 to 23 % too low."""
        return sum(self.bills.rates_of(settings.gpu_type, settings.cpu, settings.memory_gib).values(), Decimal())

    def _called(self, app: ModalApp, backend: str) -> ModalCall:
        self.site.ledger.count(backend, "submit")
        call = ModalCall(id=f"fc-{len(self.calls) + 1:022d}", app=app, enqueued_us=self.site.engine.now_us)
        self.calls[call.id] = call
        app.calls.append(call)
        return call

    def _pool(self, name: str, settings: Settings) -> Pool:
        return Pool(
            self.site.engine,
            self.laws,
            self.capacity,
            name=name,
            gpu=settings.gpu_type,
            max_workers=settings.max_containers,
            idle_us=us(settings.scaledown_s),
            on_pick=self.site.paint_ahead,
            inputs_per_worker=settings.inputs_per_container,
            on_crash=_crashed,
        )


def _crashed(pool: Pool, worker: SimWorker) -> None:
    """A container whose start fails is gone, and its failure is escalated to an input (SDK 1.6.4, function_utils.py).

    After how many containers is not documented; here after one.
    """
    pool.stop(worker)
    pool.give_up("init_failure")
    pool.dispatch()
