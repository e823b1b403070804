"""When to look at a job again: coarsely while its end is far, finely around the end that is predicted."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from storage.models import Job
from words import JobStatus, StartKind

COARSE_S = 2.0  # world seconds between looks while the end is far
FINE_S = 0.2  # .. and around the predicted end
LONG_POLL_S = 20.0
LOOKS_PER_S = 100.0  # of all jobs of one deployment together; Runpod answers 200 an endpoint (its docs, 2026-08-20)
_REMEMBERED = 9
_LEAST_SPREAD = 0.04  # of the expected duration: from job to job it differs at least so much
_SPREADS = 2.5  # so many spreads before the prediction, looks become fine
_GROWTH = 0.05  # without a prediction, the gap is this share of the wait so far


@dataclass(kw_only=True)
class Expected:
    """What jobs of a lane that met ready capacity took from pick-up to end, as far as they are known; seconds."""

    _took_s: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def learn(self, job: Job) -> None:
        """Take in a job that has ended. A cold one took longer than the next will."""
        if job.status is not JobStatus.SUCCEEDED or job.start_kind in (StartKind.COLD, StartKind.RESTORED):
            return
        seen_us = (job.first_finished_at, job.accepted_at)
        if job.execution_us is not None:
            self._took_s.append(job.execution_us / 1e6)
        elif seen_us[0] is not None and seen_us[1] is not None:
            self._took_s.append((seen_us[0] - seen_us[1]).total_seconds())

    def end_of(self, picked_up_at: datetime | None) -> datetime | None:
        """When a job picked up then should end; None if nothing was learned."""
        if picked_up_at is None or not self._took_s:
            return None
        return picked_up_at + timedelta(seconds=median(self._took_s))

    @property
    def spread_s(self) -> float:
        """How far from it an end may lie: the median distance from the median, scaled to a standard deviation."""
        if not self._took_s:
            return 0.0
        middle = median(self._took_s)
        return max(_LEAST_SPREAD * middle, 1.4826 * median(abs(took - middle) for took in self._took_s))


def next_look_s(waited_s: float, left_s: float | None, *, spread_s: float, looking: int = 1) -> float:
    """World seconds from one look to the next.

    waited_s: since the job was accepted. left_s: until its predicted end, negative once it is overdue, None without a
    prediction: then the gap grows with the wait, from fine to coarse. looking: jobs of the deployment that are being
    looked at, which share its LOOKS_PER_S.
    """
    fine_s = max(FINE_S, looking / LOOKS_PER_S)
    coarse_s = max(COARSE_S, fine_s)
    if left_s is None:
        return min(coarse_s, max(fine_s, waited_s * _GROWTH))
    near_s = max(fine_s, _SPREADS * spread_s)
    if left_s > near_s:
        return max(fine_s, min(coarse_s, left_s - near_s))
    overdue_s = -left_s - near_s
    return min(coarse_s, max(fine_s, overdue_s * _GROWTH * 2))
