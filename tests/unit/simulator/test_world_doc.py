"""The reference names every field of the schema, with its default, and nothing that is not there."""

import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from simulator.faults import FaultKind
from simulator.odd_bills import OddKind
from simulator.world import World, shipped

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "world.md").read_text(encoding="utf-8")


def tables_of(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The schema's tables that can be reached from this one, itself first."""
    yield kind
    for field in kind.model_fields.values():
        for inner in models_in(field.annotation):
            yield from tables_of(inner)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from models_in(inner)


TABLES = {table.__name__: table for table in tables_of(World)}


def section(heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", TEXT, flags=re.MULTILINE | re.DOTALL)
    assert found, f"docs/reference/world.md has no section {heading}"
    return found[1]


def rows(heading: str) -> dict[str, list[str]]:
    """First cell in backticks -> the other cells."""
    lines = [line for line in section(heading).splitlines() if line.startswith("| `")]
    split = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {cells[0].strip("` "): cells[1:] for cells in split}


def test_the_walk_through_the_schema_finds_its_tables() -> None:
    assert set(TABLES) == {"World", "Model", "Step", "Duration", "ProviderWorld", "Price", "Failures", "Billing"}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_field_is_documented_and_no_other(name: str) -> None:
    assert set(rows(name)) == set(TABLES[name].model_fields)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_default_is_the_schemas(name: str) -> None:
    for field, (_, default, meaning) in rows(name).items():
        info = TABLES[name].model_fields[field]
        assert meaning, field
        if info.is_required():
            assert default == "required", field
        elif info.default is PydanticUndefined or info.default is None or isinstance(info.default, BaseModel):
            assert default == "none", field
        else:
            assert default == str(info.default), field


def test_every_shipped_world_is_introduced() -> None:
    for name in shipped():
        assert f"`{name}`" in TEXT


def test_every_fault_is_documented_with_whether_it_takes_effect() -> None:
    faults = rows("Faults on the wire")
    assert set(faults) == set(get_args(FaultKind))
    took_effect = {name for name, (effect, _) in faults.items() if effect == "yes"}
    assert took_effect == {"lost_reply", "hang_after", "garbage", "oversized", "nested", "elsewhere"}


def test_every_odd_bill_is_documented() -> None:
    assert set(rows("Odd bills")) == set(get_args(OddKind))
