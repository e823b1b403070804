"""Prices laid over measured ones: the what-if is the last word, stored layers are named, and a form says its unit."""

from datetime import timedelta
from decimal import Decimal

import polars as pl
import pytest

from storage.models import PriceLayer
from tests.pages.frames import START
from ui import prices
from ui.prices import Laid
from words import LayerKind


def stored(name: str, backend: str = "runpod", **values: object) -> PriceLayer:
    told = {"kind": LayerKind.DISCOUNT, "percent": 15.0, "valid_from": START, "made_by": "finn", "created_at": START}
    return PriceLayer(name=name, backend=backend, **(told | values))


def test_a_what_if_takes_the_place_of_the_layers_of_its_backend_alone() -> None:
    rows = prices.stored_layers([stored("a"), stored("b", "vast")])
    asked = prices.layers_of(Laid(what_if=(("runpod", 1.8),)), rows)
    assert [(one.name, one.backend) for one in asked] == [("b", "vast"), ("what if", "runpod")]
    assert asked[1].usd_per_s == Decimal("0.0005")
    assert prices.layers_of(Laid(stored=False), rows) == []


def test_only_layers_whose_time_is_now_are_told() -> None:
    rows = [
        stored("over", valid_to=START + timedelta(hours=1)),
        stored("to come", valid_from=START + timedelta(days=9)),
        stored("now"),
    ]
    holding = prices.holding(rows, START + timedelta(hours=1))
    assert [row.name for row in holding] == ["now"]
    assert prices.stored_words(holding) == "now (Runpod, 15 % off, by finn)"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (LayerKind.DISCOUNT, (None, 36.0, None)),
        (LayerKind.COMMITTED, (Decimal("0.01"), None, None)),
        (LayerKind.OVERRIDE, (Decimal("0.01"), None, None)),
        (LayerKind.CREDIT, (None, None, Decimal("36.0"))),
    ],
)
def test_a_layer_of_the_form_says_its_value_in_its_own_unit(kind: LayerKind, said: tuple) -> None:
    layer = prices.new_layer(kind, "modal", 36.0, name="x", gpu=None, since=START, to=None)
    assert (layer.usd_per_s, layer.percent, layer.monthly_usd) == said


def test_a_what_if_is_told_beside_the_measured_price() -> None:
    deployments = pl.DataFrame({"backend": ["runpod", "modal"], "usd_per_s_nano": [530_000, 665_440]})
    rates = prices.measured_rates(deployments)
    assert list(rates) == ["modal", "runpod"]
    said = prices.what_if_words(Laid(what_if=(("runpod", 1.5),)), rates)
    assert said == "What if: Runpod at $1.50 an hour instead of $1.91"


def test_a_revoked_layer_says_when_and_by_whom() -> None:
    [row] = prices.layer_rows([stored("a", revoked_at=START, revoked_by="ana", valid_from=prices.EVER)])
    assert (row["holds"], row["state"]) == ("always, until revoked", "revoked 2 Nov 08:00 by ana")
    assert row["what"] == "discount: 15 % off"
