"""The frozen inputs of a verdict: the card, what every look saw, and what stands beside it, in one spelling.

The same inputs give the same bytes, and the same bytes the same verdict. Infinite seconds are written as "inf".
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Any

import numpy as np

from analysis.estimates import Counts, Jobs
from analysis.stats import Saving
from analysis.verdict import card as cards
from analysis.verdict.card import Card
from analysis.verdict.gates import Arm, Look, Money
from analysis.verdict.rests import Rests, read
from analysis.verdict.rule import Case

FORMAT = 1


class SnapshotError(ValueError):
    """Bytes that are no snapshot, or not the one that was asked for. The message says which, and the way out."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is told beside the rule. spent_usd: on the blocks, billed or estimated; final_share: of that in final bills.

    ops_usd: what running a backend costs a month beside its bill; None: nobody timed it. version: of the card. cells,
    arms: rows of `compare.cells` and `compare.arms`, to be shown as they were. rests: of each case, in their order.
    volumes: rows of `volumes.rows`; none where they were not replayed. aa: `blocks.AARecord` of the whole installation.
    appendix: what `verdict.appendix` tells, by subject.
    """

    at: datetime
    jobs: int
    blocks: int
    days: int
    spent_usd: float
    final_share: float | None
    version: int
    locked_at: datetime | None
    locked_by: str
    post_hoc: str = ""
    images_per_month: Mapping[str, float] = field(default_factory=dict)  # of each workflow
    ops_usd: Mapping[str, float | None] = field(default_factory=dict)
    prices: Mapping[str, int] = field(
        default_factory=dict
    )  # nano-USD of a worker's second by backend and GPU, as asked for
    cells: Sequence[Mapping[str, Any]] = ()
    arms: Sequence[Mapping[str, Any]] = ()
    rests: Sequence[Rests] = ()
    volumes: Sequence[Mapping[str, Any]] = ()
    aa: Mapping[str, int] = field(default_factory=dict)
    appendix: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    simulated: bool = False


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All that a verdict is a function of."""

    card: Card
    cases: Sequence[Case]
    facts: Facts


def freeze(snapshot: Snapshot) -> bytes:
    """Canonical JSON in UTF-8."""
    found = {
        "format": FORMAT,
        "card": json.loads(cards.canonical(snapshot.card)),
        "cases": _plain(snapshot.cases),
        "facts": _plain(snapshot.facts),
    }
    return json.dumps(found, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest(frozen: bytes) -> str:
    """SHA-256, hexadecimal: the snapshot's name."""
    return hashlib.sha256(frozen).hexdigest()


def thaw(frozen: bytes, *, named: str | None = None) -> Snapshot:
    """The snapshot of its bytes. Raises SnapshotError, also where their hash is not what they are `named`."""
    if named is not None and digest(frozen) != named:
        raise SnapshotError(
            f"The snapshot {named[:8]} has been changed: its bytes have the hash {digest(frozen)[:8]}. Make a new one "
            "with `bakeoff verdict --freeze`."
        )
    try:
        found = json.loads(frozen)
        if found["format"] != FORMAT:
            raise SnapshotError(f"This program reads snapshots of format {FORMAT}, not {found['format']}.")
        return Snapshot(
            card=cards.read(json.dumps(found["card"])),
            cases=[_case(case) for case in found["cases"]],
            facts=_facts(found["facts"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, SnapshotError):
            raise
        raise SnapshotError(f"These bytes are no snapshot: {error}.") from None


def _plain(value: Any) -> Any:
    """What JSON knows."""
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, np.ndarray):
        return [_plain(each) for each in value.tolist()]
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _facts(found: Mapping[str, Any]) -> Facts:
    instants = {name: found[name] and datetime.fromisoformat(found[name]) for name in ("at", "locked_at")}
    return Facts(**{**found, **instants, "rests": [read(each) for each in found.get("rests", ())]})


def _case(found: Mapping[str, Any]) -> Case:
    return Case(**{**found, "looks": [_look(look) for look in found["looks"]], "blocked": tuple(found["blocked"])})


def _look(found: Mapping[str, Any]) -> Look:
    money = found["money"]
    saving = money["saving"] and Saving(**money["saving"])
    arms = {name: _arm(found[name]) for name in ("candidate", "baseline")}
    return Look(**{**found, **arms, "money": Money(**{**money, "saving": saving})})


def _arm(found: Mapping[str, Any]) -> Arm:
    read: Mapping[str, Callable[[Any], Any]] = {
        **dict.fromkeys(("warm", "good_warm", "cold", "good_cold"), _jobs),
        **dict.fromkeys(("counts", "stalled"), lambda each: Counts(**each)),
    }
    return Arm(**{name: read.get(name, tuple)(value) for name, value in found.items()})


def _jobs(found: Mapping[str, Any]) -> Jobs:
    low, high = (np.array([float(each) for each in found[name]]) for name in ("low", "high"))
    return Jobs(low=low, high=high, block=np.array(found["block"], dtype=np.int64))
