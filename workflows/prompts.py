"""The prompts of a bake-off: drawn the same way for every provider, evenly over the strata, each with its seed."""

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

SEEDS = 2**32
# Odd, so that `index * STRIDE mod 2**32` meets every seed once before it meets one again; near the golden
# section of 2**32 (Knuth, The Art of Computer Programming 3, 6.4), so that neighbours land far apart.
STRIDE = 2654435769


@dataclass(frozen=True)
class Prompt:
    """One text of the set; `stratum` is the kind of picture it asks for."""

    prompt_id: str
    stratum: str
    text: str


@dataclass(frozen=True)
class PromptJob:
    """What one job paints. `seed` is unique within a campaign, so no job can be answered from a cache."""

    prompt_id: str
    stratum: str
    text: str
    seed: int


@cache
def all_prompts() -> tuple[Prompt, ...]:
    """The whole set in the order of `prompts.toml`."""
    strata = tomllib.loads((Path(__file__).parent / "prompts.toml").read_text(encoding="utf-8"))
    return tuple(
        Prompt(prompt_id, stratum, text) for stratum, prompts in strata.items() for prompt_id, text in prompts.items()
    )


def strata() -> tuple[str, ...]:
    """The strata in the order in which a draw cycles through them."""
    return tuple(dict.fromkeys(prompt.stratum for prompt in all_prompts()))


def draw(n: int, campaign_seed: int, *, start: int = 0) -> list[PromptJob]:
    """Jobs `start` to `start + n` of the campaign's endless list.

    The list depends on `campaign_seed` alone: every provider gets the same one, and a longer draw begins with
    the shorter. It cycles the strata evenly and goes through all prompts of a stratum, shuffled once, before
    it repeats one. A deployment that serves several runs of a campaign takes its next jobs by `start`.
    Raises ValueError when `n` or `start` is negative.
    """
    if n < 0 or start < 0:
        raise ValueError(f"A draw takes no negative numbers, not n={n}, start={start}.")
    decks = [_deck(stratum, campaign_seed) for stratum in strata()]
    offset = int.from_bytes(hashlib.sha256(f"campaign {campaign_seed}".encode()).digest()[:4])
    jobs = []
    for index in range(start, start + n):
        turn, place = divmod(index, len(decks))
        prompt = decks[place][turn % len(decks[place])]
        seed = (offset + index * STRIDE) % SEEDS
        jobs.append(PromptJob(prompt.prompt_id, prompt.stratum, prompt.text, seed))
    return jobs


def _deck(stratum: str, campaign_seed: int) -> list[Prompt]:
    deck = [prompt for prompt in all_prompts() if prompt.stratum == stratum]
    Random(f"{campaign_seed} {stratum}").shuffle(deck)
    return deck
