"""The official `vastai` SDK drives the simulator unmodified. Imports nothing of ours."""

import base64
import io
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from vastai import VastAI

ROOT = Path(__file__).resolve().parents[2]
KEY = "canary-peers-vast"
PASSWORD = "canary-wrapper"
# World seconds per real second. An instance is ready after eight world minutes; Vast.ai's least interval between two
# calls (4.5 s, after a breach 12) passes between two lines of a test.
SPEED = 400
PATIENCE_S = 60
ENV = f"-p 8288:8288 -e WEB_PASSWORD={PASSWORD} -e BAKEOFF_FILES=vae/ae.safetensors|30000000000|https://example.com/ae"


class World:
    """One simulator process, the SDK pointed at it, and the control address."""

    def __init__(self, urls: dict[str, str]) -> None:
        self.console, self.control = urls["vast_console"], urls["control"]
        # The parameter, not VAST_URL: with the variable some calls still go to run.vast.ai (1.9.1).
        self.sdk = VastAI(api_key=KEY, server_url=self.console, retry=1)
        self.stubborn = VastAI(api_key=KEY, server_url=self.console, retry=3)

    def call(self, verb: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """A call after a pause that keeps every rate limit."""
        time.sleep(13 / SPEED)
        return verb(*args, **more)

    def rent(self, offer: int | None = None, **more: Any) -> int:
        """A contract for the cheapest L40S unless told; the SDK turns flags into the object that the API takes."""
        found = offer or self.call(self.sdk.search_offers, query="gpu_name=L40S", order="dph_total")[0]["id"]
        order = {
            "image": "vastai/comfy:v0.3.71-cuda-12.9-py312",
            "disk": 80,
            "env": ENV,
            "label": "bakeoff-peer",
        } | more
        return self.call(self.sdk.create_instance, found, **order)["new_contract"]

    def running(self, **more: Any) -> tuple[int, str]:
        """An instance whose wrapper answers, and the wrapper's address."""
        id = self.rent(**more)
        url = self.until(lambda: self.wrapper(id))
        return id, url

    def wrapper(self, id: int) -> str | None:
        row = self.call(self.sdk.show_instances_v1, {"select_filters": {"id": {"eq": id}}})["instances"][0]
        ports = (row.get("ports") or {}).get("8288/tcp")
        if not ports:
            return None
        url = f"http://{row['public_ipaddr']}:{ports[0]['HostPort']}"
        return url if health(url) == 200 else None

    def until(self, look: Callable[[], Any]) -> Any:
        """The first look that gives something."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            if found := look():
                return found
        raise AssertionError(f"nothing came of it in {PATIENCE_S} s")

    def fail(self, call: str, kind: str, times: int = 1) -> None:
        """Plan a fault of the console."""
        fault = {"service": "vast_console", "call": call, "kind": kind, "times": times}
        assert requests.post(f"{self.control}/faults", json=[fault], timeout=20).status_code == 201

    def ledger(self) -> dict[str, Any]:
        """What truly happened."""
        return requests.get(f"{self.control}/ledger", timeout=20).json()

    def rentals(self) -> int:
        """Paid orders that took effect."""
        return self.ledger()["paid_calls"].get("vast.deploy", 0)


def health(url: str) -> int | None:
    try:
        return requests.get(f"{url}/health", headers={"Authorization": f"Bearer {PASSWORD}"}, timeout=20).status_code
    except requests.ConnectionError:
        return None


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    command = [ROOT / ".venv/bin/python", "-m", "simulator", "--control", "--speed", str(SPEED)]
    command += ["--key", f"vast={KEY}", "--world", "quiet"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield World(json.loads(process.stdout.readline())["urls"])
    finally:
        process.terminate()
        process.communicate()


# -- searching -----------------------------------------------------------------------------------------------


def test_a_text_query_finds_offers_cheapest_first(world: World) -> None:
    found = world.call(
        world.sdk.search_offers, query="gpu_name=L40S num_gpus=1 verified=true", order="dph_total", storage=80
    )

    assert len(found) > 3
    assert {row["gpu_name"] for row in found} == {"L40S"}
    assert [row["dph_total"] for row in found] == sorted(row["dph_total"] for row in found)


def test_the_underscore_of_a_text_query_becomes_a_space_and_that_of_a_dict_stays(world: World) -> None:
    assert world.call(world.sdk.search_offers, query="gpu_name=RTX_4090")
    assert world.call(world.sdk.search_offers, query={"gpu_name": {"eq": "RTX_4090"}}) == []
    assert world.call(world.sdk.search_offers, query={"gpu_name": {"eq": "RTX 4090"}})


def test_the_newer_search_gives_the_same_offers(world: World) -> None:
    first = world.call(world.sdk.search_offers, query="gpu_name=H100_SXM", order="id")
    second = world.call(world.sdk.search_offers_new, query="gpu_name=H100_SXM", order="id")

    assert [row["id"] for row in first] == [row["id"] for row in second] != []


# -- the life of an instance ---------------------------------------------------------------------------------


def test_create_show_label_and_destroy(world: World) -> None:
    id = world.rent()
    row = world.until(lambda: started(world, id))
    assert row["label"] == "bakeoff-peer"
    assert row["extra_env"]["-p 8288:8288"] == "1"  # the SDK makes a dict of the pairs

    world.call(world.sdk.label_instance, id, "bakeoff-renamed")
    found = world.call(
        world.sdk.show_instances_v1, {"select_filters": {"label": {"eq": "bakeoff-renamed"}}, "limit": 5}
    )
    assert [row["id"] for row in found["instances"]] == [id]
    assert found["label_counts"] == {"bakeoff-renamed": 1}

    assert world.call(world.sdk.destroy_instance, id)["success"] is True
    assert world.call(world.sdk.show_instance, id) is None
    assert id not in {row["id"] for row in world.call(world.sdk.show_instances)}


def started(world: World, id: int) -> dict[str, Any] | None:
    try:
        return world.call(world.sdk.show_instance, id)
    except TypeError:  # start_date is still null, and the SDK (1.9.1) reckons with it: why our job path is our own
        return None


def test_a_rented_instance_paints_a_picture_and_is_billed(world: World) -> None:
    id, url = world.running(label="bakeoff-billed")
    filled = json.loads((ROOT / "workflows/flux-dev/graph.json").read_text())
    filled["positive"]["inputs"]["text"] = "a red fox at dawn"
    filled["sampler"]["inputs"]["seed"] = 7
    filled["latent"]["inputs"] |= {"width": 256, "height": 320}
    body = {"input": {"request_id": "peer", "workflow_json": filled, "return_outputs_as_base64": True}}
    headers = {"Authorization": f"Bearer {PASSWORD}"}
    reply = requests.post(f"{url}/generate/sync", json=body, headers=headers, timeout=60)
    assert (reply.status_code, reply.json()["status"]) == (200, "completed")
    (file,) = reply.json()["output"]
    with Image.open(io.BytesIO(base64.b64decode(file["data"]))) as image:
        assert image.size == (256, 320)

    assert "Starting server" in world.call(world.sdk.logs, id, tail="100")
    world.call(world.sdk.destroy_instance, id)
    row = world.until(lambda: charged(world, id))

    assert {item["type"] for item in row["items"]} == {"gpu", "disk", "bwd", "bwu"}
    assert row["metadata"]["label"] == "bakeoff-billed"
    assert sum(item["amount"] for item in row["items"]) == pytest.approx(row["amount"], abs=0.0021)


def charged(world: World, id: int) -> dict[str, Any] | None:
    """The charges of a contract once they are what the ledger says: bills lag half an hour behind."""
    ledger = world.ledger()
    true = sum(float(charge["usd"]) for charge in ledger["charges"] if charge["resource_id"] == str(id))
    today = ledger["workers"][0]["created_at"][:10]
    page = world.call(world.sdk.show_invoices_v1, charges=True, start_date=today, limit=100)
    rows = [row for row in page["results"] if row["source"] == f"instance-{id}"]
    return rows[0] if rows and abs(rows[0]["amount"] - true) < 0.0006 else None


def test_charges_page_through(world: World) -> None:
    today = world.ledger()["workers"][0]["created_at"][:10]
    first = world.call(world.sdk.show_invoices_v1, charges=True, start_date=today, limit=1)
    assert first["count"] == 1
    assert first["total"] > 1
    token = first["next_token"]
    second = world.call(world.sdk.show_invoices_v1, charges=True, start_date=today, limit=1, next_token=token)
    assert second["results"][0]["source"] != first["results"][0]["source"]


def test_the_account_has_a_balance(world: World) -> None:
    assert world.call(world.sdk.show_user)["balance"] < 100


# -- what goes wrong -----------------------------------------------------------------------------------------


def said(error: requests.HTTPError) -> dict[str, Any]:
    return error.response.json()


def test_an_offer_that_is_gone_and_a_second_destroy_are_404(world: World) -> None:
    with pytest.raises(requests.HTTPError) as gone:
        world.call(world.sdk.create_instance, 12, image="vastai/comfy:x")
    assert "no_such_ask" in said(gone.value)["msg"]
    with pytest.raises(requests.HTTPError) as twice:
        world.call(world.sdk.destroy_instance, 12)
    assert twice.value.response.status_code == 404


def test_a_taken_offer_asked_for_with_cancel_unavail_is_410(world: World) -> None:
    offer = world.call(world.sdk.search_offers, query="gpu_name=L40S")[0]["id"]
    id = world.rent(offer)
    with pytest.raises(requests.HTTPError) as taken:
        world.call(world.sdk.create_instance, offer, image="vastai/comfy:x", cancel_unavail=True)
    world.call(world.sdk.destroy_instance, id)

    assert taken.value.response.status_code == 410


def test_a_refused_key_is_404(world: World) -> None:
    stranger = VastAI(api_key="wrong", server_url=world.console, retry=1)
    with pytest.raises(requests.HTTPError) as refused:
        stranger.show_user()

    assert refused.value.response.status_code == 404
    assert said(refused.value)["error"] == "auth_error"


def test_too_many_calls_are_429_in_plain_text(world: World) -> None:
    def hurried() -> requests.HTTPError | None:
        for _ in range(20):
            try:
                world.sdk.show_instances_v1({})
            except requests.HTTPError as error:
                return error
        return None

    refused = world.until(hurried)
    assert refused.response.status_code == 429
    assert refused.response.text == "API requests too frequent endpoint threshold=1.0"


def test_an_order_whose_answer_was_lost_is_sent_again_and_called_a_failure_while_the_machine_is_rented(
    world: World,
) -> None:
    """Why our job path is our own: it sends an order once and looks it up by its label (SDK 1.9.1, retry=3)."""
    offer = world.call(world.sdk.search_offers, query="gpu_name=RTX_4090")[0]["id"]
    before = world.rentals()
    world.fail(r"^PUT /api/v0/asks/", "lost_reply")
    with pytest.raises(requests.HTTPError) as second:
        world.call(world.stubborn.create_instance, offer, image="vastai/comfy:x", label="bakeoff-lost")
    assert "no_such_ask" in said(second.value)["msg"]

    assert world.rentals() == before + 1
    found = world.call(world.sdk.show_instances_v1, {"select_filters": {"label": {"eq": "bakeoff-lost"}}})["instances"]
    assert len(found) == 1
    world.call(world.sdk.destroy_instance, found[0]["id"])
