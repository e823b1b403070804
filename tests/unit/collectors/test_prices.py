"""Prices are asked for again and again: their history stays, a change that matters is told once, silence has a list."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from sqlmodel import Session, select

from backends.errors import AuthFailed, InvalidRequest, NoCapacity
from clock import Clock
from collectors import prices
from storage.models import Backend, Event, Offer
from tests.unit.collectors.fakes import RATE, Desk, FakeBackend, play
from words import Provider


@dataclass
class Left:
    """What is in the tables afterwards."""

    told: list[str]
    offers: list[Offer]
    states: list[str]


def scene(tmp_path: Path, script: Callable[[Desk], Awaitable[None]], **given: object) -> Left:
    def runpod(clock: Clock) -> FakeBackend:
        return FakeBackend(clock, **{"name": "runpod", "gpus": ("L40S",), "offers_each": 1, **given})

    async def scenario(desk: Desk) -> Left:
        await script(desk)
        told = [event.text for event in desk.rows(Event) if event.kind == "price"]
        with Session(desk.engine) as session:
            return Left(told, desk.rows(Offer), [row.state for row in session.exec(select(Backend))])

    return play(tmp_path, scenario, runpod)


async def ask_at(desk: Desk, *rates: Decimal) -> None:
    """A refresh at each of these prices, an hour apart."""
    for rate in rates:
        desk.backend.rate = rate
        await prices.refresh(desk.ctx)
        await desk.clock.sleep(3600)


def test_a_larger_change_is_told_once_with_both_prices(tmp_path: Path) -> None:
    async def script(desk: Desk) -> None:
        await ask_at(desk, RATE, RATE, RATE * 2, RATE * 2, RATE * 2)

    left = scene(tmp_path, script)
    assert left.told == ["Runpod L40S: the price went from $1.800 to $3.600 an hour (+100.0 %); fake."]
    assert [offer.usd_per_s for offer in left.offers if offer.source == "fake"] == [RATE, RATE * 2]


def test_small_changes_that_add_up_are_told_once_they_matter(tmp_path: Path) -> None:
    async def script(desk: Desk) -> None:
        await ask_at(desk, *(RATE * percent / 100 for percent in (100, 103, 106, 109, 112)))

    left = scene(tmp_path, script)
    first, second = left.told
    assert "from $1.800 to $1.908 an hour (+6.0 %)" in first
    assert "from $1.908 to $2.016 an hour (+5.7 %)" in second


def test_of_a_market_only_the_median_counts(tmp_path: Path) -> None:
    async def script(desk: Desk) -> None:
        await ask_at(desk, RATE)
        desk.backend.offers_each = 6  # dearer ones come
        await ask_at(desk, RATE)

    left = scene(tmp_path, script, name="vast", provider=Provider.VAST, offers_each=5)
    assert left.told == []
    assert len([offer for offer in left.offers if offer.gpu == "L40S"]) == 6


def test_a_backend_that_says_no_price_has_the_list_price_until_it_says_one(tmp_path: Path) -> None:
    async def script(desk: Desk) -> None:
        desk.backend.plan("offers", NoCapacity("Runpod has no H100 now."))
        await prices.refresh(desk.ctx)
        desk.backend.gpus = ("L40S", "H100")
        await ask_at(desk, RATE)

    left = scene(tmp_path, script)
    listed = {(offer.gpu, offer.source.startswith("list price")) for offer in left.offers}
    assert listed == {("H100", True), ("L40S", True), ("H100", False), ("L40S", False)}
    assert left.told == [], "that a list differs from a price is no change of the price"


def test_a_refused_key_is_the_backends_state_and_a_gpu_that_it_has_not_is_none_of_its_faults(tmp_path: Path) -> None:
    async def script(desk: Desk) -> None:
        desk.backend.plan("offers", InvalidRequest("no H100 here"), AuthFailed("Runpod key refused (401)."))
        await prices.refresh(desk.ctx)

    left = scene(tmp_path, script)
    assert left.states == ["Runpod key refused (401)."]
    assert [offer.gpu for offer in left.offers] == ["L40S"], "and that one from the list"


def test_a_collector_that_begins_anew_tells_no_change_again(tmp_path: Path) -> None:
    async def script(desk: Desk) -> None:
        await ask_at(desk, RATE, RATE * 2)
        again = desk.restart()
        await prices.refresh(again.ctx)

    assert len(scene(tmp_path, script).told) == 1
