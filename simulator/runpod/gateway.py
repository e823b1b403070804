"""The platform as a real worker sees it: the official SDK's worker loop takes jobs of an external endpoint here.

As observed of `runpod` 1.12.0's loop: it asks `job-take` about once a second, posts to `job-done`, pings, and holds
`job-stop` open to hear of cancelled jobs. It sends its key without a scheme, so any key is let in.
"""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.engine import us
from simulator.runpod.endpoint import Endpoint, Outside
from simulator.wire import Reply, Request

if TYPE_CHECKING:
    from simulator.runpod.cloud import RunpodCloud

ROUTE = re.compile(r"/v2/([^/]+)/(job-take|job-done|job-stop|ping)/([^/]+)(?:/([^/]+))?")
HELD_US = us(25)


class Gateway:
    """Worker routes of endpoints that carry EXTERNAL_WORKERS."""

    def __init__(self, cloud: "RunpodCloud") -> None:
        self._cloud, self._engine = cloud, cloud.site.engine

    def handle(self, request: Request) -> Reply:
        """Answer a worker."""
        found = ROUTE.fullmatch(request.path)
        endpoint = self._cloud.endpoint(found[1]) if found else None
        if found is None or endpoint is None or not endpoint.external:
            return Reply(status=404, body={"error": "endpoint not found"})
        worker, job_id = found[3], found[4]
        verbs: dict[str, Callable[[], Reply]] = {
            "job-take": lambda: self._take(endpoint, worker),
            "job-done": lambda: self._done(endpoint, job_id, request.body),
            "job-stop": lambda: self._stop(endpoint, worker),
            "ping": lambda: Reply(body="ok"),
        }
        return verbs[found[2]]()

    def _take(self, endpoint: Endpoint, worker: str) -> Reply:
        job = next((job for job in endpoint.jobs.values() if job.attempt.state == "queued"), None)
        if job is None or not isinstance(job.attempt, Outside):
            return Reply(status=204)
        job.attempt.state, job.attempt.worker_id = "running", worker
        job.attempt.picked_us = self._engine.now_us
        return Reply(body={"id": job.id, "input": job.input})

    def _done(self, endpoint: Endpoint, job_id: str | None, body: bytes) -> Reply:
        job = endpoint.jobs.get(job_id or "")
        if job is None or not isinstance(job.attempt, Outside) or job.attempt.state != "running":
            return Reply(status=400, body={"error": "job is not in progress"})
        self._finish(job.attempt, json.loads(body or b"{}"))
        return Reply(body="ok")

    def _finish(self, attempt: Outside, posted: dict[str, Any]) -> None:
        attempt.shown = {key: posted[key] for key in ("output", "error") if key in posted}
        attempt.state = "failed" if "error" in posted else "completed"
        attempt.done_us = self._engine.now_us

    def _stop(self, endpoint: Endpoint, worker: str) -> Reply:
        def news() -> Reply | None:
            stopped = endpoint.stopping.pop(worker, None)
            return Reply(body={"jobsToStop": stopped}) if stopped else None

        return news() or Reply(status=204, hold=news, hold_until_us=self._engine.now_us + HELD_US)
