"""The contract that every backend keeps (docs/reference/backend-contract.md says it in prose).

A provider's test file holds one subclass of `BackendContract` and, where sockets are cheap, one of `SocketContract`:

    class TestRunpod(BackendContract):
        provider, gpu = Provider.RUNPOD, "L40S"
        deploy_call = ("runpod_rest", r"^POST /v2/serverless$")
        ...
        def connect(self, stage, key): return RunpodBackend(...)

A check that a backend cannot pass is named in `excused`, with the reason, and becomes a strict xfail: it fails the
suite on the day it passes. `test_overrides.py` fails when a subclass replaces or drops a check instead.
"""

import io
import json
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, get_args

import pytest
from PIL import Image

import workflows
from backends.base import NAME_PREFIX, Backend, DeploymentRef, DeploymentSpec, JobRef
from backends.errors import AuthFailed, BackendError, FateUnknown, InvalidRequest, NoCapacity, UnexpectedReply
from backends.job_runner import JobRunner, base_images
from collectors.decide import reason_of_delay
from simulator.faults import FaultKind
from simulator.world import Failures, World
from tests.contract.stage import (
    AT_DEADLINE_S,
    KEY,
    WRONG_KEY,
    Bench,
    Stage,
    contract_world,
    play_in_process,
    play_on_sockets,
)
from words import DeploymentState, Feature, JobStatus, Provider, Reason

Scenario = Callable[[Bench], Awaitable[Any]]
REASON_OF_FATE = {
    "out_of_memory": Reason.OUT_OF_MEMORY,
    "execution_error": Reason.EXECUTION_ERROR,
    "worker_lost": Reason.WORKER_LOST,
    "result_missing": Reason.RESULT_MISSING,
}
UNSEEN = ["drop", "hang"]  # the request never took effect
UNHEARD = ["lost_reply", "hang_after"]  # it did, and the answer was lost


class WireContract:
    """The checks that are worth their time on sockets too, and what both kinds of stage need."""

    provider: ClassVar[Provider]
    gpu: ClassVar[str] = "L40S"
    # Where the two paid calls go: (service, regular expression over "METHOD path"), for planting faults.
    deploy_call: ClassVar[tuple[str, str]]
    submit_call: ClassVar[tuple[str, str]]
    services: ClassVar[tuple[str, ...]]  # everything this backend talks to
    resolution_s: ClassVar[float] = 0.001  # how coarsely the provider reports a job's durations
    rounding_usd: ClassVar[Decimal] = Decimal("0.000000001")  # .. and one billing line
    excused: ClassVar[Mapping[str, str]] = {}  # check, or "check[case]" -> why it must fail

    def connect(self, stage: Stage, key: str) -> Backend:
        """A backend of this provider on that stage, with that key."""
        raise NotImplementedError

    def act(self, world: World, scenario: Callable[[Stage], Awaitable[Any]]) -> Any:
        """Play a scenario in this contract's kind of time."""
        raise NotImplementedError

    def play(
        self, scenario: Scenario, *, key: str = KEY, own: Mapping[str, Any] | None = None, **failures: float
    ) -> Any:
        """Run `scenario(bench)` in a world where only `failures` (fate=rate) go wrong, and what `own` says of the
        provider."""

        async def on(stage: Stage) -> Any:
            backend = self.connect(stage, key)
            try:
                return await scenario(Bench(stage=stage, backend=backend, gpu=self.gpu))
            finally:
                await backend.aclose()

        world = contract_world(self.provider, Failures(**failures))
        changed = world.provider(self.provider).model_copy(update=own or {})
        return self.act(world.model_copy(update={self.provider.value: changed}), on)

    @pytest.fixture(autouse=True)
    def _excuse(self, request: pytest.FixtureRequest) -> None:
        reason = self.excused.get(request.node.name) or self.excused.get(request.node.originalname)
        if reason:
            request.applymarker(pytest.mark.xfail(strict=True, reason=reason))

    # -- jobs that go well -------------------------------------------------------------------------------

    def test_a_job_ends_with_the_picture_that_was_asked_for(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            last = await bench.finished(await bench.submit(ref, width=320, height=256))
            assert (last.status, last.reason, last.error) == (JobStatus.SUCCEEDED, None, None)
            (png,) = last.images
            with Image.open(io.BytesIO(png)) as image:
                image.load()
                assert (image.format, image.size) == ("PNG", (320, 256))

        self.play(scenario)

    def test_the_times_of_a_job_are_the_ledgers(self) -> None:
        """A cold and a warm job: accepted to picked up, and picked up to done, each as it truly was."""

        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            reported = [(await bench.finished(await bench.submit(ref))).times for _ in range(2)]
            for times, job in zip(reported, bench.true_jobs(), strict=True):
                assert job.picked_us is not None
                assert job.done_us is not None
                assert times.queue_s == pytest.approx((job.picked_us - job.accepted_us) / 1e6, abs=self.resolution_s)
                assert times.execution_s == pytest.approx((job.done_us - job.picked_us) / 1e6, abs=self.resolution_s)

        self.play(scenario)

    def test_a_job_is_followed_to_its_end_by_a_backend_that_did_not_send_it(self) -> None:
        """As after a restart: all that is known of the job are its references."""

        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            job = await bench.submit(ref)
            other = self.connect(bench.stage, KEY)
            try:
                bench.backend, sender = other, bench.backend
                last = await bench.finished(job)
                bench.backend = sender
            finally:
                await other.aclose()
            assert (last.status, len(last.images)) == (JobStatus.SUCCEEDED, 1)

        self.play(scenario)

    # -- paid calls --------------------------------------------------------------------------------------

    def test_a_deploy_whose_answer_was_lost_is_found_by_its_key(self) -> None:
        async def scenario(bench: Bench) -> None:
            bench.plan(self.deploy_call, "lost_reply")
            with pytest.raises(FateUnknown):
                await bench.deploy(f"{NAME_PREFIX}lost")
            assert bench.paid("deploy") == 1
            assert [found.key for found in await bench.backend.live(NAME_PREFIX)] == [f"{NAME_PREFIX}lost"]

        self.play(scenario)

    def test_a_job_whose_answer_was_lost_is_never_sent_again(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            bench.plan(self.submit_call, "lost_reply")
            with pytest.raises(FateUnknown):
                await bench.submit(ref)
            assert bench.paid("submit") == 1

        self.play(scenario)

    def test_a_job_refused_for_its_rate_is_sent_until_it_is_accepted_once(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            bench.plan(self.submit_call, "rate_limited_hint", times=2)
            before = bench.clock.now()
            job = await bench.submit(ref)
            assert bench.clock.now() - before >= timedelta(seconds=2 * 3)  # the hint is 3 s
            assert bench.paid("submit") == 1
            assert (await bench.finished(job)).status is JobStatus.SUCCEEDED

        self.play(scenario)

    # -- the end of a deployment -------------------------------------------------------------------------

    def test_teardown_leaves_nothing_and_may_be_repeated(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            await bench.torn_down(ref)
            await bench.torn_down(ref)
            assert (await bench.backend.observe(ref)).state is DeploymentState.GONE
            assert await bench.backend.live(NAME_PREFIX) == []

        self.play(scenario)


class SocketContract(WireContract):
    """Played over loopback sockets."""

    def act(self, world: World, scenario: Callable[[Stage], Awaitable[Any]]) -> Any:
        return play_on_sockets(world, scenario)


class BackendContract(WireContract):
    """Everything, in virtual time."""

    def act(self, world: World, scenario: Callable[[Stage], Awaitable[Any]]) -> Any:
        return play_in_process(world, scenario)

    # -- who it is ---------------------------------------------------------------------------------------

    def test_it_says_who_it_is_and_what_it_can(self) -> None:
        async def scenario(bench: Bench) -> None:
            backend = bench.backend
            assert backend.name
            assert backend.provider is self.provider
            assert isinstance(backend.features, frozenset)
            assert all(isinstance(feature, Feature) for feature in backend.features)

        self.play(scenario)

    # -- offers ------------------------------------------------------------------------------------------

    def test_offers_are_priced_per_named_unit_with_source_and_time_cheapest_first(self) -> None:
        async def scenario(bench: Bench) -> None:
            offers = await bench.backend.offers(self.gpu)
            assert offers
            assert [offer.usd_per_s for offer in offers] == sorted(offer.usd_per_s for offer in offers)
            for offer in offers:
                assert (offer.backend, offer.gpu) == (bench.backend.name, self.gpu)
                assert offer.source
                assert offer.offer_id
                assert offer.seen_at == bench.clock.now()
                seconds = {"s": 1, "h": 3600}[offer.unit]
                assert isinstance(offer.usd_per_unit, Decimal)
                assert offer.usd_per_unit > 0
                assert isinstance(offer.usd_per_s, Decimal)
                # The whole rate: it may hold more than the quoted GPU (CPU, memory, disk), never less.
                assert offer.usd_per_s >= offer.usd_per_unit / seconds - Decimal("1e-12")
                assert offer.usd_per_s < 2 * offer.usd_per_unit / seconds

        self.play(scenario)

    def test_an_unknown_gpu_is_refused_by_its_name_and_nothing_is_rented(self) -> None:
        async def scenario(bench: Bench) -> None:
            spec = await bench.spec()
            with pytest.raises((InvalidRequest, NoCapacity), match="GTX 9999"):
                await bench.backend.offers("GTX 9999")
            unknown = replace(spec, gpu="GTX 9999", offer=None)
            with pytest.raises((InvalidRequest, NoCapacity), match="GTX 9999"):
                await bench.backend.deploy(unknown, bench.key())
            assert bench.paid("deploy") == 0

        self.play(scenario)

    # -- deployments -------------------------------------------------------------------------------------

    def test_a_deployment_becomes_ready_at_the_rate_that_is_truly_billed(self) -> None:
        async def scenario(bench: Bench) -> None:
            offer = (await bench.spec()).offer
            ref = await bench.deploy(f"{NAME_PREFIX}ready")
            assert (ref.backend, ref.key) == (bench.backend.name, f"{NAME_PREFIX}ready")
            _, looks = await bench.until_ready(ref)
            (rented,) = bench.rented()
            assert rented.name == ref.key
            assert rented.resource_id == ref.id
            assert offer is not None
            for rate in (looks[-1].usd_per_s, offer.usd_per_s):
                assert rate is not None
                assert float(rate) == pytest.approx(float(rented.usd_per_s), rel=1e-3)
            assert all(at.tzinfo is not None for look in looks for at in look.instants.values())

        self.play(scenario)

    def test_only_what_carries_the_prefix_is_live(self) -> None:
        async def scenario(bench: Bench) -> None:
            first = await bench.deploy(f"{NAME_PREFIX}one")
            await bench.deploy(f"{NAME_PREFIX}two")
            assert sorted(found.key for found in await bench.backend.live(NAME_PREFIX)) == [
                f"{NAME_PREFIX}one",
                f"{NAME_PREFIX}two",
            ]
            (found,) = await bench.backend.live(f"{NAME_PREFIX}one")
            assert found.ref.id == first.id
            assert found.usd_per_s is None or found.usd_per_s > 0

        self.play(scenario)

    def test_a_found_deployment_serves_jobs_like_one_whose_answer_came(self) -> None:
        async def scenario(bench: Bench) -> None:
            await bench.deploy(f"{NAME_PREFIX}found")
            (found,) = await bench.backend.live(f"{NAME_PREFIX}found")
            ref, _ = await bench.until_ready(found.ref)
            assert (await bench.finished(await bench.submit(ref))).status is JobStatus.SUCCEEDED

        self.play(scenario)

    @pytest.mark.parametrize("kind", [*UNHEARD, "garbage"])
    def test_a_deploy_that_took_effect_unheard_is_found_and_never_repeated(self, kind: FaultKind) -> None:
        async def scenario(bench: Bench) -> None:
            bench.plan(self.deploy_call, kind)
            with pytest.raises((FateUnknown, UnexpectedReply)):
                await bench.deploy(f"{NAME_PREFIX}unheard")
            assert bench.paid("deploy") == 1
            assert [found.key for found in await bench.backend.live(NAME_PREFIX)] == [f"{NAME_PREFIX}unheard"]

        self.play(scenario)

    @pytest.mark.parametrize("kind", [*UNSEEN, "server_error", "unavailable"])
    def test_a_deploy_that_never_took_effect_leaves_nothing_behind(self, kind: FaultKind) -> None:
        async def scenario(bench: Bench) -> None:
            bench.plan(self.deploy_call, kind)
            with pytest.raises(FateUnknown):
                await bench.deploy()
            assert bench.paid("deploy") == 0
            assert await bench.backend.live(NAME_PREFIX) == []

        self.play(scenario)

    @pytest.mark.parametrize("kind", ["rate_limited", "rate_limited_hint"])
    def test_a_deploy_refused_for_its_rate_takes_effect_once(self, kind: FaultKind) -> None:
        async def scenario(bench: Bench) -> None:
            bench.plan(self.deploy_call, kind, times=3)
            await bench.deploy()
            assert bench.paid("deploy") == 1

        self.play(scenario)

    def test_tearing_down_what_never_was_is_success(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            await bench.torn_down(DeploymentRef(backend=ref.backend, id="0", key=f"{NAME_PREFIX}never"))
            assert len(await bench.backend.live(NAME_PREFIX)) == 1

        self.play(scenario)

    # -- jobs --------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("kind", [*UNHEARD, *UNSEEN, "server_error", "garbage"])
    def test_a_job_whose_fate_is_unknown_is_never_sent_again(self, kind: FaultKind) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            bench.plan(self.submit_call, kind)
            with pytest.raises((FateUnknown, UnexpectedReply)):
                await bench.submit(ref)
            assert bench.paid("submit") == len(bench.true_jobs()) == (kind in (*UNHEARD, "garbage"))

        self.play(scenario)

    def test_a_job_refused_without_a_hint_is_sent_until_it_is_accepted_once(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            bench.plan(self.submit_call, "rate_limited", times=3)
            await bench.submit(ref)
            assert bench.paid("submit") == len(bench.true_jobs()) == 1

        self.play(scenario)

    def test_a_job_goes_from_submitted_over_running_to_succeeded(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            seen = [look.status for look in await bench.watch(await bench.submit(ref))]
            order = [JobStatus.SUBMITTED, JobStatus.RUNNING, JobStatus.SUCCEEDED]
            assert list(dict.fromkeys(seen)) == [status for status in order if status in seen]
            assert JobStatus.RUNNING in seen

        self.play(scenario)

    def test_a_final_look_says_who_worked_on_what_evidence_and_keeps_no_picture(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            last = await bench.finished(await bench.submit(ref))
            assert last.worker_id
            assert last.evidence
            assert len(json.dumps(dict(last.evidence))) < 2000
            assert 2 < len(json.dumps(last.raw)) < 5000
            assert await bench.backend.poll(JobRef(deployment=ref, id="no-such-job")) != last

        self.play(scenario)

    def test_a_second_look_at_a_finished_job_says_the_same(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            job = await bench.submit(ref)
            first, second = await bench.finished(job), await bench.backend.poll(job)
            assert (first.status, first.times, first.images) == (second.status, second.times, second.images)

        self.play(scenario)

    @pytest.mark.parametrize("fate", sorted(REASON_OF_FATE))
    def test_each_way_to_fail_has_its_reason(self, fate: str) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            last = await bench.finished(await bench.submit(ref))
            assert last.reason is REASON_OF_FATE[fate]
            assert last.status is JobStatus.FAILED
            assert last.error
            assert last.images == ()

        self.play(scenario, **{fate: 1.0})

    def test_a_queue_without_capacity_is_a_capacity_failure_at_its_deadline(self) -> None:
        """Every GPU of the provider is taken by others; once one comes back, the very job goes on."""

        async def scenario(bench: Bench) -> None:
            if Feature.SCALES_TO_ZERO not in bench.backend.features:
                bench.take_everything()
                assert await bench.backend.offers(self.gpu) == []
                return
            ref = await bench.deployed()
            give_back = bench.take_everything()
            job = await bench.submit(ref)
            assert await bench.reason_at_deadline(ref, job) is Reason.STUCK_IN_QUEUE
            give_back()
            assert (await bench.finished(job)).status is JobStatus.SUCCEEDED

        self.play(scenario)

    def test_a_crash_loop_is_told_from_missing_capacity(self) -> None:
        """In a queue both look alike; the workers' states, or the call's own end, tell."""

        async def scenario(bench: Bench) -> None:
            ref = await bench.deploy()
            if Feature.SCALES_TO_ZERO not in bench.backend.features:
                await bench.clock.sleep(AT_DEADLINE_S)
                seen = await bench.backend.observe(ref)
                assert (seen.state, reason_of_delay(seen)) == (DeploymentState.PROVISIONING, Reason.CRASH_LOOP)
                return
            ref, _ = await bench.until_ready(ref)
            assert await bench.reason_at_deadline(ref, await bench.submit(ref)) is Reason.CRASH_LOOP

        self.play(scenario, own={"crash_share": 1.0})

    def test_a_job_over_its_limit_times_out(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            last = await bench.finished(await bench.submit(ref, timeout_s=6))
            assert (last.status, last.reason) == (JobStatus.TIMED_OUT, Reason.EXECUTION_TIMEOUT)

        self.play(scenario)

    def test_a_graph_that_cannot_run_is_an_invalid_request(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            try:
                job = await bench.submit_graph(ref, {"1": {"class_type": "NoSuchNode", "inputs": {}}})
            except InvalidRequest:
                return
            last = await bench.finished(job)
            assert (last.status, last.reason) == (JobStatus.FAILED, Reason.INVALID_REQUEST)

        self.play(scenario)

    def test_a_job_the_provider_does_not_know_has_vanished(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            look = await bench.backend.poll(JobRef(deployment=ref, id="no-such-job"))
            assert (look.status, look.reason) == (JobStatus.LOST, Reason.VANISHED)

        self.play(scenario)

    def test_a_look_survives_a_lost_connection_and_a_server_error(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            job = await bench.submit(ref)
            for service in self.services:
                bench.plan((service, "."), "drop")
                bench.plan((service, "."), "unavailable")
            assert (await bench.finished(job)).status is JobStatus.SUCCEEDED

        self.play(scenario)

    def test_cancelling_ends_a_job_and_may_be_repeated(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            job = await bench.submit(ref)
            await bench.backend.cancel(job)
            await bench.backend.cancel(job)
            last = await bench.finished(job)
            assert (last.status, last.reason) == (JobStatus.CANCELLED, Reason.STOPPED)
            assert [true.state for true in bench.true_jobs()] == ["cancelled"]

        self.play(scenario)

    def test_cancelling_what_is_finished_or_unknown_changes_nothing(self) -> None:
        async def scenario(bench: Bench) -> None:
            ref = await bench.deployed()
            job = await bench.submit(ref)
            await bench.finished(job)
            await bench.backend.cancel(job)
            await bench.backend.cancel(JobRef(deployment=ref, id="no-such-job"))
            assert (await bench.backend.poll(job)).status is JobStatus.SUCCEEDED

        self.play(scenario)

    def test_the_products_own_interface_runs_over_it(self) -> None:
        async def scenario(bench: Bench) -> None:
            graphs = {"base_image": base_images(workflows.load("flux-dev"))}
            runner = JobRunner(backend=bench.backend, deployment=await bench.deployed(), graphs=graphs)
            job = await runner.submitBaseImages(prompt="a red fox at dawn", nsfw=False, seed=1)
            while (reply := await runner.getJobStatus(job))["status"] in ("IN_QUEUE", "IN_PROGRESS"):
                await bench.clock.sleep(5)
            assert (reply["status"], reply["output"]["count"]) == ("COMPLETED", 1)

        self.play(scenario)

    # -- bills -------------------------------------------------------------------------------------------

    def test_the_charges_of_a_finished_deployment_are_what_was_truly_billed(self) -> None:
        async def scenario(bench: Bench) -> None:
            start = bench.clock.now()
            ref = await bench.deployed()
            for _ in range(3):
                await bench.finished(await bench.submit(ref))
            await bench.torn_down(ref)
            bench.clock.leap(bench.clock.now() + timedelta(days=3))
            end = bench.clock.now()
            rows = await bench.backend.charges(start, end)
            ours = [row for row in rows if row.resource_id == ref.id]
            true = sum(charge.usd for charge in bench.simulation.ledger.charges() if charge.deployment == ref.key)
            assert true > 0
            assert abs(sum(row.billed_cost for row in ours) - true) <= self.rounding_usd * len(ours)
            assert all(row.provider is self.provider and row.sku for row in rows)
            assert all(row.charge_period_start < row.charge_period_end for row in rows)
            assert len({row.charge_id for row in rows}) == len(rows)
            assert await bench.backend.charges(start, end) == rows  # same ids, same amounts
            assert await bench.backend.charges(start - timedelta(days=9), start - timedelta(days=8)) == []

        self.play(scenario)

    # -- keys and faults ---------------------------------------------------------------------------------

    def test_a_refused_key_is_named_as_such_does_nothing_and_is_not_shown(self) -> None:
        async def scenario(bench: Bench) -> None:
            rightful = Bench(stage=bench.stage, backend=self.connect(bench.stage, KEY), gpu=self.gpu)
            spec, ref = await rightful.spec(), await rightful.deployed()
            await rightful.backend.aclose()
            for name, call in verbs(bench, spec, ref).items():
                error = await error_of(call)
                assert isinstance(error, AuthFailed), name
                assert WRONG_KEY not in shown(error), name
            assert (bench.paid("deploy"), bench.paid("submit")) == (1, 0)

        self.play(scenario, key=WRONG_KEY)

    @pytest.mark.parametrize("kind", get_args(FaultKind))
    def test_whatever_goes_wrong_is_an_error_of_ours_without_the_key(self, kind: FaultKind) -> None:
        async def scenario(bench: Bench) -> None:
            spec, ref = await bench.spec(), await bench.deployed()
            for name, call in verbs(bench, spec, ref).items():
                for service in self.services:
                    bench.plan((service, "."), kind, times=99)
                error = await error_of(call)
                assert error is None or KEY not in shown(error), name
                bench.simulation.faults.planned.clear()

        self.play(scenario)


def verbs(bench: Bench, spec: DeploymentSpec, ref: DeploymentRef) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Every verb once, on a live deployment and an unknown job; the last one ends the deployment."""
    backend, job, now = bench.backend, JobRef(deployment=ref, id="no-such-job"), bench.clock.now()
    return {
        "offers": lambda: backend.offers(bench.gpu),
        "deploy": lambda: backend.deploy(spec, bench.key()),
        "observe": lambda: backend.observe(ref),
        "live": lambda: backend.live(NAME_PREFIX),
        "submit": lambda: bench.submit(ref),
        "poll": lambda: backend.poll(job),
        "cancel": lambda: backend.cancel(job),
        "charges": lambda: backend.charges(now - timedelta(hours=1), now),
        "teardown": lambda: backend.teardown(ref),
    }


async def error_of(call: Callable[[], Awaitable[Any]]) -> BackendError | None:
    """What the call raised of our errors; any other passes through and fails the test."""
    try:
        await call()
    except BackendError as error:
        return error
    return None


def shown(error: BaseException) -> str:
    """Everything that a log could show of an error: text, fields, chain and traceback."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
