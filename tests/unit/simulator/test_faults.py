"""Faults on the wire: which call they hit, how often, and whether it took effect."""

from typing import Any, get_args

import pytest

from simulator.faults import Fault, FaultKind, Faults
from simulator.wire import Reply, Request

DONE = Reply(status=201, body={"id": "fresh"})
NO_EFFECT = ("unauthorized", "rate_limited", "rate_limited_hint", "server_error", "unavailable", "drop", "hang")
EFFECT = ("lost_reply", "hang_after", "garbage", "oversized", "nested", "elsewhere")


def call(method: str = "POST", path: str = "/v2/e1/run", service: str = "runpod_jobs") -> Request:
    return Request(service=service, method=method, path=path)


class Provider:
    """Counts what took effect behind the faults, as `Simulation.handle` does."""

    def __init__(self, *faults: Fault) -> None:
        self.faults, self.effects = Faults(), 0
        self.faults.planned.extend(faults)

    def handle(self, request: Request) -> Reply:
        kind = self.faults.due(request)
        if kind and (instead := self.faults.instead(kind, request)):
            return instead
        self.effects += 1
        return self.faults.afterwards(kind, request, Reply(status=201, body={"effect": self.effects}))


def fault(kind: Any, **more: Any) -> Fault:
    return Fault(service="runpod_jobs", kind=kind, **more)


def test_every_kind_either_keeps_the_call_from_taking_effect_or_spoils_its_reply() -> None:
    assert {*NO_EFFECT, *EFFECT, "stale"} == set(get_args(FaultKind))


@pytest.mark.parametrize("kind", NO_EFFECT)
def test_a_refused_call_took_no_effect_and_the_next_one_does(kind: str) -> None:
    provider = Provider(fault(kind))
    first, second = provider.handle(call()), provider.handle(call())
    assert first.status >= 400 or first.cut
    assert second.body == {"effect": 1}


@pytest.mark.parametrize("kind", EFFECT)
def test_a_spoilt_reply_belongs_to_a_call_that_took_effect(kind: str) -> None:
    provider = Provider(fault(kind))
    first, second = provider.handle(call()), provider.handle(call())
    assert first.body != {"effect": 1}
    assert second.body == {"effect": 2}


@pytest.mark.parametrize(
    ("kind", "status", "cut", "header"),
    [
        ("unauthorized", 401, None, None),
        ("rate_limited", 429, None, None),
        ("rate_limited_hint", 429, None, "3"),
        ("server_error", 500, None, None),
        ("unavailable", 503, None, None),
        ("drop", 200, "reset", None),
        ("hang", 200, "hang", None),
        ("lost_reply", 200, "reset", None),
        ("hang_after", 200, "hang", None),
        ("garbage", 200, None, None),
        ("oversized", 200, None, None),
        ("nested", 200, None, None),
        ("elsewhere", 303, None, None),
    ],
)
def test_what_the_caller_sees_of_a_fault(kind: str, status: int, cut: str | None, header: str | None) -> None:
    reply = Provider(fault(kind)).handle(call())
    assert (reply.status, reply.cut, reply.headers.get("Retry-After")) == (status, cut, header)


def test_garbage_is_no_json() -> None:
    body, headers = Provider(fault("garbage")).handle(call()).encoded()
    assert body.startswith(b"<html>")
    assert headers["content-type"].startswith("text/plain")


def test_an_oversized_reply_has_33_mib_and_a_nested_one_100_000_levels() -> None:
    body, _ = Provider(fault("oversized")).handle(call()).encoded()
    assert 33 * 2**20 - 5 <= len(body) <= 33 * 2**20
    body, _ = Provider(fault("nested")).handle(call()).encoded()
    assert body == b"[" * 100_000 + b"]" * 100_000


def test_the_redirect_leads_where_nobody_may_be_sent() -> None:
    assert Provider(fault("elsewhere")).handle(call()).headers["Location"].startswith("http://169.254.169.254/")


def test_a_stale_reply_is_the_one_before_to_the_same_call() -> None:
    provider = Provider(fault("stale", skip=2))
    first = provider.handle(call(path="/v2/e1/status/j1"))
    provider.handle(call(path="/v2/e1/status/j2"))
    assert provider.handle(call(path="/v2/e1/status/j1")) is first
    assert provider.effects == 2


def test_a_stale_reply_to_a_call_never_made_before_is_no_fault() -> None:
    provider = Provider(fault("stale"))
    assert provider.handle(call()).body == {"effect": 1}
    assert provider.handle(call()).body == {"effect": 2}


def test_only_so_many_replies_are_kept_and_those_of_the_latest_calls() -> None:
    provider = Provider()
    for number in range(500):
        provider.handle(call("GET", f"/status/{number}"))
        provider.handle(call("GET", "/polled"))
    provider.faults.planned += [fault("stale", times=2), fault("stale", call="/status/0$")]
    assert provider.handle(call("GET", "/polled")).body == {"effect": 1000}
    assert provider.handle(call("GET", "/status/499")).body == {"effect": 999}
    assert provider.handle(call("GET", "/status/0")).body == {"effect": 1001}  # long forgotten: took effect anew


def test_a_fault_skips_first_and_then_comes_so_many_times() -> None:
    provider = Provider(fault("server_error", skip=2, times=3))
    statuses = [provider.handle(call()).status for _ in range(7)]
    assert statuses == [201, 201, 500, 500, 500, 201, 201]


def test_a_fault_waits_for_its_own_service_and_call() -> None:
    provider = Provider(Fault(service="vast_console", kind="server_error"), fault("unavailable", call=r"POST .*/run$"))
    assert provider.handle(call("GET", "/v2/e1/health")).status == 201
    assert provider.handle(call("POST", "/v2/e1/runsync")).status == 201
    assert provider.handle(call("POST", "/v2/e1/run")).status == 503
    assert provider.handle(call(service="vast_console")).status == 500


def test_two_faults_on_one_call_come_one_after_the_other() -> None:
    provider = Provider(fault("server_error"), fault("rate_limited"))
    assert [provider.handle(call()).status for _ in range(3)] == [500, 429, 201]


def test_a_fault_that_skips_lets_the_next_one_have_its_turn() -> None:
    provider = Provider(fault("server_error", skip=1), fault("rate_limited"))
    assert [provider.handle(call()).status for _ in range(3)] == [429, 500, 201]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "earthquake"},
        {"kind": "drop", "call": "("},
        {"kind": "drop", "times": "3"},
        {"kind": "drop", "skip": -1},
        {"kind": "drop", "times": True},
    ],
)
def test_a_fault_that_cannot_be_is_refused_when_it_is_planned(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"fault|pattern"):
        Fault(service="runpod_jobs", **wrong)
