"""A card's values as a person writes them: margins.saving=0.15, looks=12,16,20, ops.deploy=4, pins.flux-dev.gpu=H100.

`read_values` gives each its type; `laid_over` makes the card of them. Both say all that is wrong at once.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

from analysis.verdict.card import Card, CardError, Margins, Minima, Pinned

Values = Mapping[str, Any]
OPEN = ("ops", "weights")  # a number of each task, of each workflow
MOST = 1_000_000  # of anything that is counted: more is a typing error
PINNED = ("gpu", "settings")  # of each workflow; its hash is what the files say


def read_values(values: Values) -> dict[str, Any]:
    """Each value by its name with the type that it has on the card. Raises CardError.

    An empty `ops` or `weights` takes all of them off; as a mapping it replaces them.
    """
    found: dict[str, Any] = {}
    wrong = []
    for name, value in values.items():
        try:
            found[name] = _reader(name)(value)
        except CardError as error:
            wrong.append(str(error))
        except (TypeError, ValueError, OverflowError):
            wrong.append(f"{name} is {_ASKS[_reader(name)]}, not {value!r:.80}.")
    if wrong:
        raise CardError(" ".join(wrong))
    return found


def laid_over(card: Card, values: Values, pins: Mapping[str, Pinned]) -> Card:
    """The card with these values and pins, as `read_values` gave them. Raises CardError with every contradiction."""
    tree: dict[str, Any] = {name: getattr(card, name) for name in _OF_CARD} | {"pins": dict(pins)}
    tree |= {name: asdict(getattr(card, name)) for name in ("margins", "minima")}
    tree |= {name: dict(getattr(card, name)) for name in OPEN}
    for name, value in sorted(values.items()):  # a whole mapping before one of its parts
        above, _, below = name.partition(".")
        if above == "pins":
            _repin(tree["pins"], below, value)
        elif below:
            tree[above][below] = value
        else:
            tree[name] = value
    return Card(**tree | {"margins": Margins(**tree["margins"]), "minima": Minima(**tree["minima"])})


def _repin(pins: dict[str, Pinned], below: str, value: str) -> None:
    workflow, _, what = below.rpartition(".")
    if workflow not in pins:
        raise CardError(f"The card does not compare {workflow!r}: it pins {', '.join(pins)}.")
    pins[workflow] = Pinned(**asdict(pins[workflow]) | {what: value})


def _text(value: Any) -> str:
    if not str(value).strip():
        raise ValueError
    return str(value).strip()


def _names(value: Any) -> tuple[str, ...]:
    return tuple(name.strip() for name in (value.split(",") if isinstance(value, str) else value) if name.strip())


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _whole(value: Any) -> int:
    number = int(value)
    if number != float(value) or abs(number) > MOST:
        raise ValueError
    return number


def _counts(value: Any) -> tuple[int, ...]:
    parts = value.replace(",", " ").split() if isinstance(value, str) else value
    return tuple(_whole(part) for part in parts)


def _answer(value: Any) -> bool:
    return {"yes": True, "true": True, "no": False, "false": False}[str(value).strip().lower()]


def _yes_or_no(value: Any) -> bool:
    try:
        return _answer(value)
    except KeyError:
        raise ValueError from None


def _numbers(value: Any) -> dict[str, float]:
    if isinstance(value, Mapping):
        return {str(name): _number(each) for name, each in value.items()}
    if str(value).strip():
        raise ValueError
    return {}


def _settings(value: Any) -> str:
    """Spelled as the frames of jobs spell them."""
    found = json.loads(value)
    if not isinstance(found, dict):
        raise ValueError
    return json.dumps(found, sort_keys=True)


_Reader = Callable[[Any], Any]
_ASKS: dict[_Reader, str] = {
    _text: "a name",
    _names: "names with commas between them",
    _number: "a number",
    _whole: f"a whole number of at most {MOST:,}",
    _counts: f"whole numbers of at most {MOST:,} with commas between them",
    _yes_or_no: "yes or no",
    _numbers: "empty, or given one by one",
    _settings: "a JSON object of parameters",
}
_BY_TYPE: dict[type, _Reader] = {bool: _yes_or_no, int: _whole, float: _number, str: _text}
_READERS: dict[str, _Reader] = {
    "workflows": _names,
    "candidates": _names,
    "traffic": _text,
    "looks": _counts,
    "looks_rented": _counts,
    **{each.name: _BY_TYPE[type(each.default)] for each in fields(Card) if type(each.default) in _BY_TYPE},
    **dict.fromkeys(OPEN, _numbers),
    **{f"margins.{each.name}": _BY_TYPE[type(each.default)] for each in fields(Margins)},
    **{f"minima.{each.name}": _BY_TYPE[type(each.default)] for each in fields(Minima)},
}
_OF_CARD = [name for name in _READERS if "." not in name]


def _reader(name: str) -> _Reader:
    """How the value of that name is read. Raises CardError where a card has none such."""
    if name in _READERS:
        return _READERS[name]
    above, _, below = name.partition(".")
    if above in OPEN and below:
        return _number
    workflow, _, what = below.rpartition(".")
    if above == "pins" and workflow and what in PINNED:
        return _settings if what == "settings" else _text
    known = [*_READERS, "ops.TASK", "weights.WORKFLOW", *(f"pins.WORKFLOW.{each}" for each in PINNED)]
    raise CardError(f"A card has no {name!r}. It has {', '.join(sorted(known))}.")
