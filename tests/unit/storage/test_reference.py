"""The reference documents say what the code says."""

import importlib
import re
from enum import Enum
from pathlib import Path

import pytest

import words
from storage.models import metadata
from words import FAILURE_OF

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
GLOSSARY = (REFERENCE / "glossary.md").read_text(encoding="utf-8")
FORMULAS = (REFERENCE / "formulas.md").read_text(encoding="utf-8")
ENUMS = [value for value in vars(words).values() if isinstance(value, type) and value.__module__ == "words"]


def section(heading: str) -> str:
    return re.split(r"^#{2,3} ", GLOSSARY.split(f" {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE)


@pytest.mark.parametrize("enum", ENUMS)
def test_the_glossary_explains_every_value_in_order_and_no_other(enum: type[Enum]) -> None:
    assert first_cells(section(f"`{enum.__name__}`")) == [member.value for member in enum]


def test_the_glossary_explains_every_table_and_no_other() -> None:
    assert set(first_cells(section("Tables"))) == set(metadata.tables)


def test_the_glossary_says_whose_failure_each_reason_is() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", section("`Reason`"), flags=re.MULTILINE)
    assert dict(rows) == {reason.value: failure.value for reason, failure in FAILURE_OF.items()}


def test_every_reason_has_a_class_and_a_final_status() -> None:
    assert set(FAILURE_OF) == set(words.STATUS_OF) == set(words.Reason)
    assert all(status.final for status in words.STATUS_OF.values())


PLACES = sorted(set(re.findall(r"`((?:analysis|storage)\.[\w.]+)`", FORMULAS)))


@pytest.mark.parametrize("place", PLACES)
def test_every_place_that_computes_a_formula_exists(place: str) -> None:
    module, _, name = place.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("module", ["stats", "estimates", "looks", "planning", "eviction"])
def test_every_estimator_has_its_formula_written_down(module: str) -> None:
    source = (Path(__file__).parents[3] / "analysis" / f"{module}.py").read_text(encoding="utf-8")
    public = re.findall(r"^def ([a-z]\w*)\(", source, flags=re.MULTILINE)
    assert {f"analysis.{module}.{name}" for name in public} <= set(PLACES)
