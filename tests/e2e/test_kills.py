"""The wiring on real sockets: a demo whose collector is killed twice."""

import os
import random
import signal
import time
from pathlib import Path

from sqlmodel import select

from storage.models import Deployment, Job, Run
from tests.e2e.demo import Demo
from words import DeploymentState, JobStatus, Reason, RunStatus


def test_a_collector_killed_twice_pays_nothing_twice_and_leaves_nothing(tmp_path: Path) -> None:
    dice = random.Random(11)
    pid = None
    with Demo(tmp_path, seed=4) as demo:
        for _ in range(2):
            pid = demo.collector(after=pid)
            time.sleep(dice.uniform(2, 15))
            os.kill(pid, signal.SIGKILL)
        document, said = demo.finish()

    assert said.count("another one takes over") == 2
    with demo.reading() as session:
        jobs = session.exec(select(Job)).all()
        assert {run.status for run in session.exec(select(Run))} == {RunStatus.DONE}
        assert {run.left_running for run in session.exec(select(Run))} == {0}
        assert {row.state for row in session.exec(select(Deployment))} <= {DeploymentState.GONE, DeploymentState.FAILED}
    assert all(job.status.final for job in jobs)
    lost = [job for job in jobs if job.status is JobStatus.LOST]
    assert all(job.reason == Reason.FATE_UNKNOWN for job in lost)
    ours, truth = document["paid_calls"], document["truth"]["paid_calls"]
    assert ours - len(lost) <= truth <= ours  # one that was paid twice is in the ledger and not in our rows
