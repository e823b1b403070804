"""Worlds that nobody thought of: the default one with every law, price and rate drawn anew from a seed.

`python -m benchmarks.drawing 7 > seven.toml` prints one, for `bakeoff demo --world seven.toml`.
"""

import json
import math
import sys
import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from simulator.world import FIGURES, SHIPPED, Failures

PROVIDERS = ("modal", "runpod", "vast")
DRAWN = "assumed: drawn from a seed"
WORST_RATE = 0.03  # of each fate: all ten together lose less than a third of the jobs
_Draw = Callable[[Random, float], float]


def _around(spread: float) -> _Draw:
    """The figure times or over up to `spread`, even on a log scale."""
    return lambda dice, old: old * math.exp(dice.uniform(-1, 1) * math.log(spread))


def _between(low: float, high: float) -> _Draw:
    """Anything in the range, whatever the figure was."""
    return lambda dice, _old: dice.uniform(low, high)


_LAWS: Mapping[str, _Draw] = {
    "median_s": _around(2),
    "s": _around(1.6),  # a denoiser step
    "fixed_s": _around(2),
    "sigma": _between(0, 0.4),
    "host_sigma": _between(0, 0.12),
    "job_sigma": _between(0, 0.12),
    "overhead_s": _around(2),
    "usd_per_s": _around(2),
    "disk_usd_gb_month": _around(2),
    "network_usd_gb": _around(5),
    "cpu_core_usd_s": _around(2),
    "memory_gib_usd_s": _around(2),
    "price_spread": _between(0, 0.3),
    "lag_s": _between(0, 14_400),
}


def drawn(seed: int) -> str:
    """A world as TOML, the same for the same seed; `docs/reference/world.md` documents its fields."""
    dice = Random(f"world {seed}")
    world = _again(tomllib.loads((SHIPPED / "default.toml").read_text(encoding="utf-8")), dice)
    for name in PROVIDERS:
        world[name] |= _mishaps(world[name], dice)
    world |= {"name": f"drawn-{seed}", "title": f"Drawn from seed {seed}"}
    return "".join(f"{key} = {_toml(value)}\n" for key, value in world.items())


def _again(figures: Mapping[str, Any], dice: Random) -> dict[str, Any]:
    """The same fields, each figure with a law drawn anew; where it comes from is said anew, too."""
    made: dict[str, Any] = {}
    for key, value in figures.items():
        if isinstance(value, Mapping) and key != "grounds":
            made[key] = _again(value, dice)
        elif key in _LAWS:
            made[key] = _LAWS[key](dice, value)
        elif key != "grounds":
            made[key] = DRAWN if key == "source" else value
    return made


def _mishaps(provider: Mapping[str, Any], dice: Random) -> dict[str, Any]:
    """What goes wrong with jobs and bills, how many machines there are, and which weights they run."""
    fates = [fate for fate in Failures.model_fields if dice.random() < 0.4]
    billing = dict(provider["billing"])
    if dice.random() < 0.4:
        billing["phantom_share"] = dice.uniform(0, 0.06)
    if dice.random() < 0.4:
        billing |= {"late_correction": dice.uniform(-0.06, 0.06), "correct_after_s": dice.uniform(0, 86_400)}
    return {
        "failures": {fate: dice.uniform(0, WORST_RATE) for fate in fates},
        "billing": billing,
        "capacity": {gpu: max(3, round(_around(2)(dice, count))) for gpu, count in provider["capacity"].items()},
        "precision": dice.choice(("bf16", "fp8")),
        "grounds": dict.fromkeys(FIGURES, DRAWN),
    }


def _toml(value: Any) -> str:
    """A value on one line; JSON's strings, numbers and lists are TOML's."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items()) + " }"
    return value.isoformat() if isinstance(value, datetime) else json.dumps(value)


def write(folder: Path, seed: int) -> Path:
    """The world in a file of that folder."""
    file = folder / f"drawn-{seed}.toml"
    file.write_text(drawn(seed), encoding="utf-8")
    return file


if __name__ == "__main__":
    print(drawn(int(sys.argv[1])))
