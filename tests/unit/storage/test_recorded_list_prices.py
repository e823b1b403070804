"""Our file of list prices says what the dated public lists say."""

import json
from decimal import Decimal
from typing import Any

import pytest

from storage.list_prices import bought, list_prices, listed, plans
from tests.unit.conftest import SHARED

NAMES = {  # theirs, where ours differ
    "runpod": {
        "L4": "L4 / A5000 / 3090",
        "L40S": "L40 / L40S / 6000 Ada",
        "A100-80GB": "A100 80GB",
    },
    "vast": {"A100-80GB": "A100 80GB", "H100": "H100 80GB"},
}


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return json.loads((SHARED / "list_prices.json").read_text(encoding="utf-8"), parse_float=Decimal)


def test_every_gpu_has_the_price_of_its_providers_list(published: dict[str, Any]) -> None:
    lists = {
        "modal": published["modal"]["gpu"],
        "runpod": published["runpod_serverless"]["gpu"],
        "vast": published["vast"]["gpu_on_demand"],
    }
    wrong = []
    for price in list_prices():
        said = lists[price.backend][NAMES.get(price.backend, {}).get(price.gpu, price.gpu)]
        ends = said if isinstance(said, list) else [said]
        end = -1 if price.offer_id.endswith("high") else 0
        if price.usd_per_unit != ends[end]:
            wrong.append((price.offer_id, price.usd_per_unit, ends))
    assert wrong == []


def test_what_is_beside_a_gpu_plans_and_bought_images_have_their_published_price(published: dict[str, Any]) -> None:
    prices = {(row["provider"], row["sku"]): row["listed"] for row in listed().to_dicts()}
    modal = published["modal"]
    assert prices == {
        ("modal", "cpu"): modal["cpu_physical_core"],
        ("modal", "memory"): modal["memory_gib"],
        ("runpod", "disk"): published["runpod_serverless"]["container_disk_gb_month"],
    }
    assert {plan.name: plan.monthly_usd for plan in plans("modal")} == {
        name: plan["monthly"] for name, plan in modal["plans"].items()
    }
    (fal,) = bought("flux-dev")
    assert fal.usd_per_image_nano == published["reference_lines"][fal.name]["usd_per_image"] * 10**9
