"""Which mutants are drawn, what they look like, and which tests must kill them."""

from pathlib import Path

import pytest

from benchmarks.mutating import PACKAGES, TESTS, modules, sample
from benchmarks.mutating import tests_for as named_for

ROOT = Path(__file__).parents[3]
SOURCE = '''"""A module."""


def total(values: list[int] | None) -> int:
    """Their sum, and one more."""
    return sum(values or []) + 1
'''


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for package in PACKAGES:
        (tmp_path / package / "migrations").mkdir(parents=True)
        (tmp_path / package / "migrations" / "0001.py").write_text(SOURCE)
    (tmp_path / "analysis" / "sums.py").write_text(SOURCE)
    return tmp_path


def test_every_module_has_tests_that_exist() -> None:
    for path in modules(ROOT):
        assert all((ROOT / test).exists() for test in named_for(path)), path


def test_every_entry_of_the_table_is_somebodys() -> None:
    served = {tuple(named_for(path)) for path in modules(ROOT)}
    assert served == {tuple(tests) for tests in TESTS.values()}


def test_the_longest_name_that_fits_says_which_tests() -> None:
    assert named_for("backends/vast/wire.py") == TESTS["backends/vast"]
    assert named_for("backends/modal_web.py") == TESTS["backends/modal_web.py"]
    assert named_for("backends/http.py") == TESTS["backends"]
    with pytest.raises(KeyError, match=r"pages/runs\.py"):
        named_for("pages/runs.py")


def test_frozen_migrations_are_left_alone(checkout: Path) -> None:
    assert list(modules(checkout)) == ["analysis/sums.py"]


def test_a_mutant_is_one_change_outside_of_annotations_and_docstrings(checkout: Path) -> None:
    mutants = sample(checkout, 100, 1)
    assert len(mutants) == 4  # the sum, its argument's `or`, the plus and the 1: a place each
    for mutant in mutants:
        assert (mutant.package, mutant.line, mutant.before) == ("analysis", 6, SOURCE)
        changed = [line for line in mutant.diff.splitlines()[3:] if line[0] in "+-"]
        assert changed[0] == "-    return sum(values or []) + 1"
        assert len(changed) == 2
        compile(mutant.source, mutant.path, "exec")


def test_a_seed_draws_the_same_mutants_and_a_longer_sample_begins_with_the_shorter(checkout: Path) -> None:
    assert [each.diff for each in sample(checkout, 3, 5)] == [each.diff for each in sample(checkout, 4, 5)][:3]
    assert len({tuple(each.diff for each in sample(checkout, 4, seed)) for seed in range(8)}) > 1
