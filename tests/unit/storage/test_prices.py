"""Offers are kept as they were: a price of its own row, moved on while it stands, and a list price as last resort."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from sqlmodel import Session, select

from analysis.focus_prices import LISTED
from analysis.lives import LAWS
from analysis.prices import OFFERS
from storage.list_prices import bought, list_prices, listed
from storage.models import Backend, Event, Offer
from storage.prices import PRICE, keep_list_prices, keep_offers, offers, told_at
from tests.unit.storage.rows import AT, after, copied


@pytest.fixture
def session(tmp_path: Path) -> Session:
    with Session(copied(tmp_path / "x.db")) as session:
        session.add(Backend(name="vast", provider="vast", simulated=True))
        yield session


def row(usd: str = "0.5", at_s: float = 0, **said: object) -> Offer:
    return Offer(
        **{
            "backend": "vast", "gpu": "L40S", "offer_id": "1", "unit": "h", "usd_per_unit": Decimal(usd),
            "usd_per_s": Decimal(usd) / 3600, "source": "offer row", "seen_at": after(at_s),
            "detail": {"storage_usd_per_s": "0.000001", "reliability": 0.99}, **said,
        }
    )  # fmt: skip


def test_a_price_that_stands_is_moved_on_and_another_is_a_new_row(session: Session) -> None:
    assert keep_offers(session, [row()]) == {"L40S"}
    assert keep_offers(session, [row(at_s=900)]) == set()
    assert keep_offers(session, [row("0.6", at_s=1800)]) == {"L40S"}
    found = offers(session)
    assert found.schema == OFFERS
    assert found.select("usd_per_unit_nano", "first_seen_at", "seen_at", "simulated").rows() == [
        (500_000_000, AT, after(900), True),
        (600_000_000, after(1800), after(1800), True),
    ]


@pytest.mark.parametrize(
    ("said", "new"),
    [
        ({"detail": {"storage_usd_per_s": "0.000002"}}, True),
        ({"detail": {"storage_usd_per_s": "0.000001", "network_usd_per_gb": "0.002"}}, True),
        ({"detail": {"storage_usd_per_s": "0.000001", "reliability": 0.5}}, False),
        ({"usd_per_s": Decimal("0.0002")}, True),
        ({"gpu": "H100"}, True),
        ({"backend": "runpod"}, True),
    ],
    ids=str,
)
def test_whoever_rented_at_a_price_keeps_it_its_disk_and_network_too(
    session: Session, said: dict[str, object], new: bool
) -> None:
    keep_offers(session, [row()])
    keep_offers(session, [row(at_s=900, **said)])
    assert len(session.exec(select(Offer)).all()) == 1 + new


def test_a_price_that_comes_back_is_a_new_row_again(session: Session) -> None:
    for i, usd in enumerate(("0.5", "0.6", "0.5")):
        keep_offers(session, [row(usd, at_s=900 * i)])
    assert offers(session)["usd_per_unit_nano"].to_list() == [500_000_000, 600_000_000, 500_000_000]


def test_only_the_asked_backend_and_gpu_are_read(session: Session) -> None:
    keep_offers(session, [row(), row(gpu="H100"), row(backend="runpod")])
    assert offers(session, backend="vast", gpu="H100").select("backend", "gpu").rows() == [("vast", "H100")]
    assert offers(session, backend="fal").is_empty()


def test_a_backend_that_never_said_a_price_has_the_dated_list_price(session: Session) -> None:
    keep_list_prices(session, "modal", ["L40S", "no such GPU"], now=AT)
    keep_list_prices(session, "modal", ["L40S"], now=after(900))
    (listed,) = session.exec(select(Offer)).all()
    assert listed.source == "list price: modal.com/pricing, as transcribed, 2026-07-01"
    assert f"{listed.first_seen_at:%Y-%m-%d}" == "2026-07-01"
    assert listed.seen_at == after(900)
    assert (listed.usd_per_unit, listed.usd_per_s) == (Decimal("0.000542"), Decimal("0.00066544"))


def test_a_market_has_both_ends_of_its_list_price(session: Session) -> None:
    keep_list_prices(session, "vast", ["L40S"], now=AT)
    assert offers(session)["usd_per_unit_nano"].to_list() == [400_000_000, 600_000_000]


def test_a_price_that_a_provider_said_itself_is_never_joined_by_its_list_price(session: Session) -> None:
    keep_offers(session, [row()])
    keep_list_prices(session, "vast", ["L40S", "H100"], now=after(900))
    assert session.exec(select(Offer.gpu).order_by(Offer.id)).all() == ["L40S", "H100", "H100"]


def test_the_list_is_whole_and_what_it_says_is_money() -> None:
    prices = list_prices()
    assert {price.backend for price in prices} == {"modal", "runpod", "vast"}
    assert len({(price.backend, price.offer_id) for price in prices}) == len(prices)
    assert all(0 < price.usd_per_s < Decimal("0.01") for price in prices)
    by_gpu = {(price.backend, price.gpu): price for price in prices}
    assert by_gpu["runpod", "L40S"].usd_per_s == Decimal("0.00053")
    assert by_gpu["vast", "H100"].usd_per_s == Decimal("2.53") / 3600, "the upper end comes last"


def test_an_image_that_can_be_bought_has_its_price_with_source_and_date_for_its_workflow_alone() -> None:
    (line,) = bought("flux-dev")
    assert (line.name, line.usd_per_image_nano) == ("FAL flux/dev", 25_000_000)
    assert line.source == "list price: what production's own program pays for its fallback, 2026-02-07"
    assert bought("qwen-image-2512") == ()


def test_a_modal_container_costs_its_gpu_with_the_cores_and_the_memory_that_we_order() -> None:
    (l40s,) = [price for price in list_prices() if (price.backend, price.gpu) == ("modal", "L40S")]
    assert (l40s.usd_per_unit, l40s.usd_per_s) == (Decimal("0.000542"), Decimal("0.00066544"))


def test_what_is_billed_beside_a_gpu_has_one_list_price_that_the_page_and_the_law_agree_with() -> None:
    assert listed().schema == pl.Schema(LISTED)
    prices = {(row["provider"], row["sku"]): (row["listed"], row["listed_unit"]) for row in listed().to_dicts()}
    assert prices == {
        ("modal", "cpu"): (Decimal("0.0000131"), "Core-Seconds"),
        ("modal", "memory"): (Decimal("0.00000222"), "GiB-Seconds"),
        ("runpod", "disk"): (Decimal("0.10"), "GB-Months"),
    }
    page = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "focus.md").read_text(encoding="utf-8")
    assert [price for price, _ in prices.values() if f"{price.normalize():f}" not in page] == []
    disk = LAWS["runpod"].disk
    assert disk is not None
    assert disk.nano_per_gb_month == prices["runpod", "disk"][0] * 10**9


def test_when_a_change_was_last_told_is_found_by_how_its_sentence_begins(session: Session) -> None:
    session.add(Event(at=AT, kind=PRICE, text="Vast.ai L40S: old"))
    session.add(Event(at=after(5), kind=PRICE, text="Vast.ai L40S: new"))
    session.add(Event(at=after(9), kind="other", text="Vast.ai L40S: else"))
    assert told_at(session, "Vast.ai L40S:") == after(5)
    assert told_at(session, "Vast.ai L4:") is None
