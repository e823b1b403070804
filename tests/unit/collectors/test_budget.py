"""The ceilings: an upper bound of what was spent, and what is promised and reserved, asked before each paid call."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session

from analysis.ceilings import DESTROY_S, WATCH_S
from backends.base import DeploymentSpec
from backends.errors import NoCapacity
from collectors import budget
from collectors.budget import refusal
from collectors.runs import drive_run
from collectors.spending import BOOT_S, FIRST_JOB_S, READY_S, Ceilings, Limit, Sum
from storage.models import Deployment, Job, Offer, Prompt
from tests.unit.collectors.fakes import RENTED, Desk, FakeBackend, play
from words import DeploymentState, JobStatus, LoadProfile, Reason, RunStatus
from workflows import load

USD = Decimal("0.001")  # a second
IDLE_S = 10
GONE = DeploymentState.GONE
DONE = {"intended_at": 300, "sent_at": 299, "first_finished_at": 280, "status": JobStatus.SUCCEEDED}
RUNNING = {"intended_at": 30, "sent_at": 29, "status": JobStatus.RUNNING}
NOW = {"intended_at": 0}
LOST = {"intended_at": 300, "sent_at": 299, "status": JobStatus.LOST}


def rented(clock: Any) -> FakeBackend:
    return FakeBackend(clock, name="beta", features=RENTED)


def put(desk: Desk, run: int = 1, *, backend: str = "alpha", jobs: Any = (), **given: Any) -> int:
    """A deployment and its jobs, instants in seconds before now; gives its id."""
    with Session(desk.engine) as session:
        shared: dict[str, Any] = {"gpu": "L40S", "idle_timeout_s": IDLE_S, "simulated": True, "usd_per_s": USD}
        key = f"d{len(desk.rows(Deployment))}"
        row = Deployment(run_id=run, key=key, backend=backend, **shared | instants(desk, given))
        session.merge(Prompt(id="p", stratum="s", text="t"))
        session.add(row)
        session.flush()
        for position, job in enumerate(jobs):
            fixed: dict[str, Any] = {"prompt_id": "p", "seed": 1, "profile": LoadProfile.SEQUENTIAL}
            place = {"run_id": run, "deployment_id": row.id, "position": position, "key": f"{key}-j{position}"}
            session.add(Job(**place, **fixed, **instants(desk, job)))
        session.commit()
        assert row.id is not None
        return row.id


def row_of(desk: Desk, deployment_id: int) -> Deployment:
    row: Deployment = desk.rows(Deployment)[deployment_id - 1]
    return row


def instants(desk: Desk, given: dict[str, Any]) -> dict[str, Any]:
    now = desk.clock.now()
    return {name: now - timedelta(seconds=value) if name.endswith("_at") else value for name, value in given.items()}


def on_a_desk(path: Path, scene: Callable[[Desk], Awaitable[Any]], *, cap: str = "90", **more: Any) -> Any:
    """What the scene gives on a desk with two runs, a provider that scales to zero and one that rents."""

    async def scenario(desk: Desk) -> Any:
        for _ in range(2):
            desk.ask(cap=cap, **more)
        return await scene(desk)

    return play(path, scenario, FakeBackend, rented)


def spent(path: Path, *rows: dict[str, Any], **more: Any) -> float:
    """GPU-seconds that the first run has spent at most; each of them costs USD."""

    async def scene(desk: Desk) -> Sum:
        for row in rows:
            put(desk, **row)
        await refusal(desk.ctx, 1)
        return desk.ctx.book.spent.get(("run", 1), Sum())

    found = on_a_desk(path, scene, **more)
    assert found.usd == USD * Decimal(str(found.gpu_s))
    return found.gpu_s


# ---------------------------------------------------------------- what was spent


@pytest.mark.parametrize(
    ("row", "seconds"),
    [
        ({"intended_at": 100, "created_at": 90}, 100),  # from the order, not from its answer
        ({"created_at": 90}, 90),
        ({"intended_at": 100, "created_at": 90, "ended_at": 40, "state": GONE}, 60),
        ({}, 0),  # not ordered yet
    ],
)
def test_a_rental_may_have_cost_its_rate_since_its_order(tmp_path: Path, row: dict[str, Any], seconds: int) -> None:
    assert spent(tmp_path, {"backend": "beta", **row}) == seconds


@pytest.mark.parametrize(
    ("jobs", "seconds"),
    [
        ([], 0),
        ([DONE], 19 + IDLE_S),
        ([DONE] * 3, 3 * (19 + IDLE_S)),
        ([RUNNING], 29 + IDLE_S),  # in flight until now
        ([LOST | {"deadline_at": 100}], 199 + IDLE_S),  # nobody knows better
        ([LOST | {"deadline_at": -60}], 299 + IDLE_S),
        ([LOST | {"last_unfinished_at": 250, "status": JobStatus.CANCELLED}], 49 + IDLE_S),
        ([DONE | {"sent_at": 1000, "first_finished_at": 5}], 1000),  # never more than it stands
        ([DONE | {"intended_at": None, "sent_at": None}], 0),  # never sent
    ],
)
def test_capacity_that_scales_to_zero_costs_its_jobs_and_the_window_after_each(
    tmp_path: Path, jobs: list[dict[str, Any]], seconds: float
) -> None:
    jobs = [{name: value for name, value in job.items() if value is not None} for job in jobs]
    assert spent(tmp_path, {"intended_at": 1000, "jobs": jobs}) == seconds


def test_more_workers_may_cost_a_boot_for_each_job_and_never_more_than_all_of_them(tmp_path: Path) -> None:
    long, short = {"intended_at": 1000, "jobs": [DONE]}, {"intended_at": 30, "jobs": [DONE]}
    load = {"warm": 0, "cold": 0, "max_workers": 4, "load": {"profile": "concurrent", "n": 9, "k": 4}}
    assert spent(tmp_path / "long", long, **load) == 19 + IDLE_S + BOOT_S
    assert spent(tmp_path / "short", short, **load) == 4 * 30


def test_deployments_add_up_and_only_those_of_the_run_count(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> tuple[float, float]:
        for row in ({"intended_at": 100}, {"intended_at": 50}, {"run": 2, "intended_at": 7000}):
            put(desk, backend="beta", **row)
        await refusal(desk.ctx, 1)
        book = desk.ctx.book
        return book.spent["run", 1].gpu_s, book.spent["all", None].gpu_s

    assert on_a_desk(tmp_path, scene) == (150, 7150)


def test_a_rented_disk_and_the_network_are_counted(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> Decimal:
        detail = {"storage_usd_per_s": "0.0001", "network_usd_per_gb": "0.01"}
        with Session(desk.engine) as session:
            session.add(
                Offer(id=7, backend="beta", gpu="L40S", offer_id="o", unit="s", usd_per_unit=USD, usd_per_s=USD,
                      source="test", seen_at=desk.clock.now(), detail=detail)
            )  # fmt: skip
            session.commit()
        put(desk, backend="beta", intended_at=100, offer_id=7)
        await refusal(desk.ctx, 1)
        return desk.ctx.book.spent["run", 1].usd

    gb = Decimal(sum(file.size_bytes for file in load("flux-dev").files)) / 10**9
    assert on_a_desk(tmp_path, scene) == 100 * (USD + Decimal("0.0001")) + Decimal("0.01") * gb


def test_what_is_gone_is_not_read_again(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> tuple[list[float], list[int]]:
        gone = put(desk, backend="beta", intended_at=100, ended_at=40, state=GONE)
        put(desk, backend="beta", intended_at=10)
        sums, known = [], []
        for _ in range(3):
            await refusal(desk.ctx, 1)
            sums.append(desk.ctx.book.spent["run", 1].gpu_s)
            known.append(len(desk.ctx.book.lines))
            desk.change(row_of(desk, gone), usd_per_s=Decimal(5))  # nobody looks
            await desk.clock.sleep(10)
        return sums, known

    assert on_a_desk(tmp_path, scene) == ([70, 80, 90], [1, 1, 1])


# ---------------------------------------------------------------- what is promised and reserved


def held(path: Path, **row: Any) -> tuple[float, float]:
    """Promised and reserved seconds of one deployment."""

    async def scene(desk: Desk) -> tuple[float, float]:
        put(desk, **row)
        await refusal(desk.ctx, 1)
        reserve = desk.ctx.book.reserve["run", 1].gpu_s
        return desk.ctx.book.held["run", 1].gpu_s - reserve, reserve

    found: tuple[float, float] = on_a_desk(path, scene)
    return found


UP = {"intended_at": 400, "ready_at": 350}


@pytest.mark.parametrize(
    ("row", "promised", "reserve"),
    [
        ({"intended_at": 5}, FIRST_JOB_S, IDLE_S),
        ({**UP}, FIRST_JOB_S, IDLE_S),  # its first job is still to come
        ({**UP, "jobs": [DONE]}, 0, IDLE_S),
        ({**UP, "jobs": [RUNNING] * 2}, 2 * FIRST_JOB_S, IDLE_S),
        ({**UP, "jobs": [DONE, DONE, RUNNING]}, 19, IDLE_S),  # as long as those before it
        ({**UP, "jobs": [DONE | {"offset_us": 0, "execution_us": 7_000_000}, RUNNING]}, 7, IDLE_S),  # not the queue
        ({**UP, "reason": "dead"}, 0, IDLE_S),
        ({"backend": "beta", "intended_at": 5}, READY_S - 5 + FIRST_JOB_S, DESTROY_S),
        ({"backend": "beta", "intended_at": READY_S + 5}, FIRST_JOB_S, DESTROY_S),
        ({"backend": "beta", **UP, "jobs": [DONE, RUNNING]}, 19, DESTROY_S),
    ],
)
def test_jobs_in_flight_and_the_end_of_what_stands_are_set_aside(
    tmp_path: Path, row: dict[str, Any], promised: float, reserve: float
) -> None:
    assert held(tmp_path, **row) == (promised, reserve)


# ---------------------------------------------------------------- ceilings


@pytest.mark.parametrize(("cap", "refused"), [("0.058", False), ("0.057", True)])
def test_a_job_is_refused_where_spent_reserve_and_its_own_price_pass_the_ceiling(
    tmp_path: Path, cap: str, refused: bool
) -> None:
    async def scene(desk: Desk) -> tuple[str | None, str | None]:
        row = put(desk, **UP, jobs=[DONE])  # 29 spent, 10 reserved, 19 for the next
        await refusal(desk.ctx, 1)
        about = budget.a_job(desk.ctx, row_of(desk, row))
        return await refusal(desk.ctx, 1, about), desk.ctx.book.refused.get(1)

    why, kept = on_a_desk(tmp_path, scene, cap=cap)
    assert why == kept
    assert (why is not None) is refused
    if refused:
        assert why == "With a job on alpha, this run may come to $0.0580, teardown included; the ceiling is $0.0570."


@pytest.mark.parametrize(("cap_gpu_s", "refused"), [(58, False), (57, True)])
def test_a_ceiling_in_gpu_seconds_holds_as_one_in_dollars(tmp_path: Path, cap_gpu_s: int, refused: bool) -> None:
    async def scene(desk: Desk) -> str | None:
        row = put(desk, **UP, jobs=[DONE])
        await refusal(desk.ctx, 1)
        return await refusal(desk.ctx, 1, budget.a_job(desk.ctx, row_of(desk, row)))

    why = on_a_desk(tmp_path, scene, cap_gpu_s=cap_gpu_s)
    assert (why is not None) is refused
    if refused:
        assert why.endswith("may come to 58 GPU-seconds, teardown included; the ceiling is 57.")


@pytest.mark.parametrize(
    ("ceilings", "says"),
    [
        (Ceilings(installation=Limit(usd=Decimal("0.6"))), "All runs together may come to $0.8400, teardown included; "
         "the ceiling is $0.6000 (BAKEOFF_SPEND_CAP_USD)."),
        (Ceilings(installation=Limit(gpu_s=600)), "the ceiling is 600 (BAKEOFF_SPEND_CAP_GPU_S)."),
        (Ceilings(day=Limit(usd=Decimal("0.6"))), "This UTC day may come to $0.8400, teardown included; "
         "the ceiling is $0.6000 (BAKEOFF_DAY_CAP_USD)."),
        (Ceilings(day=Limit(gpu_s=600)), "the ceiling is 600 (BAKEOFF_DAY_CAP_GPU_S)."),
    ],
)  # fmt: skip
def test_the_days_and_the_folders_ceiling_count_every_run(tmp_path: Path, ceilings: Ceilings, says: str) -> None:
    async def scene(desk: Desk) -> tuple[str | None, str | None]:
        put(desk, backend="beta", **UP, jobs=[DONE])
        put(desk, 2, backend="beta", intended_at=200, ready_at=100, jobs=[DONE])
        without = await refusal(desk.ctx, 1)
        desk.ctx.ceilings = ceilings
        return without, await refusal(desk.ctx, 1)

    without, why = on_a_desk(tmp_path, scene)
    assert without is None
    assert why is not None
    assert why.endswith(says)


def test_a_day_begins_at_midnight_utc_and_counts_only_its_own_hours(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> list[tuple[float, float]]:
        midnight = (desk.clock.now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        await desk.clock.sleep_until(midnight - timedelta(seconds=100))
        put(desk, backend="beta", intended_at=0)
        seen = []
        for at in (-1, 40):
            await desk.clock.sleep_until(midnight + timedelta(seconds=at))
            await refusal(desk.ctx, 1)
            book = desk.ctx.book
            seen.append((book.spent["day", desk.clock.now().date()].gpu_s, book.spent["run", 1].gpu_s))
        return seen

    assert on_a_desk(tmp_path, scene) == [(99, 99), (40, 140)]


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        (Limit(usd=Decimal("0.05")), "A job on alpha costs about $0.0600; the ceiling of a job is $0.0500 "),
        (Limit(gpu_s=50), "A job on alpha takes about 60 GPU-seconds; the ceiling of a job is 50 (BAKEOFF_JOB_CAP_GPU"),
    ],
)  # fmt: skip
def test_a_job_that_is_expected_to_pass_the_ceiling_of_a_job_is_not_sent(
    tmp_path: Path, limit: Limit, says: str
) -> None:
    async def scene(desk: Desk) -> str | None:
        desk.ctx.ceilings = Ceilings(job=limit)
        row = put(desk, **UP)
        await refusal(desk.ctx, 1)
        return await refusal(desk.ctx, 1, budget.a_job(desk.ctx, row_of(desk, row)))

    assert on_a_desk(tmp_path, scene).startswith(says)


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [(Limit(), None), (Limit(usd=Decimal("0.05")), 50), (Limit(gpu_s=40), 40), (Limit(Decimal("0.05"), 70), 50)],
)
def test_a_job_may_run_as_long_as_its_ceiling_pays_for(tmp_path: Path, limit: Limit, seconds: float | None) -> None:
    async def scene(desk: Desk) -> float | None:
        desk.ctx.ceilings = Ceilings(job=limit)
        return budget.job_limit_s(desk.ctx, row_of(desk, put(desk, **UP)))

    assert on_a_desk(tmp_path, scene) == seconds


# ---------------------------------------------------------------- many at once


def test_a_thousand_jobs_claimed_at_once_see_each_other_for_two_queries_of_jobs(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> tuple[int, int]:
        row, asked = put(desk, **UP, jobs=[DONE]), []
        deployment = row_of(desk, row)
        await refusal(desk.ctx, 1)

        def count(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
            asked.append(statement)

        async def claim(number: int) -> bool:
            if await refusal(desk.ctx, 1, budget.a_job(desk.ctx, deployment)):
                return False
            place = {"run_id": 1, "deployment_id": row, "position": number, "key": f"j{number}", "prompt_id": "p"}
            job = Job(**place, seed=1, profile=LoadProfile.BURST, status=JobStatus.SUBMITTING, **instants(desk, NOW))
            await desk.ctx.writer.run(lambda session: session.add(job))
            return True

        event.listen(desk.ctx.writer._engine, "before_cursor_execute", count)
        claimed = await asyncio.gather(*(claim(number) for number in range(1, 1001)))
        return sum(claimed), sum("avg(" in statement for statement in asked)

    # 0.039 are spent and reserved, and each job is 0.019; the window after each counts once they are in the table.
    claimed, queries = on_a_desk(tmp_path, scene, cap="1")
    assert claimed == (1000 - 39) // 19
    assert queries <= 2


def test_an_order_counts_before_its_row_says_so(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> list[str | None]:
        rows = [row_of(desk, put(desk, backend="beta")) for _ in range(2)]
        answers = []
        for row in rows:
            spec = await _spec(desk, row)
            answers.append(await refusal(desk.ctx, 1, budget.an_order(desk.ctx, row, spec)))
            await desk.clock.sleep(5)  # read anew
        return answers

    first, second = on_a_desk(tmp_path, scene, cap="0.4")
    assert first is None
    assert second is not None
    assert second.startswith("With a deployment on beta, this run may come to")


async def _spec(desk: Desk, row: Deployment) -> Any:
    (offer, *_) = await desk.ctx.backends["beta"].offers("L40S")
    return DeploymentSpec(workflow="flux-dev", workflow_hash="h", gpu=row.gpu, idle_timeout_s=IDLE_S, offer=offer)


def test_an_order_whose_first_offers_are_gone_is_counted_once(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> Any:
        desk.backend.plan("deploy", *[NoCapacity("gone")] * 2)
        await drive_run(desk.ctx, desk.ask(warm=0, cap="0.32"))
        return desk.run().status, desk.backend.count("deploy")

    # 480 s are set aside for an order, at up to $0.0006.
    assert play(tmp_path, scenario, lambda clock: FakeBackend(clock, features=RENTED)) == (RunStatus.DONE, 3)


# ---------------------------------------------------------------- while nothing is bought


def test_a_rental_that_spends_it_all_while_nothing_is_bought_is_noticed(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> list[bool]:
        put(desk, backend="beta", intended_at=0)
        seen = []
        for _ in range(4):
            await budget.look(desk.ctx, 1)
            seen.append(1 in desk.ctx.book.overdrawn)
            await desk.clock.sleep(100)
        return seen

    # 0.12 are reserved, so that 0.38 are spent after 380 s; promised money is not spent money.
    assert on_a_desk(tmp_path, scene, cap="0.5") == [False, False, False, False]
    assert on_a_desk(tmp_path / "b", scene, cap="0.42") == [False, False, False, True]


def test_the_tables_are_not_asked_while_the_ceiling_cannot_have_been_reached(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> int:
        put(desk, backend="beta", intended_at=0)
        await budget.look(desk.ctx, 1)
        first = desk.ctx.book.read_at
        for _ in range(20):
            await desk.clock.sleep(WATCH_S)
            await budget.look(desk.ctx, 1)
        return (desk.ctx.book.read_at - first).total_seconds()  # type: ignore[operator, return-value]

    assert on_a_desk(tmp_path, scene, cap="90") == 0
    assert on_a_desk(tmp_path / "near", scene, cap="0.5") > 0


# ---------------------------------------------------------------- a whole run


def ended(path: Path, *, cap: str, warm: int = 2, ceilings: Ceilings | None = None, **backend: Any) -> Any:
    """A run on a rented machine of $0.0005 a second: run, deployment, jobs, and how long it stood."""

    async def scenario(desk: Desk) -> Any:
        desk.ctx.ceilings = ceilings or Ceilings()
        began = desk.clock.now()
        await drive_run(desk.ctx, desk.ask(warm=warm, cap=cap))
        (row,) = desk.deployments()
        return desk.run(), row, desk.jobs(), (row.ended_at - began).total_seconds()

    return play(path, scenario, lambda clock: FakeBackend(clock, features=RENTED, **backend))


def test_a_host_that_spends_the_cap_before_it_is_ready_is_destroyed(tmp_path: Path) -> None:
    run, row, jobs, stood_s = ended(tmp_path, cap="0.4", ready_after_s=2000)
    assert (row.state, row.cause) == (GONE, Reason.BUDGET_REACHED)
    assert 800 - DESTROY_S <= stood_s <= 800 - DESTROY_S + 2 * WATCH_S  # 800 s are the cap
    assert {job.reason for job in jobs} == {Reason.BUDGET_REACHED}
    assert run.status is RunStatus.STOPPED
    assert run.stop_reason == "This run may come to $0.4000, teardown included; the ceiling is $0.4000."


def test_a_host_that_is_never_ready_and_within_the_cap_gets_its_time(tmp_path: Path) -> None:
    run, row, _, stood_s = ended(tmp_path, cap="4", ready_after_s=2000)
    assert (run.status, row.cause) == (RunStatus.DONE, None)
    assert stood_s > 2000


def test_a_job_that_nobody_takes_is_cancelled_once_the_money_is_spent(tmp_path: Path) -> None:
    run, _, jobs, stood_s = ended(tmp_path, cap="0.25", queue_s=10_000)  # 500 s
    assert [(job.status, job.reason) for job in jobs] == [(JobStatus.CANCELLED, Reason.BUDGET_REACHED)] * 3
    assert stood_s <= 500 - DESTROY_S + 4 * WATCH_S
    assert run.status is RunStatus.STOPPED


def test_a_job_that_was_taken_comes_home_and_the_rest_is_not_sent(tmp_path: Path) -> None:
    run, _, jobs, stood_s = ended(tmp_path, cap="0.25", run_s=550)
    assert [job.status for job in jobs] == [JobStatus.SUCCEEDED] + [JobStatus.CANCELLED] * 2
    assert [job.reason for job in jobs[1:]] == [Reason.BUDGET_REACHED] * 2
    assert stood_s >= 550
    assert run.stop_reason == jobs[1].error


def test_a_job_that_passes_the_ceiling_of_a_job_is_cancelled_and_the_run_goes_on(tmp_path: Path) -> None:
    run, _, jobs, _ = ended(tmp_path, cap="4", warm=1, run_s=300, ceilings=Ceilings(job=Limit(gpu_s=100)))
    assert [(job.status, job.reason) for job in jobs] == [(JobStatus.CANCELLED, Reason.BUDGET_REACHED)] * 2
    assert run.status is RunStatus.DONE
    assert all(100 <= (job.last_unfinished_at - job.accepted_at).total_seconds() + 5 <= 110 for job in jobs)
