"""The spend cap: an upper bound that may err early and never late."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from collectors.budget import refusal, spent_at_most
from storage.models import Deployment
from tests.unit.collectors.fakes import Desk, play

RATE = Decimal("0.001")


def rows(desk: Desk, *given: dict[str, Any]) -> None:
    """Deployments with instants in seconds before now; `run` is the run they belong to."""
    now = desk.clock.now()
    with Session(desk.engine) as session:
        for number, values in enumerate(given):
            instants = {
                name: now - timedelta(seconds=values[name]) for name in values if name.endswith("_at")
            }  # fmt: skip
            session.add(
                Deployment(
                    run_id=values.get("run", 1),
                    key=f"d{number}",
                    backend="alpha",
                    gpu="L40S",
                    idle_timeout_s=10,
                    simulated=True,
                    usd_per_s=values.get("rate", RATE),
                    **instants,
                )
            )
        session.commit()


def spent(path: Path, *given: dict[str, Any], run_id: int | None = 1) -> Decimal:
    async def scenario(desk: Desk) -> Decimal:
        desk.ask()
        desk.ask()
        rows(desk, *given)
        now = desk.clock.now()
        return await desk.ctx.load(lambda session: spent_at_most(session, now, run_id))

    return play(path, scenario)


@pytest.mark.parametrize(
    ("row", "seconds"),
    [
        ({"intended_at": 100, "created_at": 90}, 100),  # from the order, not from its answer
        ({"created_at": 90}, 90),
        ({"intended_at": 100, "created_at": 90, "ended_at": 40}, 60),
        ({}, 0),  # not ordered yet
        ({"intended_at": 100, "rate": None}, 0),
    ],
)
def test_a_deployment_may_have_cost_its_rate_since_its_order(tmp_path: Path, row: dict[str, Any], seconds: int) -> None:
    assert spent(tmp_path, row) == seconds * RATE


def test_deployments_add_up_and_only_those_of_the_run_count(tmp_path: Path) -> None:
    given = ({"intended_at": 100}, {"intended_at": 50, "rate": 2 * RATE}, {"run": 2, "intended_at": 7000})
    assert spent(tmp_path / "one", *given) == Decimal("0.2")
    assert spent(tmp_path / "all", *given, run_id=None) == Decimal("7.2")


@pytest.mark.parametrize(("seconds", "refused"), [(999, False), (1000, True), (1001, True)])
def test_a_cap_is_reached_when_it_may_have_been_spent(tmp_path: Path, seconds: int, refused: bool) -> None:
    async def scenario(desk: Desk) -> str | None:
        run_id = desk.ask(cap="1")
        rows(desk, {"intended_at": seconds})
        return await refusal(desk.ctx, run_id)

    why = play(tmp_path, scenario)
    assert (why is not None) is refused
    if refused:
        assert why == "The run may have cost $1.00 by now; its cap is $1.00."


def test_the_folders_cap_counts_every_run(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[str | None, str | None]:
        run_id = desk.ask(cap="9")
        desk.ask(cap="9")
        rows(desk, {"intended_at": 600}, {"run": 2, "intended_at": 600})
        without = await refusal(desk.ctx, run_id)
        desk.ctx.spend_cap_usd = Decimal("1.20")
        return without, await refusal(desk.ctx, run_id)

    without, within = play(tmp_path, scenario)
    assert without is None
    assert within == "All runs together may have cost $1.20 by now; the cap is $1.20 (BAKEOFF_SPEND_CAP_USD)."
