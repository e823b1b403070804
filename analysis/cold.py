"""Was capacity booted for this job, restored from a snapshot, or ready? Decided from evidence, never guessed.

One pure function per provider; what cannot be told is `unknown` and enters neither a cold nor a warm cell. Evidence of
one clock comes first: a container's own count of its calls, and durations (`analysis.waits`). Where two clocks have to
be compared they may be CLOCKS_APART_S apart.

The first job of a worker that stood ready before it came is neither cold, since it waited for no boot, nor warm, since
it had the model to load: it is unknown.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from analysis.waits import BOOT_S, UP_S, Case, Sample, Span
from words import LoadProfile, StartKind

CLOCKS_APART_S = 5.0  # a provider's or a worker's clock against ours, where nothing tells more
LISTS_LATE_S = 30.0  # a worker that left is listed no longer than this
STOOD_S = 0.5  # a container that was booted for a call takes it this soon after it is ready

WRONG_START = WARM_IN_COLD, COLD_IN_WARM = "warm_in_cold_series", "cold_in_warm_series"
SNAPSHOT_BUILDING, WARM_UP = "snapshot_building", "warm_up"
BUILDING = 3  # first boots of a Modal deployment that build its snapshot and are slower (Modal docs, 2026)
_STARTED = (StartKind.COLD, StartKind.RESTORED)

Verdict = tuple[StartKind, dict[str, Any]]


def start_kind(backend: str, case: Case) -> Verdict:
    """The kind and why, to be stored beside the evidence: `rule`, a sentence, and `decided_by`, the facts behind it.

    What the evidence itself gets wrong is corrected there: a start that belongs to an earlier life of the worker.
    """
    kind, rule, facts = _RULES.get(backend, _no_rule)(case)
    told = {name: _written(value) for name, value in facts.items() if value is not None}
    why = {"rule": rule, "decided_by": told}
    return kind, {**why, **_outdated(case)} if kind in _STARTED else why


def warm_up(backend: str, case: Case, kind: StartKind) -> str | None:
    """Why one of the first samples after a deploy enters no cell; None for every other.

    SNAPSHOT_BUILDING: Modal with snapshots on, a boot before any container was restored. WARM_UP: a rented host that
    was at work, or had been, before our first job came: its image's own benchmark.
    """
    if backend == "modal" and kind is StartKind.COLD and _snapshots(case):
        booted = sum(other.start_kind is StartKind.COLD for other in case.others)
        built = any(other.start_kind is StartKind.RESTORED for other in case.others)
        return SNAPSHOT_BUILDING if booted < BUILDING and not built else None
    if backend == "vast" and not _ahead(case):
        busy = case.job.queue_s is not None and case.job.queue_s >= UP_S
        return WARM_UP if busy or case.job.evidence.get("cached_nodes") else None
    return None


def mismatch(profile: LoadProfile, position: int, kind: StartKind) -> str | None:
    """Is this start another than its series is for? Position 0 of a lane is cold by design."""
    if profile is LoadProfile.COLD_PROBE and kind is StartKind.WARM:
        return WARM_IN_COLD
    return COLD_IN_WARM if profile is LoadProfile.SEQUENTIAL and position > 0 and kind in _STARTED else None


_Told = tuple[StartKind, str, dict[str, Any]]


def _modal(case: Case) -> _Told:
    """The container counts its own calls: `call_index` 0 is its first. `restored_at` is set after a snapshot only.

    A call that died with its container returned no stamps; Modal's call list still tells its wait and its container.
    """
    evidence = case.job.evidence
    index, mode = evidence.get("call_index"), evidence.get("snapshot_mode")
    if not isinstance(index, int):
        return _by_wait(case, snapshots=_snapshots(case))
    facts = {"call_index": index, "snapshot_mode": mode}
    if index > 0:
        return StartKind.WARM, f"call {index} of its container, counted from 0", facts
    restored = evidence.get("restored_at") is not None
    stood_s = _stood_s(evidence)
    facts |= {"container_stood_ready_s": stood_s, "queue_s": case.job.queue_s}
    if stood_s is not None and stood_s >= (STOOD_S if case.job.queue_s is None else case.job.queue_s):
        return StartKind.UNKNOWN, "first call of a container that stood ready before the call came", facts
    if restored:
        return StartKind.RESTORED, "first call of a container that came from a snapshot", facts
    return StartKind.COLD, "first call of its container", facts


def _runpod(case: Case) -> _Told:
    """A flex worker keeps its id when it scales down and up again, so a known id alone does not prove warm.

    FlashBoot may restore a start from a snapshot and no field says so. A job that the platform tried again met what its
    first worker was, not its last.
    """
    evidence = case.job.evidence
    if evidence.get("retries"):
        worker_id, queue_s = evidence.get("first_worker_id"), evidence.get("first_queue_s")
        case = replace(case, job=replace(case.job, worker_id=worker_id, queue_s=queue_s, execution_s=None))
    return _by_wait(case, snapshots=str(evidence.get("flashboot", "OFF")).upper() != "OFF")


def _vast(case: Case) -> _Told:
    """A rented machine stays up until it is destroyed: only the first job that it runs is cold.

    ComfyUI names the nodes it had in its cache: the loaders on a server that has worked before, none on a fresh one.
    """
    cached, ahead = case.job.evidence.get("cached_nodes"), _ahead(case)
    ran = any(_ran(other) for other in ahead)
    facts = {"earlier_job_ran": ran, "earlier_job_may_have_run": bool(ahead), "cached_nodes": cached}
    if case.job.worker_id is None:
        return StartKind.UNKNOWN, "no sign that the host ever took it", facts
    if ran:
        return StartKind.WARM, "an earlier job ran on this rental", facts
    if cached:
        return StartKind.WARM, "the model was loaded already, by a job whose end we never saw", facts
    if ahead and cached is None:
        return StartKind.UNKNOWN, "a job was sent before it, and whether that ran first was not seen", facts
    return StartKind.COLD, "first job of a fresh rental", facts


def _ran(job: Sample) -> bool:
    """It did work there: its execution took time, or it was seen at work until we gave it up.

    A job that waits for a host that dies ends with it, and that it never ran is not said.
    """
    worked = bool(job.execution_s) or job.first_finished_at is None
    return job.status.final and job.worker_id is not None and worked


def _no_rule(_case: Case) -> _Told:
    return StartKind.UNKNOWN, "this backend gives no evidence", {}


_RULES: Mapping[str, Callable[[Case], _Told]] = {"modal": _modal, "runpod": _runpod, "vast": _vast}


# ---------------------------------------------------------------- workers that scale to zero


def _by_wait(case: Case, *, snapshots: bool | None) -> _Told:
    """From how long the job waited for a worker that nobody else was on. snapshots: None if that is not known."""
    waited = case.waited
    facts = {
        "waited_s": waited,
        "idle_before_s": case.idle,
        "idle_window_s": case.idle_window_s,
        "worker_known": case.last is not None,
        "jobs_unseen": case.unseen,
        "started_after_last_job_s": _since_last(case),
        "snapshots": snapshots,
    }
    if case.job.worker_id is None:
        return StartKind.UNKNOWN, "no worker id", facts
    if waited is not None and waited.high < UP_S:
        return (*_up(case, snapshots=snapshots is not False), facts)
    if waited is None or waited.low < BOOT_S or case.unseen:
        return StartKind.UNKNOWN, "how long it waited for a free worker is not known well enough", facts
    if snapshots is not False:
        why = "it waited as long as a boot takes, but with snapshots: booted or restored cannot be told apart"
        return StartKind.UNKNOWN, why, facts
    return StartKind.COLD, "it waited as long as a boot takes, and no other job was on its worker", facts


def _up(case: Case, *, snapshots: bool) -> tuple[StartKind, str]:
    """The worker was up when the job came. Warm if it still lived the life in which it had run a job.

    After its idle window another life would have had to boot first; after that, only a start that is listed from before
    tells, once a list that still showed the old life would be later than lists are.
    """
    idle = case.idle
    if idle is None:
        return StartKind.UNKNOWN, "its worker stood ready, and no earlier job on it is known"
    since = _since_last(case)
    if case.died or (since is not None and since.low > 0):
        return StartKind.UNKNOWN, "its worker stood ready in a new life, and no job of that is known"
    over_s = idle.high - case.idle_window_s
    if over_s <= (0 if snapshots else BOOT_S):
        return StartKind.WARM, "its worker had just run another job, and its idle window left no time for a boot"
    if since is not None and since.high < 0 and over_s > LISTS_LATE_S:
        return StartKind.WARM, "its worker stood ready long after its idle window, in the life of an earlier job"
    return StartKind.UNKNOWN, "its worker stood ready after its idle window, perhaps in a new life"


def _started(case: Case) -> Span | None:
    """When the worker's life began as it is listed, on our clock. A late list may show the life before."""
    at = _instant(case.job.evidence.get("worker_started_at"))
    return None if at is None else Span(at.timestamp() - CLOCKS_APART_S, at.timestamp() + CLOCKS_APART_S)


def _since_last(case: Case) -> Span | None:
    """From the end of the job before on this worker to the start that is listed; below 0 for one from before."""
    started = _started(case)
    if started is None or case.last is None:
        return None
    return Span(started.low - case.last.done.high, started.high - case.last.done.low)


def _outdated(case: Case) -> dict[str, Any]:
    """A worker that was started for this job did not start before the job before it ended."""
    since = _since_last(case)
    if since is None or since.high >= 0:
        return {}
    return {"worker_started_at": None, "listed_start_of_an_earlier_life": case.job.evidence["worker_started_at"]}


# ---------------------------------------------------------------- facts


def _snapshots(case: Case) -> bool | None:
    """Does this Modal deployment take snapshots? Its containers say so; None if none has spoken."""
    told = [sample.evidence for sample in (case.job, *case.others)]
    if any(evidence.get("restored_at") is not None for evidence in told):
        return True
    modes = {mode for evidence in told if isinstance(mode := evidence.get("snapshot_mode"), str)}
    return modes != {"off"} if modes else None


def _stood_s(evidence: Mapping[str, Any]) -> float | None:
    """From ready to the call, by the container's own clock."""
    ready, received = _instant(evidence.get("worker_ready_at")), _instant(evidence.get("received_at"))
    restored = evidence.get("restored_at")
    if received is None:
        return None
    if isinstance(restored, int | float):
        return max(0.0, received.timestamp() - restored)
    return None if ready is None else max(0.0, (received - ready).total_seconds())


def _ahead(case: Case) -> list[Sample]:
    """Jobs of a rental that ran before this one, or may have: they were sent before it was taken."""
    job, picked = case.job, case.job.picked
    taken = job.accepted_at or job.first_finished_at
    sent = [x for x in case.others if x.sent_at is not None and (taken is None or x.sent_at <= taken)]
    if picked is None:
        return sent
    return [x for x in sent if (x.began_before(picked) if x.status.final else x.done.low <= picked.high)]


def _written(value: Any) -> Any:
    """A fact as it is stored: spans as [low, high], null where there is no end."""
    if isinstance(value, Span):
        return [round(end, 3) if abs(end) != float("inf") else None for end in value]
    return round(value, 3) if isinstance(value, float) else value


def _instant(text: Any) -> datetime | None:
    """An ISO 8601 instant; None if it is missing, unreadable or without a zone."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else None
