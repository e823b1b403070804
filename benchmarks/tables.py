"""What a benchmark gives: a title, columns and rows of text."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One table. `note`: how it was measured, in a sentence."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What `work` gives, and the real seconds it took."""
    started = time.perf_counter()
    value = work()
    return value, time.perf_counter() - started


def ratio(ours: float, peers: float) -> str:
    """How many times the peer's figure is ours, for a figure of which less is better."""
    return f"{peers / ours:.1f}x" if ours else "-"
