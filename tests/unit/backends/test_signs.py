"""Every row of every provider's table, sent through the adapter's own parser; and every end that is published maps."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from modal_proto import api_pb2

from backends import modal_web
from backends.base import DeploymentRef, Observation
from backends.modal import adapter as modal_adapter
from backends.modal import failures as modal
from backends.runpod import failures as runpod
from backends.runpod import wire as runpod_wire
from backends.signs import Sign, reason_of
from backends.vast import failures as vast
from backends.vast import wire as vast_wire
from words import FAILURE_OF, STATUS_OF, FailureClass, Reason

HOST = DeploymentRef(backend="vast", id="1", key="bakeoff-a")
TABLES = {"runpod": runpod.SIGNS, "vast": vast.SIGNS, "modal": modal.SIGNS, "modal-web": modal_web.SIGNS}


def of_runpod(sign: Sign) -> Observation:
    reply = {"id": "a-u1", "status": sign.state} | ({"error": sign.said} if sign.said else {})
    return runpod_wire.observation(reply)


def of_vast(sign: Sign) -> Observation:
    return vast_wire.observation_of({"id": "a", "status": sign.state, "message": sign.said, "output": []}, HOST)


def of_modal(sign: Sign) -> Observation:
    kind, _, message = sign.said.partition(": ")
    error = {"type": kind, "message": message}
    return modal_adapter.observation_of({"ok": False, "error": error, "images": []}, None)


def of_modal_web(sign: Sign) -> Observation:
    response = httpx.Response(int(sign.state.removeprefix("HTTP ")), text=sign.said)
    return modal_web.observed(response, None)


PARSED: list[tuple[str, Sign, Callable[[Sign], Observation]]] = [
    *(("runpod", sign, of_runpod) for sign in runpod.SIGNS if sign.state != runpod.GONE),
    *(("vast", sign, of_vast) for sign in vast.SIGNS if sign.state != vast.GONE),
    *(("modal", sign, of_modal) for sign in modal.SIGNS if sign.state == modal.RETURNED),
    *(("modal-web", sign, of_modal_web) for sign in modal_web.SIGNS),
]


@pytest.mark.parametrize(("name", "sign", "parse"), PARSED, ids=lambda value: getattr(value, "said", None))
def test_every_row_means_its_reason_to_the_parser_and_its_text_is_kept(
    name: str, sign: Sign, parse: Callable[[Sign], Observation]
) -> None:
    seen = parse(sign)
    assert (seen.reason, seen.status) == (sign.reason, STATUS_OF[sign.reason]), name
    assert seen.error
    if sign.said:
        words = sign.said if name != "modal" else sign.said.partition(": ")[2]
        assert words in seen.error or sign.state == "completed"


@pytest.mark.parametrize("name", TABLES)
def test_every_row_is_reached_by_its_own_text_and_says_where_that_was_seen_and_when(name: str) -> None:
    for sign in TABLES[name]:
        assert reason_of(TABLES[name], sign.state, sign.said) is sign.reason, sign
        first = next(row for row in TABLES[name] if row.fits(sign.state, sign.said))
        assert first is sign, f"{sign.said!r} is caught by an earlier row"
        assert re.search(r"20\d\d|assumed|documentation|1\.6\.4|issues|deploy/|FastAPI", sign.source), sign.source


@pytest.mark.parametrize("name", TABLES)
def test_a_text_or_a_state_that_no_row_knows_is_nobodys_failure(name: str) -> None:
    known = {sign.state for sign in TABLES[name]}
    loose = {sign.state for sign in TABLES[name] if not sign.words}
    for state in {"A STATE OF NEXT YEAR"} | (known - loose):
        reason = reason_of(TABLES[name], state, "words that nobody has seen yet")
        assert (reason, FAILURE_OF[reason]) == (Reason.UNEXPECTED_REPLY, FailureClass.UNKNOWN)


@pytest.mark.parametrize("parse", [of_runpod, of_vast, of_modal], ids=["runpod", "vast", "modal"])
def test_the_text_of_an_unknown_failure_is_kept(parse: Callable[[Sign], Observation]) -> None:
    state = {of_runpod: "FAILED", of_vast: "failed", of_modal: modal.RETURNED}[parse]
    seen = parse(Sign(state=state, said="new: words of next year", reason=Reason.STOPPED, source=""))
    assert seen.reason is Reason.UNEXPECTED_REPLY
    assert "words of next year" in (seen.error or "")
    assert "words of next year" in json.dumps(seen.raw)


# -- every end that is published


def test_every_documented_end_of_a_runpod_job_is_in_the_table() -> None:
    """Runpod documentation, operation reference, 2026-08-20; IN_QUEUE, IN_PROGRESS and RUNNING are open."""
    documented = {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}
    assert {sign.state for sign in runpod.SIGNS} == documented | {runpod.GONE}


@pytest.mark.parametrize("enum", [api_pb2.FunctionCallInputStatus, api_pb2.GenericResult.GenericStatus])
def test_every_end_that_modals_protocol_knows_is_in_the_table(enum: Any) -> None:
    names = {re.sub(r"^(FUNCTION_CALL_INPUT_STATUS|GENERIC_STATUS)_", "", name).lower() for name in enum.keys()}  # noqa: SIM118
    open_or_none = {"unspecified", "pending", "running"}
    ends = names - open_or_none
    assert len(ends) >= 9
    assert ends <= {sign.state for sign in modal.SIGNS}
    assert {modal.state_of("failed", end) for end in ends - {modal.RETURNED}} == ends - {modal.RETURNED}
