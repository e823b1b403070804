"""The providers' published documents: every state and refusal in them that ends something maps.

They lie beside the project, in ../shared/data; without them there is nothing to check against.
"""

import json
import re
from pathlib import Path

from backends.errors import NoCapacity
from backends.runpod import failures as runpod
from backends.vast import failures as vast
from words import Reason, WorkerState

SPECS = Path(__file__).resolve().parents[4] / "shared" / "data" / "specs"


class TestPublished:
    """Runpod's OpenAPI of 2026-08-18, Vast.ai's of 2026-08-07."""

    __test__ = SPECS.exists()

    def test_every_worker_state_of_the_published_specification_is_one_of_ours(self) -> None:
        document = json.loads((SPECS / "runpod-rest-v2.openapi.json").read_text(encoding="utf-8"))
        assert set(document["components"]["schemas"]["WorkerStatus"]["enum"]) == set(runpod.WORKERS)
        assert set(runpod.WORKERS.values()) == set(WorkerState)

    def test_every_instance_state_that_vast_calls_final_has_a_cause(self) -> None:
        text = (SPECS / "vast.openapi.json").read_text(encoding="utf-8")
        poll_trap = re.search(r"actual_status` becomes (.{0,60}?) it will never", text)
        assert poll_trap
        final = set(re.findall(r"`(\w+)`", poll_trap[1]))
        assert {"exited", "unknown", "offline"} == final
        assert final <= vast.DEAD
        for state in vast.DEAD | vast.ASLEEP:
            assert vast.cause_of(state, None) is Reason.WORKER_LOST
        assert not vast.OPEN & (vast.DEAD | vast.ASLEEP)

    def test_every_refusal_of_an_order_that_vast_publishes_is_an_error_of_ours(self) -> None:
        document = json.loads((SPECS / "vast.openapi.json").read_text(encoding="utf-8"))
        replies = document["paths"]["/api/v0/asks/{id}"]["put"]["responses"]
        for status in ("403", "404", "410"):
            fields = replies[status]["content"]["application/json"]["schema"]["properties"]
            body = {name: field["example"] for name, field in fields.items() if "example" in field}
            assert isinstance(vast.console_dialect(int(status), json.dumps(body)), NoCapacity)
