"""What Vast.ai's words mean: each entry of the tables, and what fits none."""

import json

import pytest

from backends.errors import AuthFailed, InvalidRequest, NoCapacity
from backends.signs import Sign
from backends.vast.failures import (
    ASLEEP,
    DEAD,
    FINAL,
    HOSTS,
    JobEnded,
    cause_of,
    console_dialect,
    doom_of,
    reason_of,
    workers_of,
    wrapper_dialect,
)
from words import STATUS_OF, JobStatus, Reason, WorkerState

FATAL = [sign for sign in HOSTS if sign.state == "starting"]


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        ("failed", "Generation failed: ComfyUI node errors: {}", Reason.INVALID_REQUEST),
        ("failed", "CUDA Out Of Memory", Reason.OUT_OF_MEMORY),
        ("failed", '"Result" object has no field "comfyui_job_id"', Reason.EXECUTION_ERROR),
        ("failed", "Cannot connect to host localhost:18188", Reason.WORKER_LOST),
        ("failed", "Failed to post workflow after 3 tries", Reason.WORKER_LOST),
        ("failed", "connection refused", Reason.WORKER_LOST),
        ("failed", "WebSocket timed out", Reason.EXECUTION_TIMEOUT),
        ("failed", "CUDA error: device-side assert triggered", Reason.EXECUTION_ERROR),
        ("failed", "something new", Reason.UNEXPECTED_REPLY),
        ("failed", "", Reason.UNEXPECTED_REPLY),
        ("timeout", "whatever", Reason.EXECUTION_TIMEOUT),
        ("cancelled", "Request cancelled by client", Reason.STOPPED),
        ("completed", "Processing complete.", Reason.RESULT_MISSING),
    ],
)
def test_each_end_of_a_job_has_its_reason(status: str, message: str, reason: Reason) -> None:
    assert reason_of(status, message) is reason
    assert STATUS_OF[reason].final


def test_the_final_words_are_the_wrappers_four() -> None:
    assert {"completed", "failed", "cancelled", "timeout"} == FINAL
    assert STATUS_OF[reason_of("cancelled", "")] is JobStatus.CANCELLED


@pytest.mark.parametrize("status", sorted(DEAD))
def test_a_dead_state_is_doom_with_or_without_words(status: str) -> None:
    assert status in (doom_of(status, None) or "")
    assert "host gone" in (doom_of(status, "host gone") or "")
    assert cause_of(status, "host gone") is Reason.WORKER_LOST


@pytest.mark.parametrize("sign", FATAL, ids=lambda sign: sign.words)
def test_each_fatal_word_is_doom_while_loading_in_whatever_case(sign: Sign) -> None:
    for words in sign.words.split("|"):
        said = f"Something: {words.upper()} happened"
        assert doom_of("loading", said) == said
        assert doom_of(None, said) == said
        assert doom_of("running", said) is None
        assert doom_of("stopped", said) is None
        assert cause_of(None, said) is sign.reason


@pytest.mark.parametrize("status", sorted(ASLEEP))
def test_a_host_that_was_stopped_is_lost_and_says_so_apart_from_a_dead_one(status: str) -> None:
    assert doom_of(status, "stopped") is None
    assert cause_of(status, None) is Reason.WORKER_LOST


def test_an_image_that_the_registry_does_not_know_is_our_mistake_and_a_full_disk_is_not() -> None:
    assert cause_of("loading", "Error response from daemon: manifest unknown") is Reason.INVALID_REQUEST
    assert cause_of("loading", "no space left on device") is Reason.NEVER_READY


HEALTHY = {"status": "healthy", "queues": {"generation": 0}, "gpu": {"unrecoverable": False}}


@pytest.mark.parametrize(
    ("status", "health", "state"),
    [
        (None, None, WorkerState.STARTING),
        ("loading", HEALTHY, WorkerState.STARTING),
        ("running", None, WorkerState.STARTING),
        ("running", "up", WorkerState.STARTING),
        ("running", {"detail": "Bad Gateway"}, WorkerState.STARTING),
        ("running", HEALTHY, WorkerState.IDLE),
        ("running", {"status": "healthy"}, WorkerState.IDLE),
        ("running", HEALTHY | {"queues": {"generation": 2}}, WorkerState.RUNNING),
        ("running", {"status": "unhealthy"}, WorkerState.UNHEALTHY),
        ("running", HEALTHY | {"gpu": {"unrecoverable": True, "reason": "x"}}, WorkerState.UNHEALTHY),
    ],
)
def test_the_one_worker_of_a_rental_has_a_state(status: str | None, health: object, state: WorkerState) -> None:
    assert workers_of(status, health) == {state: 1}


def test_a_dead_host_has_no_worker() -> None:
    assert workers_of("exited", HEALTHY) == {}


@pytest.mark.parametrize("status", [None, "created", "loading", "running", "rebooting"])
def test_a_state_on_its_way_is_no_doom(status: str | None) -> None:
    assert doom_of(status, "Pulling from vastai/comfy") is None


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, {"error": "auth_error", "msg": "Invalid user key"}, AuthFailed),
        (403, {"error": "auth_error", "msg": "This action requires login."}, AuthFailed),
        (404, {"msg": "Invalid user key"}, AuthFailed),
        (404, {"error": "invalid_args", "msg": "error 404/3603: no_such_ask Instance type by id 1 is.."}, NoCapacity),
        (410, {"error": "no_such_ask", "msg": "no longer available"}, NoCapacity),
        (410, {"error": "no_such_ask"}, NoCapacity),
        (400, {"msg": "Required resources are currently unavailable"}, NoCapacity),
        (403, {"error": "invalid_args", "msg": "Offer 1 is not your own."}, NoCapacity),
        (429, {"error": "search_quota_exceeded"}, NoCapacity),
        (400, {"error": "spend_rate_limit", "msg": "slow down"}, InvalidRequest),
    ],
)
def test_each_refusal_of_the_console_says_what_to_do_next(
    status: int, body: dict[str, str], error: type[Exception]
) -> None:
    assert type(console_dialect(status, json.dumps(body))) is error


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (429, "API requests too frequent endpoint threshold=4.5"),
        (410, '{"error": "deprecated_endpoint"}'),
        (404, '{"error": "not_found", "msg": "Instance not found"}'),
        (403, "Forbidden"),
        (500, "[1]"),
    ],
)
def test_anything_else_is_left_to_the_status_code(status: int, text: str) -> None:
    assert console_dialect(status, text) is None


@pytest.mark.parametrize("status", [499, 500, 502])
def test_a_jobs_end_that_comes_as_an_http_error_is_the_job_not_the_call(status: int) -> None:
    ended = wrapper_dialect(status, json.dumps({"id": "a", "status": "failed", "message": "x"}))

    assert isinstance(ended, JobEnded)
    assert ended.reply["id"] == "a"


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (404, '{"status": "failed"}'),
        (500, "Internal Server Error"),
        (502, ""),
        (503, '{"status": "failed"}'),
        (500, '{"status": "pending"}'),
    ],
)
def test_an_error_without_a_jobs_end_stays_an_error_of_the_call(status: int, text: str) -> None:
    assert wrapper_dialect(status, text) is None
