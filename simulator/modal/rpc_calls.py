"""Modal's RPCs of calls and bills, as spawn, get, cancel, `modal function calls` and `modal billing` send them."""

import calendar
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import cbor2
from modal_proto import api_pb2

from clock import from_us, to_us
from simulator.engine import US
from simulator.modal.bills import DAY_US, HOUR_US, Row
from simulator.modal.cloud import ModalApp, ModalCall, NotThere, Outcome, Refused
from simulator.modal.results import CallRow
from simulator.modal.rpc_apps import (
    CLASS_TAG,
    METHOD,
    Desk,
    Fields,
    class_id,
    function_data,
    function_id,
    handle_metadata,
)

_STATUS = api_pb2.GenericResult
_RESULTS: Mapping[str, Any] = {
    "success": _STATUS.GENERIC_STATUS_SUCCESS,
    "terminated": _STATUS.GENERIC_STATUS_TERMINATED,
    "init_failure": _STATUS.GENERIC_STATUS_INIT_FAILURE,
    "internal_failure": _STATUS.GENERIC_STATUS_INTERNAL_FAILURE,
}


def function_get(desk: Desk, request: Any) -> Fields:
    """A deployed class is found by its tag `Comfy.*` only."""
    app = desk.named(request.app_name)
    if request.object_tag != CLASS_TAG:
        raise NotThere(f"Function '{request.object_tag}' not found in app '{app.name}'")
    return _function(app)


def function_by_id(desk: Desk, request: Any) -> Fields:
    """The same by `fu-` id."""
    fields = _function(desk.app_of(request.function_id))
    del fields["function_id"]
    return fields


def class_get(desk: Desk, request: Any) -> Fields:
    """The handle of `Cls.from_name`."""
    app = desk.named(request.app_name)
    if request.object_tag != CLASS_TAG.partition(".")[0]:
        raise NotThere(f"Class '{request.object_tag}' not found in app '{app.name}'")
    return {"class_id": class_id(app.id), "handle_metadata": api_pb2.ClassHandleMetadata()}


def function_map(desk: Desk, request: Any) -> Fields:
    """The paid step. The input comes with the call, so that no FunctionPutInputs follows."""
    if len(request.pipelined_inputs) != 1:
        raise Refused("exactly one pipelined input is taken here")
    args, kwargs = cbor2.loads(request.pipelined_inputs[0].input.args)
    graph, timeout_s = _arguments(*args, **kwargs)
    call = desk.cloud.spawn(desk.app_of(request.function_id), graph, timeout_s)
    put = api_pb2.FunctionPutInputsResponseItem(idx=0, input_id=_input_id(call), input_jwt="x.y.z")
    return {"function_call_id": call.id, "pipelined_inputs": [put], "function_call_jwt": "x.y.z"}


def outputs(call: ModalCall, outcome: Outcome) -> Fields:
    """The reply of FunctionGetOutputs. No output and nothing unfinished is how an expired result looks."""
    if outcome.status in ("pending", "expired"):
        return {"num_unfinished_inputs": int(outcome.status == "pending"), "last_entry_id": "0-0"}
    data = b"" if outcome.value is None else cbor2.dumps(outcome.value)
    job = call.job
    item = api_pb2.FunctionGetOutputsItem(
        idx=0,
        input_id=_input_id(call),
        data_format=api_pb2.DATA_FORMAT_CBOR,
        result=api_pb2.GenericResult(status=_RESULTS[outcome.status], data=data, exception=outcome.message),
        input_started_at=(job.picked_us or 0) / US if job else 0,
        output_created_at=(job.done_us or 0) / US if job else 0,
    )
    return {"outputs": [item], "idxs": [0], "last_entry_id": "1-0"}


def call_cancel(desk: Desk, request: Any) -> Fields:
    """Terminates the call's input."""
    desk.cloud.cancel(request.function_call_id)
    return None


def call_by_id(desk: Desk, request: Any) -> Fields:
    """One input per call."""
    call = desk.cloud.call(request.function_call_id)
    metadata = api_pb2.FunctionCallHandleMetadata(app_id=call.app.id, function_id=function_id(call.app.id))
    return {"function_call_id": call.id, "num_inputs": 1, "metadata": metadata}


def call_graph(desk: Desk, request: Any) -> Fields:
    """A call of ours has one input and no children. There are no instants in it."""
    call = desk.cloud.call(request.function_call_id)
    node = api_pb2.InputCallGraphInfo(
        input_id=_input_id(call),
        function_call_id=call.id,
        status=_RESULTS.get(desk.cloud.standing(call).status, _STATUS.GENERIC_STATUS_UNSPECIFIED),
    )
    name = CLASS_TAG.replace("*", METHOD)
    info = api_pb2.FunctionCallCallGraphInfo(function_call_id=call.id, function_name=name)
    return {"inputs": [node], "function_calls": [info]}


def stats(desk: Desk, request: Any) -> Fields:
    """Its reply message is FunctionStats."""
    backlog, containers, running = desk.cloud.stats(desk.app_of(request.function_id))
    return {"backlog": backlog, "num_total_tasks": containers, "num_running_inputs": running}


def call_fetch(desk: Desk, request: Any) -> Fields:
    """The tail, newest first, or a range, oldest first; at most 20,000."""
    app = desk.app_of(request.function_id)
    if request.HasField("tail"):
        return {"function_call_inputs": [_info(row) for row in desk.cloud.rows(app, request.tail.count)]}
    rows = _between(desk, app, request.range)[: request.range.limit or 20_000]
    return {"function_call_inputs": [_info(row) for row in rows]}


def call_count(desk: Desk, request: Any) -> Fields:
    """How many calls were enqueued in each bucket of a range."""
    bucket_us = request.bucket_secs * US
    counts: dict[int, int] = {}
    for row in _between(desk, desk.app_of(request.function_id), request):
        at_us = row.enqueued_us // bucket_us * bucket_us
        counts[at_us] = counts.get(at_us, 0) + 1
    reply = api_pb2.FunctionCallCountResponse()
    for at_us, count in sorted(counts.items()):
        reply.buckets.add(count=count).bucket_start_at.FromMicroseconds(at_us)
    return {"buckets": reply.buckets}


def rates(desk: Desk, request: Any) -> Fields:  # noqa: ARG001
    """USD per second, as decimal strings."""
    listed = {name: str(rate) for name, rate in desk.cloud.bills.rates().items()}
    return {"rates": listed, "formatted": "\n".join(f"{name} ${rate} / s" for name, rate in listed.items())}


def report(desk: Desk, request: Any) -> list[Any]:
    """One message per row."""
    step_us = HOUR_US if request.resolution == "h" else DAY_US
    tags = set(request.tag_names)
    start_us, end_us = request.start_timestamp.ToMicroseconds(), request.end_timestamp.ToMicroseconds()
    return [_item(row, tags) for row in desk.cloud.report(start_us, end_us, step_us=step_us)]


def summary(desk: Desk, request: Any) -> Fields:
    """One calendar month; `billed_cost` is after credits, of which a simulated workspace has none."""
    now_us = desk.cloud.site.engine.now_us
    asked_us = request.start_timestamp.ToMicroseconds() if request.HasField("start_timestamp") else now_us
    start = from_us(asked_us).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end_us = to_us(start) + calendar.monthrange(start.year, start.month)[1] * DAY_US
    parts: dict[str, Decimal] = {}
    for row in _rows(desk, to_us(start), end_us, HOUR_US):
        for resource, usd in row.costs.items():
            parts[resource] = parts.get(resource, Decimal()) + usd
    total = str(sum(parts.values(), Decimal()))
    reply = api_pb2.WorkspaceBillingSummaryResponse(
        metered_cost=total, billed_cost=total, metered_cost_breakdown={name: str(usd) for name, usd in parts.items()}
    )
    reply.start_timestamp.FromMicroseconds(to_us(start))
    reply.end_timestamp.FromMicroseconds(end_us)
    return {field.name: value for field, value in reply.ListFields()}


def _function(app: ModalApp) -> dict[str, Any]:
    return {
        "function_id": function_id(app.id),
        "handle_metadata": handle_metadata(app.id),
        "function": function_data(app.settings),
    }


def _arguments(graph: Any, timeout_s: float) -> tuple[Any, float]:
    """The parameters of the deployed method, by position or by name."""
    return graph, float(timeout_s)


def _input_id(call: ModalCall) -> str:
    return f"in-{call.id[3:]}"


def _between(desk: Desk, app: ModalApp, period: Any) -> list[CallRow]:
    since_us, until_us = period.since.ToMicroseconds(), period.until.ToMicroseconds()
    rows = reversed(desk.cloud.rows(app, len(app.calls)))
    return [row for row in rows if since_us <= row.enqueued_us < until_us]


def _info(row: CallRow) -> Any:
    status = api_pb2.FunctionCallInputStatus.Value(f"FUNCTION_CALL_INPUT_STATUS_{row.status.upper()}")
    info = api_pb2.FunctionCallInputInfo(
        function_call_id=row.call_id,
        service_method_name=METHOD,
        status=status,
        container_id=row.container_id,
        startup_time_seconds=row.startup_s,
        execution_time_seconds=row.execution_s,
    )
    info.enqueued_at.FromMicroseconds(row.enqueued_us)
    if row.started_us is not None:
        info.started_at.FromMicroseconds(row.started_us)
    return info


def _rows(desk: Desk, start_us: int, end_us: int, step_us: int) -> list[Row]:
    return desk.cloud.bills.report(start_us, end_us, step_us=step_us, now_us=desk.cloud.site.engine.now_us)


def _item(row: Row, tags: set[str]) -> Any:
    item = api_pb2.WorkspaceBillingReportItem(
        object_id=row.app.id,
        description=row.app.name,
        environment_name="main",
        cost=row.words or str(row.usd),
        cost_by_resource={resource: row.words or str(usd) for resource, usd in row.costs.items()},
        tags={name: value for name, value in row.app.tags.items() if name in tags or "*" in tags},
    )
    item.interval.FromDatetime(datetime.fromtimestamp(row.start_us / US, UTC))
    return item


RPCS = {
    "FunctionGet": function_get,
    "FunctionGetById": function_by_id,
    "ClassGet": class_get,
    "FunctionMap": function_map,
    "FunctionCallCancel": call_cancel,
    "FunctionCallFromId": call_by_id,
    "FunctionGetCallGraph": call_graph,
    "FunctionGetCurrentStats": stats,
    "FunctionCallFetch": call_fetch,
    "FunctionCallCount": call_count,
    "WorkspaceBillingRates": rates,
    "WorkspaceBillingReport": report,
    "WorkspaceBillingSummary": summary,
    "WorkspaceNameLookup": lambda _desk, _request: {"workspace_name": "simulated", "username": "simulated"},
    # Its `exp` claim is read without a check of the signature (SDK 1.6.4): {"exp": 4102444800}.
    "AuthTokenGet": lambda _desk, _request: {"token": "eyJhbGciOiJub25lIn0.eyJleHAiOjQxMDI0NDQ4MDB9.x"},
    "ClientHello": lambda _desk, _request: None,
}
