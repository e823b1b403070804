"""What a campaign is made of where nothing is real: the simulator in process, and the people who would be asked.

Names of simulated people say that they are: nothing that they answered passes for the word of anybody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from sqlmodel import Session

from analysis.moves import OFTEN
from backends.registry import Access
from clock import VirtualClock
from simulator.inprocess import InProcessTransport
from simulator.modal.inner import SimulatedModalClient
from simulator.simulation import Simulation
from storage import answers, cards, votes
from storage.blobs import Blobs
from storage.effort import log_effort
from storage.profiles import add_daily
from storage.schedules import SchedulePlan, insert_schedule
from words import AnswerKind, Provider

ANA, BEN = "ana (simulated)", "ben (simulated)"
SEES_IT = 0.97  # of the pairs with a known answer, a rater finds so many
MINUTES: Mapping[str, float] = {"modal": 4.0, "runpod": 5.0, "vast": 9.0}  # of each task, as a person logs them
TRAFFIC = "ours"


@dataclass(frozen=True, kw_only=True)
class People:
    """What they do. per_day: images that production makes. card: its values beside the defaults.

    minutes: of a task on each backend. raters: so many judge every pair. tastes: chance by backend that a rater
    prefers the baseline's image, where the rater sees a difference; of one that is not named, one half.
    """

    schedules: Sequence[SchedulePlan]
    per_day: float = 1000.0
    card: Mapping[str, Any] = field(default_factory=dict)
    minutes: Mapping[str, float] = field(default_factory=lambda: dict(MINUTES))
    raters: int = 7
    tastes: Mapping[str, float] = field(default_factory=dict)

    @property
    def workflows(self) -> list[str]:
        return [plan.workflow for plan in self.schedules]


def access_in(simulation: Simulation, clock: VirtualClock) -> Access:
    """Production's own addresses, with a transport instead of sockets."""
    return Access(
        runpod_jobs_url="https://api.runpod.ai/v2",
        runpod_rest_url="https://api.runpod.io/v2",
        runpod_key="rk",
        runpod_image="runpod/worker-comfyui:5.8.5-base",
        vast_console_url="https://console.vast.ai",
        vast_key="vk",
        vast_image="vastai/comfy:v0.3.71-cuda-12.9-py312",
        hf_token=None,
        modal_server_url=None,
        modal_token_id="ak",  # noqa: S106 - the simulator's own, as below
        modal_token_secret="as",  # noqa: S106
        modal_web_url=None,
        modal_workspace="ryla",
        touch_production=False,
        simulated=True,
        transport=InProcessTransport(simulation, clock),
        modal_client=SimulatedModalClient(simulation, clock, secret="as"),  # noqa: S106
    )


def promise(session: Session, people: People, *, now: datetime) -> None:
    """Before the first sample: the traffic, the plan, the card, locked, and what was answered. Prices must be known."""
    add_daily(session, name=TRAFFIC, per_day=people.per_day, made_by=ANA, now=now)
    for plan in people.schedules:
        insert_schedule(session, plan, now=now)
    for backend, minutes in people.minutes.items():
        for task in OFTEN:
            log_effort(session, backend=backend, kind=task.value, minutes=minutes, by=BEN, now=now)
    cards.draft(session, {"workflows": people.workflows, **people.card}, made_by=ANA, now=now)
    cards.lock(session, by=ANA, now=now)
    asked = {AnswerKind.LICENCE: people.workflows, AnswerKind.CONTENT: [provider.value for provider in Provider]}
    for kind, subjects in asked.items():
        for subject in subjects:
            answers.answer(session, kind=kind, subject=subject, score=1, by=BEN, now=now)


def vote(session: Session, blobs: Blobs, people: People, *, now: datetime) -> int:
    """Every rater judges every pair that there is; gives how many votes were cast."""
    cast = 0
    for workflow in people.workflows:
        for rater in (f"rater {number} (simulated)" for number in range(1, people.raters + 1)):
            while ask := votes.next_ask(session, blobs, rater, workflow):
                answer = _answer(ask, people.tastes, Random(f"{rater} {ask.pair_id}"))
                votes.cast(session, blobs, rater=rater, pair_id=ask.pair_id, answer=answer, now=now)
                cast += 1
    return cast


def _answer(ask: votes.Ask, tastes: Mapping[str, float], dice: Random) -> votes.Answer:
    """A known answer is mostly found; else by this rater's taste for what the other backend shows."""
    other = ask.backends[1] if ask.baseline_left else ask.backends[0]
    prefers_baseline = dice.random() < (SEES_IT if ask.degraded else tastes.get(other, 0.5))
    return "left" if prefers_baseline is ask.baseline_left else "right"
