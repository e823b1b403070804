"""The tables about what was promised and decided; `storage.models` has all tables. None of their rows is ever edited
but to add who came after, and none is deleted.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.foreign import SENTENCE
from storage.types import Instant, Said, document, word
from words import AnswerKind, Verdict, VoteChoice


class DecisionCard(SQLModel, table=True):
    """One version of the criteria. An edit is a new version; a draft decides nothing until it is locked."""

    id: int | None = Field(default=None, primary_key=True)
    content: str  # canonical JSON of `analysis.verdict.card.Card`
    digest: str = Field(index=True)  # SHA-256 of the content
    made_by: str
    made_at: datetime = Field(sa_type=Instant)
    note: str = Field(default="", sa_type=Said(SENTENCE))
    locked_by: str | None = None
    locked_at: datetime | None = Field(default=None, sa_type=Instant)
    samples_before: int | None = None  # jobs of its blocks that had been measured when it was locked; above 0: post hoc
    reviewed_by: str | None = None  # the second person who accepts a card that was edited after the first sample
    reviewed_at: datetime | None = Field(default=None, sa_type=Instant)


class Snapshot(SQLModel, table=True):
    """The frozen inputs of one verdict, with what the rule said of them; the inputs lie in the blob folder."""

    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True)  # SHA-256 of the frozen inputs, and the name of their blob
    card_id: int = Field(foreign_key="decisioncard.id", index=True)
    made_at: datetime = Field(sa_type=Instant, index=True)
    state: Verdict = Field(sa_type=word(Verdict))
    title: str
    valid_to: datetime = Field(sa_type=Instant)
    verdict: dict[str, Any] = document()  # as `bakeoff verdict --json` prints it
    simulated: bool


class SignOff(SQLModel, table=True):
    """A person's word on a snapshot: agreed, or overridden with a reason and a second person. Shown for ever."""

    id: int | None = Field(default=None, primary_key=True)
    snapshot_id: int = Field(foreign_key="snapshot.id", index=True)
    name: str
    second_name: str | None = None
    reason: str = Field(default="", sa_type=Said(SENTENCE))
    instead: Verdict | None = Field(default=None, sa_type=word(Verdict))  # an override; None: agreed
    at: datetime = Field(sa_type=Instant)


class Answer(SQLModel, table=True):
    """What a person answered to a question that no measurement answers; the newest of a subject counts."""

    id: int | None = Field(default=None, primary_key=True)
    kind: AnswerKind = Field(sa_type=word(AnswerKind), index=True)
    subject: str = Field(
        index=True
    )  # a workflow; of content, a provider; of parity, both it and the item: runpod secrets
    score: int  # licence, content: 1 yes, 0 no; parity: 0 missing, 1 with work, 2 as on the baseline
    note: str = Field(default="", sa_type=Said(SENTENCE))
    by: str
    at: datetime = Field(sa_type=Instant)
    simulated: bool


class Pair(SQLModel, table=True):
    """Two images of the same prompt and seed: the baseline's and another's, or two of the baseline (the spread)."""

    __table_args__ = (UniqueConstraint("baseline_image_id", "other_image_id"),)
    id: int | None = Field(default=None, primary_key=True)
    workflow_hash: str = Field(index=True)
    settings: str  # canonical JSON
    backend: str  # of the other image; the baseline's own for the spread
    prompt_id: str
    seed: int = Field(sa_type=BigInteger)
    baseline_image_id: int = Field(foreign_key="image.id")
    other_image_id: int = Field(foreign_key="image.id")
    dissimilarity: float | None = None  # 1 - SSIM of luma at 512 px; null: one of them cannot be read
    compared_at: datetime = Field(sa_type=Instant)


class Vote(SQLModel, table=True):
    """A blind vote on a pair: names are hidden and sides drawn until it is in. One of each rater and pair."""

    __table_args__ = (UniqueConstraint("pair_id", "rater"),)
    id: int | None = Field(default=None, primary_key=True)
    pair_id: int = Field(foreign_key="pair.id", index=True)
    rater: str = Field(index=True)
    choice: VoteChoice = Field(sa_type=word(VoteChoice))
    baseline_left: bool
    degraded: bool = False  # a known-answer pair: the other image was made worse on purpose
    at: datetime = Field(sa_type=Instant)
    simulated: bool
