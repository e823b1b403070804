"""What is drawn for a seed: its world, what people ask for, and which mishaps are planted."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import product
from random import Random

from benchmarks.drawing import drawn
from simulator.world import World
from storage.plans import RunPlan
from tests.simulation.bakeoff import plan
from tests.simulation.mishaps import BACKENDS, CLOCK, CRASHES, FAULTS, NO_FAULT, STORAGE, VERBS, Cell, Plant

PLANTS = 15  # mishaps of one seed
RUNS = 5
# About how often a verb of one backend is called in a seed: the calls that a plant lets pass are drawn up to here.
_CALLS = {
    "offers": 4, "deploy": 2, "observe": 4, "teardown": 2, "live": 3, "submit": 6, "poll": 12, "cancel": 0,
    "charges": 2, "account": 1,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a person asks for, `at_s` world seconds after the beginning: a run, or the end of one.

    An end may wait until the run has a job under way on a backend, and is not asked for once its plant was met.
    """

    at_s: float
    plan: RunPlan | None = None
    stop: int | None = None
    plant: Plant | None = None


@dataclass(frozen=True)
class Never:
    """Cells of the table that cannot be met: which, and why."""

    cells: str
    why: str
    holds: Callable[[str, str, str, str], bool]  # backend, verb, fault, crash


NEVER = (
    Never(
        "no fault, no crash", "nothing goes wrong", lambda _b, _v, fault, crash: (fault, crash) == (NO_FAULT, "none")
    ),
    Never(
        "modal, stale",
        "each gRPC call is a stream of its own: no earlier reply can come again",
        lambda backend, _v, fault, _c: (backend, fault) == ("modal", "stale"),
    ),
    Never(
        "vast deploy, stale",
        "each order has the path of its offer and is sent once: no earlier reply to it can come again",
        lambda backend, verb, fault, _c: (backend, verb, fault) == ("vast", "deploy", "stale"),
    ),
    Never(
        "modal, elsewhere or oversized or nested",
        "gRPC knows no redirect, no JSON, and bounds its messages itself",
        lambda backend, _v, fault, _c: backend == "modal" and fault in ("elsewhere", "oversized", "nested"),
    ),
    Never(
        "disk full or locked, after effect or after reply",
        "the process is dead before what it would commit next can fail",
        lambda _b, _v, fault, crash: fault in STORAGE and crash in ("after effect", "after reply"),
    ),
)


def impossible(cell: Cell) -> Never | None:
    """Why a cell of the table cannot be met; None where it can."""
    return next((rule for rule in NEVER if rule.holds(*cell)), None)


def _rarely(backend: str, verb: str, fault: str, _crash: str) -> bool:
    """A cancel comes only where a run is stopped while a job is under way, and that is over soon."""
    return verb == "cancel" and (backend == "modal" or fault in ("hang_after", "drop"))


@cache
def deck() -> tuple[Cell, ...]:
    """Every cell that can be met, shuffled once for all: the seeds take their plants from it in turn.

    Those that are met rarely are in it twice.
    """
    cells = [cell for cell in product(BACKENDS, VERBS, FAULTS, CRASHES) if impossible(cell) is None]
    cells += [cell for cell in cells if _rarely(*cell)]
    Random("deck").shuffle(cells)
    return tuple(cells)


def plants(seed: int, dice: Random) -> list[Plant]:
    """The mishaps of a seed."""
    cells = [deck()[(seed * PLANTS + i) % len(deck())] for i in range(PLANTS)]
    return [
        Plant(
            backend=backend,
            verb=verb,
            fault=fault,
            crash=crash,
            calls=dice.randint(0, _CALLS[verb]),
            requests=dice.choice((0, 0, 1)),
            times=_times(fault, dice),
            jump_s=_jump_s(fault, dice),
        )
        for backend, verb, fault, crash in cells
    ]


def _times(fault: str, dice: Random) -> int:
    if fault in CLOCK or fault == NO_FAULT:
        return 1
    if fault == "unauthorized":  # a key that stays refused is a state of its own, not a mishap that passes
        return dice.choice((1, 1, 2))
    if fault in STORAGE:  # a try a second: the long ones outlast the writer's patience
        return dice.choice((1, 3, 20, 45, 100))
    return dice.choice((1, 1, 1, 2, 3, 7))


def _jump_s(fault: str, dice: Random) -> float:
    """A pause goes beyond what Runpod keeps a result now and then; a step goes either way."""
    if fault == "clock pause":
        return dice.choice((5.0, 90.0, 600.0, 2400.0)) * dice.uniform(0.5, 1.5)
    return dice.choice((-1, 1)) * dice.choice((0.5, 5.0, 60.0)) * dice.uniform(0.5, 1.5)


def gap_s(dice: Random) -> float:
    """How long nobody starts the collector again: mostly soon, sometimes later than Runpod keeps a result."""
    longest_s = dice.choice((10, 10, 30, 60, 120, 1200, 7200))
    return dice.uniform(1, longest_s)


def wishes(dice: Random, planted: list[Plant]) -> list[Wish]:
    """Runs that overlap, at least 40 jobs together; some may meet their cap, some are stopped.

    A job is only cancelled where its run is stopped: for each plant that waits for that, one run after the other.
    """
    found: list[Wish] = []
    at_s = 0.0
    for _ in range(RUNS):
        workflow, gpu = dice.choice((("flux-dev", "L40S"), ("qwen-image-2512", "H100")))
        cap_usd = Decimal(str(round(dice.uniform(0.02, 0.4), 4))) if dice.random() < 0.12 else Decimal(50)
        warm, cold = dice.choice(((2, 1), (2, 1), (2, 1), (3, 1)))
        asked = plan(workflow, warm=warm, cold=cold, gpu=gpu, cap_usd=cap_usd)
        found.append(Wish(at_s=at_s, plan=asked))
        at_s += dice.uniform(5, 200)
    stops = [plant for plant in planted if plant.verb == "cancel"]
    for plant in stops:
        found += [Wish(at_s=found[i].at_s + dice.uniform(5, 60), stop=i + 1, plant=plant) for i in range(RUNS)]
    if not stops and dice.random() < 0.3:
        number = dice.randrange(RUNS)
        found.append(Wish(at_s=found[number].at_s + dice.uniform(10, 400), stop=number + 1))
    return sorted(found, key=lambda wish: wish.at_s)


def world_of(seed: int) -> World:
    """The drawn world of the seed, its hosts ready sooner: nobody learns from watching one pull."""
    figures = tomllib.loads(drawn(seed))
    for name in ("pull", "boot"):
        figures["vast"][name]["median_s"] /= 6
    return World.model_validate(figures)
