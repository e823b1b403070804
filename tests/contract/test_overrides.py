"""No backend gets out of the contract by replacing or dropping a check, or by an excuse for a check that is none."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.contract import BackendContract, SocketContract, WireContract

HERE = Path(__file__).parent
BACKENDS = HERE.parent.parent / "backends"


def checks(contract: type) -> set[str]:
    return {name for name in dir(contract) if name.startswith("test_")}


def evasions(kept: type[WireContract], contract: type[WireContract]) -> list[str]:
    """How `kept` gets out of `contract`: one line each."""
    replaced = [name for name in sorted(checks(contract)) if getattr(kept, name, None) is not getattr(contract, name)]
    found = [f"{name} is replaced or dropped" for name in replaced if not excused_by_mark(getattr(kept, name, None))]
    for name, reason in kept.excused.items():
        if name.partition("[")[0] not in checks(BackendContract):
            found.append(f"{name} is excused and no check")
        if not reason.strip():
            found.append(f"{name} is excused without a reason")
    return found


def excused_by_mark(test: object) -> bool:
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "xfail"]
    return any(mark.kwargs.get("strict") is True and mark.kwargs.get("reason") for mark in marks)


def kept_contracts() -> Iterator[tuple[type[WireContract], type[WireContract]]]:
    for file in sorted(HERE.glob("test_*.py")):
        importlib.import_module(f"tests.contract.{file.stem}")
    for contract in (BackendContract, SocketContract):
        yield from ((kept, contract) for kept in heirs(contract) if kept.__module__ != __name__)


def heirs(contract: type) -> Iterator[type]:
    for heir in contract.__subclasses__():
        yield heir
        yield from heirs(heir)


def test_every_contract_is_kept_whole() -> None:
    assert {
        kept.__qualname__: found for kept, contract in kept_contracts() if (found := evasions(kept, contract))
    } == {}


def test_every_provider_keeps_the_contract() -> None:
    folders = {path.parent.name for path in BACKENDS.glob("*/adapter.py")}
    kept = {kept.provider.value for kept, contract in kept_contracts() if contract is BackendContract}
    assert folders <= kept


class Replaces(BackendContract):
    __test__ = False

    def test_cancelling_ends_a_job_and_may_be_repeated(self) -> None:
        """Nothing to see here."""


class Drops(BackendContract):
    __test__ = False
    test_cancelling_ends_a_job_and_may_be_repeated = None


class LaxMark(BackendContract):
    __test__ = False

    @pytest.mark.xfail(reason="not strict")
    def test_cancelling_ends_a_job_and_may_be_repeated(self) -> None:
        raise NotImplementedError


class NoReason(BackendContract):
    __test__ = False
    excused = {"test_cancelling_ends_a_job_and_may_be_repeated": " "}  # noqa: RUF012


class NoCheck(BackendContract):
    __test__ = False
    excused = {"test_that_does_not_exist": "a good reason"}  # noqa: RUF012


@pytest.mark.parametrize("kept", [Replaces, Drops, LaxMark, NoReason, NoCheck])
def test_each_way_out_is_seen(kept: type[BackendContract]) -> None:
    assert len(evasions(kept, BackendContract)) == 1


class StrictMark(BackendContract):
    __test__ = False

    @pytest.mark.xfail(strict=True, reason="its API cannot cancel")
    def test_cancelling_ends_a_job_and_may_be_repeated(self) -> None:
        raise NotImplementedError


class Excused(BackendContract):
    __test__ = False
    excused = {"test_each_way_to_fail_has_its_reason[worker_lost]": "it cannot tell"}  # noqa: RUF012


@pytest.mark.parametrize("kept", [StrictMark, Excused])
def test_a_strict_excuse_with_a_reason_is_let_through(kept: type[BackendContract]) -> None:
    assert evasions(kept, BackendContract) == []
