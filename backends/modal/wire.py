"""Modal through its official SDK, made narrow: plain values in and out, built-in errors, an own deadline on each call.

`simulator.modal.inner` implements the same protocol in process: the SDK runs gRPC on a thread and a loop of its own
and cannot live in virtual time.
"""

import asyncio
import runpy
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeVar

from clock import Clock

T = TypeVar("T")
PROGRAM = Path(__file__).parents[2] / "deploy" / "modal" / "app.py"
CLASS, METHOD = "Comfy", "run"
PATIENCE_S = 20.0  # liveness seconds; the SDK alone would try an unreachable server for 56 s (1.6.4)
DEPLOY_PATIENCE_S = 1800.0  # the first deploy builds the image
RECENT_CALLS = 100


class InnerClient(Protocol):
    """What the adapter needs of Modal. Every method may raise:

    PermissionError (token refused), LookupError (no such app or call), ValueError (request refused),
    NotImplementedError (the plan does not have it), BlockingIOError (throttled, nothing was done),
    ConnectionError (no answer, may have taken effect), TimeoutError (our own deadline, likewise).
    """

    async def deploy(self, spec: Mapping[str, Any]) -> str:
        """Deploy the app `spec["name"]`; gives its id. `spec` is what `deploy/modal/app.py` documents."""

    async def stop(self, app_id: str) -> None:
        """Stop an app for good; LookupError if it is not deployed."""

    async def apps(self) -> list[dict[str, Any]]:
        """Apps that are not stopped: id, name, state, created_at."""

    async def tags(self, app_id: str) -> dict[str, str]:
        """The tags that an app was deployed with."""

    async def spawn(self, app_name: str, graph: Mapping[str, Any], timeout_s: float) -> str:
        """Queue one call of the app's `run`; gives its id at once."""

    async def get(self, call_id: str, wait_s: float) -> tuple[str, Any]:
        """After at most `wait_s` world seconds: a state and its value.

        ("pending", None), ("done", what the function returned), ("failed", text), ("timed_out", text),
        ("internal_failure", text), ("expired", None).
        """

    async def cancel(self, call_id: str) -> None:
        """Terminate a call; a finished one stays as it is."""

    async def stats(self, app_name: str) -> dict[str, int]:
        """backlog, containers, running: counts as of now."""

    async def calls(self, app_name: str) -> list[dict[str, Any]]:
        """The last calls, newest first.

        call_id, status, enqueued_at, started_at, container_id, startup_s, execution_s; None where nothing is known.
        """

    async def rates(self) -> dict[str, Decimal]:
        """The workspace's prices, USD per second, by resource name."""

    async def summary(self, month: datetime) -> dict[str, Any]:
        """start, end, metered and billed USD of a calendar month, and its parts: USD by resource.

        Billed is after credits, metered before.
        """

    async def report(self, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """Hourly rows: app_id, app_name, interval_start, usd, usd_by_resource, tags.

        May raise ArithmeticError: an amount is no number.
        """

    async def aclose(self) -> None:
        """Release connections."""


class ModalSdkClient:
    """The inner client over the SDK. `server_url` None means Modal itself.

    The SDK knows its server from process-wide settings only, so a process can talk to one server at a time.
    """

    def __init__(
        self,
        *,
        token_id: str,
        token_secret: str,
        clock: Clock,
        server_url: str | None = None,
        program: Path = PROGRAM,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._credentials, self._server_url = (token_id, token_secret), server_url
        self._clock, self._program, self._patience_s = clock, program, patience_s
        self._client: Any = None
        self._opening = asyncio.Lock()
        self._classes: dict[str, Any] = {}

    async def deploy(self, spec: Mapping[str, Any]) -> str:
        # Run as a file, not imported: what it defines is then sent by value and needs no module in the container.
        app = runpy.run_path(str(self._program))["build_app"](spec)
        client = await self._open()
        await self._within(app.deploy.aio(name=spec["name"], client=client), DEPLOY_PATIENCE_S)
        return str(app.app_id)

    async def stop(self, app_id: str) -> None:
        app = await self._app(app_id)
        await self._within(app.stop.aio(client=await self._open()))

    async def apps(self) -> list[dict[str, Any]]:
        rows = []
        for app in await self._apps():
            info = await self._within(app.info.aio())  # comes with the list, no call of its own
            state, created_at = info.lifecycle.state.name.lower(), info.lifecycle.created_at
            rows.append(
                {"id": app.app_id, "name": app.name or info.description, "state": state, "created_at": created_at}
            )
        return rows

    async def tags(self, app_id: str) -> dict[str, str]:
        app = await self._app(app_id)
        return await self._within(app.get_tags.aio(client=await self._open()))

    async def spawn(self, app_name: str, graph: Mapping[str, Any], timeout_s: float) -> str:
        method = getattr(await self._instance(app_name), METHOD)
        call = await self._within(method.spawn.aio(dict(graph), timeout_s))
        return str(call.object_id)

    async def get(self, call_id: str, wait_s: float) -> tuple[str, Any]:
        wait_real_s = wait_s / self._clock.speed
        return await self._within(self._get(call_id, wait_real_s), wait_real_s + self._patience_s)

    async def cancel(self, call_id: str) -> None:
        call = await self._call(call_id)
        await self._within(call.cancel.aio())

    async def stats(self, app_name: str) -> dict[str, int]:
        method = getattr(await self._instance(app_name), METHOD)
        stats = await self._within(method.get_current_stats.aio())
        return {
            "backlog": stats.backlog,
            "containers": stats.num_total_runners,
            "running": stats.num_running_inputs,
        }

    async def calls(self, app_name: str) -> list[dict[str, Any]]:
        method = getattr(await self._instance(app_name), METHOD)
        await self._within(method.hydrate.aio(await self._open()))  # before its first spawn it has no id yet
        reply = await self._within(_recent_calls(await self._open(), method.object_id))
        return [_call_row(info) for info in reply.function_call_inputs]

    async def rates(self) -> dict[str, Decimal]:
        workspace = await self._workspace()
        rates = await self._within(workspace.billing.rates.aio())
        return {name: rates[name] for name in rates}

    async def summary(self, month: datetime) -> dict[str, Any]:
        workspace = await self._workspace()
        summary = await self._within(workspace.billing.summary.aio(month))
        return {
            "start": summary.start,
            "end": summary.end,
            "metered": summary.metered_cost,
            "billed": summary.billed_cost,
            "parts": dict(summary.metered_cost_breakdown),
        }

    async def report(self, start: datetime, end: datetime) -> list[dict[str, Any]]:
        workspace = await self._workspace()
        # Only `timezone.utc` itself is taken, an equal zone is not (modal 1.6.4).
        period = {"start": start.astimezone(UTC), "end": end.astimezone(UTC)}
        items = await self._within(workspace.billing.report.aio(**period, resolution="h", tag_names=["*"]))
        return [
            {
                "app_id": item.object_id,
                "app_name": item.description,
                "interval_start": item.interval_start,
                "usd": item.cost,
                "usd_by_resource": dict(item.cost_by_resource),
                "tags": dict(item.tags),
            }
            for item in items
        ]

    async def aclose(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.close.aio()

    async def _open(self) -> Any:
        async with self._opening:
            if self._client is None:
                self._client = await self._within(self._connect())
        return self._client

    async def _connect(self) -> Any:
        import modal
        from modal.config import config

        if self._server_url is not None:
            config.override_locally("server_url", self._server_url)
        # Plain values in CBOR: unpickling a result would run whatever the app's owner put into it.
        config.override_locally("payload_format", "cbor")
        return await modal.Client.from_credentials.aio(*self._credentials)

    async def _instance(self, app_name: str) -> Any:
        """The deployed class, looked up once per app."""
        import modal

        if app_name not in self._classes:
            found = modal.Cls.from_name(app_name, CLASS, client=await self._open())
            await self._within(found.hydrate.aio())
            self._classes[app_name] = found()
        return self._classes[app_name]

    async def _call(self, call_id: str) -> Any:
        import modal

        return modal.FunctionCall.from_id(call_id, client=await self._open())

    async def _get(self, call_id: str, wait_real_s: float) -> tuple[str, Any]:
        from modal import exception

        call = await self._call(call_id)
        try:
            # Always with a timeout: `get(None)` on an expired call loops for ever (modal 1.6.4).
            return "done", await call.get.aio(timeout=wait_real_s)
        except TimeoutError:
            return "pending", None  # the built-in one; all of Modal's own are others
        except exception.OutputExpiredError:
            return "expired", None
        except exception.FunctionTimeoutError as error:
            return "timed_out", str(error)
        except exception.InternalFailure as error:
            return "internal_failure", str(error)
        except (exception.RemoteError, exception.ExecutionError) as error:
            return "failed", f"{type(error).__name__}: {error}"

    async def _workspace(self) -> Any:
        import modal

        return modal.Workspace.from_context(client=await self._open())

    async def _app(self, app_id: str) -> Any:
        app = next((app for app in await self._apps() if app.app_id == app_id), None)
        if app is None:
            raise LookupError(f"App {app_id} is not deployed")
        return app

    async def _apps(self) -> list[Any]:
        import modal

        here = modal.Environment.from_context(client=await self._open())
        return list(await self._within(here.apps.list.aio()))

    async def _within(self, call: Awaitable[T], patience_s: float | None = None) -> T:
        """The call's result within liveness seconds, its errors named as the protocol says."""
        async with asyncio.timeout(patience_s or self._patience_s):
            with _named():
                return await call


@contextmanager
def _named() -> Iterator[None]:
    """Modal's errors as the protocol's built-in ones."""
    from modal import exception

    names: list[tuple[type[Exception] | tuple[type[Exception], ...], type[Exception]]] = [
        (exception.AuthError, PermissionError),
        ((exception.PermissionDeniedError, exception.UnimplementedError), NotImplementedError),
        (exception.NotFoundError, LookupError),
        (exception.ResourceExhaustedError, BlockingIOError),
        (exception.InvalidError, ValueError),
        # ServiceError, InternalError, ConnectionError, DataLossError, ClientClosed and whatever comes next: nobody
        # said that nothing was done.
        (exception.Error, ConnectionError),
    ]
    try:
        yield
    except exception.Error as error:
        name = next(ours for theirs, ours in names if isinstance(error, theirs))
        raise name(f"{type(error).__name__}: {error}") from None


async def _recent_calls(client: Any, function_id: str) -> Any:
    """What `modal function calls` reads. No public method of the SDK gives it, so the CLI's own way is taken.

    Raises NotImplementedError when an SDK of another version has no such way.
    """
    try:
        from modal._utils.async_utils import synchronizer
        from modal_proto import api_pb2

        tail = api_pb2.FunctionCallFetchRequest.Tail(count=RECENT_CALLS)
        request = api_pb2.FunctionCallFetchRequest(function_id=function_id, tail=tail)

        async def fetch(inner: Any) -> Any:
            return await inner._stub.FunctionCallFetch(request)

        return await synchronizer.create_blocking(fetch).aio(client)
    except (ImportError, AttributeError) as error:
        raise NotImplementedError(f"this SDK does not list calls: {error}") from error


def _call_row(info: Any) -> dict[str, Any]:
    return {
        "call_id": info.function_call_id,
        "status": _status_name(info.status),
        "enqueued_at": _instant(info, "enqueued_at"),
        "started_at": _instant(info, "started_at"),
        "container_id": _optional(info, "container_id"),
        "startup_s": _optional(info, "startup_time_seconds"),
        "execution_s": _optional(info, "execution_time_seconds"),
    }


def _status_name(status: int) -> str:
    from modal_proto import api_pb2

    name: str = api_pb2.FunctionCallInputStatus.Name(status)
    return name.removeprefix("FUNCTION_CALL_INPUT_STATUS_").lower()


def _optional(info: Any, field: str) -> Any:
    return getattr(info, field) if info.HasField(field) else None


def _instant(info: Any, field: str) -> datetime | None:
    at = _optional(info, field)
    return None if at is None else at.ToDatetime(tzinfo=UTC)
