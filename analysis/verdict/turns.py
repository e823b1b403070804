"""What would turn a ruling of a snapshot: every lever of one case, its candidates of the same workflow beside it."""

from typing import Any

from analysis.verdict.document import document, shown
from analysis.verdict.flips import Flip, flip, flips, table
from analysis.verdict.frozen import Snapshot
from analysis.verdict.levers import AtVolume, Known, Lever, levers
from analysis.verdict.rule import Case


def turns(snapshot: Snapshot, number: int) -> list[Flip]:
    """Of the case of that number, all but the volume: a snapshot has no jobs to replay. None before its first look."""
    case, rests = snapshot.cases[number], snapshot.facts.rests
    known = rests[number].known() if rests else Known()
    return flips(snapshot.card, case, levers(snapshot.card, case, known), _others(snapshot, case))


def by_volume(snapshot: Snapshot, number: int, at_volume: AtVolume) -> Flip | None:
    """Where the volume turns it, each volume replayed anew; None where the snapshot does not say what it is now."""
    case, rests = snapshot.cases[number], snapshot.facts.rests
    found = levers(snapshot.card, case, rests[number].known(at_volume)) if rests else []
    lever: Lever | None = next((each for each in found if each.short == "Volume"), None)
    return None if lever is None else flip(snapshot.card, case, lever, _others(snapshot, case))


def explained(snapshot: Snapshot, *, digest: str = "") -> dict[str, Any]:
    """The verdict's document, and of the case that it is asked of first (`shown`) `flips.FLIPS` as plain values."""
    said = document(snapshot, digest=digest)
    return said | {"turns": table(turns(snapshot, shown(said))).to_dicts()}


def _others(snapshot: Snapshot, case: Case) -> list[Case]:
    """They share its alpha."""
    return [each for each in snapshot.cases if each.workflow == case.workflow and each is not case]
