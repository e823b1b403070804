"""The fake provider is held to the same protocol as the real ones."""

import inspect

import pytest

from backends.base import Backend, DeploymentRef, DeploymentSpec, JobRef, JobSpec
from backends.errors import FateUnknown, NotFound, Unavailable
from clock import Clock
from tests import virtual
from tests.unit.collectors.fakes import FakeBackend
from words import DeploymentState, JobStatus

VERBS = [name for name, value in vars(Backend).items() if inspect.iscoroutinefunction(value)]
SPEC = DeploymentSpec(workflow="flux-dev", workflow_hash="h", gpu="L40S", idle_timeout_s=10)


@pytest.mark.parametrize("verb", VERBS)
def test_the_fake_has_every_verb_with_the_protocols_own_signature(verb: str) -> None:
    assert inspect.signature(getattr(FakeBackend, verb)) == inspect.signature(getattr(Backend, verb))


def test_the_protocol_has_the_ten_verbs_and_an_end() -> None:
    calls = ["offers", "deploy", "observe", "teardown", "live", "submit", "poll", "cancel", "charges", "account"]
    expected = [*calls, "aclose"]
    assert expected == VERBS


def test_the_fake_lives_like_a_provider() -> None:
    async def scenario(clock: Clock) -> list[str]:
        fake: Backend = FakeBackend(clock)
        ref = await fake.deploy(SPEC, "bakeoff-x")
        states = [(await fake.observe(ref)).state.value]
        await clock.sleep(30)
        states.append((await fake.observe(ref)).state.value)
        job = await fake.submit(ref, JobSpec(graph={}, timeout_s=60), "k")
        for _ in range(3):
            states.append((await fake.poll(job)).status.value)
            await clock.sleep(5)
        states.append((await fake.poll(job)).status.value)
        states.append(str(len(await fake.live("bakeoff-"))))
        await fake.teardown(ref)
        await fake.teardown(ref)
        states.append((await fake.observe(ref)).state.value)
        states.append(str(len(await fake.live("bakeoff-"))))
        return states

    assert virtual.run(scenario) == [
        DeploymentState.PROVISIONING,
        DeploymentState.READY,
        JobStatus.SUBMITTED,
        JobStatus.RUNNING,
        JobStatus.SUCCEEDED,
        JobStatus.SUCCEEDED,
        "1",
        DeploymentState.GONE,
        "0",
    ]


def test_a_planned_error_comes_before_or_after_the_effect() -> None:
    async def scenario(clock: Clock) -> tuple[int, int]:
        fake = FakeBackend(clock)
        fake.plan("deploy", Unavailable("x"))
        fake.plan("deploy", FateUnknown("y"), took_effect=True)
        with pytest.raises(Unavailable):
            await fake.deploy(SPEC, "a")
        before = len(fake.standing())
        with pytest.raises(FateUnknown):
            await fake.deploy(SPEC, "a")
        return before, len(fake.standing())

    assert virtual.run(scenario) == (0, 1)


def test_what_the_fake_never_heard_of_is_not_found() -> None:
    async def scenario(clock: Clock) -> None:
        await FakeBackend(clock).poll(JobRef(deployment=DeploymentRef(backend="alpha", id="x", key="x"), id="y"))

    with pytest.raises(NotFound):
        virtual.run(scenario)
