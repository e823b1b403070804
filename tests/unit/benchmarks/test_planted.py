"""What is planted in bills: each thing in some worlds, of the sizes that are stated, the same for the same seed."""

from collections import Counter

import pytest

from benchmarks.planted import JOBS, planted
from simulator.world import Billing

WORLDS = [planted(seed) for seed in range(1, 41)]
BILLS = [(name, world.world.provider(name).billing) for world in WORLDS for name in world.plan.backends]


def test_a_seed_gives_the_same_world_again_and_another_one_another() -> None:
    assert planted(3) == WORLDS[2] != WORLDS[3]


def test_every_start_is_billed_up_to_three_seconds_early() -> None:
    early = [bill.early_s for _, bill in BILLS]
    assert 0 < min(early) < 0.5
    assert 2.5 < max(early) <= 3


@pytest.mark.parametrize(
    ("field", "providers", "least", "most"),
    [
        ("late_correction", {"modal", "runpod", "vast"}, 0, 0.03),
        ("volume_usd_h", {"runpod", "vast"}, 34 * 0.07 / 730, 80 * 0.15 / 730),
        ("fee_usd_h", {"runpod"}, 0.0008, 0.0008),
    ],
)
def test_about_every_second_bill_has_the_other_things(
    field: str, providers: set[str], least: float, most: float
) -> None:
    found = [(name, getattr(bill, field)) for name, bill in BILLS if getattr(bill, field)]
    could = sum(name in providers for name, _ in BILLS)
    assert {name for name, _ in found} == providers
    assert 0.3 * could < len(found) < 0.7 * could
    assert least <= min(value for _, value in found) <= max(value for _, value in found) <= most


def test_nothing_else_is_wrong_with_a_bill() -> None:
    planned = {"lag_s", "source", "early_s", "late_correction", "correct_after_s", "volume_usd_h", "fee_usd_h"}
    others = {name: field.default for name, field in Billing.model_fields.items() if name not in planned}
    assert others.keys() == {"phantom_share", "gap_share", "other_usd_h", "reports"}
    assert all(getattr(bill, name) == default for _, bill in BILLS for name, default in others.items())


def test_a_run_has_about_a_hundred_jobs_mostly_on_one_or_two_providers() -> None:
    assert all(0.95 * JOBS <= len(world.plan.backends) * world.plan.jobs <= JOBS == 100 for world in WORLDS)
    backends = Counter(len(world.plan.backends) for world in WORLDS)
    assert backends[1] > backends[2] > 0
    assert backends[3] > 0


def test_a_small_picture_takes_as_long_as_a_full_one() -> None:
    assert {model.reference_px for world in WORLDS for model in world.world.models.values()} == {256}


def test_what_is_asked_for_replaces_what_was_drawn() -> None:
    world = planted(3, more={"early_s": 99.0})
    assert {world.world.provider(name).billing.early_s for name in world.plan.backends} == {99.0}
