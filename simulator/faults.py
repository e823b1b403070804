"""Faults on the wire, asked for through the control address or by a test."""

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal, get_args

from simulator.wire import Reply, Request

FaultKind = Literal[
    "unauthorized",  # 401, no effect
    "rate_limited",  # 429 without a hint, no effect
    "rate_limited_hint",  # 429 with Retry-After, no effect
    "server_error",  # 500, no effect
    "unavailable",  # 503, no effect
    "drop",  # connection reset before the request took effect
    "hang",  # never answered, no effect
    "lost_reply",  # took effect, then the connection is reset
    "hang_after",  # took effect, never answered
    "garbage",  # took effect, the reply is no JSON
    "oversized",  # took effect, the reply is 33 MiB of JSON's beginning
    "nested",  # took effect, the reply is JSON of 100,000 levels
    "elsewhere",  # took effect, the reply is a redirect to a cloud's metadata address
    "stale",  # the previous reply to the same call once more, no effect
]
_INSTEAD: dict[str, Reply] = {
    "unauthorized": Reply(status=401, body={"error": "unauthorized"}),
    "rate_limited": Reply(status=429, body="API requests too frequent endpoint threshold=4.5"),
    "rate_limited_hint": Reply(status=429, body="Too Many Requests", headers={"Retry-After": "3"}),
    "server_error": Reply(status=500, body="Internal Server Error"),
    "unavailable": Reply(status=503, body="Service Unavailable"),
    "drop": Reply(cut="reset"),
    "hang": Reply(cut="hang"),
}
_AFTERWARDS: dict[str, Reply] = {
    "lost_reply": Reply(cut="reset"),
    "hang_after": Reply(cut="hang"),
    "garbage": Reply(body="<html>\x00 not what you asked for"),
    "nested": Reply(body="[" * 100_000 + "]" * 100_000),
    "elsewhere": Reply(status=303, headers={"Location": "http://169.254.169.254/latest/meta-data/"}),
}
_OVERSIZED_BYTES = 33 * 2**20


@dataclass(kw_only=True)
class Fault:
    """`kind` on calls of `service` whose "METHOD path" matches `call`; skips the first `skip`, then `times` times."""

    service: str
    call: str = ".*"
    kind: FaultKind
    times: int = 1
    skip: int = 0

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"There is no fault '{self.kind}'. Known: {', '.join(get_args(FaultKind))}.")
        if not all(type(number) is int and number >= 0 for number in (self.times, self.skip)):
            raise ValueError(f"A fault counts in whole numbers, not times={self.times!r}, skip={self.skip!r}.")
        try:
            re.compile(self.call)
        except re.error as error:
            raise ValueError(f"'{self.call}' is no pattern for a call: {error}.") from None


_REMEMBERED = 64  # replies kept for `stale`: each may hold a picture


class Faults:
    """The faults still to come."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []
        self._due: Fault | None = None
        self._last: OrderedDict[tuple[str, str, str], Reply] = (
            OrderedDict()
        )  # the call that was answered last comes last

    def due(self, request: Request) -> FaultKind | None:
        """The fault for this call, used up by asking."""
        call = f"{request.method} {request.path}"
        for fault in self.planned:
            if fault.service == request.service and fault.times > 0 and re.search(fault.call, call):
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                self._due = fault
                return fault.kind
        self._due = None
        return None

    def put_back(self) -> None:
        """The call that was just asked about comes again: its fault is due again."""
        if self._due is not None:
            self._due.times += 1

    def instead(self, kind: FaultKind, request: Request) -> Reply | None:
        """The reply of a fault that keeps the call from taking effect, None if it does take effect."""
        if kind == "stale":
            return self._last.get((request.service, request.method, request.path))
        return _INSTEAD.get(kind)

    def afterwards(self, kind: FaultKind | None, request: Request, reply: Reply) -> Reply:
        """What goes back once the call took effect."""
        call = (request.service, request.method, request.path)
        self._last.pop(call, None)
        self._last[call] = reply
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)
        if kind == "oversized":
            return Reply(body=b'["x",' * (_OVERSIZED_BYTES // 5))
        return _AFTERWARDS.get(kind or "", reply)
