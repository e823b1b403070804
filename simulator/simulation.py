"""One simulated world behind one door: a request comes in at a world instant, a reply goes out."""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from clock import Clock, to_us
from simulator.engine import Engine
from simulator.faults import Fault, Faults
from simulator.ledger import Ledger
from simulator.modal.cloud import ModalCloud
from simulator.runpod.cloud import RunpodCloud
from simulator.site import Site
from simulator.studio import StillPainting, Studio
from simulator.vast.cloud import VastCloud
from simulator.wire import Reply, Request
from simulator.world import World

_R = TypeVar("_R")
_NAP_S = 5.0  # world seconds after which a held request looks again, should another call have made news


class Simulation:
    """The providers, their ledger and the faults to come. Draws everything from `world` and `seed`."""

    def __init__(
        self, world: World, *, seed: int, studio: Studio, now: datetime, keys: Mapping[str, str] | None = None
    ) -> None:
        self.engine, self.ledger, self.faults = Engine(to_us(now)), Ledger(), Faults()
        self.site = Site(
            world=world,
            seed=seed,
            engine=self.engine,
            ledger=self.ledger,
            studio=studio,
            keys=keys or {},
        )
        self.runpod, self.vast, self.modal = (
            RunpodCloud(self.site),
            VastCloud(self.site),
            ModalCloud(self.site),
        )
        self.ledger.books = [self.runpod, self.vast, self.modal]

    def handle(self, request: Request, now: datetime) -> Reply:
        """Bring the world to `now`, apply the fault that is due, answer."""
        self.engine.advance(to_us(now))
        kind = self.faults.due(request)
        if kind and (instead := self.faults.instead(kind, request)):
            return instead
        try:
            reply = self._answer(request)
        except StillPainting:
            self.faults.put_back()  # the carrier asks again once the picture is there
            raise
        return self.faults.afterwards(kind, request, reply)

    def _answer(self, request: Request) -> Reply:
        if request.service == "control":
            return self._control(request)
        for cloud in (self.runpod, self.vast, self.modal):
            if request.service in cloud.services:
                return cloud.handle(request)
        return Reply(status=404, body=f"no such service: {request.service}")

    def _control(self, request: Request) -> Reply:
        match request.method, request.path:
            case "GET", "/health":
                return Reply(
                    body={
                        "ok": True,
                        "simulated": True,
                        "world": self.site.world.name,
                        "seed": self.site.seed,
                    }
                )
            case "GET", "/ledger":
                return Reply(body=self.ledger.as_json())
            case "GET", "/truth":
                return Reply(body=self.ledger.as_json()["truth"])
            case "POST", "/faults":
                return self._plan_faults(request)
            case "POST", "/odd-bills":
                return self._plan_odd_bills(request)
        known = "/health, /ledger, /truth, POST /faults and POST /odd-bills"
        return Reply(status=404, body={"error": f"The control address knows {known}."})

    def _plan_odd_bills(self, request: Request) -> Reply:
        try:
            self.site.odd_bills.plan(request.json())
        except (AttributeError, TypeError, ValueError) as error:
            return Reply(status=422, body={"error": f"{error} Send provider -> list of kinds, all of them each time."})
        return Reply(status=201, body={"planned": len(self.site.odd_bills.planned)})

    def _plan_faults(self, request: Request) -> Reply:
        try:
            faults = [Fault(**fault) for fault in request.json()]
        except (TypeError, ValueError) as error:
            fields = ", ".join(field.name for field in dataclasses.fields(Fault))
            return Reply(status=422, body={"error": f"{error} A fault has the fields {fields}."})
        self.faults.planned.extend(faults)
        return Reply(status=201, body={"planned": len(faults)})


async def carry(simulation: Simulation, request: Request, clock: Clock) -> Reply:
    """Answer, holding a long poll as long as it asks for, and a reply until its picture is painted."""
    reply = await _painted(lambda: simulation.handle(request, clock.now()))
    while reply.hold is not None:
        now_us = to_us(clock.now())
        simulation.engine.advance(now_us)
        if (news := await _painted(reply.hold)) is not None:
            return news
        if now_us >= reply.hold_until_us:
            return dataclasses.replace(reply, hold=None)
        next_us = simulation.engine.next_us() or reply.hold_until_us
        await clock.sleep(min((min(next_us, reply.hold_until_us) - now_us) / 1e6, _NAP_S))
    return reply


async def _painted(ask: Callable[[], _R]) -> _R:
    """What `ask` gives; asked again once its picture is there. Only reads need a picture, so asking twice is safe."""
    while True:
        try:
            return ask()
        except StillPainting as wait:
            await asyncio.wrap_future(wait.painted)
