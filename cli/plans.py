"""What `bakeoff plan` shows of a plan: as a document and as tables."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import typer
from sqlmodel import Session

from analysis.verdict.card import Card
from analysis.verdict.expense import days_of
from analysis.verdict.outlook import Outlook
from analysis.verdict.planner import Power
from analysis.verdict.said import NAMES
from cli.output import plain, table
from storage.block_cost import UnknownPrice, block_cost
from storage.models import Installation
from storage.plans import RunPlan
from ui import power_view
from ui.formats import interval, whole_percent
from words import called

GATES = ("candidate", "gate", "blocks planned", "blocks needed")
POWER = ("candidate", "blocks", "GO", "95 %", "campaigns", "ends after blocks", "passes least often")


class Asked(NamedTuple):
    """What is planned. blocks None: as many as the card's last look takes. saving None: the card's target."""

    run: RunPlan
    settings: str
    blocks: int | None
    saving: float | None
    campaigns: int
    seed: int
    enough: bool


class Found(NamedTuple):
    """A candidate under the plan; power None: no campaign was drawn."""

    outlook: Outlook
    power: Power | None


def document(session: Session, card: Card, asked: Asked, found: Sequence[Found]) -> dict[str, Any]:
    installation = session.get(Installation, 1)
    most = max(each.outlook.plan.blocks for each in found)
    return {
        "simulated": bool(installation and installation.simulated),
        "workflow": asked.run.workflow,
        "gpu": asked.run.gpu,
        "settings": asked.settings,
        "warm": asked.run.warm,
        "cold": asked.run.cold,
        "saving": card.margins.target_saving if asked.saving is None else asked.saving,
        "seed": asked.seed,
        "cost": _cost(session, asked.run, most),
        "candidates": [_candidate(each) for each in found],
    }


def _cost(session: Session, run: RunPlan, blocks: int) -> dict[str, Any]:
    """At most, as the spend cap counts; null where a price is not known, with why."""
    told: dict[str, Any] = {"blocks": blocks, "days": days_of(blocks)}
    try:
        cost = block_cost(session, run)
    except UnknownPrice as error:
        return told | {"block_usd": None, "usd": None, "block_s": None, "basis": str(error)}
    return told | {
        "block_usd": str(cost.usd),
        "usd": str(cost.usd * blocks),
        "block_s": cost.lasts.total_seconds(),
        "basis": cost.basis,
    }


def _candidate(found: Found) -> dict[str, Any]:
    of, pilot = found.outlook, found.outlook.basis
    return {
        "candidate": of.candidate,
        "blocks": of.plan.blocks,
        "parts": of.plan.parts,
        "looks": list(of.plan.looks),
        "least_blocks": of.least,
        "gates": [{"gate": gate.value, "blocks": of.plan.blocks, "needs": needs} for gate, needs in of.needs.items()],
        "raise": {more.number: more.to for more in of.raised},
        "power": _power(found.power) if found.power else None,
        "pilot": {
            "assumed": bool(pilot.why),
            "why": pilot.why,
            "jobs": pilot.jobs,
            "blocks": pilot.pilot.blocks,
            "days": pilot.days,
            "simulated": pilot.simulated,
            "operations_timed": not (pilot.why or pilot.untimed),
        },
    }


def _power(found: Power) -> dict[str, Any]:
    low, high = found.limits
    return {
        "go": found.go,
        "low": low,
        "high": high,
        "campaigns": found.campaigns,
        "states": {state.value: share for state, share in found.states.items()},
        "passes": {gate.value: share for gate, share in found.passes.items()},
        "mean_blocks": found.blocks,
        "binding": found.binding.value,
    }


def draw(told: dict[str, Any], found: Sequence[Found]) -> None:
    outlooks, powers = [each.outlook for each in found], [each.power for each in found]
    mark = "SIMULATED: no real cloud, no real dollar.\n" if told["simulated"] else ""
    size = f"{told['warm']} warm and {told['cold']} cold jobs"
    typer.echo(f"{mark}{told['workflow']} on {plain(told['gpu'])}, blocks of {size} on each side")
    table(GATES, [_gate_line(each["candidate"], gate) for each in told["candidates"] for gate in each["gates"]])
    if drawn := [(each.outlook, each.power) for each in found if each.power]:
        typer.echo("")
        table(POWER, [_power_line(of, power) for of, power in drawn])
    for sentence in (
        power_view.to_raise(outlooks, powers),
        power_view.supposed(outlooks, saving=told["saving"], version=told["card"]),
        *power_view.basis_words(outlooks),
        _cost_words(told["cost"]),
    ):
        if sentence:
            typer.echo(sentence)


def _gate_line(candidate: str, gate: Mapping[str, Any]) -> list[Any]:
    needs = "never" if gate["needs"] is None else gate["needs"]
    return [called(candidate), NAMES[gate["gate"]], gate["blocks"], needs]


def _power_line(of: Outlook, found: Power) -> list[Any]:
    least = None if found.go == 1 else NAMES[found.binding]
    limits = interval(*found.limits, whole_percent)
    ends = f"{found.blocks / of.plan.parts:.1f}"
    return [called(of.candidate), of.plan.blocks, whole_percent(found.go), limits, found.campaigns, ends, least]


def _cost_words(cost: Mapping[str, Any]) -> str:
    days = f"{cost['blocks']} blocks take {cost['days']} days"
    if cost["usd"] is None:
        return f"{days}. {cost['basis']}"
    each = f"{cost['block_s'] / 60:.0f} minutes and up to ${float(cost['block_usd']):.2f} a block"
    return f"{days} and cost up to ${float(cost['usd']):.2f}: {each} ({cost['basis']})."
