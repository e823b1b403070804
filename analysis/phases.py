"""The phases of a job, from its intended start to its result: how long each took, or why nobody can say."""

from collections.abc import Mapping
from dataclasses import dataclass

from words import StartKind

PHASES = ("dispatch", "queue", "pull", "boot", "load", "execution", "fetch")
_OF_A_START = ("pull", "boot", "load")
_IN_QUEUE = "the image is pulled while the job waits for a worker: it is part of the queue"
_IN_EXECUTION = "the model is loaded by the job's own graph: it is part of the execution"
_BEFORE = "a rented machine pulls before it is ready: see its deployment's time to get a GPU"
_SILENT = "the production endpoint says nothing but the result"

# What a backend never tells apart (its documentation as of 2026-11): the reason stands instead of a number.
NEVER_TOLD: Mapping[str, Mapping[str, str]] = {
    "modal": {"pull": _IN_QUEUE},
    "runpod": {"pull": _IN_QUEUE, "load": _IN_EXECUTION},
    "vast": {"pull": _BEFORE, "load": _IN_EXECUTION},
    "modal-web": dict.fromkeys(("queue", "pull", "boot", "load", "execution"), _SILENT),
}


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One phase: its seconds, or the reason why there are none."""

    name: str
    seconds: float | None
    absent: str | None


def phases(seconds: Mapping[str, float | None], *, backend: str, kind: StartKind | None, ended: bool) -> list[Phase]:
    """All PHASES in order. seconds: what is known, by name. ended: the job has a final status."""
    return [_phase(name, seconds.get(name), backend=backend, kind=kind, ended=ended) for name in PHASES]


def _phase(name: str, value: float | None, *, backend: str, kind: StartKind | None, ended: bool) -> Phase:
    absent = None if value is not None else _why_absent(name, backend=backend, kind=kind, ended=ended)
    return Phase(name=name, seconds=value, absent=absent)


def _why_absent(name: str, *, backend: str, kind: StartKind | None, ended: bool) -> str:
    if name == "dispatch":
        return "when it was sent is not known" if ended else "it has not been sent yet"
    if not ended:
        return "the job has not ended yet"
    if kind is StartKind.WARM and name in _OF_A_START:
        return "it met ready capacity"
    if (never := NEVER_TOLD.get(backend, {}).get(name)) is not None:
        return never
    if name == "fetch":
        return "without the provider's durations the end is known by our looks alone"
    return "the provider did not say it of this job"
