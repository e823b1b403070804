"""The same work with Locust, a peer from PyPI: its fast client and its greenlets. A contender of the harness.

Runs in an environment of its own, .venv-locust, and imports nothing of ours. Speaks as `benchmarks/user_script.py`
does. Locust starts users in steps of a second, so that one user spawns a greenlet for each job, at its own time.
"""

# mypy: ignore-errors
# ruff: noqa: I001 - Locust patches the standard library, and has to come first
import locust
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment

import json
import sys
import time
from typing import Any

import gevent
from gevent.threadpool import ThreadPool

POLL_S = 1.0


class Caller(FastHttpUser):
    """One user with as many connections as it needs."""

    host = "http://127.0.0.1"
    concurrency = 5000
    max_retries = 0
    plan: dict[str, Any] = {}  # noqa: RUF012 - set once before the start
    told: list[dict[str, Any]] = []  # noqa: RUF012

    @locust.task
    def work(self) -> None:
        """Every job of the plan."""
        headers = {"Authorization": f"Bearer {self.plan['key']}"}
        for job, mine in zip(self.plan["jobs"], self.told, strict=True):
            mine["due"] = self.plan["start_at"] + job["after_s"]
            gevent.spawn_later(max(0.0, mine["due"] - time.time()), self.one, job, mine, headers)
        gevent.sleep(3600)

    def one(self, job: dict[str, Any], mine: dict[str, Any], headers: dict[str, str]) -> None:
        """Send one job and look at it each second until it is over."""
        mine["sent"] = time.time()
        reply = self.client.post(f"{job['url']}/run", json=job["body"], headers=headers, name="run")
        if not reply.ok:
            mine["error"] = str(reply.status_code)
            return
        mine["id"] = reply.json()["id"]
        while "seen" not in mine and "error" not in mine:
            gevent.sleep(POLL_S)
            reply = self.client.get(f"{job['url']}/status/{mine['id']}", headers=headers, name="status")
            if not reply.ok:
                mine["error"] = str(reply.status_code)
            elif reply.json()["status"] not in ("IN_QUEUE", "IN_PROGRESS"):
                mine["seen"] = time.time()


def main() -> None:
    """Until stdin ends."""
    Caller.plan = json.loads(sys.stdin.readline())
    Caller.told = [{} for _ in Caller.plan["jobs"]]
    runner = Environment(user_classes=[Caller]).create_local_runner()
    runner.start(1, spawn_rate=1)
    ThreadPool(1).apply(sys.stdin.read)
    print(json.dumps([mine for mine in Caller.told if "sent" in mine]), flush=True)
    runner.quit()


if __name__ == "__main__":
    main()
