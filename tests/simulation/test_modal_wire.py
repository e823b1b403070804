"""The simulated workspace: containers, calls and bills behave as Modal's documents and its SDK say."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from simulator.faults import Fault
from simulator.world import Billing
from tests.simulation.modal_stage import Workspace, app_spec, play, quiet_world

EPOCH = datetime(2026, 11, 2, 8, tzinfo=UTC)
RATE = Decimal("0.000542") + 4 * Decimal("0.0000131") + 32 * Decimal("0.00000222")  # L40S, cores, GiB
LAG_S = 600


def billing(**changes: float) -> Billing:
    return Billing(lag_s=LAG_S, source="assumed: a test", **changes)


# ---------------------------------------------------------------- containers


def test_the_first_call_of_a_container_is_counted_from_zero_and_pays_for_the_weights() -> None:
    async def scenario(here: Workspace) -> None:
        await here.deploy()
        first, second = await here.run(), await here.run()
        assert (first["call_index"], second["call_index"]) == (0, 1)
        assert first["container_id"] == second["container_id"]
        assert first["model_load_s"] > 10
        assert second["model_load_s"] == 0
        assert first["enter_started_at"] < first["enter_done_at"] <= first["received_at"] < first["returned_at"]

    play(scenario)


@pytest.mark.parametrize(("gap_s", "index"), [(59, 1), (61, 0)])
def test_a_container_waits_out_its_scaledown_window_and_is_gone_after_it(gap_s: float, index: int) -> None:
    async def scenario(here: Workspace) -> None:
        await here.deploy(scaledown_s=60)
        await here.run()
        await here.wait(seconds=gap_s)
        assert (await here.run())["call_index"] == index

    play(scenario)


@pytest.mark.parametrize("most", [1, 2])
def test_calls_share_no_container_and_start_no_more_than_the_maximum(most: int) -> None:
    async def scenario(here: Workspace) -> None:
        await here.deploy(max_containers=most)
        calls = [await here.spawn() for _ in range(3)]
        await here.wait(seconds=25)
        backlog, running = (await here.client.stats("bakeoff-app"))["backlog"], here.app().pool.workers
        assert (backlog, len(running)) == (3 - most, most)
        assert [(await here.client.get(call, 3600))[0] for call in calls] == ["done"] * 3

    play(scenario)


def test_a_pinned_gpu_is_priced_and_run_as_that_gpu() -> None:
    async def scenario(here: Workspace) -> None:
        await here.deploy(gpu="H100!")
        assert (await here.run())["gpu"] == "NVIDIA H100 80GB HBM3"
        assert here.simulation.ledger.rented[0].usd_per_s == RATE - Decimal("0.000542") + Decimal("0.001097")

    play(scenario)


def test_a_start_from_a_snapshot_says_when_it_was_restored() -> None:
    law = {"median_s": 2.0, "source": "assumed: a test"}
    world = quiet_world(restore=quiet_world().modal.boot.model_copy(update=law), restore_share=1.0)

    async def scenario(here: Workspace) -> None:
        await here.deploy()
        assert (await here.run())["restored_at"] is not None

    play(scenario, world=world)


def test_an_unknown_gpu_is_refused_and_nothing_is_deployed() -> None:
    async def scenario(here: Workspace) -> None:
        with pytest.raises(ValueError, match="A9000"):
            await here.deploy(gpu="A9000")
        assert await here.client.apps() == []
        assert here.simulation.ledger.paid_calls == {}

    play(scenario)


# ---------------------------------------------------------------- apps and calls


def test_deploying_a_name_again_keeps_the_app_and_its_id() -> None:
    async def scenario(here: Workspace) -> None:
        assert await here.deploy() == await here.deploy()
        assert len(await here.client.apps()) == 1

    play(scenario)


def test_a_stopped_app_frees_its_name_and_ends_its_calls() -> None:
    async def scenario(here: Workspace) -> None:
        first = await here.deploy()
        call = await here.spawn()
        await here.client.stop(first)
        assert (await here.client.get(call, 0))[0] == "failed"
        assert await here.client.apps() == []
        with pytest.raises(LookupError):
            await here.client.stop(first)
        with pytest.raises(LookupError):
            await here.spawn()
        assert await here.deploy() != first

    play(scenario)


def test_the_call_list_tells_queue_and_execution_on_the_server_s_clock() -> None:
    async def scenario(here: Workspace) -> None:
        await here.deploy()
        asked_at = here.clock.now()
        result = await here.run()
        await here.run()
        second, first = await here.client.calls("bakeoff-app")  # newest first
        assert first["enqueued_at"] == asked_at
        assert first["started_at"].timestamp() == pytest.approx(result["received_at"], abs=1e-5)
        assert first["execution_s"] == pytest.approx(result["returned_at"] - result["received_at"], abs=1e-5)
        assert first["startup_s"] == pytest.approx(result["enter_done_at"] - result["enter_started_at"], abs=1e-5)
        assert second["startup_s"] is None
        assert (first["status"], first["container_id"]) == ("success", result["container_id"])

    play(scenario)


def test_the_call_list_follows_a_call_from_pending_over_running_to_terminated() -> None:
    async def scenario(here: Workspace) -> list[str]:
        await here.deploy()
        call, seen = await here.spawn(), []
        for pause_s in (0, 30, 0):
            await here.wait(seconds=pause_s)
            if len(seen) == 2:
                await here.client.cancel(call)
            seen.append((await here.client.calls("bakeoff-app"))[0]["status"])
        return seen

    assert play(scenario) == ["pending", "running", "terminated"]


@pytest.mark.parametrize(("days", "state"), [(6.9, "done"), (7.1, "expired")])
def test_a_result_can_be_read_for_seven_days(days: float, state: str) -> None:
    async def scenario(here: Workspace) -> str:
        await here.deploy()
        call = await here.spawn()
        await here.client.get(call, 3600)
        await here.wait(days=days)
        return (await here.client.get(call, 0))[0]

    assert play(scenario) == state


def test_a_held_get_comes_back_at_the_very_end_of_the_call_or_of_its_patience() -> None:
    async def scenario(here: Workspace) -> None:
        await here.deploy()
        call, before = await here.spawn(), here.clock.now()
        assert await here.client.get(call, 7.5) == ("pending", None)
        assert here.clock.now() - before == timedelta(seconds=7.5)
        _, result = await here.client.get(call, 3600)
        assert here.clock.now().timestamp() == pytest.approx(result["returned_at"], abs=1e-5)

    play(scenario)


@pytest.mark.parametrize("kind", ["lost_reply", "garbage", "drop", "unavailable", "server_error"])
def test_a_spawn_that_failed_on_the_way_is_executed_once(kind: str) -> None:
    async def scenario(here: Workspace) -> None:
        await here.deploy()
        here.simulation.faults.planned.append(Fault(service="modal_grpc", call="FunctionMap", kind=kind))
        call = await here.spawn()
        assert list(here.app().pool.jobs) == [call]
        assert here.simulation.ledger.paid_calls["modal.submit"] == 1

    play(scenario)


def test_a_server_that_never_answers_ends_the_callers_patience_in_liveness_time() -> None:
    async def scenario(here: Workspace) -> None:
        here.simulation.faults.planned.append(Fault(service="modal_grpc", call="AppList", kind="hang"))
        before = here.clock.alive_s()
        with pytest.raises(TimeoutError):
            await here.client.apps()
        assert here.clock.alive_s() - before == 20

    play(scenario)


def test_a_graph_that_comfyui_refuses_is_a_result_and_no_exception() -> None:
    async def scenario(here: Workspace) -> None:
        await here.deploy()
        call = await here.client.spawn("bakeoff-app", {"1": {"class_type": "NoSuchNode", "inputs": {}}}, 60)
        state, result = await here.client.get(call, 0)
        assert (state, result["ok"], result["error"]["type"]) == ("done", False, "refused")
        assert "NoSuchNode" in result["error"]["message"]

    play(scenario)


# ---------------------------------------------------------------- bills


async def one_hour_of_use(here: Workspace) -> float:
    """One call, its idle tail, and the container's seconds."""
    await here.deploy()
    await here.run()
    await here.wait(hours=3)
    (worker,) = here.app().pool.workers
    assert worker.pulled_us is not None
    assert worker.stopped_us is not None
    return (worker.stopped_us - worker.pulled_us) / 1e6


def test_a_row_bills_the_containers_life_by_resource_with_its_idle_tail_and_without_the_pull() -> None:
    async def scenario(here: Workspace) -> None:
        lived_s = Decimal(str(await one_hour_of_use(here)))
        (row,) = await here.client.report(EPOCH, EPOCH + timedelta(hours=3))
        assert (row["app_name"], row["tags"], row["interval_start"]) == ("bakeoff-app", {"workflow": "flux-dev"}, EPOCH)
        assert row["usd_by_resource"]["L40S"] == lived_s * Decimal("0.000542")
        assert row["usd_by_resource"]["CPU"] == lived_s * 4 * Decimal("0.0000131")
        assert row["usd_by_resource"]["Memory"] == lived_s * 32 * Decimal("0.00000222")
        assert row["usd"] == sum(row["usd_by_resource"].values()) == lived_s * RATE
        assert lived_s > 60 + 13  # window and boot

    play(scenario)


def test_published_rows_add_up_to_what_was_truly_billed() -> None:
    async def scenario(here: Workspace) -> None:
        await here.deploy(scaledown_s=3600)
        for _ in range(3):
            await here.run()
            await here.wait(minutes=50)
        await here.wait(hours=5)
        rows = await here.client.report(EPOCH, EPOCH + timedelta(days=1))
        assert len(rows) == 3  # three calls 50 minutes apart and a window of one hour
        assert sum(row["usd"] for row in rows) == sum(charge.usd for charge in here.simulation.modal.true_charges())
        assert (await here.client.summary(EPOCH.replace(day=1, hour=0)))["metered"] == sum(row["usd"] for row in rows)

    play(scenario)


def test_a_partial_last_hour_is_left_out_and_the_start_is_rounded_down() -> None:
    async def scenario(here: Workspace) -> None:
        await one_hour_of_use(here)
        assert await here.client.report(EPOCH, EPOCH + timedelta(minutes=59)) == []
        assert len(await here.client.report(EPOCH + timedelta(minutes=30), EPOCH + timedelta(hours=1))) == 1

    play(scenario)


def test_what_was_used_shows_on_the_bill_after_its_lag() -> None:
    async def scenario(here: Workspace) -> list[Decimal]:
        await here.deploy(scaledown_s=3600)
        await here.run()
        seen = []
        for _ in range(3):
            seen.append(sum(row["usd"] for row in await here.client.report(EPOCH, EPOCH + timedelta(hours=1))))
            await here.wait(seconds=LAG_S)
        return seen

    first, second, third = play(scenario, world=quiet_world(billing=billing()))
    assert first == 0
    assert 0 < second < third
    assert third - second == LAG_S * RATE


def test_a_phantom_share_is_billed_on_top_and_is_part_of_the_truth() -> None:
    async def scenario(here: Workspace) -> None:
        lived_s = Decimal(str(await one_hour_of_use(here)))
        (row,) = await here.client.report(EPOCH, EPOCH + timedelta(hours=1))
        assert row["usd"] == lived_s * RATE * Decimal("1.07")
        assert sum(charge.usd for charge in here.simulation.modal.true_charges()) == row["usd"]

    play(scenario, world=quiet_world(billing=billing(phantom_share=0.07)))


def test_a_late_correction_comes_when_its_time_has_passed_and_is_part_of_the_truth() -> None:
    async def scenario(here: Workspace) -> list[Decimal]:
        await one_hour_of_use(here)
        before = (await here.client.report(EPOCH, EPOCH + timedelta(hours=1)))[0]["usd"]
        await here.wait(hours=20)
        after = (await here.client.report(EPOCH, EPOCH + timedelta(hours=1)))[0]["usd"]
        return [before, after, sum(charge.usd for charge in here.simulation.modal.true_charges())]

    before, after, true = play(
        scenario, world=quiet_world(billing=billing(late_correction=0.03, correct_after_s=10 * 3600))
    )
    assert after == true == before * Decimal("1.03")


def test_a_starter_workspace_has_no_report_and_still_has_rates() -> None:
    async def scenario(here: Workspace) -> None:
        here.simulation.modal.plan = "starter"
        with pytest.raises(NotImplementedError, match="Team or Enterprise"):
            await here.client.report(EPOCH, EPOCH + timedelta(hours=1))
        assert (await here.client.rates())["CPU"] == Decimal("0.0000131")

    play(scenario)


def test_the_same_seed_gives_the_same_ledger() -> None:
    async def scenario(here: Workspace) -> dict[str, object]:
        await here.client.deploy(app_spec(max_containers=2))
        for call in [await here.spawn() for _ in range(4)]:
            await here.client.get(call, 3600)
        return here.simulation.ledger.as_json()

    assert play(scenario) == play(scenario)


def test_an_early_start_and_an_app_that_is_not_ours_are_on_the_bill_and_in_the_ledger() -> None:
    async def scenario(here: Workspace) -> None:
        lived_s = Decimal(str(await one_hour_of_use(here)))
        ours, other = await here.client.report(EPOCH, EPOCH + timedelta(hours=1))
        assert ours["usd"] == (lived_s + 2) * RATE
        assert (other["app_name"], other["usd_by_resource"]) == ("somebody-elses", {"CPU": Decimal("1.5")})
        charges = here.simulation.modal.true_charges()
        true = sum(charge.usd for charge in charges if charge.deployment == ours["app_name"])
        assert true == ours["usd"]

    play(scenario, world=quiet_world(billing=billing(early_s=2, other_usd_h=1.5)))
