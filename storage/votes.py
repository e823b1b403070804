"""Blind votes: what a rater is asked next, one vote of each rater and pair, and what all votes say of a candidate.

Which side shows which image, in which order pairs come, and which of them have a known answer is drawn from the rater's
name: the same again after a reload, and told by nothing on the page.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Literal, get_args

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from analysis.parity import Likeness
from analysis.verdict.card import Card
from analysis.verdict.evidence import ImageJudgement
from analysis.verdict.images import judgement
from analysis.votes import ALPHA, KNOWN_ANSWERS, LEAST_RATERS, MARGIN, Ballot, Panel, Preference, panel, preference
from storage.blobs import Blobs
from storage.models import Deployment, Image, Job, Pair, Prompt, Run, Vote, Workflow
from storage.pairs import likeness_of, pairs
from words import VoteChoice

MOST_NAME = 60  # characters
Answer = Literal["left", "right", "neither", "broken"]
ANSWERS: tuple[Answer, ...] = get_args(Answer)
_IN_A_TURN = 3


class VoteRefused(ValueError):
    """A vote that is not counted; one sentence."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A pair as a rater is to see it. degraded: the other image is shown worse than it is.

    backends and sha256: of the left and the right image; the page shows no backend before the vote is in.
    """

    pair_id: int
    prompt: str
    number: int  # of this rater's pairs, from 1
    of: int
    degraded: bool
    baseline_left: bool
    backends: tuple[str, str]
    sha256: tuple[str, str]
    simulated: bool


def rater_name(text: str) -> str:
    """A name without blanks around it. Raises VoteRefused where there is none."""
    name = " ".join(text.split())
    if not name or len(name) > MOST_NAME or not name.isprintable():
        raise VoteRefused(f"A vote needs its rater's name, of 1 to {MOST_NAME} characters.")
    return name


def next_ask(session: Session, blobs: Blobs, rater: str, workflow: str) -> Ask | None:
    """The next pair that this rater has not judged and whose images are there; None once all are. Raises VoteRefused.

    Of each three pairs one has a known answer, until twelve have been judged; which one is drawn.
    """
    name = rater_name(rater)
    found = session.execute(_COMPARED, {"workflow": workflow}).all()
    judged = set(session.execute(_JUDGED, {"rater": name}).scalars())
    plain, known = (_drawn((pair_id for pair_id, spread in found if spread is each), name) for each in (False, True))
    if not plain:
        return None
    before = len(judged.intersection(plain)) + len(judged.intersection(known))
    owed = max(0, KNOWN_ANSWERS - len(judged.intersection(known)))
    plain, known = _without(plain, judged), _without(known, judged)[:owed]
    while plain or known:
        turn, place = divmod(before, _IN_A_TURN)
        known_now = known and (not plain or place == Random(f"{name} {turn}").randrange(_IN_A_TURN))
        pair_id = known[0] if known_now else plain[0]
        ask = _ask(session, name, pair_id, number=before + 1, of=before + len(plain) + len(known))
        if ask is not None and _is_there(blobs, ask):
            return ask
        plain, known = _without(plain, {pair_id}), _without(known, {pair_id})
    return None


def _is_there(blobs: Blobs, ask: Ask) -> bool:
    return all(blobs.has(sha256) for sha256 in ask.sha256)


def _drawn(pair_ids: Iterable[int], rater: str) -> list[int]:
    """In an order of this rater's own, in which a pair that comes later moves no other."""
    return sorted(pair_ids, key=lambda pair_id: hashlib.sha256(f"order {rater} {pair_id}".encode()).digest())


def _without(pair_ids: Sequence[int], judged: Collection[int]) -> list[int]:
    return [pair_id for pair_id in pair_ids if pair_id not in judged]


def cast(session: Session, blobs: Blobs, *, rater: str, pair_id: int, answer: Answer, now: datetime) -> Ask:
    """Insert the vote and give what was shown. Raises VoteRefused: a second vote, or an image that is gone."""
    name = rater_name(rater)
    if answer not in ANSWERS:
        raise VoteRefused(f"The answer is left, right, neither or broken, not {answer!r}.")
    ask = _ask(session, name, pair_id, number=0, of=0)
    if ask is None:
        raise VoteRefused(f"There is no pair {pair_id} any more: its vote is not counted.")
    if not _is_there(blobs, ask):
        raise VoteRefused(
            "An image of this pair is gone: nobody can say what the vote was about, so it is not counted."
        )
    session.add(
        Vote(
            pair_id=pair_id,
            rater=name,
            choice=_choice(answer, baseline_left=ask.baseline_left),
            baseline_left=ask.baseline_left,
            degraded=ask.degraded,
            at=now,
            simulated=ask.simulated,
        )
    )
    try:
        session.flush()
    except IntegrityError:
        session.rollback()
        raise VoteRefused(f"{name} has voted on this pair before: the first vote stands.") from None
    return ask


def _choice(answer: Answer, *, baseline_left: bool) -> VoteChoice:
    if answer in ("neither", "broken"):
        return VoteChoice(answer)
    return VoteChoice.BASELINE if (answer == "left") is baseline_left else VoteChoice.OTHER


_base_image, _lane = aliased(Image), aliased(Deployment)  # the baseline's image, and what made it
_ROW: Sequence[Any] = (
    Prompt.text, _lane.backend, _base_image.sha256, Pair.backend, Image.sha256, Run.simulated,
)  # fmt: skip
_SHOWN = (
    select(*_ROW)
    .join_from(Pair, Prompt, col(Prompt.id) == Pair.prompt_id)
    .join(_base_image, col(_base_image.id) == Pair.baseline_image_id)
    .join(Image, col(Image.id) == Pair.other_image_id)
    .join(Job, col(Job.id) == _base_image.job_id)
    .join(_lane, col(_lane.id) == Job.deployment_id)
    .join(Run, col(Run.id) == Job.run_id)
    .where(col(Pair.id) == bindparam("pair"))
)
_COMPARED = (  # and whether both images are the baseline's
    select(col(Pair.id), col(_lane.backend) == Pair.backend)
    .join(Workflow, col(Workflow.hash) == Pair.workflow_hash)
    .join(_base_image, col(_base_image.id) == Pair.baseline_image_id)
    .join(Job, col(Job.id) == _base_image.job_id)
    .join(_lane, col(_lane.id) == Job.deployment_id)
    .where(col(Workflow.name) == bindparam("workflow"), col(Pair.dissimilarity).is_not(None))
)
_JUDGED = select(col(Vote.pair_id)).where(col(Vote.rater) == bindparam("rater"))


def _ask(session: Session, rater: str, pair_id: int, *, number: int, of: int) -> Ask | None:
    row = session.execute(_SHOWN, {"pair": pair_id}).first()
    if row is None:
        return None
    prompt, baseline, base_sha256, other, other_sha256, simulated = row
    left = hashlib.sha256(f"side {rater} {pair_id}".encode()).digest()[0] % 2 == 0
    sides = ((baseline, base_sha256), (other, other_sha256))
    (one, one_sha256), (two, two_sha256) = sides if left else sides[::-1]
    return Ask(
        pair_id=pair_id,
        prompt=prompt,
        number=number,
        of=of,
        degraded=baseline == other,
        baseline_left=left,
        backends=(one, two),
        sha256=(one_sha256, two_sha256),
        simulated=simulated,
    )


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What is known of one candidate's images for one workflow, settings and GPU."""

    workflow: str
    workflow_hash: str
    settings: str
    gpu: str
    backend: str
    likeness: Likeness
    people: Preference
    simulated: bool

    @property
    def told(self) -> ImageJudgement:
        """What the rule is told."""
        return judgement(self.likeness, self.people)


def raters(session: Session, workflow: str) -> Panel:
    """Everybody who has voted on this workflow's pairs, and whose votes count."""
    query = (
        select(col(Vote.rater), col(Vote.pair_id), col(Vote.choice), col(Vote.degraded))
        .join(Pair, col(Pair.id) == Vote.pair_id)
        .join(Workflow, col(Workflow.hash) == Pair.workflow_hash)
        .where(col(Workflow.name) == workflow)
        .order_by(col(Vote.id))
    )
    return panel([Ballot(*row) for row in session.execute(query)])


def judged(
    session: Session, *, margin: float = MARGIN, alpha: float = ALPHA, least_raters: int = LEAST_RATERS
) -> list[Judged]:
    """Every candidate whose images were compared, by workflow, settings, GPU and name."""
    found = pairs(session)
    panels = {workflow: raters(session, workflow) for workflow in found["workflow"].unique()}
    every = []
    for subject, mine in sorted(found.filter(spread=False).partition_by(*_SUBJECT, as_dict=True).items()):
        workflow, workflow_hash, settings, gpu, backend = map(str, subject)
        ids = mine["pair_id"].to_list()
        every.append(
            Judged(
                workflow=workflow,
                workflow_hash=workflow_hash,
                settings=settings,
                gpu=gpu,
                backend=backend,
                likeness=likeness_of(mine, found),
                people=preference(panels[workflow], ids, margin=margin, alpha=alpha, raters=least_raters),
                simulated=bool(mine["simulated"].any()),
            )
        )
    return every


_SUBJECT = ("workflow", "workflow_hash", "settings", "gpu", "backend")


def judgements(session: Session, card: Card) -> Mapping[tuple[str, str], ImageJudgement]:
    """What the rule is told of each of the card's candidates, by workflow and backend; of no pair nothing."""
    found = judged(session, margin=card.margins.preference, alpha=card.alpha, least_raters=card.minima.raters)
    pinned = {(pin.workflow_hash, pin.settings, pin.gpu) for pin in card.pins.values()}
    return {
        (each.workflow, each.backend): each.told
        for each in found
        if each.backend in card.candidates and (each.workflow_hash, each.settings, each.gpu) in pinned
    }
