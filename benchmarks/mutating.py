"""Mutants of our own code: where one could be, which to take, what its file looks like, and which tests can kill it.

The engine is mutmut's: it changes one operator, number, word, argument or value at a time, leaves annotations,
docstrings and decorated functions alone, and says where. The runner is ours, in `benchmarks.mutants`.
"""

import difflib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from random import Random
from typing import Any

from mutmut.mutation.file_mutation import Mutation, create_mutations, deep_replace

PACKAGES = ("analysis", "backends", "collectors", "storage")
# What can kill a mutant of a module: the longest name that its path begins with. Cheap tests first, none over 25 s.
TESTS: Mapping[str, Sequence[str]] = {
    "analysis": ("tests/unit/analysis", "tests/property", "tests/pages/test_findings.py", "tests/pages/test_charts.py"),
    "backends": ("tests/unit/backends", "tests/contract/test_http.py", "tests/contract/test_overrides.py"),
    "backends/modal": ("tests/unit/modal", "tests/contract/test_modal.py"),
    "backends/modal_web.py": ("tests/unit/backends/test_modal_web.py", "tests/contract/test_modal_web.py"),
    "backends/registry.py": ("tests/unit/backends", "tests/contract/test_overrides.py", "tests/contract/test_modal.py"),
    "backends/runpod": ("tests/unit/backends", "tests/contract/test_runpod.py"),
    "backends/vast": ("tests/unit/vast", "tests/contract/test_vast.py"),
    "collectors": ("tests/unit/collectors", "tests/simulation/test_bakeoff.py"),
    "storage": ("tests/unit/storage", "tests/unit/collectors", "tests/simulation/test_bakeoff.py"),
}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change to one file. `path` relative to the checkout, `before` its text."""

    path: str
    before: str
    module: Any  # the parsed file
    mutation: Mutation

    @property
    def package(self) -> str:
        """The package it is in."""
        return self.path.split("/")[0]

    @cached_property
    def source(self) -> str:
        """The whole file with the change in it."""
        changed: Any = deep_replace(self.module, self.mutation.original_node, self.mutation.mutated_node)
        return str(changed.code)

    @property
    def line(self) -> int:
        """The number of the first line that differs."""
        pairs = zip(self.before.splitlines(), self.source.splitlines(), strict=False)
        return next((number for number, (old, new) in enumerate(pairs, 1) if old != new), 1)

    @property
    def diff(self) -> str:
        """The change as a unified diff of one line of context."""
        lines = difflib.unified_diff(
            self.before.splitlines(), self.source.splitlines(), self.path, "mutant", n=1, lineterm=""
        )
        return "\n".join(lines)


def modules(root: Path) -> Iterator[str]:
    """Paths of all modules that are mutated, migrations apart: they are frozen once written."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(root).as_posix()


def sample(root: Path, count: int, seed: int) -> list[Mutant]:
    """`count` mutants (fewer if there are no more), drawn by place and then by what could be changed there.

    By place, since some can be changed in a dozen ways and would drown the others. The first of a longer sample are
    a shorter one's.
    """
    files = {path: (root / path).read_text(encoding="utf-8") for path in modules(root)}
    places = [place for path, source in files.items() for place in _places(path, source)]
    dice = Random(seed)
    dice.shuffle(places)
    return [dice.choice(place) for place in places[:count]]


def tests_for(path: str) -> Sequence[str]:
    """The tests that can kill a mutant of this module, by the longest name that fits. Raises KeyError if none does."""
    names = (path, *(parent.as_posix() for parent in PurePosixPath(path).parents))
    fitting = next((name for name in names if name in TESTS), path)
    return TESTS[fitting]


def _places(path: str, source: str) -> Iterator[list[Mutant]]:
    """The mutants of a file, those of one place together."""
    module, mutations, _, _ = create_mutations(path, source)
    by_place = defaultdict(list)
    for mutation in mutations:
        by_place[id(mutation.original_node)].append(mutation)
    for same in by_place.values():
        yield [Mutant(path=path, before=source, module=module, mutation=mutation) for mutation in same]
