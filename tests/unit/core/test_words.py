"""The shared words keep their promises: total tables, one order, final is final."""

import ast
from pathlib import Path

import pytest

import words
from words import FAILURE_OF, STATUS_OF, FailureClass, JobStatus, Provider, Reason


def test_every_reason_has_a_class_and_a_final_status() -> None:
    assert set(FAILURE_OF) == set(STATUS_OF) == set(Reason)
    assert all(status.final for status in STATUS_OF.values())
    assert JobStatus.SUCCEEDED not in STATUS_OF.values()


@pytest.mark.parametrize("status", list(JobStatus))
def test_a_job_is_final_in_the_last_five_states_and_in_no_other(status: JobStatus) -> None:
    assert status.final is (list(JobStatus).index(status) >= list(JobStatus).index(JobStatus.SUCCEEDED))


def test_what_we_stopped_is_cancelled_and_what_nobody_knows_is_lost() -> None:
    cancelled = {reason for reason, status in STATUS_OF.items() if status is JobStatus.CANCELLED}
    lost = {reason for reason, status in STATUS_OF.items() if status is JobStatus.LOST}
    assert cancelled == {Reason.BUDGET_REACHED, Reason.NOT_SENT, Reason.STOPPED, Reason.SATURATED}
    assert lost == {Reason.VANISHED, Reason.FATE_UNKNOWN, Reason.OUR_FAULT}


def test_what_was_never_sent_is_nobodys_failure_but_ours() -> None:
    """A provider's success rate must not suffer from what we did not ask of it."""
    ours = (Reason.INVALID_REQUEST, Reason.AUTH_REFUSED, Reason.BUDGET_REACHED, Reason.NOT_SENT, Reason.OUR_FAULT)
    for reason in ours:
        assert FAILURE_OF[reason] is FailureClass.OURS


def test_a_crash_loop_is_the_providers_and_an_empty_market_is_capacity() -> None:
    """They look alike in a queue; only one of them says that the provider has too few GPUs."""
    assert FAILURE_OF[Reason.CRASH_LOOP] is FAILURE_OF[Reason.NEVER_READY] is FailureClass.PROVIDER
    assert FAILURE_OF[Reason.STUCK_IN_QUEUE] is FAILURE_OF[Reason.NO_CAPACITY] is FailureClass.CAPACITY
    assert (STATUS_OF[Reason.CRASH_LOOP], STATUS_OF[Reason.STUCK_IN_QUEUE]) == (JobStatus.FAILED, JobStatus.TIMED_OUT)


def test_providers_are_written_as_a_person_writes_them() -> None:
    assert [provider.label for provider in Provider] == ["Modal", "Runpod", "Vast.ai"]


def test_words_are_their_own_values_in_small_letters() -> None:
    enums = [value for value in vars(words).values() if isinstance(value, type) and issubclass(value, words.StrEnum)]
    assert len(enums) > 8
    for enum in enums:
        assert [member.value for member in enum] == [member.name.lower() for member in enum]


@pytest.mark.parametrize("leaf", ["words.py", "clock.py"])
def test_a_leaf_imports_nothing_of_ours(leaf: str) -> None:
    root = Path(__file__).resolve().parents[3]
    ours = {path.name for path in root.iterdir() if (path / "__init__.py").exists()} | {"words", "clock", "settings"}
    tree = ast.parse((root / leaf).read_text(encoding="utf-8"))
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert {str(module).split(".")[0] for module in modules} & ours == set()
