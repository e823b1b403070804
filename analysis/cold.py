"""Was capacity booted for this job, restored from a snapshot, or ready? Decided from evidence, never guessed.

One pure function per provider; what cannot be told is `unknown` and enters neither a cold nor a warm cell.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from words import StartKind

# Runpod's clock against ours. A worker that is warm for a job is at least one boot and one job older than it.
CLOCKS_APART = timedelta(seconds=5)

_Verdict = tuple[StartKind, dict[str, Any]]
_Decide = Callable[[Mapping[str, Any], datetime | None, Collection[str]], _Verdict]


def start_kind(
    backend: str, evidence: Mapping[str, Any], accepted_at: datetime | None, history: Collection[str]
) -> _Verdict:
    """The kind, and the rule that decided it (`{"rule": ...}`), to be stored beside the evidence.

    evidence: as the backend's adapter observed it, worker_id among it. accepted_at: our submit was acknowledged.
    history: ids of the workers that earlier jobs of this deployment ran on.
    """
    return _RULES.get(backend, _no_rule)(evidence, accepted_at, history)


def _modal(evidence: Mapping[str, Any], _accepted_at: datetime | None, history: Collection[str]) -> _Verdict:
    """The container counts its own calls: `call_index` 0 is its first. `restored_at` is set after a snapshot only.

    A call that died with its container returned no stamps; Modal's call list still names the container, whose id is
    new with every start. Our app takes no snapshots, so its first call was a boot.
    """
    index, container = evidence.get("call_index"), evidence.get("worker_id")
    if isinstance(index, int):
        if index > 0:
            return _say(StartKind.WARM, f"call {index} of its container, counted from 0")
        if evidence.get("restored_at") is not None:
            return _say(StartKind.RESTORED, "first call of a container that came from a snapshot")
        return _say(StartKind.COLD, "first call of its container")
    if container is None:
        return _say(StartKind.UNKNOWN, "neither stamps nor a container id")
    if container in history:
        return _say(StartKind.WARM, "an earlier call ran in this container")
    return _say(StartKind.COLD, "first call known of this container, and snapshots are not in use")


def _runpod(evidence: Mapping[str, Any], accepted_at: datetime | None, history: Collection[str]) -> _Verdict:
    """A flex worker keeps its id when it scales down and up again, so a known id alone does not prove warm.

    The worker list of REST v2 gives `startedAt` of the worker's present life: after our submit means that it was
    started for us. A worker that died at once is listed no more; its idle window after its last job says that it was
    still up, or the failures of warm workers would enter no cell. FlashBoot may restore a start from a snapshot and
    no field says so.
    """
    worker = evidence.get("worker_id")
    if worker is None:
        return _say(StartKind.UNKNOWN, "no worker id")
    started_at = _instant(evidence.get("worker_started_at"))
    booted = started_at is not None and accepted_at is not None and started_at > accepted_at - CLOCKS_APART
    if worker not in history or booted:
        why = "the worker started after the job was accepted" if booted else "first job of this worker"
        if str(evidence.get("flashboot", "OFF")).upper() != "OFF":
            return _say(StartKind.UNKNOWN, f"{why}, but with FlashBoot on: booted or restored cannot be told apart")
        return _say(StartKind.COLD, why)
    idle_until = _instant(evidence.get("worker_idle_until"))
    if started_at is None and idle_until is not None and accepted_at is not None and accepted_at < idle_until:
        return _say(StartKind.WARM, "a known worker whose idle window was not over when the job was accepted")
    if started_at is None or accepted_at is None:
        return _say(StartKind.UNKNOWN, "a known worker, but when it started was not seen")
    return _say(StartKind.WARM, "a known worker that started before the job was accepted")


def _vast(evidence: Mapping[str, Any], _accepted_at: datetime | None, history: Collection[str]) -> _Verdict:
    """A rented machine stays up until it is destroyed: only the first job of a fresh rental is cold.

    ComfyUI names the nodes it had in its cache: the loaders on a server that has worked before, none on a fresh one.
    """
    if history:
        return _say(StartKind.WARM, "an earlier job ran on this rental")
    if evidence.get("cached_nodes"):
        return _say(StartKind.WARM, "the model was loaded already, by a job whose end we never saw")
    if evidence.get("worker_id") is None:
        return _say(StartKind.UNKNOWN, "no sign that the host ever took it")
    return _say(StartKind.COLD, "first job of a fresh rental")


def _no_rule(_evidence: Mapping[str, Any], _accepted_at: datetime | None, _history: Collection[str]) -> _Verdict:
    return _say(StartKind.UNKNOWN, "this backend gives no evidence")


_RULES: Mapping[str, _Decide] = {"modal": _modal, "runpod": _runpod, "vast": _vast}


def _say(kind: StartKind, rule: str) -> _Verdict:
    return kind, {"rule": rule}


def _instant(text: Any) -> datetime | None:
    """An ISO 8601 instant; None if it is missing, unreadable or without a zone."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else None
