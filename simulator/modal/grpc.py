"""Modal's control plane on a loopback socket, enough of it that the official SDK 1.6 and CLI run unmodified."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from grpclib import GRPCError, Status
from grpclib.const import Cardinality
from grpclib.encoding.base import StatusDetailsCodecBase
from grpclib.server import Server, Stream
from modal_proto import api_pb2
from modal_proto.api_grpc import ModalClientBase

from clock import Clock
from simulator.modal import rpc_apps, rpc_calls
from simulator.modal.cloud import NotThere, PlanLacks, Refused
from simulator.modal.gate import CHANGES, Cut, Failed, Gate, Hung
from simulator.modal.rpc_apps import Desk
from simulator.simulation import Simulation

HANDLERS: Mapping[str, Callable[[Desk, Any], Any]] = {**rpc_apps.RPCS, **rpc_calls.RPCS}
_PATH = "/modal.client.ModalClient/"
_ERRORS: Mapping[type[Exception], Status] = {
    NotThere: Status.NOT_FOUND,
    Refused: Status.INVALID_ARGUMENT,
    PlanLacks: Status.PERMISSION_DENIED,  # the real error of a Starter workspace is not documented
}


async def serve_grpc(simulation: Simulation, clock: Clock) -> tuple[str, Callable[[], Awaitable[None]]]:
    """Serve on a free port of 127.0.0.1; gives the address for MODAL_SERVER_URL and how to stop."""
    service: Any = Service  # its methods are set below, which no type checker sees
    server = Server([service(Gate(simulation, clock))], status_details_codec=Details())
    await server.start("127.0.0.1", 0)
    port = server._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def close() -> None:
        server.close()
        await server.wait_closed()

    return f"http://127.0.0.1:{port}", close


class Details(StatusDetailsCodecBase):
    """Error details as the SDK decodes them: a modal RPCStatus."""

    def encode(self, status: Status, message: str | None, details: Sequence[Any] | None) -> bytes:
        """Pack the details of a failed call."""
        packed = api_pb2.RPCStatus(code=status.value, message=message or "")
        for detail in details or ():
            packed.details.add().Pack(detail, type_url_prefix="type.modal.com/")
        encoded: bytes = packed.SerializeToString()
        return encoded

    def decode(self, status: Status, message: str | None, data: bytes) -> Any:
        """A server decodes nothing."""
        raise NotImplementedError


class Service(ModalClientBase):
    """Every RPC of the control plane: those in HANDLERS answer, the rest say UNIMPLEMENTED."""

    def __init__(self, gate: Gate) -> None:
        self._gate, self._desk = gate, Desk(cloud=gate.cloud)
        self._routes = {path.removeprefix(_PATH): route for path, route in self.__mapping__().items()}

    async def answer(self, rpc: str, stream: Stream[Any, Any]) -> None:
        """One call from its first byte to its last."""
        request = await stream.recv_message()
        try:
            self._gate.admit(_text(stream, "x-modal-token-secret"))
            reply = await self._reply(rpc, request, _text(stream, "x-idempotency-key"))
        except Cut:
            await stream.cancel()
            return
        except Hung:
            await asyncio.Event().wait()  # until the caller gives up and resets the stream
            return
        except Failed as failure:
            raise _grpc_error(failure) from failure
        except (NotThere, Refused, PlanLacks) as error:
            raise GRPCError(_ERRORS[type(error)], str(error)) from error
        for message in reply:
            await stream.send_message(message)

    async def _reply(self, rpc: str, request: Any, key: str | None) -> list[Any]:
        if rpc == "FunctionGetOutputs":
            return [await self._outputs(request)]
        if rpc not in HANDLERS:
            raise GRPCError(Status.UNIMPLEMENTED, f"the simulator does not know {rpc}")
        route = self._routes[rpc]

        def effect() -> Any:
            return HANDLERS[rpc](self._desk, request)

        fields = self._gate.perform(rpc, effect, key=f"{rpc}/{key}" if key and rpc in CHANGES else None)
        return fields if route.cardinality is Cardinality.UNARY_STREAM else [route.reply_type(**(fields or {}))]

    async def _outputs(self, request: Any) -> Any:
        """Held up to the caller's timeout: a server that answered at once would be asked 800 times a second."""
        call = self._gate.perform(
            "FunctionGetOutputs", lambda: self._gate.cloud.call(request.function_call_id), key=None
        )
        outcome = await self._gate.outcome(call, request.timeout * self._gate.clock.speed)
        return api_pb2.FunctionGetOutputsResponse(**(rpc_calls.outputs(call, outcome) or {}))


def _method(rpc: str) -> Callable[[Service, Stream[Any, Any]], Awaitable[None]]:
    async def method(self: Service, stream: Stream[Any, Any]) -> None:
        await self.answer(rpc, stream)

    return method


for _rpc in ModalClientBase.__abstractmethods__:
    setattr(Service, _rpc, _method(_rpc))
Service.__abstractmethods__ = frozenset()


def _text(stream: Stream[Any, Any], header: str) -> str | None:
    value = cast(Mapping[str, Any], stream.metadata or {}).get(header)
    return value if isinstance(value, str) else None


def _grpc_error(failure: Failed) -> GRPCError:
    hint = failure.retry_after_s
    details = None if hint is None else [api_pb2.RPCRetryPolicy(retry_after_secs=hint)]
    return GRPCError(Status[failure.status], failure.message, details)
