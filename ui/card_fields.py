"""The numbers of the decision card as a person reads and types them: label, unit, and what stands behind it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.verdict.card import Card, flat
from analysis.verdict.card_values import Values
from words import EffortKind

_DIGITS = 9  # after them the way there and back through a percentage is only noise


@dataclass(frozen=True)
class Field:
    """One number. scale: what is typed over what the card holds; unit: of what is typed."""

    key: str
    label: str
    unit: str
    term: str
    scale: float = 1.0
    step: float = 1.0

    def shown(self, card: Card) -> float | int:
        """As it is typed: a share of 0.02 is 2."""
        value: float | int = flat(card)[self.key]
        return value if isinstance(value, int) else round(value * self.scale, _DIGITS)

    def written(self, card: Card) -> str:
        """10 %, $100"""
        number = f"{self.shown(card):g}"
        return f"${number}" if self.unit == "$" else f"{number} {self.unit}".strip()

    def held(self, typed: float) -> float | int:
        """What the card holds of what was typed."""
        return typed if isinstance(typed, int) else round(typed / self.scale, _DIGITS)


LIMITS = (
    Field("margins.saving", "Saving, above", "%", "margin", 100),
    Field("margins.target_saving", "Saving planned for", "%", "margin", 100),
    Field("margins.payback_months", "Paid back within", "months", "payback"),
    Field("margins.success", "Success, at most lower by", "pp", "margin", 100, 0.5),
    Field("margins.warm_p95", "Warm p95, at most", "×", "margin", step=0.05),
    Field("margins.stalls", "Stalls, at most more by", "pp", "margin", 100, 0.5),
    Field("margins.cold", "Cold latency, at most", "×", "margin", step=0.05),
    Field("margins.blended_p95", "Blended p95, at most", "×", "blended p95", step=0.05),
    Field("margins.preference", "Votes, around one half", "pp", "margin", 100),
)
MINIMA = (
    Field("minima.blocks", "Blocks for a GO", "", "minimum"),
    Field("minima.harm_blocks", "Blocks for harm", "", "minimum"),
    Field("minima.days", "Days", "", "minimum"),
    Field("minima.hosts", "Rented hosts", "", "minimum"),
    Field("minima.cold_share", "Cold share from which cold counts", "%", "cold share", 100, 0.5),
    Field("minima.raters", "Raters", "", "minimum"),
    Field("alpha", "Alpha, one-sided", "", "alpha", step=0.01),
    Field("late_share", "Jobs of ours sent late, at most", "%", "dispatch delay", 100, 0.5),
    Field("valid_days", "Valid for", "days", "minimum"),
)
LOOKS = {"looks": "Looks, blocks", "looks_rented": "Looks, half-blocks of rented machines"}
ASKED = {"votes_needed": "People's votes are needed", "licence_needed": "Licence and content policy are needed"}
PEOPLE = (
    Field("hourly_usd", "An hour of a person", "$", "payback", step=10.0),
    Field("one_off_hours", "The move itself", "h", "payback"),
)


def limit_rows(card: Card) -> list[dict[str, str]]:
    """Every limit with its value."""
    numbers = [{"Limit": field.label, "Is": field.written(card)} for field in (*LIMITS, *MINIMA)]
    looks = [{"Limit": label, "Is": ", ".join(map(str, getattr(card, name)))} for name, label in LOOKS.items()]
    asked = [{"Limit": label, "Is": "yes" if getattr(card, name) else "no"} for name, label in ASKED.items()]
    return [*numbers, *looks, *asked]


def weights_typed(card: Card, workflows: Sequence[str], typed: Mapping[str, float]) -> dict[str, Any]:
    """The weights that were typed in per cent, where they are not those that the form began with."""
    if all(share == weight_shown(card, workflows, name) for name, share in typed.items()):
        return {"weights": {}} if card.weights and set(workflows) != set(card.workflows) else {}
    return {"weights": {name: round(share / 100, _DIGITS) for name, share in typed.items()}}


def weight_shown(card: Card, workflows: Sequence[str], name: str) -> float:
    """Its share in per cent: the card's, or the same for each where other workflows are chosen."""
    same = set(workflows) == set(card.workflows)
    return round(100 * (card.weight(name) if same else 1 / len(workflows)), 4)


def differing(card: Card, typed: Values) -> dict[str, Any]:
    """Of the values that were typed, those that the card does not say."""
    held = flat(card)
    return {name: value for name, value in typed.items() if held.get(name, _EMPTY.get(name)) != value}


_EMPTY = {f"ops.{kind.value}": 0.0 for kind in EffortKind}
