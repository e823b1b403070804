"""The long checks in short: one world held to its ledger, one hour of a long life."""

import pytest

from benchmarks import soak, worlds


def test_a_world_is_held_to_its_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    assert worlds.main(["--worlds", "hostile", "--seeds", "2", "--drawn", "0", "--traces", "0"]) == 0
    assert "every bound holds" in capsys.readouterr().err


def test_an_hour_of_a_long_life_leaves_nothing_behind(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.main(["--hours", "1"]) == 0
    assert "left rented" in capsys.readouterr().out
