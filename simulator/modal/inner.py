"""Modal for our own inner client in process and in virtual time: plain values in and out, built-in errors.

The official SDK runs gRPC on a thread and a loop of its own and cannot live in virtual time. This client repeats what
the SDK repeats (SDK 1.6.4: three retries with one idempotency key, throttling waited out), so that both see one world.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from clock import Clock, from_us, to_us
from simulator.modal.bills import HOUR_US, Row
from simulator.modal.cloud import ModalApp, NotThere, Outcome, PlanLacks, Refused, Settings
from simulator.modal.gate import CHANGES, Cut, Failed, Gate, Hung
from simulator.modal.results import CallRow
from simulator.simulation import Simulation

RETRIES = 3
RECENT = 100
# What each gRPC status is called in the inner client's vocabulary of built-in errors.
_NAMED: Mapping[str, type[Exception]] = {
    "UNAUTHENTICATED": PermissionError,
    "RESOURCE_EXHAUSTED": BlockingIOError,
    "INTERNAL": ConnectionError,
    "UNAVAILABLE": ConnectionError,
}


class SimulatedModalClient:
    """The inner client of `backends.modal`, over a simulation in this process. `patience_s` is liveness time."""

    def __init__(self, simulation: Simulation, clock: Clock, *, secret: str, patience_s: float = 20.0) -> None:
        self._gate, self._clock = Gate(simulation, clock), clock
        self._cloud = simulation.modal
        self._secret, self._patience_s = secret, patience_s

    async def deploy(self, spec: Mapping[str, Any]) -> str:
        """Deploy the app `spec["name"]`; gives its id."""
        settings = Settings(
            gpu=spec["gpu"],
            cpu=spec["cpu"],
            memory_gib=spec["memory_gib"],
            scaledown_s=spec["scaledown_s"],
            max_containers=spec["max_containers"],
        )
        app: ModalApp = await self._call("AppPublish", lambda: self._cloud.deploy(spec["name"], settings, spec["tags"]))
        return app.id

    async def stop(self, app_id: str) -> None:
        """Stop an app; LookupError if it is not there or already stopped."""

        def effect() -> None:
            if app_id not in {app.id for app in self._deployed()}:
                raise NotThere(f"App {app_id} is not deployed")
            self._cloud.stop(app_id)

        await self._call("AppStop", effect)

    async def apps(self) -> list[dict[str, Any]]:
        """Every app that is not stopped."""
        apps = await self._call("AppList", self._deployed)
        return [
            {"id": app.id, "name": app.name, "state": "deployed", "created_at": from_us(app.created_us)} for app in apps
        ]

    async def tags(self, app_id: str) -> dict[str, str]:
        """The tags that an app was deployed with."""
        return dict(await self._call("AppGetTags", lambda: self._cloud.apps[app_id].tags))

    async def spawn(self, app_name: str, graph: Mapping[str, Any], timeout_s: float) -> str:
        """Queue one call; gives its id."""
        call = await self._call("FunctionMap", lambda: self._cloud.spawn(self._named(app_name), graph, timeout_s))
        return str(call.id)

    async def get(self, call_id: str, wait_s: float) -> tuple[str, Any]:
        """State and value of a call after at most `wait_s` world seconds."""
        call = await self._call("FunctionGetOutputs", lambda: self._cloud.call(call_id))
        return _plain(await self._gate.outcome(call, wait_s))

    async def cancel(self, call_id: str) -> None:
        """Terminate a call."""
        await self._call("FunctionCallCancel", lambda: self._cloud.cancel(call_id))

    async def stats(self, app_name: str) -> dict[str, int]:
        """Backlog, containers and inputs running now."""
        backlog, containers, running = await self._call(
            "FunctionGetCurrentStats", lambda: self._cloud.stats(self._named(app_name))
        )
        return {"backlog": backlog, "containers": containers, "running": running}

    async def calls(self, app_name: str) -> list[dict[str, Any]]:
        """The last calls of an app, newest first."""
        rows = await self._call("FunctionCallFetch", lambda: self._cloud.rows(self._named(app_name), RECENT))
        return [_call(row) for row in rows]

    async def rates(self) -> dict[str, Decimal]:
        """USD per second of each resource."""
        rates: dict[str, Decimal] = await self._call("WorkspaceBillingRates", self._cloud.bills.rates)
        return rates

    async def summary(self, month: datetime) -> dict[str, Any]:
        """Metered and billed cost of a calendar month, and its parts by resource."""
        start, end = month, _next_month(month)
        rows = await self._call("WorkspaceBillingSummary", lambda: self._rows(to_us(start), to_us(end)))
        parts: dict[str, Decimal] = {}
        for row in rows:
            for resource, usd in row.costs.items():
                parts[resource] = parts.get(resource, Decimal()) + usd
        metered = sum(parts.values(), Decimal())
        return {"start": start, "end": end, "metered": metered, "billed": metered, "parts": parts}

    async def report(self, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """Hourly rows of whole hours within [start rounded down, end)."""

        rows = await self._call("WorkspaceBillingReport", lambda: self._cloud.report(to_us(start), to_us(end)))
        return [_bill(row) for row in rows]

    async def aclose(self) -> None:
        """Nothing is open."""

    def _deployed(self) -> list[ModalApp]:
        return [app for app in self._cloud.apps.values() if app.stopped_us is None]

    def _named(self, name: str) -> ModalApp:
        if (app := self._cloud.app_named(name)) is None:
            raise NotThere(f"App '{name}' not found in environment 'main'")
        return app

    def _rows(self, start_us: int, end_us: int) -> list[Row]:
        return self._cloud.bills.report(start_us, end_us, step_us=HOUR_US, now_us=self._gate.now_us())

    async def _call(self, rpc: str, effect: Callable[[], Any]) -> Any:
        key = f"in-process-{next(self._cloud.serial)}" if rpc in CHANGES else None
        for attempt in range(RETRIES + 1):
            try:
                self._gate.admit(self._secret)
                return self._gate.perform(rpc, effect, key=key)
            except (NotThere, Refused):
                raise  # already LookupError and ValueError
            except PlanLacks as lack:
                raise NotImplementedError(str(lack)) from lack
            except Hung:
                await self._clock.rest(self._patience_s)
                raise TimeoutError(f"{rpc} was not answered within {self._patience_s:g} s") from None
            except (Cut, Failed) as failure:
                await self._again(rpc, failure, last=attempt == RETRIES)
        raise ConnectionError(f"{rpc} failed again and again")

    async def _again(self, rpc: str, failure: Cut | Failed, *, last: bool) -> None:
        """Wait as the SDK does before it repeats a call, or raise."""
        status = failure.status if isinstance(failure, Failed) else "UNAVAILABLE"
        if isinstance(failure, Failed) and failure.retry_after_s is not None:
            await self._clock.rest(failure.retry_after_s)
        elif last or _NAMED[status] is not ConnectionError:
            raise _NAMED[status](f"{rpc}: {failure}") from failure
        else:
            await self._clock.rest(0.1)


def _plain(outcome: Outcome) -> tuple[str, Any]:
    match outcome.status:
        case "success":
            return "done", outcome.value
        case "terminated":
            return "failed", f"RemoteError: {outcome.message}"
        case "init_failure":
            return "failed", f"RemoteError: {outcome.message}"
        case "internal_failure":
            return "internal_failure", outcome.message
    return outcome.status, None


def _call(row: CallRow) -> dict[str, Any]:
    return {
        "call_id": row.call_id,
        "status": row.status,
        "enqueued_at": from_us(row.enqueued_us),
        "started_at": None if row.started_us is None else from_us(row.started_us),
        "container_id": row.container_id,
        "startup_s": row.startup_s,
        "execution_s": row.execution_s,
    }


def _bill(row: Row) -> dict[str, Any]:
    """As the SDK gives it: an amount that is no number fails in it, as an ArithmeticError."""
    return {
        "app_id": row.app.id,
        "app_name": row.app.name,
        "interval_start": from_us(row.start_us),
        "usd": Decimal(row.words) if row.words else row.usd,
        "usd_by_resource": dict(row.costs),
        "tags": dict(row.app.tags),
    }


def _next_month(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
