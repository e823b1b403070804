"""What a user would write: plain httpx and asyncio, each job looked at once a second. A contender of the harness.

First line of stdin: {"start_at": seconds since 1970, "key": bearer token, "jobs": [{"after_s", "url", "body"}]}. Once
stdin ends: one {"due", "sent", "id", "seen", "error"} per job that was sent, as far as it came, on stdout.
"""

import asyncio
import json
import sys
import time
from typing import Any

import httpx

POLL_S = 1.0


async def one(client: httpx.AsyncClient, start_at: float, job: dict[str, Any], told: dict[str, Any]) -> None:
    """Send one job at its time and look at it each second until it is over."""
    told["due"] = start_at + job["after_s"]
    await asyncio.sleep(told["due"] - time.time())
    told["sent"] = time.time()
    try:
        told["id"] = (await client.post(f"{job['url']}/run", json=job["body"])).json()["id"]
        while "seen" not in told:
            await asyncio.sleep(POLL_S)
            reply = (await client.get(f"{job['url']}/status/{told['id']}")).json()
            if reply["status"] not in ("IN_QUEUE", "IN_PROGRESS"):
                told["seen"] = time.time()
    except httpx.HTTPError as error:
        told["error"] = type(error).__name__


async def main() -> None:
    """All jobs of the plan; those that are open when stdin ends are given up."""
    plan = json.loads(sys.stdin.readline())
    told: list[dict[str, Any]] = [{} for _ in plan["jobs"]]
    limits = httpx.Limits(max_connections=None)
    headers = {"Authorization": f"Bearer {plan['key']}"}
    async with httpx.AsyncClient(limits=limits, headers=headers, timeout=20) as client:
        tasks = [
            asyncio.create_task(one(client, plan["start_at"], job, mine))
            for job, mine in zip(plan["jobs"], told, strict=True)
        ]
        await asyncio.to_thread(sys.stdin.read)
        print(json.dumps([mine for mine in told if "sent" in mine]))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
