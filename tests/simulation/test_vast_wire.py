"""Vast.ai's console on the wire, quirk by quirk (docs 2026-08-07, client 1.9.1, QA code 2026-08-21)."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from simulator.engine import US, us
from simulator.world import Billing, Duration, Failures
from tests.simulation.vast_desk import ORDER, Desk, world_with

DAY_S = 86_400


# -- keys and rates ------------------------------------------------------------------------------------------


def test_a_refused_key_is_a_404_and_a_missing_one_a_403() -> None:
    desk = Desk(key="right")

    refused, missing = (
        desk.ask("GET", "/api/v0/users/current", key="wrong"),
        desk.ask("GET", "/api/v0/users/current", key=None),
    )

    assert (refused.status, refused.body["error"], refused.body["msg"]) == (404, "auth_error", "Invalid user key")
    assert (missing.status, missing.body["error"]) == (403, "auth_error")
    assert desk.ask("GET", "/api/v0/users/current", key="right").status == 200


@pytest.mark.parametrize(
    ("method", "path", "threshold_s"),
    [
        ("PUT", "/api/v0/asks/1/", 4.5),
        ("GET", "/api/v1/instances/", 1.0),
        ("GET", "/api/v0/instances/1/", 2.0),
        ("PUT", "/api/v0/instances/1/", 1.0),
        ("DELETE", "/api/v0/instances/1/", 3.0),
        ("GET", "/api/v0/charges/", 1.0),
        ("GET", "/api/v1/invoices/", 3.0),
    ],
)
def test_each_endpoint_has_its_least_interval(method: str, path: str, threshold_s: float) -> None:
    desk = Desk()
    desk.ask(method, path)
    desk.wait(threshold_s - 0.01)

    early = desk.ask(method, path)
    other = desk.ask(method, path, key="another identity")

    assert (early.status, early.body) == (429, f"API requests too frequent endpoint threshold={threshold_s}")
    assert "Retry-After" not in early.headers
    assert other.status != 429
    desk.wait(13)
    assert desk.ask(method, path).status != 429


def test_a_create_that_comes_too_early_closes_the_door_for_twelve_seconds() -> None:
    desk = Desk()
    first, second = (offer["id"] for offer in desk.offers(gpu_name={"eq": "L40S"})[:2])
    desk.ask("PUT", f"/api/v0/asks/{first}/", ORDER)
    desk.wait(1)

    assert desk.ask("PUT", f"/api/v0/asks/{second}/", ORDER).status == 429
    desk.wait(11.9)
    assert desk.ask("PUT", f"/api/v0/asks/{second}/", ORDER).status == 429
    desk.wait(12.1)
    assert desk.ask("PUT", f"/api/v0/asks/{second}/", ORDER).status == 200


def test_ten_searches_a_minute_are_let_through() -> None:
    desk = Desk()
    statuses = [desk.ask("POST", "/api/v0/bundles/", {}).status for _ in range(11)]

    assert statuses == [200] * 10 + [429]
    desk.wait(60)
    assert desk.ask("POST", "/api/v0/bundles/", {}).status == 200


def test_a_body_that_is_no_json_is_a_400() -> None:
    assert Desk().ask("POST", "/api/v0/bundles/", b"{gpu").status == 400


# -- the market ----------------------------------------------------------------------------------------------


def test_the_market_is_the_same_for_a_seed_and_another_for_another() -> None:
    first, again, other = (Desk(seed=seed).offers(gpu_name={"eq": "L40S"}) for seed in (1, 1, 2))

    assert [row["id"] for row in first] == [row["id"] for row in again]
    assert [row["id"] for row in first] != [row["id"] for row in other]


def test_there_are_as_many_sound_hosts_as_the_world_has_capacity_at_about_its_price() -> None:
    desk = Desk()
    sound = desk.offers(gpu_name={"eq": "L40S"}, disk_space={"gte": 80}, inet_down={"gte": 500})
    price = desk.world.vast.price["L40S"].usd_per_s * 3600

    assert len(sound) == desk.world.vast.capacity["L40S"]
    assert sorted(row["dph_base"] for row in sound)[len(sound) // 2] == pytest.approx(price, rel=0.15)
    assert len({row["dph_base"] for row in sound}) == len(sound)


def test_unverified_hosts_show_only_when_asked_for() -> None:
    desk = Desk()

    assert {row["verification"] for row in desk.offers()} == {"verified"}
    assert {row["verification"] for row in desk.offers(verified={"eq": False})} == {"unverified"}


def test_gpu_names_have_spaces_on_the_wire() -> None:
    desk = Desk()

    assert desk.offers(gpu_name={"eq": "RTX_4090"}) == []
    assert desk.offers(gpu_name={"in": ["RTX 4090"]})
    assert desk.offers(gpu_name={"eq": "H100 SXM"})


def test_total_price_holds_the_allocated_storage_and_no_bandwidth() -> None:
    row = Desk().offers(gpu_name={"eq": "L40S"}, allocated_storage=100)[0]
    storage = 100 * row["storage_cost"] / 730

    assert row["storage_total_cost"] == pytest.approx(storage)
    assert row["dph_total"] == pytest.approx(row["dph_base"] + storage)
    assert row["search"]["totalHour"] == row["dph_total"]


def test_numbers_sent_as_strings_and_countries_filter_as_well() -> None:
    desk = Desk()

    assert desk.offers(num_gpus={"eq": "1"})
    assert desk.offers(num_gpus={"eq": "2"}) == []
    assert {row["geolocation"][-2:] for row in desk.offers(geolocation={"in": ["US"]})} == {"US"}
    elsewhere = desk.offers(geolocation={"notin": ["US"]})  # codespell:ignore notin
    assert elsewhere
    assert "US" not in {row["geolocation"][-2:] for row in elsewhere}


def test_order_and_limit_are_obeyed() -> None:
    rows = Desk().offers(order=[["dph_base", "desc"]], limit=5)

    assert len(rows) == 5
    assert [row["dph_base"] for row in rows] == sorted((row["dph_base"] for row in rows), reverse=True)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"colour": {"eq": "red"}}, "colour is not a valid search key"),
        ({"gpu_ram": {"about": 1}}, "about is not a valid operator"),
        ({"gpu_ram": {"gte": None}}, ""),
    ],
)
def test_a_query_that_cannot_be_read_is_named(query: dict[str, Any], said: str) -> None:
    reply = Desk().ask("POST", "/api/v0/bundles/", query)

    assert (reply.status, reply.body["error"]) == (400, "invalid_request")
    assert said in reply.body["msg"]


def test_a_field_without_a_value_passes_no_test() -> None:
    desk = Desk()
    desk.rent(label=None)

    filters = {"label": {"neq": "anything"}}
    assert desk.calm("GET", "/api/v1/instances/", query={"select_filters": filters}).body["instances"] == []


def test_a_client_that_means_no_external_hosts_by_false_finds_those_that_say_null() -> None:
    desk = Desk()

    assert len(desk.offers(external={"eq": False})) == len(desk.offers()) > 0
    assert desk.offers(external={"eq": True}) == []


def test_the_newer_search_answers_the_same() -> None:
    desk = Desk()
    query = {"gpu_name": {"eq": "L40S"}}

    newer = desk.ask("PUT", "/api/v0/search/asks/", {"select_cols": ["*"], "q": query}).body["offers"]
    assert [row["id"] for row in newer] == [row["id"] for row in desk.offers(**query)]


def test_an_offer_vanishes_while_it_is_rented_and_comes_back_after() -> None:
    desk = Desk()
    offer = desk.offers(gpu_name={"eq": "L40S"})[0]["id"]
    id = desk.rent(offer)

    assert offer not in {row["id"] for row in desk.offers()}
    desk.calm("DELETE", f"/api/v0/instances/{id}/", {})
    assert offer in {row["id"] for row in desk.offers()}


# -- renting -------------------------------------------------------------------------------------------------


def test_an_offer_that_is_gone_is_a_404_or_with_cancel_unavail_a_410() -> None:
    desk = Desk()
    offer = desk.offers()[0]["id"]
    desk.rent(offer)

    unknown = desk.calm("PUT", "/api/v0/asks/12/", ORDER)
    taken = desk.calm("PUT", f"/api/v0/asks/{offer}/", ORDER)

    assert (unknown.status, unknown.body["error"]) == (404, "invalid_args")
    assert "error 404/3603: no_such_ask" in unknown.body["msg"]
    assert (taken.status, taken.body["error"]) == (410, "no_such_ask")
    assert "no longer available" in taken.body["msg"]
    assert desk.ledger.paid_calls["vast.deploy"] == 1


def test_an_order_without_an_image_or_below_the_least_bid_rents_nothing() -> None:
    desk = Desk()
    offer = desk.offers()[0]

    assert desk.calm("PUT", f"/api/v0/asks/{offer['id']}/", {"disk": 10}).status == 400
    low = desk.calm("PUT", f"/api/v0/asks/{offer['id']}/", {**ORDER, "price": offer["min_bid"] / 2})
    assert (low.status, low.body["error"]) == (400, "invalid_price")
    assert desk.ledger.paid_calls["vast.deploy"] == 0


def test_the_reply_of_an_order_carries_the_restricted_key() -> None:
    desk = Desk()
    reply = desk.calm("PUT", f"/api/v0/asks/{desk.offers()[0]['id']}/", ORDER)

    assert reply.body["success"] is True
    assert isinstance(reply.body["new_contract"], int)
    assert reply.body["instance_api_key"]


def test_a_start_is_null_then_created_then_loading_then_running_with_ports_in_the_list_alone() -> None:
    desk = Desk()
    offer = desk.offers()[0]["id"]
    id = desk.ask("PUT", f"/api/v0/asks/{offer}/", ORDER).body["new_contract"]
    seen: list[Any] = []
    row: dict[str, Any] = {}
    while not seen or seen[-1] != "running":
        row = desk.ask("GET", f"/api/v0/instances/{id}/").body["instances"]
        if not seen or seen[-1] != row["actual_status"]:
            seen.append(row["actual_status"])
        if row["actual_status"] is None:
            assert (row["start_date"], row["uptime_mins"], row["disk_usage"]) == (None, None, -1)
        desk.wait(2)

    assert seen == [None, "created", "loading", "running"]
    assert row["start_date"] is not None
    assert row["uptime_mins"] is not None
    assert "ports" not in row
    assert desk.listed(id)["ports"]["8288/tcp"][0]["HostPort"] == str(desk.cloud.rentals[id].port)


def test_an_image_that_does_not_exist_loads_for_ever_and_says_why() -> None:
    desk = Desk()
    id = desk.rent(image="nobody/nothing:1")
    desk.wait(DAY_S)
    row = desk.row(id)

    assert row is not None
    assert row["actual_status"] == "loading"
    assert "manifest unknown" in row["status_msg"]
    assert {charge.sku for charge in desk.ledger.charges()} == {"disk"}


def test_the_environment_comes_back_as_pairs() -> None:
    desk = Desk()
    row = desk.row(desk.rent())

    assert row is not None
    assert ["-p 8288:8288", "1"] in row["extra_env"]


# -- looking and ending --------------------------------------------------------------------------------------


def test_the_first_list_is_retired() -> None:
    reply = Desk().ask("GET", "/api/v0/instances/")

    assert (reply.status, reply.body["error"]) == (410, "deprecated_endpoint")


def test_the_list_pages_by_token_at_most_25_and_counts_labels() -> None:
    desk = Desk()
    offers = [row["id"] for row in desk.offers(gpu_name={"eq": "RTX 4090"})]
    ids = [desk.rent(offer, label=f"bakeoff-{n % 2}") for n, offer in enumerate(offers[:27])]

    first = desk.calm("GET", "/api/v1/instances/", query={"limit": "99"}).body
    token = first["next_token"]
    second = desk.calm("GET", "/api/v1/instances/", query={"limit": "99", "after_token": token}).body

    assert (first["instances_found"], first["total_instances"]) == (25, 27)
    assert first["label_counts"] == {"bakeoff-0": 14, "bakeoff-1": 13}
    assert [row["id"] for row in first["instances"] + second["instances"]] == ids
    assert second["next_token"] is None
    assert len(desk.calm("GET", "/api/v1/instances/", query={"limit": "0"}).body["instances"]) == 5


def test_the_list_is_filtered_by_stored_fields_and_no_others() -> None:
    desk = Desk()
    offers = [row["id"] for row in desk.offers()]
    mine = desk.rent(offers[0], label="mine")
    desk.rent(offers[1], label="yours")

    def listed(**filters: Any) -> Any:
        return desk.calm("GET", "/api/v1/instances/", query={"select_filters": filters})

    assert [row["id"] for row in listed(label={"eq": "mine"}).body["instances"]] == [mine]
    computed = listed(dph_total={"lt": 1})
    assert (computed.status, computed.body["error"]) == (400, "invalid_request")
    broken = desk.calm("GET", "/api/v1/instances/", query={"after_token": "!!"})
    assert (broken.status, broken.body["error"]) == (400, "invalid_token")
    cols = desk.calm("GET", "/api/v1/instances/", query={"select_cols": ["id", "nothing"]}).body["instances"]
    assert cols[0] == {"id": mine, "nothing": None}


def test_a_destroyed_instance_is_null_by_id_out_of_the_list_and_404_to_destroy_again() -> None:
    desk = Desk()
    id = desk.rent()

    assert desk.calm("DELETE", f"/api/v0/instances/{id}/", {}).body["success"] is True
    gone = desk.calm("GET", f"/api/v0/instances/{id}/")
    assert (gone.status, gone.body) == (200, {"instances": None})
    assert desk.calm("GET", "/api/v1/instances/").body["instances"] == []
    assert desk.calm("DELETE", f"/api/v0/instances/{id}/", {}).status == 404


def test_a_label_can_be_changed() -> None:
    desk = Desk()
    id = desk.rent()
    desk.calm("PUT", f"/api/v0/instances/{id}/", {"label": "other"})

    assert desk.listed(id)["label"] == "other"


def test_a_stopped_instance_bills_storage_and_does_not_start_again() -> None:
    desk = Desk()
    id, port = desk.running()
    desk.calm("PUT", f"/api/v0/instances/{id}/", {"state": "stopped"})
    before = {charge.sku: charge.usd for charge in desk.ledger.charges()}
    again = desk.calm("PUT", f"/api/v0/instances/{id}/", {"state": "running"})
    desk.wait(3600)
    after = {charge.sku: charge.usd for charge in desk.ledger.charges()}

    assert (again.status, again.body["success"]) == (200, False)
    assert "currently unavailable" in again.body["msg"]
    assert desk.listed(id)["actual_status"] == "stopped"
    assert desk.knock(port, "GET", "/health").cut == "reset"
    assert after["gpu"] == before["gpu"]
    assert after["disk"] > before["disk"]


def test_logs_come_by_an_address_that_answers_a_moment_later() -> None:
    desk = Desk()
    id, _ = desk.running()
    reply = desk.ask("PUT", f"/api/v0/instances/request_logs/{id}/", {"tail": "100"})
    path = reply.body["result_url"].removeprefix("https://console.vast.ai")

    assert desk.ask("GET", path, key=None).status == 404
    assert "Starting server" in desk.ask("GET", path, key=None).body
    assert desk.ask("PUT", "/api/v0/instances/request_logs/1/", {}).status == 404


# -- money ---------------------------------------------------------------------------------------------------


def charged(desk: Desk, *, from_s: float, to_s: float, **more: Any) -> Any:
    return desk.calm("GET", "/api/v0/charges/", query={"select_filters": {"day": {"gte": from_s, "lte": to_s}}, **more})


def test_charges_need_a_range_of_days_and_invoices_say_so_with_a_200() -> None:
    desk = Desk()
    charges, invoices = desk.ask("GET", "/api/v0/charges/"), desk.ask("GET", "/api/v1/invoices/")

    assert charges.status == 400
    assert (invoices.status, invoices.body["success"], invoices.body["error"]) == (200, False, "Invalid date range")


def test_a_contract_is_billed_gpu_while_running_storage_till_destroyed_and_network_by_the_byte() -> None:
    """Loading is free; the items are the ledger's, to three decimals."""
    desk = Desk()
    id, port = desk.running()
    desk.generate(port, request_id="one")
    desk.finished(port, "one")
    desk.calm("DELETE", f"/api/v0/instances/{id}/", {})
    rental = desk.cloud.rentals[id]
    worker = rental.worker
    assert worker is not None
    assert worker.pulled_us is not None
    assert rental.destroyed_us is not None
    desk.wait(3 * DAY_S)
    (row,) = charged(desk, from_s=rental.created_us / US, to_s=rental.destroyed_us / US).body["results"]
    items = {item["type"]: item for item in row["items"]}

    ran_s = (rental.destroyed_us - worker.pulled_us) / US
    lived_s = (rental.destroyed_us - rental.created_us) / US
    exact = {
        "gpu": ran_s * float(rental.dph_base) / 3600,
        "disk": lived_s * 80 * 0.15 / 730 / 3600,
        "bwd": 35 * 0.002,
        "bwu": 256 * 256 * 1.5 / 1e9 * 0.002,
    }
    assert {kind: item["amount"] for kind, item in items.items()} == {
        kind: round(usd, 3) for kind, usd in exact.items()
    }
    assert row["amount"] == round(sum(exact.values()), 3)
    assert (row["source"], row["type"]) == (f"instance-{id}", "instance")
    assert row["metadata"]["label"] == "bakeoff-desk"
    true = {charge.sku: charge.usd for charge in desk.ledger.charges()}
    assert float(true["gpu"]) == pytest.approx(exact["gpu"])
    assert float(true["disk"]) == pytest.approx(exact["disk"])


def test_a_rental_worked_by_hand_is_billed_to_the_nano_dollar() -> None:
    """2,100 of 2,400 s running at $0.54 an hour, 80 GB at $0.15 a month, 35 GB down at $0.002."""
    pull = Duration(median_s=300, source="assumed: worked by hand")
    boot = Duration(median_s=600, source="assumed: worked by hand")
    price = world_with().vast.price["L40S"].model_copy(update={"usd_per_s": 0.00015})
    desk = Desk(world_with(pull=pull, boot=boot, price={"L40S": price}, price_spread=0.0))
    offer = next(
        host
        for host in desk.cloud.market.hosts.values()
        if host.verified and host.disk_space > 80 and host.inet_down > 500
    )
    id = desk.rent(offer.offer_id)
    desk.wait(2400 - desk.now_s + desk.cloud.rentals[id].created_us / US)
    desk.ask("DELETE", f"/api/v0/instances/{id}/", {})

    nano = {charge.sku: round(charge.usd * 10**9) for charge in desk.ledger.charges()}
    assert nano == {"gpu": 315_000_000, "disk": 10_958_904, "network": 70_000_000}


def test_bills_appear_after_the_lag_and_grow_until_then() -> None:
    desk = Desk(world_with(billing=Billing(lag_s=1800, source="assumed: test")))
    id = desk.rent()
    desk.wait(1700)
    assert charged(desk, from_s=desk.now_s, to_s=desk.now_s).body["results"] == []
    desk.wait(7200)
    (early,) = charged(desk, from_s=desk.now_s, to_s=desk.now_s).body["results"]
    desk.wait(3600)
    (late,) = charged(desk, from_s=desk.now_s, to_s=desk.now_s).body["results"]

    assert early["source"] == late["source"] == f"instance-{id}"
    assert early["amount"] < late["amount"]
    assert {item["type"]: item["start"] for item in early["items"]} == {
        item["type"]: item["start"] for item in late["items"]
    }


def test_each_day_has_its_own_amounts_and_they_add_up() -> None:
    desk = Desk()
    start_s = desk.now_s
    id = desk.rent()
    desk.wait(2.5 * DAY_S)
    desk.calm("DELETE", f"/api/v0/instances/{id}/", {})
    desk.wait(DAY_S)
    midnight = start_s // DAY_S * DAY_S
    starts = [midnight + n * DAY_S for n in range(4)]
    days = [charged(desk, from_s=first, to_s=first + 86_399).body["results"] for first in starts]
    (whole,) = charged(desk, from_s=start_s, to_s=desk.now_s).body["results"]

    assert [len(rows) for rows in days] == [1, 1, 1, 0]
    assert sum(rows[0]["amount"] for rows in days[:3]) == pytest.approx(whole["amount"], abs=0.002)
    assert whole["description"].endswith("3 days")


def test_charges_page_by_token_newest_first_and_tree_is_the_same_for_plain_instances() -> None:
    desk = Desk()
    start_s = desk.now_s
    ids = [desk.rent(offer["id"]) for offer in desk.offers()[:3]]
    desk.wait(7200)
    seen: list[str] = []
    token: str | None = None
    while True:
        page = charged(
            desk, from_s=start_s, to_s=desk.now_s, limit="1", **({"after_token": token} if token else {})
        ).body
        seen += [row["source"] for row in page["results"]]
        assert (page["count"], page["total"]) == (1, 3)
        token = page["next_token"]
        if token is None:
            break

    assert seen == [f"instance-{id}" for id in reversed(ids)]
    tree = charged(desk, from_s=start_s, to_s=desk.now_s, format="tree", latest_first="false").body["results"]
    assert [row["source"] for row in tree] == [f"instance-{id}" for id in ids]
    bad = charged(desk, from_s=start_s, to_s=desk.now_s, after_token="%%")
    assert (bad.status, bad.body["error"]) == (400, "invalid_token")


def test_only_asked_for_types_are_charged() -> None:
    desk = Desk()
    desk.rent()
    desk.wait(7200)
    day = {"gte": desk.now_s, "lte": desk.now_s}
    query = {"select_filters": {"day": day, "type": {"in": ["serverless"]}}}

    assert desk.calm("GET", "/api/v0/charges/", query=query).body["results"] == []


def test_phantom_seconds_and_late_corrections_show_as_the_world_says() -> None:
    billing = Billing(lag_s=0, phantom_share=0.1, late_correction=0.5, correct_after_s=DAY_S, source="assumed: test")
    desk, plain = Desk(world_with(billing=billing)), Desk(world_with(billing=Billing(lag_s=0, source="assumed: test")))
    amounts = []
    for each in (desk, plain):
        id = each.rent()
        start_s = each.now_s
        each.wait(10 * 3600)
        each.ask("DELETE", f"/api/v0/instances/{id}/", {})
        each.wait(3600)
        early = charged(each, from_s=start_s, to_s=start_s).body["results"][0]["amount"]
        each.wait(2 * DAY_S)
        amounts.append((early, charged(each, from_s=start_s, to_s=start_s).body["results"][0]["amount"]))
    (early, late), (true, _) = amounts

    assert early == pytest.approx(true * 1.1, abs=0.002)
    assert late == pytest.approx(true * 1.1 * 1.5, abs=0.002)
    assert float(sum(charge.usd for charge in desk.ledger.charges())) == pytest.approx(late, abs=0.002)


def test_the_account_is_charged_exactly() -> None:
    desk = Desk()
    desk.rent()
    desk.wait(7200)
    spent = sum((charge.usd for charge in desk.ledger.charges()), Decimal())

    assert desk.ask("GET", "/api/v0/users/current").body["balance"] == pytest.approx(100 - float(spent))


def test_the_deposit_is_an_invoice_in_its_range() -> None:
    desk = Desk()
    when = {"gte": desk.now_s - 10, "lte": desk.now_s + 10}

    (paid,) = desk.calm("GET", "/api/v1/invoices/", query={"select_filters": {"when": when}}).body["results"]
    assert (paid["type"], paid["amount"]) == ("credit", -100.0)
    earlier = {"gte": desk.now_s - 9000, "lte": desk.now_s - 5000}
    assert desk.calm("GET", "/api/v1/invoices/", query={"select_filters": {"when": earlier}}).body["results"] == []


# -- ports and death -----------------------------------------------------------------------------------------


def test_sockets_are_taken_and_given_back_and_their_end_is_a_vanished_offer() -> None:
    desk = Desk()
    desk.site.ports.extend([5001, 5002])
    offers = [row["id"] for row in desk.offers()[:3]]
    first = desk.rent(offers[0])
    desk.rent(offers[1])

    assert [rental.port for rental in desk.cloud.rentals.values()] == [5001, 5002]
    assert desk.calm("PUT", f"/api/v0/asks/{offers[2]}/", ORDER).status == 410
    desk.calm("DELETE", f"/api/v0/instances/{first}/", {})
    third = desk.rent(offers[2])
    assert desk.cloud.rentals[third].port == 5001


def test_a_dead_host_is_exited_stops_billing_its_gpu_and_stays_dead() -> None:
    desk = Desk(world_with(Failures(worker_lost=1.0)))
    id, port = desk.running()
    desk.generate(port, request_id="last")
    desk.wait(600)
    at_death = {charge.sku: charge.usd for charge in desk.ledger.charges()}
    desk.wait(3600)
    later = {charge.sku: charge.usd for charge in desk.ledger.charges()}

    assert desk.listed(id)["actual_status"] == "exited"
    assert desk.knock(port, "GET", "/result/last").cut == "reset"
    assert desk.knock(port, "POST", "/generate", {}).cut == "reset"
    assert later["gpu"] == at_death["gpu"]
    assert later["disk"] > at_death["disk"]
    assert len(desk.cloud.rentals[id].pool.workers) == 1


TIMER = "echo;\n(sleep 7200; curl -X DELETE https://c/$CONTAINER_ID/ -H $CONTAINER_API_KEY) &\nentrypoint.sh"


def test_a_dead_mans_timer_ends_its_instance_counted_from_the_containers_start() -> None:
    desk = Desk()
    id = desk.rent(onstart=TIMER, runtype="ssh_direct")
    desk.wait(3 * 3600)
    pool = desk.cloud.rentals[id].pool

    assert desk.row(id) is None
    assert pool.closed_us - pool.workers[0].pulled_us == us(7200)
    disk = {charge.sku: charge.usd for charge in desk.ledger.charges()}["disk"]
    desk.wait(3600)
    assert {charge.sku: charge.usd for charge in desk.ledger.charges()}["disk"] == disk


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"onstart": "sleep 7200; echo"},
        {"onstart": TIMER, "runtype": "args"},
        {"onstart": TIMER.replace("-X DELETE", "")},
    ],
)
def test_without_a_timer_that_runs_and_destroys_an_instance_stays(order: dict[str, Any]) -> None:
    desk = Desk()
    id = desk.rent(**{"runtype": "ssh_direct", **order})
    desk.wait(8 * 3600)
    assert desk.row(id) is not None


def test_a_dead_host_carries_out_no_timer() -> None:
    desk = Desk(world_with(Failures(worker_lost=1.0)))
    id, port = desk.running(onstart=TIMER.replace("7200", "14400"), runtype="ssh_direct")
    desk.generate(port, request_id="last")
    desk.wait(8 * 3600)
    assert desk.listed(id)["actual_status"] == "exited"


def test_tokens_are_opaque_and_decode_to_a_position() -> None:
    desk = Desk()
    offers = [row["id"] for row in desk.offers()[:2]]
    for offer in offers:
        desk.rent(offer)
    token = desk.calm("GET", "/api/v1/instances/", query={"limit": "1"}).body["next_token"]

    assert json.loads(base64.b64decode(token)) == {"values": {"id": 1}}


def test_a_tree_nests_the_workers_of_an_endpoint_that_a_table_lists() -> None:
    desk = Desk(world_with(billing=Billing(lag_s=0, other_usd_h=1.0, volume_usd_h=0.5, source="assumed: test")))
    id = desk.rent()
    desk.wait(7200)
    table = charged(desk, from_s=desk.now_s, to_s=desk.now_s, latest_first="false").body["results"]
    assert sorted((row["type"], row["source"]) for row in table) == [
        ("instance", f"instance-{id}"),
        ("serverless", "instance-other-1"),
        ("volume", "volume-1"),
    ]
    rows = charged(desk, from_s=desk.now_s, to_s=desk.now_s, format="tree").body["results"]
    (endpoint,) = [row for row in rows if row["type"] == "serverless"]
    (worker,) = endpoint["items"]
    assert (endpoint["source"], worker["source"]) == ("endpoint-1", "instance-other-1")
    assert endpoint["amount"] == worker["amount"] >= 2.0
    assert len(rows) == 3


def test_a_gpu_is_billed_early_where_the_world_says_so_and_never_before_its_contract() -> None:
    def gpu_starts(early_s: float) -> tuple[int, int]:
        desk = Desk(world_with(billing=Billing(lag_s=0, early_s=early_s, source="assumed: test")))
        rental = desk.cloud.rentals[desk.rent()]
        desk.wait(7200)
        (gpu,) = [charge for charge in desk.ledger.charges() if charge.sku == "gpu"]
        assert rental.worker is not None
        return gpu.start_us - (rental.worker.pulled_us or 0), gpu.start_us - rental.created_us

    assert gpu_starts(5)[0] == -5 * US
    assert gpu_starts(600)[1] == 0
