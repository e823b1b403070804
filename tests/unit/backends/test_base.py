"""What a backend's values say of things that nobody told them: nothing, and never null where a mapping is due."""

from backends.base import Deployment, DeploymentRef, Observation, Times
from words import DeploymentState, JobStatus


def test_a_look_that_tells_only_a_state_tells_nothing_else() -> None:
    seen, job = Deployment(state=DeploymentState.READY), Observation(status=JobStatus.QUEUED)
    assert (seen.reason, seen.usd_per_s, seen.instants, seen.provenance, seen.ref) == (None, None, {}, {}, None)
    assert (job.reason, job.error, job.worker_id, job.raw) == (None, None, None, None)
    assert (job.evidence, tuple(job.images)) == ({}, ())
    assert job.times == Times() == Times(queue_s=None, execution_s=None, boot_s=None, load_s=None)


def test_an_address_is_whole_without_details_and_two_share_none() -> None:
    one, other = (DeploymentRef(backend="vast", id=name, key=name) for name in ("1", "2"))
    assert one.detail == {}
    assert one.detail is not other.detail
