"""What the contract does not ask of every backend: Vast.ai's own dangers, over the simulator in virtual time."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from backends.addresses import loopback
from backends.base import NAME_PREFIX, DeploymentRef, JobRef, JobSpec
from backends.errors import (
    AuthFailed,
    FateUnknown,
    InvalidRequest,
    NoCapacity,
    NotFound,
    NotYetGone,
    Retired,
    Unavailable,
)
from backends.vast.adapter import PACES, PROVISION, VastBackend
from simulator.faults import Fault
from simulator.inprocess import InProcessTransport
from simulator.pool import SimJob
from simulator.vast.limits import INTERVALS_S, SEARCHES_PER_MINUTE
from simulator.world import Duration, Failures, World
from tests.contract.stage import KEY, Bench, Stage, contract_world, play_in_process
from tests.contract.test_vast import IMAGE
from tests.simulation.vast_desk import graph
from words import DeploymentState, JobStatus, Provider, Reason

SECRETS = {"web_password": "canary-web-secret", "hf_token": "canary-hf-token"}

Answer = tuple[int, Any]


class Tap(httpx.AsyncBaseTransport):
    """Passes requests on, keeps them, and answers some itself when told."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.requests: list[httpx.Request] = []
        self.instead: dict[tuple[str, str], Answer | Callable[[httpx.Request], Answer]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        for (method, part), given in self.instead.items():
            if request.method == method and part in request.url.path:
                status, body = given(request) if callable(given) else given
                return httpx.Response(status, json=body, request=request)
        return await self._inner.handle_async_request(request)

    def sent(self, method: str, part: str) -> list[httpx.Request]:
        return [request for request in self.requests if request.method == method and part in request.url.path]


class Play(Bench):
    """A bench with its tap."""

    tap: Tap

    def fresh(self, **more: Any) -> VastBackend:
        """Another process: the same settings, nothing remembered."""
        given = {"key": KEY, "image": IMAGE, "machines": loopback, **SECRETS, **more}
        return VastBackend(
            console_url=self.stage.urls["vast_console"], clock=self.stage.clock, transport=self.tap, **given
        )


def play(scenario: Callable[[Play], Awaitable[None]], *, world: World | None = None, **failures: float) -> None:
    async def on(stage: Stage) -> None:
        assert isinstance(stage.transport, InProcessTransport)
        bench = Play(stage=stage, backend=None, gpu="L40S")  # type: ignore[arg-type]
        bench.tap = Tap(stage.transport)
        bench.backend = bench.fresh()
        await scenario(bench)
        await bench.backend.aclose()

    play_in_process(world or contract_world(Provider.VAST, Failures(**failures)), on)


def slow_world(**durations: float) -> World:
    """The calm world with other pull and boot times, in seconds."""
    world = contract_world(Provider.VAST, Failures())
    laws = {name: Duration(median_s=seconds, source="assumed: test") for name, seconds in durations.items()}
    return world.model_copy(update={"vast": world.vast.model_copy(update=laws)})


# -- renting -------------------------------------------------------------------------------------------------


def test_a_rental_is_one_put_and_nothing_is_made_before_it() -> None:
    async def scenario(bench: Play) -> None:
        await bench.deploy("bakeoff-one")
        assert [(r.method, r.url.path.split("/")[3]) for r in bench.tap.requests] == [
            ("POST", "bundles"),
            ("PUT", "asks"),
        ]

    play(scenario)


def test_our_key_and_the_secret_stay_here_and_the_machine_gets_a_password_of_its_own() -> None:
    async def scenario(bench: Play) -> None:
        one, two = await bench.deploy("bakeoff-one"), await bench.deploy("bakeoff-two")
        bodies = [request.content.decode() for request in bench.tap.sent("PUT", "/asks/")]
        passwords = [json.loads(body)["env"]["WEB_PASSWORD"] for body in bodies]

        assert KEY not in "".join(bodies)
        assert SECRETS["web_password"] not in "".join(bodies)
        assert passwords[0] != passwords[1]
        assert all(len(password) == 64 for password in passwords)
        for ref in (one, two):
            assert not any(password in json.dumps(dict(ref.detail)) for password in passwords)

    play(scenario)


def test_the_machine_is_told_to_bring_every_file_of_the_workflow() -> None:
    async def scenario(bench: Play) -> None:
        await bench.deploy("bakeoff-one")
        (order,) = bench.tap.sent("PUT", "/asks/")
        files = json.loads(order.content)["env"]["BAKEOFF_FILES"].split(";")

        assert "diffusion_models/flux1-dev.safetensors|23802932552|" in files[0]
        assert files[0].endswith("huggingface.co/black-forest-labs/FLUX.1-dev/resolve/main/flux1-dev.safetensors")
        assert len(files) == 4
        network = [charge for charge in bench.simulation.ledger.charges() if charge.sku == "network"]
        assert network == []
        await bench.until_ready((await bench.backend.live(NAME_PREFIX))[0].ref)
        (download,) = [charge for charge in bench.simulation.ledger.charges() if charge.sku == "network"]
        assert float(download.usd) == pytest.approx(34.172 * 0.002, rel=1e-3)

    play(scenario)


def test_an_offer_that_someone_else_took_is_no_capacity_and_the_next_one_is_rented() -> None:
    async def scenario(bench: Play) -> None:
        spec = await bench.spec()
        await bench.backend.deploy(spec, "bakeoff-one")
        with pytest.raises(NoCapacity):
            await bench.backend.deploy(spec, "bakeoff-two")
        offers = await bench.backend.offers("L40S")
        assert spec.offer is not None
        assert spec.offer.offer_id not in {offer.offer_id for offer in offers}
        await bench.backend.deploy(replace(spec, offer=offers[0]), "bakeoff-two")
        assert bench.paid("deploy") == 2

    play(scenario)


def test_without_a_chosen_offer_nothing_is_rented() -> None:
    async def scenario(bench: Play) -> None:
        with pytest.raises(InvalidRequest, match="offer"):
            await bench.backend.deploy(replace(await bench.spec(), offer=None), "bakeoff-one")
        assert bench.paid("deploy") == 0

    play(scenario)


def test_a_refusal_under_http_200_is_a_refusal() -> None:
    async def scenario(bench: Play) -> None:
        spec = await bench.spec()
        bench.tap.instead["PUT", "/asks/"] = (200, {"success": False, "msg": "no_such_ask"})
        with pytest.raises(NoCapacity):
            await bench.backend.deploy(spec, "bakeoff-one")

    play(scenario)


def test_only_hosts_that_can_carry_the_job_are_offered() -> None:
    async def scenario(bench: Play) -> None:
        offers = await bench.backend.offers("L40S")

        assert len(offers) == bench.simulation.site.world.vast.capacity["L40S"]
        assert {offer.detail["verification"] for offer in offers} == {"verified"}
        assert all(offer.detail["disk_space"] >= 80 for offer in offers)
        assert all(offer.detail["inet_down"] >= 500 for offer in offers)
        assert {offer.source for offer in offers} == {"offer row"}
        (h100, *_) = await bench.backend.offers("H100")
        assert h100.detail["gpu_name"] == "H100 SXM"

    play(scenario)


# -- getting ready -------------------------------------------------------------------------------------------


def test_it_is_provisioning_until_the_wrapper_is_healthy_and_names_where_and_what() -> None:
    async def scenario(bench: Play) -> None:
        ref, looks = await bench.until_ready(await bench.deploy("bakeoff-one"))
        (rented,) = bench.rented()
        worker = rented.pool.workers[0]
        assert worker.ready_us is not None

        assert ref.detail["url"].startswith("http://127.0.0.1:")
        assert set(looks[-1].provenance) == {"gpu_name", "region", "image", "driver", "comfyui", "gpu_device"}
        assert {look.state for look in looks[:-1]} == {DeploymentState.PROVISIONING}
        late_s = (bench.clock.now().timestamp() * 1e6 - worker.ready_us) / 1e6
        assert 0 <= late_s < 5

    play(scenario)


def test_the_containers_start_is_where_the_gpu_begins_to_cost() -> None:
    async def scenario(bench: Play) -> None:
        _, looks = await bench.until_ready(await bench.deploy("bakeoff-one"))
        pulled_us = bench.rented()[0].pool.workers[0].pulled_us
        assert pulled_us is not None

        started = looks[-1].instants["container_started"].timestamp()
        assert started == pytest.approx(pulled_us / 1e6, abs=0.001)
        assert looks[-1].instants["contract_started"].timestamp() == pytest.approx(bench.rented()[0].created_us / 1e6)
        assert "container_started" not in looks[0].instants

    play(scenario)


def test_a_job_tells_the_boot_that_was_billed_before_it_and_later_looks_do_not_lengthen_it() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        (rented,) = bench.rented()
        worker = rented.pool.workers[0]
        await bench.clock.sleep(3600)
        again = (await bench.backend.observe(ref)).ref
        assert again is not None
        last = await bench.finished(await bench.submit(again))

        assert last.times.boot_s == pytest.approx(worker.draw.boot_us / 1e6, abs=4)
        assert last.times.boot_s >= worker.draw.boot_us / 1e6

    play(scenario)


def test_the_list_is_read_once_for_the_port_and_the_rest_is_by_id() -> None:
    async def scenario(bench: Play) -> None:
        await bench.until_ready(await bench.deploy("bakeoff-one"))
        assert len(bench.tap.sent("GET", "/api/v1/instances/")) == 1
        assert len(bench.tap.sent("GET", "/api/v0/instances/")) > 10

    play(scenario)


def test_an_image_that_cannot_be_pulled_fails_at_once_and_its_machine_is_not_offered_again() -> None:
    async def scenario(bench: Play) -> None:
        backend = bench.fresh(image="nobody/nothing:1")
        spec = await bench.spec()
        ref = await backend.deploy(spec, "bakeoff-one")
        await bench.clock.sleep(30)
        seen = await backend.observe(ref)

        assert seen.state is DeploymentState.FAILED
        assert "manifest unknown" in (seen.reason or "")
        await backend.teardown(ref)
        assert spec.offer is not None
        assert spec.offer.offer_id in {offer.offer_id for offer in await bench.backend.offers("L40S")}
        assert spec.offer.offer_id not in {offer.offer_id for offer in await backend.offers("L40S")}

    play(scenario)


def test_loading_for_ever_stays_provisioning_and_costs_no_gpu() -> None:
    """Stall detection on status_msg does not work: a healthy host was seen without news for 10 minutes."""

    async def scenario(bench: Play) -> None:
        ref = await bench.deploy("bakeoff-one")
        await bench.clock.sleep(6 * 3600)
        assert (await bench.backend.observe(ref)).state is DeploymentState.PROVISIONING
        assert {charge.sku for charge in bench.simulation.ledger.charges()} == {"disk"}

    play(scenario, world=slow_world(pull=10**6))


def test_a_stopped_instance_says_so() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        bench.simulation.vast.rentals[int(ref.id)].stop()
        assert (await bench.backend.observe(ref)).state is DeploymentState.STOPPED

    play(scenario)


def test_a_wrapper_that_refuses_the_password_is_not_waited_for() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        with pytest.raises(AuthFailed):
            await bench.fresh(web_password="another").observe(ref)

    play(scenario)


@pytest.mark.parametrize("answer", [(200, {"status": "unhealthy"}), (200, "up"), (503, {"status": "unhealthy"})])
def test_only_a_healthy_wrapper_is_ready(answer: tuple[int, Any]) -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        bench.tap.instead["GET", "/health"] = answer
        assert (await bench.backend.observe(ref)).state is DeploymentState.PROVISIONING

    play(scenario)


# -- after a restart -----------------------------------------------------------------------------------------


def test_another_process_addresses_a_rental_and_its_jobs_with_the_stored_ref_alone() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        job = await bench.submit(ref)
        stored = json.loads(json.dumps({"id": ref.id, "key": ref.key, "detail": dict(ref.detail)}))
        bench.backend = bench.fresh()
        again = DeploymentRef(backend="vast", **stored)
        assert (await bench.finished(JobRef(deployment=again, id=job.id))).status is JobStatus.SUCCEEDED

    play(scenario)


def test_a_lost_job_is_found_by_its_key() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        bench.plan(("vast_wrapper", "^POST /generate$"), "lost_reply")
        key = f"{NAME_PREFIX}job"
        with pytest.raises(FateUnknown):
            await bench.backend.submit(ref, JobSpec(graph=graph(), timeout_s=60), key)
        assert (await bench.finished(JobRef(deployment=ref, id=key))).status is JobStatus.SUCCEEDED

    play(scenario)


def test_a_rental_without_a_stored_address_is_asked_for_it_again() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        bare = replace(ref, detail={})
        bench.backend = bench.fresh()
        assert (await bench.finished(await bench.submit(bare))).status is JobStatus.SUCCEEDED

    play(scenario)


def test_live_pages_through_the_whole_list() -> None:
    async def scenario(bench: Play) -> None:
        offers = await bench.backend.offers("RTX 4090")
        spec = replace(await bench.spec(), gpu="RTX 4090")
        for n, offer in enumerate(offers[:27]):
            await bench.backend.deploy(replace(spec, offer=offer), f"{NAME_PREFIX}{n:02}")
        found = await bench.backend.live(NAME_PREFIX)

        assert [live.key for live in found] == [f"{NAME_PREFIX}{n:02}" for n in range(27)]
        assert len(bench.tap.sent("GET", "/api/v1/instances/")) == 2

    play(scenario)


def test_a_retired_list_is_an_error_and_never_an_empty_one() -> None:
    async def scenario(bench: Play) -> None:
        bench.tap.instead["GET", "/api/v1/instances/"] = (410, {"success": False, "error": "deprecated_endpoint"})
        with pytest.raises(Retired):
            await bench.backend.live(NAME_PREFIX)

    play(scenario)


# -- hosts that die ------------------------------------------------------------------------------------------


def test_a_job_whose_host_died_is_a_lost_worker_and_the_next_one_has_no_host() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        last = await bench.finished(await bench.submit(ref))
        assert (last.status, last.reason, last.worker_id) == (JobStatus.FAILED, Reason.WORKER_LOST, ref.id)
        assert last.times.boot_s == ref.detail["boot_s"] > 0
        assert last.raw
        seen = await bench.backend.observe(ref)
        assert (seen.state, seen.usd_per_s is not None) == (DeploymentState.FAILED, True)
        with pytest.raises(NotFound, match="exited"):
            await bench.submit(ref)
        assert bench.paid("submit") == 1

    play(scenario, worker_lost=1.0)


def test_a_machine_that_died_is_not_offered_again() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        await bench.finished(await bench.submit(ref))
        await bench.backend.teardown(ref)
        machines = {offer.detail["machine_id"] for offer in await bench.backend.offers("L40S")}
        assert ref.detail["machine_id"] not in machines

    play(scenario, worker_lost=1.0)


def test_cancelling_on_a_dead_host_is_done() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        job = await bench.submit(ref)
        await bench.finished(job)
        await bench.backend.cancel(job)

    play(scenario, worker_lost=1.0)


@pytest.mark.parametrize("end", ["destroy", "stop"])
def test_a_job_on_an_instance_that_was_ended_by_hand_is_a_lost_worker(end: str) -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        job = await bench.submit(ref)
        rental = bench.simulation.vast.rentals[int(ref.id)]
        if end == "destroy":
            bench.simulation.vast.destroy(rental)
        else:
            rental.stop()
        last = await bench.finished(job)
        assert last.reason is Reason.WORKER_LOST
        assert ref.id in (last.error or "")

    play(scenario)


def test_a_wrapper_that_is_silent_on_a_living_host_is_unavailable_and_no_lost_worker() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        job = await bench.submit(ref)
        bench.simulation.faults.planned.append(Fault(service="vast_wrapper", kind="drop", times=99))
        for verb in (bench.backend.poll, bench.backend.cancel):
            with pytest.raises(Unavailable):
                await verb(job)
        with pytest.raises(FateUnknown):
            await bench.submit(ref)

    play(scenario)


def test_a_silent_wrapper_beside_a_silent_console_is_unavailable() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        job = await bench.submit(ref)
        for service in ("vast_wrapper", "vast_console"):
            bench.simulation.faults.planned.append(Fault(service=service, kind="drop", times=99))
        with pytest.raises(Unavailable):
            await bench.backend.poll(job)

    play(scenario)


@pytest.mark.parametrize("missing", [(404, {"error": "not_found", "msg": "x"}), (200, {"instances": None})])
def test_an_instance_that_the_console_does_not_know_is_gone(missing: tuple[int, Any]) -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deploy("bakeoff-one")
        bench.tap.instead["GET", "/api/v0/instances/"] = missing
        assert (await bench.backend.observe(ref)).state is DeploymentState.GONE

    play(scenario)


def test_a_job_for_an_instance_without_an_address_has_no_host_and_one_looked_for_there_has_vanished() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deploy("bakeoff-one")  # still loading: no port is mapped
        with pytest.raises(NotFound, match="no wrapper"):
            await bench.submit(ref)
        assert (await bench.backend.poll(JobRef(deployment=ref, id="job"))).reason is Reason.VANISHED
        await bench.backend.cancel(JobRef(deployment=ref, id="job"))

    play(scenario)


def test_a_portal_that_answers_no_json_is_not_ready() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        bench.plan(("vast_wrapper", "^GET /health$"), "garbage")
        assert (await bench.backend.observe(ref)).state is DeploymentState.PROVISIONING

    play(scenario)


# -- the rest ------------------------------------------------------------------------------------------------


def test_a_wrapper_that_could_not_queue_leaves_the_fate_unknown() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        bench.tap.instead["POST", "/generate"] = (500, {"status": "failed", "message": "Failed to queue request"})
        with pytest.raises(FateUnknown, match="Failed to queue request"):
            await bench.submit(ref)

    play(scenario)


def test_a_teardown_that_was_not_done_is_called_again() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deploy("bakeoff-one")
        bench.tap.instead["DELETE", "/instances/"] = (200, {"success": False, "msg": "busy"})
        with pytest.raises(NotYetGone, match="busy"):
            await bench.backend.teardown(ref)

    play(scenario)


def test_calls_keep_the_distance_that_vast_asks_for() -> None:
    least = {**INTERVALS_S, "search": 60 / SEARCHES_PER_MINUTE}
    for name, pace_s in PACES.items():  # and a tenth more, but no longer than that
        assert 1.1 * least[name] - 1e-9 <= pace_s <= 1.12 * least[name], name

    async def scenario(bench: Play) -> None:
        for n in range(12):
            await bench.deploy(f"bakeoff-{n}")
            await bench.backend.live(NAME_PREFIX)
        assert len(bench.tap.requests) == 36

    play(scenario)


def test_charges_are_read_page_by_page_and_day_by_day_and_cut_to_the_period() -> None:
    async def scenario(bench: Play) -> None:
        now = bench.clock.now()

        def answer(request: httpx.Request) -> tuple[int, Any]:
            """Two pages a day, a contract each."""
            asked = dict(request.url.params)
            start = json.loads(asked["select_filters"])["day"]["gte"]
            second = asked.get("after_token") == "more"
            id = start * 10 + second
            row = {"source": f"instance-{id}", "start": start, "end": start + 60, "amount": 0.1, "items": []}
            page = {"results": [row | {"metadata": {"label": "bakeoff-x"}}], "next_token": None if second else "more"}
            return 200, page

        bench.tap.instead["GET", "/api/v0/charges/"] = answer
        found = await bench.backend.charges(now - timedelta(days=2), now)
        days = {charge.charge_period_start.date() for charge in found}

        assert len(bench.tap.sent("GET", "/charges/")) == 6
        assert len(found) == 4  # the first day's midnight lies before the period
        assert days == {(now - timedelta(days=n)).date() for n in (0, 1)}

    play(scenario)


def test_two_lanes_at_once_share_the_pace() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        before = bench.clock.now()
        for _ in range(4):
            await bench.backend.observe(ref)
        assert bench.clock.now() - before >= timedelta(seconds=3 * PACES["one"])

    play(scenario)


def test_the_graph_that_comes_back_with_a_picture_is_the_one_that_was_sent() -> None:
    async def scenario(bench: Play) -> None:
        ref = await bench.deployed()
        await bench.submit(ref, seed=77, prompt="a lighthouse")
        job: SimJob = bench.true_jobs()[0]
        assert (job.asked.seed, job.asked.prompt, job.asked.workflow) == (77, "a lighthouse", "flux-dev")

    play(scenario)


def test_the_provisioning_script_is_there() -> None:
    assert PROVISION.read_text(encoding="utf-8").startswith("#!/bin/bash")
