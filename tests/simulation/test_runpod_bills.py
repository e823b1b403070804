"""Runpod's bill: whole seconds of a worker's life, hour buckets, published late, and truly what the ledger says."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from clock import to_us
from simulator.ledger import truth
from simulator.runpod.endpoint import Endpoint
from simulator.world import Billing
from tests.simulation.runpod_stage import Wire, runpod_world
from tests.virtual import EPOCH

RATE = Decimal("0.00053")
DISK_5_MIN = 20 * Decimal("0.1") * 300 / (730 * 3600)
LAG_S = 900


def billing(**changes: float) -> dict[str, Any]:
    return {"billing": Billing(lag_s=LAG_S, source="assumed: a test", **changes)}


def one_job(**changes: Any) -> tuple[Wire, Endpoint]:
    """One cold job, scaled down again; the world is at the worker's end."""
    wire = Wire(runpod_world(**billing(**changes)))
    endpoint = wire.endpoint()
    wire.finish(endpoint, wire.run(endpoint))
    wire.wait(40)
    wire.rest("GET", "/serverless")
    assert endpoint.pool.alive() == []
    return wire, endpoint


def life_s(endpoint: Endpoint, index: int = 0) -> Decimal:
    worker = endpoint.pool.workers[index]
    return Decimal(worker.stopped_us - worker.pulled_us) / 1_000_000


def report(wire: Wire, part: str = "/serverless", **query: str) -> dict[str, Any]:
    reply = wire.rest("GET", f"/billing{part}", **{"bucketSize": "hour", **query})
    assert reply.status == 200, reply.body
    return reply.body


def test_a_life_is_billed_from_container_start_to_stop_in_whole_seconds() -> None:
    wire, endpoint = one_job()
    seconds = life_s(endpoint).to_integral_value("ROUND_CEILING")
    assert 60 < seconds < 120  # boot, load, work and the idle tail; the pull before is free
    (gpu, disk) = wire.simulation.runpod.true_charges()
    assert (gpu.sku, gpu.usd) == ("gpu", seconds * RATE)
    assert (disk.sku, disk.usd) == ("disk", DISK_5_MIN)  # an interval that has begun is billed whole
    assert (gpu.deployment, gpu.resource_id, gpu.provider) == ("bakeoff-wire", endpoint.id, "runpod")


def test_the_published_bill_is_the_true_one_once_the_lag_is_over() -> None:
    wire, endpoint = one_job()
    assert report(wire)["records"] == []
    wire.wait(LAG_S)
    (record,) = report(wire)["records"]
    seconds = life_s(endpoint).to_integral_value("ROUND_CEILING")
    assert Decimal(str(record["gpuAmount"])) == seconds * RATE
    assert record["diskAmount"] == pytest.approx(float(DISK_5_MIN), rel=1e-12)
    assert (record["cpuAmount"], record["feeAmount"]) == (0, 0)
    assert record["totalAmount"] == pytest.approx(record["gpuAmount"] + record["diskAmount"], rel=1e-12)
    assert (record["startTime"], record["endTime"]) == ("2026-11-02T08:00:00Z", "2026-11-02T09:00:00Z")
    assert record["serverlessId"] == endpoint.id


def test_a_bucket_in_progress_is_included_and_grows() -> None:
    wire = Wire(runpod_world(billing=Billing(lag_s=0, source="assumed: a test")))
    endpoint = wire.endpoint(workers={"min": 1, "max": 1})
    wire.wait(60)
    seen = [report(wire)["records"][0]["gpuAmount"]]
    wire.wait(60)
    seen.append(report(wire)["records"][0]["gpuAmount"])
    assert seen[1] - seen[0] == pytest.approx(60 * float(RATE))
    started_s = (EPOCH + timedelta(seconds=60) - EPOCH).total_seconds() - endpoint.pool.workers[0].draw.pull_us / 1e6
    assert seen[0] == pytest.approx(float(RATE) * -(-started_s // 1))


def test_a_life_over_an_hours_edge_is_split_without_losing_a_second() -> None:
    wire = Wire(runpod_world(**billing()))
    wire.wait(3600 - 60)
    endpoint = wire.endpoint()
    wire.finish(endpoint, wire.run(endpoint))
    wire.wait(40 + LAG_S)
    records = report(wire)["records"]
    assert [record["startTime"][11:13] for record in records] == ["08", "09"]
    total = sum(Decimal(str(record["gpuAmount"])) for record in records)
    assert total == life_s(endpoint).to_integral_value("ROUND_CEILING") * RATE
    assert all(record["gpuAmount"] > 0 for record in records)
    assert sum(record["diskAmount"] > 0 for record in records) == 1


def test_several_gpus_and_several_workers_cost_as_many_times_as_much() -> None:
    wire = Wire(runpod_world(**billing()))
    gpu = {"pools": ["ADA_48_PRO"], "excludedTypes": ["NVIDIA L40"], "count": 2}
    endpoint = wire.endpoint(gpu=gpu, workers={"max": 2, "idleTimeout": 30})
    for job in [wire.run(endpoint, seed) for seed in (1, 2)]:
        wire.finish(endpoint, job)
    wire.wait(40)
    wire.rest("GET", "/serverless")
    seconds = sum(life_s(endpoint, index).to_integral_value("ROUND_CEILING") for index in (0, 1))
    gpu_usd = sum(charge.usd for charge in wire.simulation.runpod.true_charges() if charge.sku == "gpu")
    assert gpu_usd == 2 * seconds * RATE
    assert wire.simulation.ledger.rented[0].usd_per_s == 2 * RATE


def test_a_deleted_endpoint_stays_on_the_bill() -> None:
    wire = Wire(runpod_world(**billing()))
    endpoint = wire.endpoint()
    wire.run(endpoint)
    wire.wait(30)
    wire.rest("DELETE", f"/serverless/{endpoint.id}")
    wire.wait(LAG_S)
    (record,) = report(wire, serverlessId=endpoint.id)["records"]
    assert Decimal(str(record["gpuAmount"])) == life_s(endpoint).to_integral_value("ROUND_CEILING") * RATE


def test_what_was_only_pulling_costs_nothing() -> None:
    wire = Wire(runpod_world(**billing()))
    endpoint = wire.endpoint()
    wire.run(endpoint)
    wire.wait(1)
    wire.rest("DELETE", f"/serverless/{endpoint.id}")
    wire.wait(LAG_S)
    assert report(wire)["records"] == wire.simulation.runpod.true_charges() == []


def test_a_worker_that_crashes_is_billed_for_its_start_and_not_while_it_is_unhealthy() -> None:
    wire = Wire(runpod_world(crash_share=1.0))
    endpoint = wire.endpoint()
    wire.run(endpoint)
    wire.wait(3 * 3600)
    wire.rest("DELETE", f"/serverless/{endpoint.id}")
    (worker,) = endpoint.pool.workers
    boot_s = Decimal(worker.crashed_us - worker.pulled_us) / 1_000_000
    gpu = [charge.usd for charge in wire.simulation.runpod.true_charges() if charge.sku == "gpu"]
    assert sum(gpu) == boot_s.to_integral_value("ROUND_CEILING") * RATE


def test_a_phantom_share_is_on_the_bill_and_in_the_truth() -> None:
    plain, phantom = one_job()[0], one_job(phantom_share=0.07)[0]
    for wire in (plain, phantom):
        wire.wait(LAG_S)
    true = [sum(charge.usd for charge in wire.simulation.runpod.true_charges()) for wire in (plain, phantom)]
    assert float(true[1]) == pytest.approx(1.07 * float(true[0]), rel=1e-12)
    amounts = [report(wire)["records"][0]["totalAmount"] for wire in (plain, phantom)]
    assert amounts[1] == pytest.approx(1.07 * amounts[0], rel=1e-12)


def test_a_late_correction_comes_when_it_is_due() -> None:
    wire, _ = one_job(late_correction=0.03, correct_after_s=86_400)
    true = float(sum(charge.usd for charge in wire.simulation.runpod.true_charges()))
    wire.wait(LAG_S)
    assert report(wire)["records"][0]["totalAmount"] == pytest.approx(true / 1.03, rel=1e-9)
    wire.now = EPOCH + timedelta(hours=25)
    assert report(wire)["records"][0]["totalAmount"] == pytest.approx(true, rel=1e-9)


def test_the_truth_of_a_deployment_holds_the_whole_bill() -> None:
    wire, _ = one_job()
    (row,) = truth(wire.simulation.ledger)["deployments"]
    assert row["billed_usd"] == pytest.approx(float(sum(c.usd for c in wire.simulation.runpod.true_charges())))
    assert row["good_images"] == 1


# ---------------------------------------------------------------- the report's own rules


@pytest.mark.parametrize(
    ("size", "start", "end"),
    [
        ("hour", "2026-11-02T08:00:00Z", "2026-11-02T10:00:00Z"),
        ("day", "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z"),
        ("week", "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z"),
        ("month", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("year", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ],
)
def test_a_window_is_snapped_outward_to_its_buckets(size: str, start: str, end: str) -> None:
    wire, _ = one_job()
    wire.wait(LAG_S)
    window = {"startTime": "2026-11-02T08:10:00Z", "endTime": "2026-11-02T09:10:00+00:00", "bucketSize": size}
    body = report(wire, **window)
    assert body["metadata"]["query"] == {"startTime": start, "endTime": end, "bucketSize": size}
    assert body["metadata"]["recordCount"] == body["metadata"]["uniqueServerlessCount"] == len(body["records"]) == 1
    assert body["metadata"]["totals"]["totalAmount"] == body["records"][0]["totalAmount"]


def test_an_end_on_an_edge_is_exclusive() -> None:
    wire, _ = one_job()
    wire.wait(LAG_S)
    window = {"startTime": "2026-11-02T07:00:00Z", "endTime": "2026-11-02T08:00:00Z"}
    assert report(wire, **window)["records"] == []
    assert len(report(wire, startTime="2026-11-02T08:00:00Z", endTime="2026-11-02T09:00:00Z")["records"]) == 1


def test_without_a_window_it_is_thirty_days_by_the_day() -> None:
    wire, _ = one_job()
    query = wire.rest("GET", "/billing/serverless").body["metadata"]["query"]
    assert query == {
        "startTime": "2026-10-03T00:00:00Z", "endTime": "2026-11-03T00:00:00Z", "bucketSize": "day",
    }  # fmt: skip


def test_the_last_buckets_end_with_the_one_in_progress() -> None:
    wire, _ = one_job()
    query = report(wire, lastN="3")["metadata"]["query"]
    assert (query["startTime"], query["endTime"]) == ("2026-11-02T06:00:00Z", "2026-11-02T09:00:00Z")


@pytest.mark.parametrize(
    "query",
    [
        {"bucketSize": "minute"},
        {"lastN": "0"},
        {"lastN": "x"},
        {"lastN": "2", "startTime": "2026-11-02T08:00:00Z"},
        {"startTime": "yesterday"},
        {"startTime": "2026-11-02T08:00:00"},
        {"startTime": "2026-11-02T08:00:00Z", "endTime": "2026-11-02T07:00:00Z"},
    ],
)
def test_a_window_that_makes_no_sense_is_a_400(query: dict[str, str]) -> None:
    assert Wire().rest("GET", "/billing/serverless", **query).status == 400


@pytest.mark.parametrize("part", ["/pods", "/network-volumes", "/endpoints", "/clusters"])
def test_what_this_account_does_not_use_is_empty_and_endpoints_are_not_serverless(part: str) -> None:
    wire, _ = one_job()
    wire.wait(LAG_S)
    body = report(wire, part)
    assert body["records"] == []
    assert body["metadata"]["totals"]["totalAmount"] == 0


def test_the_whole_bill_shows_serverless_under_its_own_names() -> None:
    wire, _ = one_job()
    wire.wait(LAG_S)
    (record,) = report(wire, "")["records"]
    (alone,) = report(wire)["records"]
    assert record["serverlessGpuAmount"] == alone["gpuAmount"]
    assert record["serverlessDiskAmount"] == alone["diskAmount"]
    assert record["totalAmount"] == pytest.approx(alone["totalAmount"])
    assert record["podGpuAmount"] == 0
    assert wire.rest("GET", "/billing/unicorns").status == 400


def test_only_the_endpoint_that_was_asked_for_is_reported() -> None:
    wire = Wire(runpod_world(**billing()))
    endpoints = [wire.endpoint(), wire.endpoint(name="bakeoff-second")]
    for endpoint in endpoints:
        wire.finish(endpoint, wire.run(endpoint))
    wire.wait(LAG_S + 60)
    assert len(report(wire)["records"]) == 2
    (record,) = report(wire, serverlessId=endpoints[1].id)["records"]
    assert record["serverlessId"] == endpoints[1].id
    assert to_us(EPOCH) == endpoints[0].created_us


def test_a_fee_is_billed_for_each_hour_with_use_and_an_early_start_for_each_worker() -> None:
    wire = Wire(runpod_world(billing=Billing(lag_s=LAG_S, fee_usd_h=0.03, early_s=2.0, source="assumed: a test")))
    endpoint = wire.endpoint()
    wire.wait(60)
    wire.finish(endpoint, wire.run(endpoint))
    wire.wait(40 + LAG_S)
    (record,) = report(wire)["records"]
    seconds = (life_s(endpoint) + 2).to_integral_value("ROUND_CEILING")
    assert (Decimal(str(record["gpuAmount"])), record["feeAmount"]) == (seconds * RATE, 0.03)
    assert {charge.sku for charge in wire.simulation.runpod.true_charges()} == {"gpu", "disk", "fee"}
    total = sum(charge.usd for charge in wire.simulation.runpod.true_charges())
    assert record["totalAmount"] == pytest.approx(float(total), rel=1e-12)


def test_a_share_of_the_hours_is_never_published_always_the_same_ones_and_billed_all_the_same() -> None:
    world = Billing(lag_s=0, gap_share=0.5, source="assumed: a test")
    wire = Wire(runpod_world(billing=world))
    wire.endpoint(workers={"min": 1, "max": 1})
    wire.wait(20 * 3600)
    starts = [record["startTime"] for record in report(wire)["records"]]
    assert 3 < len(starts) < 17
    assert [record["startTime"] for record in report(wire)["records"]] == starts
    true = {charge.start_us for charge in wire.simulation.runpod.true_charges() if charge.sku == "gpu"}
    assert len(true) == 20


def test_a_pod_and_a_volume_that_nobody_uses_are_on_the_bill_and_in_the_ledger() -> None:
    world = Billing(lag_s=0, volume_usd_h=0.5, other_usd_h=2.0, source="assumed: a test")
    wire = Wire(runpod_world(billing=world))
    wire.wait(90 * 60)
    pods, volumes = (report(wire, part)["records"] for part in ("/pods", "/network-volumes"))
    assert [(pod["podId"], pod["totalAmount"], pod["gpuAmount"]) for pod in pods] == [
        ("other-1", 2.0, 2.0),
        ("other-1", 1.0, 1.0),
    ]
    assert [(kept["networkVolumeId"], kept["standardAmount"]) for kept in volumes] == [
        ("volume-1", 0.5),
        ("volume-1", 0.25),
    ]
    assert report(wire, "/pods", podId="another")["records"] == []
    (first, _) = report(wire, "")["records"]
    assert (first["totalAmount"], first["podGpuAmount"], first["storageStandardAmount"]) == (2.5, 2.0, 0.5)
    assert sum(charge.usd for charge in wire.simulation.runpod.true_charges()) == Decimal("3.75")
