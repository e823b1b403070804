"""One door to a whole world: the control address, faults on the way, long polls, and the transport without sockets."""

import asyncio
import json
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest

from clock import VirtualClock, to_us
from simulator.engine import US, Engine
from simulator.faults import Fault
from simulator.inprocess import InProcessTransport
from simulator.simulation import Simulation, carry
from simulator.studio import InlineStudio, StillPainting
from simulator.wire import Reply, Request
from simulator.world import load_world
from tests.virtual import EPOCH, run


def simulation(**more: Any) -> Simulation:
    return Simulation(load_world("quiet"), seed=3, studio=InlineStudio(), now=EPOCH, **more)


def control(method: str, path: str, body: object = None) -> Request:
    return Request(service="control", method=method, path=path, body=json.dumps(body).encode())


# ---------------------------------------------------------------- the control address


def test_health_says_that_it_is_simulated_and_which_world() -> None:
    reply = simulation().handle(control("GET", "/health"), EPOCH)
    assert reply.body == {"ok": True, "simulated": True, "world": "quiet", "seed": 3}


def test_a_fresh_ledger_is_empty_and_marked() -> None:
    fresh = simulation()
    assert fresh.handle(control("GET", "/truth"), EPOCH).body == {
        "jobs": 0,
        "paid_calls": 0,
        "cells": [],
        "deployments": [],
    }
    assert fresh.handle(control("GET", "/ledger"), EPOCH).body["simulated"] is True


def test_planned_faults_hit_the_next_calls() -> None:
    world = simulation()
    planned = [{"service": "runpod_rest", "kind": "unavailable", "times": 2}]
    assert world.handle(control("POST", "/faults", planned), EPOCH).body == {"planned": 1}
    call = Request(service="runpod_rest", method="GET", path="/v2/serverless", headers={"authorization": "Bearer k"})
    assert [world.handle(call, EPOCH).status for _ in range(3)][:2] == [503, 503]
    assert world.handle(call, EPOCH).status != 503


@pytest.mark.parametrize(
    "body",
    [
        [{"service": "runpod_rest", "kind": "earthquake"}],
        [{"service": "runpod_rest", "kind": "drop", "call": "("}],
        [{"kind": "drop"}],
        [{"service": "x", "kind": "drop", "colour": "red"}],
        {"service": "x"},
        None,
        "drop",
        7,
    ],
)
def test_a_fault_that_cannot_be_is_answered_with_how_one_looks(body: object) -> None:
    world = simulation()
    reply = world.handle(control("POST", "/faults", body), EPOCH)
    assert reply.status == 422
    assert "service, call, kind, times, skip" in reply.body["error"]
    assert world.faults.planned == []


def test_an_unreadable_body_is_answered_too() -> None:
    request = Request(service="control", method="POST", path="/faults", body=b"\xff{")
    assert simulation().handle(request, EPOCH).status == 422


@pytest.mark.parametrize("service", ["control", "nobody"])
def test_what_is_not_there_is_404(service: str) -> None:
    assert simulation().handle(Request(service=service, method="GET", path="/nowhere"), EPOCH).status == 404


def test_every_call_brings_the_world_to_its_instant() -> None:
    world = simulation()
    world.handle(control("GET", "/health"), EPOCH + timedelta(hours=1))
    assert world.engine.now_us == to_us(EPOCH + timedelta(hours=1))


# ---------------------------------------------------------------- holding


@dataclass
class Holder:
    """Stands for a simulation whose one reply is held until `news_us`, or for ever."""

    engine: Engine
    news_us: int | None
    until_us: int
    asked_us: list[int] = field(default_factory=list)

    def handle(self, _request: Request, now: Any) -> Reply:
        self.engine.advance(to_us(now))
        return Reply(body="nothing new", hold=self.look, hold_until_us=self.until_us)

    def look(self) -> Reply | None:
        self.asked_us.append(self.engine.now_us)
        ready = self.news_us is not None and self.engine.now_us >= self.news_us
        return Reply(body="news") if ready else None


def held(news_s: float | None, until_s: float, *, event_s: float | None = None) -> tuple[Any, float, int]:
    """What comes back from a held request, after how many world seconds, and after how many looks."""

    async def scenario(clock: VirtualClock) -> tuple[Any, float, int]:
        start_us = to_us(clock.now())
        engine = Engine(start_us)
        if event_s is not None:
            engine.after(round(event_s * US), lambda: None)
        news_us = None if news_s is None else start_us + round(news_s * US)
        holder = Holder(engine, news_us, start_us + round(until_s * US))
        reply = await carry(holder, control("GET", "/x"), clock)  # type: ignore[arg-type]
        assert reply.hold is None
        return reply.body, (clock.now() - EPOCH).total_seconds(), len(holder.asked_us)

    return run(scenario)


def test_news_that_is_there_already_comes_at_once() -> None:
    assert held(0, 20) == ("news", 0, 1)


def test_news_comes_at_the_very_instant_of_the_event_that_makes_it() -> None:
    assert held(7.25, 20, event_s=7.25)[:2] == ("news", 7.25)


def test_news_without_an_event_is_found_within_a_nap() -> None:
    body, after_s, _ = held(7.25, 20)
    assert body == "news"
    assert 7.25 <= after_s <= 12.25


def test_without_news_the_first_reply_comes_when_the_hold_is_over() -> None:
    assert held(None, 20)[:2] == ("nothing new", 20)
    assert held(None, 0) == ("nothing new", 0, 1)


def test_a_held_request_looks_seldom() -> None:
    assert held(None, 20)[2] <= 6


def test_a_leap_ends_a_hold_whose_time_has_passed() -> None:
    async def scenario(clock: VirtualClock) -> tuple[Any, float]:
        start_us = to_us(clock.now())
        holder = Holder(Engine(start_us), None, start_us + 20 * US)
        task = asyncio.create_task(carry(holder, control("GET", "/x"), clock))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        clock.leap(EPOCH + timedelta(days=1))
        return (await task).body, clock.alive_s()

    assert run(scenario) == ("nothing new", 0)


# ---------------------------------------------------------------- pictures still being painted


def test_a_fault_is_not_used_up_by_a_reply_that_waits_for_its_picture() -> None:
    """The carrier asks again once the picture is there; the fault that was due then is due now."""
    world, picture = simulation(), Future[bytes]()

    class Easel:
        services = frozenset({"easel"})
        effects = 0

        def handle(self, _request: Request) -> Reply:
            if not picture.done():
                raise StillPainting(picture)
            self.effects += 1
            return Reply(body=picture.result())

    easel = Easel()
    world.runpod = easel  # type: ignore[assignment]
    world.faults.planned.append(Fault(service="easel", kind="lost_reply"))
    call = Request(service="easel", method="GET", path="/status")
    with pytest.raises(StillPainting):
        world.handle(call, EPOCH)
    picture.set_result(b"PNG")
    assert world.handle(call, EPOCH).cut == "reset"
    assert world.handle(call, EPOCH).body == b"PNG"
    assert easel.effects == 2


# ---------------------------------------------------------------- without sockets


def through_transport(world: Simulation, scenario: Any) -> Any:
    async def scene(clock: VirtualClock) -> Any:
        transport = InProcessTransport(world, clock)
        async with httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(20)) as client:
            return await scenario(client, clock)

    return run(scene)


def test_a_providers_own_host_leads_to_its_simulation() -> None:
    async def scenario(client: httpx.AsyncClient, _clock: VirtualClock) -> list[int]:
        hosts = ("api.runpod.ai/v2/x/health", "api.runpod.io/v2/serverless", "console.vast.ai/api/v1/instances/")
        return [(await client.get(f"https://{host}")).status_code for host in hosts]

    assert all(status in (401, 403, 404) for status in through_transport(simulation(), scenario))


def test_the_control_host_answers_json() -> None:
    async def scenario(client: httpx.AsyncClient, _clock: VirtualClock) -> Any:
        return (await client.get("https://control.simulator/health")).json()

    assert through_transport(simulation(), scenario)["world"] == "quiet"


@pytest.mark.parametrize(
    ("kind", "error", "after_s"),
    [("drop", httpx.ReadError, 0), ("hang", httpx.ReadTimeout, 20), ("lost_reply", httpx.ReadError, 0)],
)
def test_a_cut_connection_looks_as_it_does_on_a_socket(kind: Any, error: type[Exception], after_s: float) -> None:
    world = simulation()
    world.faults.planned.append(Fault(service="control", kind=kind))

    async def scenario(client: httpx.AsyncClient, clock: VirtualClock) -> float:
        with pytest.raises(error):
            await client.get("https://control.simulator/health")
        return clock.alive_s()

    assert through_transport(world, scenario) == after_s


@pytest.mark.parametrize(
    ("reply", "body", "kind"),
    [
        (Reply(body={"a": 1}), b'{"a": 1}', "application/json"),
        (Reply(body=[]), b"[]", "application/json"),
        (Reply(body="text"), b"text", "text/plain; charset=utf-8"),
        (Reply(body=b"\x00"), b"\x00", "application/octet-stream"),
        (Reply(body=b"\x89PNG", headers={"Content-Type": "image/png"}), b"\x89PNG", "image/png"),
        (Reply(), b"", None),
    ],
)
def test_a_reply_is_encoded_by_what_it_is(reply: Reply, body: bytes, kind: str | None) -> None:
    encoded, headers = reply.encoded()
    assert (encoded, headers.get("content-type")) == (body, kind)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("Bearer ", None),
        ("Bearer", None),
        ("Basic abc", None),
        ("abc", None),
        ("", None),
    ],
)
def test_a_bearer_token_is_read_from_its_header(header: str, token: str | None) -> None:
    request = Request(service="x", method="GET", path="/", headers={"authorization": header})
    assert request.bearer == token


@pytest.mark.parametrize(("sent", "accepted"), [("right", True), ("wrong", False), (None, False)])
def test_a_provider_with_a_key_accepts_that_one_alone(sent: str | None, accepted: bool) -> None:
    site = simulation(keys={"vast": "right"}).site
    headers = {"authorization": f"Bearer {sent}"} if sent else {}
    request = Request(service="vast_console", method="GET", path="/", headers=headers)
    assert site.key_accepted("vast", request) is accepted
    assert site.key_accepted("runpod", request) is (sent is not None)  # no key set: any will do, none will not


def test_odd_bills_are_planned_by_the_control_address_and_hold_until_the_next_plan() -> None:
    world = simulation()
    assert world.handle(control("POST", "/odd-bills", {"vast": ["loop", "text"]}), EPOCH).body == {"planned": 1}
    assert world.site.odd_bills.has("vast", "loop")
    assert not world.site.odd_bills.has("runpod", "loop")
    assert world.handle(control("POST", "/odd-bills", {}), EPOCH).status == 201
    assert not world.site.odd_bills.has("vast", "loop")


@pytest.mark.parametrize("body", [{"vast": ["unheard of"]}, {"vast": 7}, ["vast"]])
def test_an_odd_bill_that_there_is_not_is_refused_with_what_there_is(body: object) -> None:
    reply = simulation().handle(control("POST", "/odd-bills", body), EPOCH)
    assert reply.status == 422
    assert "provider -> list of kinds" in reply.body["error"]
