"""When jobs are meant to start: load profiles as small pure generators. The same seed gives the same schedule.

Open loop: each start is an offset from the beginning of the load, whether or not answers come. Closed loop: the jobs
of a slot follow each other, each after an idle gap that counts from the end of the one before.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, islice
from random import Random
from typing import Any, ClassVar, Protocol

from analysis.eviction import GAPS, probe_gaps
from words import LoadProfile

MOST_JOBS = 10_000  # more is a typing error, not a plan
MOST_PER_HOUR = 360_000.0  # 100 a second
COLD_MARGIN = 1.2, 3.0  # a window's capacity is surely gone after 1.2 windows and 3 s


class LoadError(ValueError):
    """A load that cannot be laid out; one sentence with the cause."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """One intended start: `offset_s` after the load began (open loop), else `gap_s` after its slot's last end."""

    slot: int = 0
    offset_s: float | None = None
    gap_s: float = 0.0


class Load(Protocol):
    """A load profile with its parameters: data on the run."""

    profile: ClassVar[LoadProfile]

    @property
    def n(self) -> int:
        """How many jobs."""

    def starts(self) -> list[Start]:
        """The intended starts, in the order in which they are laid out."""


# ---------------------------------------------------------------- closed loop


@dataclass(frozen=True, kw_only=True)
class Sequential:
    """One in flight, each as soon as the one before has ended."""

    profile: ClassVar[LoadProfile] = LoadProfile.SEQUENTIAL
    n: int

    def __post_init__(self) -> None:
        _count("n", self.n)

    def starts(self) -> list[Start]:
        return [Start()] * self.n


@dataclass(frozen=True, kw_only=True)
class Concurrent:
    """`k` in flight at any time."""

    profile: ClassVar[LoadProfile] = LoadProfile.CONCURRENT
    n: int
    k: int

    def __post_init__(self) -> None:
        _count("n", self.n)
        _count("k", self.k)
        if self.k > self.n:
            raise LoadError(f"{self.k} jobs cannot be in flight when there are only {self.n}.")

    def starts(self) -> list[Start]:
        return [Start(slot=i % self.k) for i in range(self.n)]


@dataclass(frozen=True, kw_only=True)
class ColdProbe:
    """Each after the capacity has surely gone away: idle for `window_s` and a margin."""

    profile: ClassVar[LoadProfile] = LoadProfile.COLD_PROBE
    n: int
    window_s: float

    def __post_init__(self) -> None:
        _count("n", self.n)
        positive("window_s", self.window_s)

    def starts(self) -> list[Start]:
        return [Start(), *[Start(gap_s=cold_gap_s(self.window_s))] * (self.n - 1)]


@dataclass(frozen=True, kw_only=True)
class EvictionProbe:
    """Gaps around the window that was set, each `repeats` times in an order drawn from `seed`, after one first job."""

    profile: ClassVar[LoadProfile] = LoadProfile.EVICTION_PROBE
    window_s: float
    repeats: int = 8
    seed: int = 1

    def __post_init__(self) -> None:
        positive("window_s", self.window_s)
        _count("repeats", self.repeats)
        if self.window_s * min(GAPS) < 1:
            raise LoadError(f"window_s {self.window_s:g} gives gaps below 1 s, too short to be laid out.")
        _count("n", self.n)

    @property
    def n(self) -> int:
        return 1 + self.repeats * len(GAPS)

    def starts(self) -> list[Start]:
        gaps = probe_gaps(self.window_s, repeats=self.repeats, seed=self.seed)
        return [Start(), *(Start(gap_s=gap) for gap in gaps)]


def cold_gap_s(window_s: float) -> float:
    """Idle seconds after which a window's capacity has surely gone away."""
    factor, margin_s = COLD_MARGIN
    return window_s * factor + margin_s


# ---------------------------------------------------------------- open loop


@dataclass(frozen=True, kw_only=True)
class Constant:
    """Evenly spaced, the first at once."""

    profile: ClassVar[LoadProfile] = LoadProfile.CONSTANT
    n: int
    per_hour: float

    def __post_init__(self) -> None:
        _count("n", self.n)
        rate("per_hour", self.per_hour)

    def starts(self) -> list[Start]:
        return _open(i * 3600 / self.per_hour for i in range(self.n))


@dataclass(frozen=True, kw_only=True)
class Poisson:
    """Memoryless arrivals: gaps are exponential."""

    profile: ClassVar[LoadProfile] = LoadProfile.POISSON
    n: int
    per_hour: float
    seed: int = 1

    def __post_init__(self) -> None:
        _count("n", self.n)
        rate("per_hour", self.per_hour)

    def starts(self) -> list[Start]:
        dice = Random(self.seed)
        return _open(accumulate(dice.expovariate(self.per_hour / 3600) for _ in range(self.n)))


@dataclass(frozen=True, kw_only=True)
class Gamma:
    """Gaps of a gamma law with the same mean: `cv` (sd / mean) above 1 is burstier than Poisson, below 1 smoother."""

    profile: ClassVar[LoadProfile] = LoadProfile.GAMMA
    n: int
    per_hour: float
    cv: float
    seed: int = 1

    def __post_init__(self) -> None:
        _count("n", self.n)
        rate("per_hour", self.per_hour)
        if not 0.05 <= _number("cv", self.cv) <= 20:
            raise LoadError(f"cv must lie between 0.05 and 20, not {self.cv:g}.")

    def starts(self) -> list[Start]:
        dice, shape = Random(self.seed), self.cv**-2
        return _open(accumulate(dice.gammavariate(shape, 3600 / self.per_hour / shape) for _ in range(self.n)))


@dataclass(frozen=True, kw_only=True)
class Burst:
    """`size` jobs at the same instant, `bursts` times; between bursts the capacity goes back to zero."""

    profile: ClassVar[LoadProfile] = LoadProfile.BURST
    size: int
    bursts: int = 1
    every_s: float = 3600.0

    def __post_init__(self) -> None:
        _count("size", self.size)
        _count("bursts", self.bursts)
        positive("every_s", self.every_s)
        _count("n", self.n)

    @property
    def n(self) -> int:
        return self.size * self.bursts

    def starts(self) -> list[Start]:
        return _open(number * self.every_s for number in range(self.bursts) for _ in range(self.size))


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """From one rate to another, linearly, over as long as `n` jobs take; both ends in jobs an hour."""

    profile: ClassVar[LoadProfile] = LoadProfile.RAMP
    n: int
    from_per_hour: float
    to_per_hour: float

    def __post_init__(self) -> None:
        _count("n", self.n)
        for name in ("from_per_hour", "to_per_hour"):
            if not 0 <= _number(name, getattr(self, name)) <= MOST_PER_HOUR:
                raise LoadError(f"{name} must lie between 0 and {MOST_PER_HOUR:,.0f}, not {getattr(self, name):g}.")
        if self.from_per_hour + self.to_per_hour <= 0:
            raise LoadError("A ramp from 0 to 0 jobs an hour never starts one.")

    def starts(self) -> list[Start]:
        """Job i where the integral of the rate, a t + (b - a) t^2 / 2T, reaches i; T = 2 n / (a + b)."""
        a, b = self.from_per_hour / 3600, self.to_per_hour / 3600
        slope = (b - a) * (a + b) / (2 * self.n)  # (b - a) / T
        return _open(2 * i / (a + math.sqrt(a * a + 2 * slope * i)) if i else 0.0 for i in range(self.n))


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Given offsets in seconds, ascending: a recorded day or a daily curve (`analysis.traces`)."""

    profile: ClassVar[LoadProfile] = LoadProfile.TRACE
    offsets_s: Sequence[float]

    def __post_init__(self) -> None:
        _count("n", self.n)
        for number, (before, after) in enumerate(zip([0.0, *self.offsets_s], self.offsets_s, strict=False), start=1):
            if not math.isfinite(_number(f"offset {number}", after)) or after < before:
                raise LoadError(f"offset {number} of the trace, {after:g} s, lies before the one above it.")

    @property
    def n(self) -> int:
        return len(self.offsets_s)

    def starts(self) -> list[Start]:
        return _open(self.offsets_s)


# ---------------------------------------------------------------- as data


PROFILES: Mapping[LoadProfile, type[Any]] = {
    each.profile: each
    for each in (Sequential, Concurrent, Constant, Poisson, Gamma, Burst, Ramp, Trace, ColdProbe, EvictionProbe)
}


def load_of(data: Mapping[str, Any]) -> Load:
    """The load that `data` describes: {"profile": "poisson", "n": 100, "per_hour": 42, "seed": 1}. Raises LoadError."""
    given = dict(data)
    name = given.pop("profile", None)
    if name not in {profile.value for profile in PROFILES}:
        raise LoadError(f"There is no load profile '{name}'. Known: {', '.join(PROFILES)}.")
    made = PROFILES[LoadProfile(name)]
    fields = made.__dataclass_fields__
    known = [field for field in fields if field != "profile"]
    for strange in given.keys() - set(known):
        raise LoadError(f"The load profile {name} has no '{strange}'. It takes {', '.join(known)}.")
    try:
        load: Load = made(**given)
    except TypeError as error:
        raise LoadError(f"The load profile {name} takes {', '.join(known)}: {error}.") from None
    return load


def load_typed(text: str) -> Load:
    """The load that a person wrote: `poisson n=100 per_hour=42`, numbers as JSON writes them. Raises LoadError."""
    name, *pairs = text.split() or [""]
    data: dict[str, Any] = {"profile": name}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise LoadError(f"'{pair}' of the load is no name=value, such as n=100.")
        try:
            data[key] = json.loads(value)
        except ValueError:
            raise LoadError(f"{key} of the load must be a number, not '{value}'.") from None
    return load_of(data)


def data_of(load: Load) -> dict[str, Any]:
    """What `load_of` reads back."""
    return {"profile": load.profile.value, **asdict(load)}  # type: ignore[call-overload]


def _open(offsets_s: Iterable[float]) -> list[Start]:
    return [Start(offset_s=offset_s) for offset_s in islice(offsets_s, MOST_JOBS)]


def _count(name: str, value: Any) -> None:
    if type(value) is not int or not 1 <= value <= MOST_JOBS:
        raise LoadError(f"{name} must be a whole number from 1 to {MOST_JOBS:,}, not {value!r}.")


def rate(name: str, value: Any) -> None:
    """Raise LoadError unless it is a rate that can be laid out, jobs an hour."""
    if not 0 < _number(name, value) <= MOST_PER_HOUR:
        raise LoadError(f"{name} must be above 0 and at most {MOST_PER_HOUR:,.0f} jobs an hour, not {value:g}.")


def positive(name: str, value: Any) -> None:
    """Raise LoadError unless it is a length of time, seconds."""
    if not 0 < _number(name, value) <= 7 * 86400:
        raise LoadError(f"{name} must be above 0 s and at most a week, not {value:g}.")


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise LoadError(f"{name} must be a number, not {value!r}.")
    return float(value)
