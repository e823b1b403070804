"""The decision card and its versions: written, edited, locked, reviewed. An edit is a new version, and all are kept.

Who did it is a name that a person typed: nothing here verifies it.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlmodel import Session, col, func, select

from analysis.verdict.card import Card, CardError, canonical, changes, read
from analysis.verdict.card_values import Values, read_values
from storage.card_values import CardRefused, drifted, proposed
from storage.foreign import SENTENCE, kept_text
from storage.models import Block, DecisionCard, Job, Schedule, Snapshot, Workflow
from words import JobStatus

LONGEST_NAME = 80
MEASURED = tuple(status for status in JobStatus if status.final and status is not JobStatus.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of the card, by its number from 1."""

    number: int
    row: DecisionCard

    @property
    def card(self) -> Card:
        """What it says. Raises CardRefused where that is not what was hashed, or of a newer program."""
        if sha256(self.row.content.encode()).hexdigest() != self.row.digest:
            raise CardRefused(f"{self} is not what was hashed: its content was changed in the database. Edit it.")
        try:
            return read(self.row.content)
        except CardError as error:
            raise CardRefused(f"{self} cannot be read: {error}") from None

    @property
    def locked(self) -> bool:
        return self.row.locked_at is not None

    @property
    def post_hoc(self) -> bool:
        """True of a card that was locked after the first sample."""
        return bool(self.row.samples_before)

    @property
    def decides(self) -> bool:
        """True if a verdict may rest on it: locked, and reviewed where it is post hoc."""
        return self.locked and (not self.post_hoc or self.row.reviewed_at is not None)

    @property
    def title(self) -> str:
        """Where it stands: Card v3 is locked since 4 Nov, before the first sample."""
        at, samples = self.row.locked_at, self.row.samples_before or 0
        if at is None:
            return f"{self} is a draft: nothing can be decided on it"
        if not samples:
            return f"{self} is locked since {at.day} {at:%b}, before the first sample"
        after = (
            f"{'edited' if self.number > 1 else 'locked'} after {samples:,} {'sample' if samples == 1 else 'samples'}"
        )
        reviewed = f" and reviewed by {self.row.reviewed_by}" if self.row.reviewed_by else ""
        return f"{self} was {after}{reviewed}: verdicts say so"

    def __str__(self) -> str:
        return f"Card v{self.number}"


def draft(session: Session, values: Values, *, made_by: str, now: datetime, note: str = "") -> Version:
    """The first version, of the defaults and these values. Raises CardRefused.

    What is compared of each workflow is pinned as it is now (`storage.card_values.pin`).
    """
    if before := current(session):
        raise CardRefused(f"There is a card already, v{before.number}. Change it with `bakeoff card set key=value`.")
    return _insert(session, proposed(session, None, _read(values)), made_by=made_by, now=now, note=note)


def edit(
    session: Session,
    values: Values,
    *,
    made_by: str,
    now: datetime,
    base: int | None = None,
    note: str = "",
    repin: bool = False,
) -> Version:
    """A new version with these values; it is a draft, and what rested on the one before is void. Raises CardRefused.

    base: the number of the version that the person saw. repin: pin every workflow anew, not only those that come in.
    After a version that cannot be read it begins with the defaults.
    """
    before = _newest(session, base)
    known = _readable(before)
    card = proposed(session, known, _read(values), repin=repin)
    if known and not changes(known, card):
        raise CardRefused(f"{before} says all of that already: nothing would change.")
    return _insert(session, card, made_by=made_by, now=now, note=note)


def lock(session: Session, *, by: str, now: datetime, number: int | None = None) -> Version:
    """From here on it decides; samples that are in already make it post hoc. Raises CardRefused.

    number: the version that the person saw.
    """
    version = _newest(session, number)
    row, who = version.row, signed(by)
    if row.locked_at is not None:
        raise CardRefused(
            f"{version} is locked already, since {_day(row.locked_at)} by {row.locked_by}. An edit makes a new version."
        )
    if moved := drifted(version.card):
        raise CardRefused(f"{' '.join(moved)} Edit the card to pin it as it is now (`bakeoff card set --repin`).")
    row.locked_by, row.locked_at, row.samples_before = who, now, samples(session, version.card)
    session.flush()
    return version


def review(session: Session, *, by: str, now: datetime, number: int | None = None) -> Version:
    """A second person accepts a card that was locked after the first sample. Raises CardRefused."""
    version = _newest(session, number)
    row, who = version.row, signed(by)
    if row.locked_at is None:
        raise CardRefused(f"{version} is a draft: lock it first, then a second person can review it.")
    if not version.post_hoc:
        raise CardRefused(f"{version} was locked before the first sample: nothing has to be reviewed.")
    if row.reviewed_at is not None:
        raise CardRefused(f"{version} was reviewed on {_day(row.reviewed_at)} by {row.reviewed_by}.")
    if any(same_person(who, other) for other in (row.made_by, row.locked_by or "")):
        raise CardRefused(f"{who} made or locked {version}: a second person has to review it.")
    row.reviewed_by, row.reviewed_at = who, now
    session.flush()
    return version


def versions(session: Session) -> list[Version]:
    """Every version, newest first."""
    rows = session.exec(select(DecisionCard).order_by(col(DecisionCard.id))).all()
    return [Version(number=number, row=row) for number, row in enumerate(rows, 1)][::-1]


def current(session: Session) -> Version | None:
    """The newest version, None before the first."""
    row = session.exec(select(DecisionCard).order_by(col(DecisionCard.id).desc()).limit(1)).first()
    return Version(number=session.exec(select(func.count(col(DecisionCard.id)))).one(), row=row) if row else None


def deciding(session: Session) -> Version:
    """The card that a verdict rests on; `post_hoc` says whether it may yet. Raises CardRefused without a locked one."""
    version = _newest(session, None)
    if not version.locked:
        raise CardRefused(
            f"{version} is a draft: nothing can be decided on it. Lock it with `bakeoff card lock --by NAME`."
        )
    return version


def diff(before: Version | None, after: Version) -> list[str]:
    """What an edit changed, a line each; of a version that cannot be read, why."""
    try:
        return changes(before.card, after.card) if before else []
    except CardRefused as error:
        return [str(error)]


def voids(session: Session) -> list[str]:
    """What an edit of the newest version makes void: its lock, its review, the verdicts on it, the newest first."""
    version = current(session)
    if version is None or version.row.locked_at is None:
        return []
    row = version.row
    found = [f"the lock of {_day(version.row.locked_at)} by {row.locked_by}"]
    if row.reviewed_at is not None:
        found.append(f"the review of {_day(row.reviewed_at)} by {row.reviewed_by}")
    query = select(Snapshot).where(Snapshot.card_id == row.id).order_by(col(Snapshot.id).desc())
    return found + [f"the verdict of {_day(each.made_at)}: {each.title}" for each in session.exec(query)]


def samples(session: Session, card: Card) -> int:
    """Jobs of blocks of its workflows, whichever hash they had, that are over; those never sent are none."""
    query = (
        select(func.count(col(Job.id)))
        .join(Block, col(Block.run_id) == Job.run_id)
        .join(Schedule, col(Schedule.id) == Block.schedule_id)
        .join(Workflow, col(Workflow.hash) == Schedule.workflow_hash)
        .where(col(Workflow.name).in_(card.workflows), col(Job.status).in_(MEASURED))
    )
    return session.exec(query).one()


def post_hoc(version: Version) -> str:
    """Why a locked card may not decide yet, for `analysis.verdict.evidence.Beside`; empty: it may."""
    if version.decides or version.row.locked_at is None:
        return ""
    return (
        f"The card was edited after {version.row.samples_before:,} samples: v{version.number} was locked on "
        f"{_day(version.row.locked_at)} by {version.row.locked_by}, and a second person has to review it."
    )


def signed(name: str) -> str:
    """The name as it is kept. Raises CardRefused without one."""
    kept = kept_text(" ".join(name.split()), LONGEST_NAME)
    if not kept:
        raise CardRefused("It is kept who says so: give a name.")
    return kept


def same_person(name: str, other: str) -> bool:
    """However the two are spelled in capitals and blanks."""
    return "".join(name.split()).casefold() == "".join(other.split()).casefold()


def _insert(session: Session, card: Card, *, made_by: str, now: datetime, note: str) -> Version:
    row = DecisionCard(
        content=canonical(card),
        digest=card.digest,
        made_by=signed(made_by),
        made_at=now,
        note=kept_text(note.strip(), SENTENCE),
    )
    session.add(row)
    session.flush()
    return Version(number=session.exec(select(func.count(col(DecisionCard.id)))).one(), row=row)


def _newest(session: Session, number: int | None) -> Version:
    """The newest version, which has to be the one that the person saw."""
    version = current(session)
    if version is None:
        raise CardRefused("There is no decision card yet. Write one with `bakeoff card new`.")
    if number not in (None, version.number):
        raise CardRefused(f"The card is at v{version.number} by now, made by {version.row.made_by}: look at it first.")
    return version


def _readable(version: Version) -> Card | None:
    try:
        return version.card
    except CardRefused:
        return None


def _read(values: Values) -> Values:
    try:
        return read_values(values)
    except CardError as error:
        raise CardRefused(str(error)) from None


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"
