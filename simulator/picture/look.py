"""Who a person is: cast from the prompt's words, the rest drawn from the seed so that people vary."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from numpy.random import Generator

from simulator.picture.brief import Brief
from simulator.picture.palette import CLOTHES, HAIRS, SKINS, Colour, lift, mix

T = TypeVar("T")

# Colour words mean something else on a head: red hair is copper, white hair is not paper.
_HAIR_WORDS: dict[str, Colour] = {
    "black": HAIRS[0],
    "brown": HAIRS[2],
    "red": (178, 76, 40),
    "ginger": (190, 92, 44),
    "blond": (218, 180, 116),
    "blonde": (218, 180, 116),
    "golden": (218, 180, 116),
    "grey": (164, 164, 170),
    "gray": (164, 164, 170),
    "white": (232, 230, 228),
    "silver": (200, 202, 208),
}
_EYES: tuple[Colour, ...] = ((74, 52, 40), (92, 66, 44), (70, 108, 142), (84, 120, 88), (60, 46, 40))


@dataclass(frozen=True)
class Look:
    """One person. Colours are None where the thing is not worn."""

    woman: bool
    old: bool
    skin: Colour
    hair: Colour
    style: str
    beard: Colour | None
    eyes: Colour
    dress: Colour
    outfit: str
    second: Colour
    striped: bool
    hat: tuple[str, Colour] | None
    scarf: Colour | None
    glasses: bool
    earrings: Colour | None
    jaw: float  # -1 narrow .. 1 broad
    smile: float  # 0 .. 1


def pick(rng: Generator, among: Sequence[T]) -> T:
    """One of them, each as likely."""
    return among[int(rng.integers(len(among)))]


def cast(brief: Brief, rng: Generator) -> Look:
    """The person of a portrait."""
    woman = brief.has("woman", "lady", "girl", "grandmother", "actress", "queen") or (
        not brief.has("man", "boy", "gentleman", "grandfather", "king") and rng.random() < 0.5
    )
    old = brief.has("old", "elderly", "grandmother", "grandfather", "wrinkled", "aged")
    hair = _hair_colour(brief, "hair") or (
        pick(rng, ((176, 174, 178), (226, 224, 222))) if old else pick(rng, HAIRS[:6])
    )
    bearded = brief.has("beard", "bearded", "moustache") or (not woman and rng.random() < 0.25)
    outfit, dress = _outfit(brief, rng)
    return Look(
        woman=woman,
        old=old,
        skin=_skin(rng, hair),
        hair=(_hair_colour(brief, "beard") or hair) if not brief.has("hair") else hair,
        style=_style(brief, rng, woman),
        beard=(_hair_colour(brief, "beard") or lift(hair, -0.02)) if bearded else None,
        eyes=brief.dye("eye") or pick(rng, _EYES),
        dress=dress,
        outfit=outfit,
        second=pick(rng, CLOTHES),
        striped=brief.has("striped", "stripe") or (outfit == "crew" and rng.random() < 0.2),
        hat=_hat(brief, rng),
        scarf=_worn(brief, rng, ("scarf", "shawl")),
        glasses=brief.has("glasses", "spectacles", "sunglasses") or rng.random() < 0.15,
        earrings=_worn(brief, rng, ("earring", "earrings"))
        or ((222, 180, 84) if woman and rng.random() < 0.4 else None),
        jaw=float(rng.uniform(-1, 0.2) if woman else rng.uniform(-0.3, 1)),
        smile=float(rng.random()),
    )


def _hair_colour(brief: Brief, noun: str) -> Colour | None:
    """The colour word before hair or beard, in its natural tone."""
    if noun == "hair":
        for word in ("ginger", "blond", "blonde"):
            if brief.has(word):
                return _HAIR_WORDS[word]
    return brief.natural_dye(noun, _HAIR_WORDS)


def _skin(rng: Generator, hair: Colour) -> Colour:
    """Fair skin under red hair, else anyone."""
    fair = hair in (_HAIR_WORDS["red"], _HAIR_WORDS["ginger"], _HAIR_WORDS["blond"])
    return pick(rng, SKINS[:2] if fair else SKINS)


def _style(brief: Brief, rng: Generator, woman: bool) -> str:
    for word in ("bald", "curly", "bun", "afro", "bob"):
        if brief.has(word):
            return "curly" if word == "afro" else word
    return pick(rng, ("long", "bob", "bun", "wavy", "curly") if woman else ("short", "quiff", "side", "short", "curly"))


def _outfit(brief: Brief, rng: Generator) -> tuple[str, Colour]:
    for noun, outfit in _OUTFITS:
        if brief.has(noun):
            return outfit, brief.dye(noun) or pick(rng, CLOTHES)
    loose = brief.mood
    return pick(rng, ("crew", "shirt", "crew", "vneck", "coat")), loose or pick(rng, CLOTHES)


_OUTFITS: tuple[tuple[str, str], ...] = (
    ("raincoat", "hood"),
    ("hoodie", "hood"),
    ("parka", "hood"),
    ("suit", "suit"),
    ("tuxedo", "suit"),
    ("shirt", "shirt"),
    ("blouse", "shirt"),
    ("jumper", "crew"),
    ("sweater", "crew"),
    ("pullover", "crew"),
    ("coat", "coat"),
    ("jacket", "coat"),
    ("dress", "vneck"),
    ("top", "vneck"),
)


def _hat(brief: Brief, rng: Generator) -> tuple[str, Colour] | None:
    if brief.has("cap"):
        return "cap", brief.dye("cap") or pick(rng, CLOTHES)
    if brief.has("beanie") or brief.has("hat"):
        kind = "knit" if brief.has("knitted", "beanie", "wool", "woolly", "winter", "snow") else "brim"
        return kind, brief.dye("hat", "beanie") or mix(pick(rng, CLOTHES), (200, 180, 150), 0.2)
    return None


def _worn(brief: Brief, rng: Generator, nouns: tuple[str, ...]) -> Colour | None:
    if not brief.has(*nouns):
        return None
    return brief.dye(*nouns) or pick(rng, CLOTHES)
