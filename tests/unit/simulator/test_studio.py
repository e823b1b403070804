"""What a job's picture is made from: its deployment's kind of host shows in the pixels."""

from dataclasses import replace

from simulator.picture import paint
from simulator.studio import picture_of
from simulator.world import load_world
from tests.unit.simulator.stand import Stand, failing


def test_a_deployment_keeps_its_pixels_and_those_of_a_provider_differ() -> None:
    stand = Stand()
    variants, again = set(), []
    for number in range(24):
        pool = stand.pool(f"d{number}")
        jobs = [stand.submit(pool, f"{number}-{turn}", seed=1) for turn in (1, 2)]
        stand.finish(*jobs)
        pictures = [picture_of(job, pool) for job in jobs]
        again.append(pictures[0] == pictures[1])
        variants.add(pictures[0].variant)

    assert all(again)
    assert len(variants) == load_world("hostile").runpod.host_kinds == 4


def test_a_duplicate_is_the_very_picture_that_its_worker_gave_before() -> None:
    stand = Stand(failing(duplicate=1.0))
    pool = stand.pool("d3")
    first, second = (stand.submit(pool, f"j{number}", seed=number, width=64, height=64) for number in (1, 2))
    stand.finish(first, second)

    assert second.fate == "duplicate"
    assert paint(picture_of(second, pool)) == paint(picture_of(first, pool))


def test_a_picture_that_converges_is_one_order_however_many_steps_its_model_takes() -> None:
    stand = Stand()
    pool = stand.pool("d1")
    flux, more = (stand.submit(pool, f"f{steps}", steps=steps) for steps in (20, 40))
    qwen, half = (stand.submit(pool, f"q{steps}", model="qwen-image-2512", steps=steps) for steps in (50, 25))

    assert picture_of(flux, pool) == picture_of(qwen, pool)
    assert paint(replace(picture_of(more, pool), width=64, height=64)) == paint(
        replace(picture_of(flux, pool), width=64, height=64)
    )
    assert picture_of(half, pool).steps * 2 == picture_of(half, pool).reference_steps
