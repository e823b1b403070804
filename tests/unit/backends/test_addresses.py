"""Addresses that a provider gives: called only where a rule says so."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.addresses import Forbidden, loopback, machine_url, path_id, public, same_host
from backends.errors import UnexpectedReply

HERE = "https://w--app.modal.run/flux-dev"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "10.0.0.5", "172.16.0.1", "192.168.1.1",  # private
        "169.254.169.254", "169.254.0.1",  # metadata, link-local
        "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "198.18.0.1",
        "localhost", "metadata.google.internal", "example.com", "::1", "::ffff:8.8.8.8", "2001:4860:4860::8888",
        "0177.0.0.1", "0x7f.1", "2130706433", "8.8.8.8@127.0.0.1", "user:pw@8.8.8.8", "8.8.8.8/x", "8.8.8.8#", "",
        None, 8, ["8.8.8.8"],
    ],
)  # fmt: skip
def test_a_rented_machine_is_called_at_a_public_ipv4_address_alone(host: Any) -> None:
    with pytest.raises(Forbidden):
        machine_url(f"http://{host}:8288", public)


@pytest.mark.parametrize(
    "port", ["0", "65536", "-1", "80@evil", "80/x", "", None, "8e3", [80], "41288/x", "41288 ", "1٣"]
)
def test_a_port_is_a_number_of_one(port: Any) -> None:
    with pytest.raises(Forbidden):
        machine_url(f"http://8.8.8.8:{port}", public)


@pytest.mark.parametrize("scheme", ["https", "file", "ftp", "HTTP", ""])
def test_a_machine_speaks_plain_http(scheme: str) -> None:
    with pytest.raises(Forbidden):
        machine_url(f"{scheme}://8.8.8.8:8288", public)


def test_a_public_machine_is_called_as_its_row_says() -> None:
    assert machine_url("http://8.8.8.8:41288", public) == "http://8.8.8.8:41288"


def test_a_simulated_machine_is_on_this_one_and_nowhere_else() -> None:
    assert machine_url("http://127.0.0.1:1234", loopback) == "http://127.0.0.1:1234"
    with pytest.raises(Forbidden):
        machine_url("http://8.8.8.8:1234", loopback)


@pytest.mark.parametrize(
    "there",
    [
        "https://evil.test/flux-dev", "http://w--app.modal.run/flux-dev", "https://w--app.modal.run:444/flux-dev",
        "https://user@w--app.modal.run/flux-dev", "https://w--app.modal.run@evil.test/", "//evil.test/x", "/flux-dev",
        "file:///etc/passwd", "ftp://w--app.modal.run/x", "javascript:alert(1)", "http://169.254.169.254/latest",
        "https://w--app.modal.run\\@evil.test/", "https://w--app.modal.run/a\\b", "https://w--app.modal.run/a b",
        "https://w--app.modal.run/\x00", "https://w--app.modal.run", "https://[::1/x", "", "https://w--app.modal.run/é",
        "https://w--app.modal.run/" + "x" * 2000,
    ],
)  # fmt: skip
def test_a_redirect_to_anybody_else_is_refused(there: str) -> None:
    with pytest.raises(Forbidden):
        same_host(there, HERE)


def test_a_redirect_within_the_host_is_put_together_anew() -> None:
    there = "https://w--app.modal.run/flux-dev?__modal_function_call_id=fc-1#x"
    assert same_host(there, HERE) == "https://w--app.modal.run/flux-dev?__modal_function_call_id=fc-1"
    assert same_host("https://w--app.modal.run/a", HERE) == "https://w--app.modal.run/a"


def test_no_other_scheme_is_followed_even_from_itself() -> None:
    with pytest.raises(Forbidden):
        same_host("file://host/b", "file://host/a")


@given(st.text(), st.sampled_from([HERE, "http://127.0.0.1:1/x"]))
def test_whatever_is_sent_as_location_stays_on_the_host_or_is_refused(there: str, here: str) -> None:
    try:
        assert same_host(there, here).startswith(here.rpartition("/")[0] + "/")
    except Forbidden:
        return


@pytest.mark.parametrize("good", ["abc-123_u1", "fc-01", "a", "x" * 128, 12345, "sync-9:b.c"])
def test_an_id_is_one_step_of_a_path(good: Any) -> None:
    assert path_id(good) == str(good)


@pytest.mark.parametrize(
    "bad", ["", "..", "../x", "a/b", "a?b", "a#b", "a%2fb", "a b", "a\n", "x" * 129, True, None, 1.5]
)
def test_an_id_that_would_leave_its_place_in_a_path_is_refused(bad: Any) -> None:
    with pytest.raises(UnexpectedReply):
        path_id(bad)
