"""What a card would say: values laid over a version or over the defaults, and what is compared pinned as it is now."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

import workflows
from analysis.verdict.card import Card, CardError, Pinned
from analysis.verdict.card_values import Values, laid_over
from storage.models import Backend, Run, Schedule, TrafficProfile, Workflow
from storage.plans import PlanError
from storage.profiles import ProfileRefused, chosen
from storage.schedules import SchedulePlan
from words import Provider, ScheduleStatus

BASELINE = Provider.MODAL.value
_CANCELLED = ScheduleStatus.CANCELLED


class CardRefused(PlanError):
    """What cannot be done to the card, or answered beside it; in sentences, with the way out."""


def proposed(session: Session, before: Card | None, values: Values, *, repin: bool = False) -> Card:
    """The card of these values (`read_values`) over `before`, or over the defaults. Raises CardRefused.

    Workflows that stay keep their pins unless all are to be pinned anew.
    """
    base = before or _defaults(session, values)
    kept: Mapping[str, Pinned] = {} if repin else base.pins
    try:
        named = values.get("workflows", base.workflows)
        pins = {name: kept.get(name) or pin(session, name) for name in named}
        card = laid_over(base, values, pins)
    except (CardError, workflows.WorkflowError) as error:
        raise CardRefused(str(error)) from None
    _check_names(session, card)
    return card


def pin(session: Session, workflow: str) -> Pinned:
    """What of it is compared now: the files' hash; settings and GPU of its newest schedule that was not cancelled, else
    of its newest run, else what production uses. Raises WorkflowError.
    """
    known = workflows.load(workflow)
    used = _used(session, workflow)
    params: Mapping[str, Any] = used.params if used else {}
    settings = json.dumps(params, sort_keys=True)  # as `storage.frames` spells them
    return Pinned(workflow_hash=known.hash, settings=settings, gpu=used.gpu if used else known.default_gpu)


def block_jobs(session: Session, workflow: str) -> tuple[int, int]:
    """Warm and cold jobs of its blocks: of its newest schedule that was not cancelled, else as schedules begin with."""
    used = _used(session, workflow)
    plan = used.plan if isinstance(used, Schedule) else {}
    return plan.get("warm", SchedulePlan.warm), plan.get("cold", SchedulePlan.cold)


def drifted(card: Card) -> list[str]:
    """Sentences on workflows whose files are no longer what the card compares."""
    found = []
    for name, pinned in card.pins.items():
        if name not in workflows.names():
            found.append(f"There is no workflow {name} any more.")
        elif workflows.load(name).hash != pinned.workflow_hash:
            found.append(f"The workflow {name} has changed since the card was made.")
    return found


def _defaults(session: Session, values: Values) -> Card:
    """Workflows that were planned or measured, else all; every candidate; the newest traffic."""
    used = [name for name in workflows.names() if _used(session, name)]
    named: Sequence[str] = values.get("workflows") or used or workflows.names()
    try:
        traffic = values.get("traffic") or chosen(session).name
    except ProfileRefused as error:
        raise CardRefused(str(error)) from None
    candidates = tuple(each.value for each in Provider if each.value != BASELINE)
    return Card(workflows=tuple(named), candidates=candidates, traffic=traffic)


def _used(session: Session, workflow: str) -> Schedule | Run | None:
    """Its newest schedule that was not cancelled, else its newest run."""
    hashes = select(Workflow.hash).where(Workflow.name == workflow)
    planned = select(Schedule).where(col(Schedule.workflow_hash).in_(hashes), Schedule.status != _CANCELLED)
    ran = select(Run).where(col(Run.workflow_hash).in_(hashes))
    newest = session.exec(planned.order_by(col(Schedule.id).desc()).limit(1)).first()
    return newest or session.exec(ran.order_by(col(Run.id).desc()).limit(1)).first()


def _check_names(session: Session, card: Card) -> None:
    known = {each.value for each in Provider} | set(session.exec(select(Backend.name)))
    for name in (card.baseline, *card.candidates):
        if name not in known:
            raise CardRefused(f"No backend is called {name!r}. Known here: {', '.join(sorted(known))}.")
    kept = session.exec(select(TrafficProfile.name)).all()
    if card.traffic not in kept:
        there = f"There are: {'; '.join(kept)}." if kept else "Add some with `bakeoff traffic add`."
        raise CardRefused(f"No traffic is kept by the name {card.traffic!r}. {there}")
