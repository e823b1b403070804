"""Layers over prices: their order, what they may not be, and that without them everything is as it was."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import bases, compare, cost, layers
from analysis.layers import Layer, RefusedLayer
from tests.unit.analysis.samples import AT, RATE, after, charge, charges
from tests.unit.analysis.test_ledgers import MODAL_LEDGER, RUNPOD_LEDGER, VAST_LEDGER
from words import LayerKind

LEDGERS = tuple(
    pl.concat([frame.with_columns(pl.lit(i, pl.Int64).alias("deployment_id")) for i, frame in enumerate(parts, 1)])
    for parts in zip(MODAL_LEDGER, RUNPOD_LEDGER, VAST_LEDGER, strict=True)
)
KNOWN = ("modal", "runpod", "vast")


def layer(kind: LayerKind = LayerKind.OVERRIDE, **said: Any) -> Layer:
    figure: dict[str, Any] = {
        LayerKind.DISCOUNT: {"percent": 20.0},
        LayerKind.CREDIT: {"monthly_usd": Decimal(30)},
        LayerKind.COMMITTED: {"usd_per_s": Decimal("0.0004")},
        LayerKind.OVERRIDE: {"usd_per_s": Decimal("0.0003")},
    }[kind]
    return Layer(
        **{"name": kind.value, "kind": kind, "backend": "runpod", "valid_from": AT - timedelta(1), **figure, **said}
    )


def priced(*made: Layer, **said: Any) -> tuple[int, tuple[str, ...]]:
    found = layers.rate(RATE, made, **{"backend": "runpod", "gpu": "L40S", "at": AT} | said)
    return found.nano, found.layers


def test_discounts_multiply_and_a_net_price_is_discounted_by_none() -> None:
    off, more = layer(LayerKind.DISCOUNT), layer(LayerKind.DISCOUNT, name="more", percent=10.0, valid_from=AT)
    agreed, own = layer(LayerKind.COMMITTED), layer()
    assert priced(off) == (424_000, ("discount",))
    assert priced(more, off) == (381_600, ("discount", "more"))
    assert priced(agreed, off, more) == (400_000, ("committed",))
    assert priced(own, agreed, off) == priced(off, agreed, own) == (300_000, ("override",))
    assert priced(layer(LayerKind.CREDIT)) == priced() == (RATE, ())


def test_of_several_prices_the_one_for_the_gpu_counts_then_the_later_one() -> None:
    late = layer(name="late", usd_per_s=Decimal("0.0002"), valid_from=AT)
    own = layer(name="l40s", usd_per_s=Decimal("0.0001"), gpu="L40S", valid_from=AT - timedelta(9))
    assert priced(late, layer())[1] == ("late",)
    assert priced(late, own)[1] == ("l40s",)
    assert priced(late, own, gpu="H100")[1] == ("late",)


@pytest.mark.parametrize(
    "other",
    [
        {"revoked_at": AT},
        {"backend": "modal"},
        {"gpu": "H100"},
        {"valid_from": after(1)},
        {"valid_to": AT},
    ],
)
def test_a_layer_holds_in_its_time_for_its_backend_and_gpu_until_it_is_revoked(other: dict[str, Any]) -> None:
    assert priced(layer(**other)) == (RATE, ())
    assert priced(layer(valid_from=AT, valid_to=after(0.001))) == (300_000, ("override",))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"usd_per_s": Decimal("-0.0005")}, "It must be above zero, and -0.0005 dollars a second is not."),
        ({"usd_per_s": Decimal(0)}, "It must be above zero, and 0 dollars a second is not."),
        ({"usd_per_s": Decimal("NaN")}, "NaN is no number of dollars a second."),
        ({"usd_per_s": Decimal("1e-10")}, "1E-10 dollars a second is less than a nano-dollar: it would be nothing."),
        ({"usd_per_s": None}, "A layer of the kind override needs dollars a second."),
        ({"percent": 5.0}, "A layer of the kind override says nothing in per cent."),
        ({"valid_to": AT - timedelta(1)}, "It ends on 2026-11-22 12:00, not after it begins."),
        ({"backend": "runpud"}, "No backend is called 'runpud'. Known: modal, runpod, vast."),
        ({"name": " "}, "A layer needs a name: it stands beside every number that it changes."),
    ],
)
def test_what_makes_no_price_is_refused_with_a_sentence(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RefusedLayer, match="^" + sentence.replace(".", r"\.") + "$"):
        layers.check(layer(**said), backends=KNOWN)


@pytest.mark.parametrize("percent", [100.0, 250.0])
def test_a_discount_of_everything_is_refused(percent: float) -> None:
    with pytest.raises(RefusedLayer, match="would make the price of Runpod nothing, or less"):
        layers.check(layer(LayerKind.DISCOUNT, percent=percent), backends=KNOWN)


@pytest.mark.parametrize("kind", list(LayerKind))
def test_every_kind_that_says_what_it_should_is_taken(kind: LayerKind) -> None:
    layers.check(layer(kind), backends=KNOWN)
    least = {"monthly_usd": Decimal(100)}
    if kind in (LayerKind.COMMITTED, LayerKind.CREDIT):
        layers.check(layer(kind, **least), backends=KNOWN)
    with pytest.raises(RefusedLayer, match="for one GPU"):
        layers.check(layer(LayerKind.CREDIT, gpu="L40S"), backends=KNOWN)


def test_everything_is_computed_again_at_the_new_price() -> None:
    relaid = layers.relaid(*LEDGERS, [layer(usd_per_s=Decimal("0.000265"))])  # half of it
    before, now = (cost.waterfall(*frames) for frames in (LEDGERS, relaid[:3]))
    old, new = (frame.filter(backend="runpod").row(0, named=True) for frame in (before, now))
    for part in ("good", "failed", "cold", "idle"):
        assert new[f"{part}_nano"] == old[f"{part}_nano"] / 2, part
    for part in ("storage", "fee"):
        assert new[f"{part}_nano"] == old[f"{part}_nano"], part
    assert new["unexplained_nano"] == 530_000 // 2 + 5_753_425
    assert new["cost_state"] == "estimated"
    assert before.filter(pl.col("backend") != "runpod").equals(now.filter(pl.col("backend") != "runpod"))
    assert relaid.rates.rows() == [(2, "runpod", "L40S", RATE, 265_000, ["override"])]
    marginal = [bases.bases(*frames).filter(backend="runpod", basis="marginal") for frames in (LEDGERS, relaid[:3])]
    assert marginal[1]["usd"].to_list() == pytest.approx([usd / 2 for usd in marginal[0]["usd"].to_list()])


def test_an_estimate_that_was_kept_is_made_again() -> None:
    kept = LEDGERS[1].with_columns(estimated_nano=pl.lit(7, pl.Int64))
    relaid = layers.relaid(LEDGERS[0], kept, LEDGERS[2], [layer()])
    assert relaid.jobs.filter(deployment_id=2)["estimated_nano"].null_count() == 5
    assert relaid.jobs.filter(deployment_id=1)["estimated_nano"].to_list() == [7] * 5


@pytest.mark.parametrize("gone", [[], [layer(revoked_at=AT)], [layer(LayerKind.CREDIT)]])
def test_without_a_layer_everything_is_as_it_was(gone: list[Layer]) -> None:
    relaid = layers.relaid(*LEDGERS, gone)
    assert all(now is then for now, then in zip(relaid[:3], LEDGERS, strict=True))
    assert compare.arms(*relaid[:3]).equals(compare.arms(*LEDGERS))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 10**8), st.integers(0, 10**15))
def test_a_bill_of_any_size_is_scaled_to_the_nano_dollar(nano: int, billed: int) -> None:
    bill = charges(charge(billed))
    own = layer(usd_per_s=Decimal(nano) / 10**9)
    found = layers.relaid(RUNPOD_LEDGER[0], RUNPOD_LEDGER[1], bill, [own]).charges["billed_nano"].item()
    assert found == (billed * nano * 2 + RATE) // (2 * RATE)


def test_credits_pay_for_a_part_of_the_month_and_lower_no_cost() -> None:
    december = AT + timedelta(10)
    lines = [
        charge(20 * 10**9),
        charge(15 * 10**9, sku="fee", deployment_id=None),
        charge(None),
        charge(5, provider="modal"),
    ]
    bill = charges(*lines, charge(4 * 10**9, charge_period_start=december))
    credit = layer(LayerKind.CREDIT, valid_to=december - timedelta(3))
    least = layer(LayerKind.COMMITTED, monthly_usd=Decimal(50), valid_from=december, gpu="H100")
    wide = layer(LayerKind.CREDIT, name="wide", monthly_usd=Decimal(99), valid_from=december)
    found = layers.payable(bill, [credit, least, layer(), wide, layer(LayerKind.CREDIT, revoked_at=AT)])
    assert found.schema == layers.PAYABLE
    assert found.drop("simulated").rows() == [
        ("modal", "2026-11", 5, 0, 0, 5, []),
        ("runpod", "2026-11", 35 * 10**9, 0, 30 * 10**9, 5 * 10**9, ["credit"]),
        ("runpod", "2026-12", 4 * 10**9, 50 * 10**9, 50 * 10**9, 0, ["wide", "committed"]),
    ]
    assert layers.relaid(*LEDGERS, [credit]).charges.equals(LEDGERS[2])
