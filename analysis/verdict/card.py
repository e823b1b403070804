"""The decision card: what was promised before any sample was seen. Its hash is over its content in one spelling."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from analysis.looks import LOOKS, LOOKS_RENTED
from analysis.tco import HOURLY_USD
from analysis.validity import LATE_SHARE
from words import EffortKind, Provider

MOST_DAYS = 366  # an answer that holds for longer is a typing error


class CardError(ValueError):
    """A card that contradicts itself. The message says every contradiction and the way out."""


@dataclass(frozen=True, kw_only=True)
class Margins:
    """How much worse a candidate may be, and how much cheaper it has to be.

    Ratios are candidate over baseline, shares are differences. `saving`, which has to be exceeded, is less than
    `target_saving`, for which the plan is made: an interval that excludes a saving of 20 % is rare at a true 20 %.
    """

    success: float = 0.02
    warm_p95: float = 1.10
    stalls: float = 0.03
    cold: float = 1.25
    blended_p95: float = 1.25
    saving: float = 0.10
    target_saving: float = 0.20
    payback_months: float = 12.0
    preference: float = 0.10  # of blind votes, around one half


@dataclass(frozen=True, kw_only=True)
class Minima:
    """Below any of these nothing is decided for a candidate."""

    blocks: int = 12
    days: int = 3
    hosts: int = 8  # of rented machines
    harm_blocks: int = 8
    cold_share: float = 0.01  # cold latency matters where the cold share may be above it
    raters: int = 3


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """What exactly of a workflow is compared: its hash, its settings (canonical JSON) and the GPU."""

    workflow_hash: str
    settings: str
    gpu: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """The criteria. pins: what is compared of each workflow; whatever else was measured blocks it.

    alpha: one-sided, of each gate over all looks. looks: in blocks (half-blocks of rented machines).

    weights: each workflow's share of the images; they add up to 1. traffic: name of the profile, as it is kept.
    ops: how often a month each task will come up on a candidate; hourly_usd and one_off_hours: of a person.
    """

    workflows: Sequence[str]
    candidates: Sequence[str]
    traffic: str
    pins: Mapping[str, Pinned] = field(default_factory=dict)
    baseline: str = Provider.MODAL.value
    weights: Mapping[str, float] = field(default_factory=dict)
    margins: Margins = Margins()
    minima: Minima = Minima()
    alpha: float = 0.05
    looks: Sequence[int] = LOOKS
    looks_rented: Sequence[int] = LOOKS_RENTED
    hourly_usd: float = HOURLY_USD
    one_off_hours: float = 16.0
    ops: Mapping[str, float] = field(default_factory=dict)
    late_share: float = LATE_SHARE
    votes_needed: bool = False  # without people's votes a candidate that is not surely alike stays undecided
    licence_needed: bool = True
    valid_days: int = 90

    def __post_init__(self) -> None:
        if wrong := problems(self):
            raise CardError(" ".join(wrong))

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()

    def weight(self, workflow: str) -> float:
        """Its share of the images; the same for each where none is given."""
        return self.weights.get(workflow, 0.0) if self.weights else 1 / len(self.workflows)


def canonical(card: Card) -> str:
    """Sorted keys, no blanks, shortest floats: the same card always gives the same bytes."""
    return json.dumps(asdict(card), sort_keys=True, separators=(",", ":"), default=list)


def read(text: str) -> Card:
    """The card of its canonical JSON. Raises CardError where it is none, with what is wrong."""
    try:
        found: dict[str, Any] = json.loads(text)
        found["pins"] = {name: Pinned(**pinned) for name, pinned in found["pins"].items()}
        found["margins"], found["minima"] = Margins(**found["margins"]), Minima(**found["minima"])
        found |= {name: tuple(found[name]) for name in found if isinstance(found[name], list)}
        return Card(**found)
    except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise CardError(f"This is no decision card: {error}.") from None


def changes(old: Card, new: Card) -> list[str]:
    """What differs, a line each: margins.saving: 0.1 -> 0.15."""
    before, after = flat(old), flat(new)
    return [
        f"{name}: {_said(before.get(name))} -> {_said(after.get(name))}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def flat(card: Card) -> dict[str, Any]:
    """Every value by its name: margins.saving, looks, pins.flux-dev.gpu."""
    return _flat(asdict(card))


def terms(card: Card) -> dict[str, Any]:
    """Every criterion by its dotted name, in one order: margins.saving."""
    return dict(sorted(_flat(asdict(card)).items()))


def problems(card: Card) -> list[str]:
    """Sentences, each with what contradicts and what would be right; none of a card that can decide."""
    return [sentence for check in _CHECKS for sentence in check(card)]


def _named(card: Card) -> list[str]:
    found = [f"The card names no {what}." for what in ("workflows", "candidates") if not getattr(card, what)]
    if card.baseline in card.candidates:
        found.append(f"{card.baseline} is the baseline, so it cannot be a candidate too.")
    for what in ("workflows", "candidates"):
        if len(set(getattr(card, what))) < len(getattr(card, what)):
            found.append(f"One of the {what} is named twice.")
    if card.pins and {*card.pins} != {*card.workflows}:
        found.append("pins must say of each workflow which hash, settings and GPU are compared.")
    if not card.traffic:
        found.append("No traffic is named: without it nothing says what production would pay.")
    return found


def _shares(card: Card) -> list[str]:
    found = []
    for name in ("success", "stalls", "saving", "target_saving"):
        if not 0 < getattr(card.margins, name) < 1:
            found.append(f"margins.{name} is a share between 0 and 1, not {getattr(card.margins, name)}.")
    for name in ("warm_p95", "cold", "blended_p95"):
        if not 1 < getattr(card.margins, name) < math.inf:
            found.append(f"margins.{name} is a ratio above 1, not {getattr(card.margins, name)}.")
    if not 0 < card.margins.preference < 0.5:
        found.append(f"margins.preference is a share between 0 and 0.5, not {card.margins.preference}.")
    if not 0 < card.alpha <= 0.2:
        found.append(f"alpha is above 0 and at most 0.2, not {card.alpha}.")
    if not 0 < card.late_share <= 0.2:
        found.append(f"late_share is above 0 and at most 0.2, not {card.late_share}.")
    return found


def _savings(card: Card) -> list[str]:
    if card.margins.target_saving > card.margins.saving:
        return []
    return [
        f"A saving of {card.margins.target_saving:g} is planned for and one above {card.margins.saving:g} has to be "
        "shown: the target must be the larger one, else it is shown in one campaign of twenty at most."
    ]


def _looks(card: Card) -> list[str]:
    found = []
    for name in ("looks", "looks_rented"):
        looks = getattr(card, name)
        if not looks or any(later <= sooner for sooner, later in pairwise(looks)):
            found.append(f"{name} must ascend, not {list(looks)}.")
        elif looks[0] < card.minima.harm_blocks or looks[-1] < card.minima.blocks:
            found.append(
                f"{name} end at {looks[-1]} blocks and begin at {looks[0]}, where a GO asks for {card.minima.blocks} "
                f"and harm for {card.minima.harm_blocks}: no look could ever say it."
            )
    return found


def _least(card: Card) -> list[str]:
    counts = ("blocks", "days", "hosts", "harm_blocks", "raters")
    found = [
        f"minima.{name} is at least 1, not {getattr(card.minima, name)}."
        for name in counts
        if not 1 <= getattr(card.minima, name) < math.inf
    ]
    if not 0 <= card.minima.cold_share < 1:
        found.append(f"minima.cold_share is a share from 0 to below 1, not {card.minima.cold_share}.")
    return found


def _money(card: Card) -> list[str]:
    found = [
        f"{name} must not be below 0, but it is {getattr(card, name)}."
        for name in ("hourly_usd", "one_off_hours")
        if not 0 <= getattr(card, name) < math.inf
    ]
    known = {kind.value for kind in EffortKind}
    found += [f"ops.{kind} is no kind of task; known are {', '.join(sorted(known))}." for kind in {*card.ops} - known]
    found += [f"ops.{kind} must not be below 0." for kind, often in card.ops.items() if not 0 <= often < math.inf]
    if card.weights and ({*card.weights} != {*card.workflows} or not math.isclose(sum(card.weights.values()), 1)):
        found.append("weights must name each workflow once and add up to 1.")
    if any(not weight > 0 for weight in card.weights.values()):
        found.append("Each weight must be above 0: leave out a workflow that production does not run.")
    if not card.margins.payback_months > 0 or not 1 <= card.valid_days <= MOST_DAYS:
        found.append(f"margins.payback_months and valid_days must be above 0, and valid_days at most {MOST_DAYS}.")
    return found


_CHECKS = (_named, _shares, _savings, _least, _looks, _money)


def _flat(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{above}{name}.")
        else:
            found[above + name] = list(value) if isinstance(value, tuple) else value
    return found


def _said(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, default=list)
