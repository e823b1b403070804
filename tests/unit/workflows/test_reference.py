"""The reference page names every field, error and workflow there is."""

import re
from pathlib import Path

import pytest

import workflows
from workflows.library import Definition
from workflows.prompts import all_prompts

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "workflows.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([^`]+)`", PAGE))


@pytest.mark.parametrize("schema", [workflows.Parameter, workflows.ModelFile, workflows.Execution, Definition])
def test_every_field_of_a_definition_is_explained(schema: type) -> None:
    tables = {"execution", "parameters", "files"}
    assert set(schema.__dataclass_fields__) - tables <= NAMED
    assert all(f"[{table}" in PAGE for table in tables)


def test_every_error_is_explained() -> None:
    errors = {name for name in workflows.__all__ if name.startswith(("Invalid", "Unknown"))}
    assert errors <= NAMED


@pytest.mark.parametrize("name", workflows.names())
def test_the_table_of_workflows_states_what_the_files_say(name: str) -> None:
    workflow = workflows.load(name)
    (row,) = re.findall(rf"^\| `{name}` \|.*$", PAGE, flags=re.MULTILINE)
    shape, cfg = workflow.cost_shape({}), workflow.parameters["cfg"].default
    assert f"| {shape.width} px, {shape.steps}, {cfg} | {workflow.size_gb:.1f} GB | {workflow.vram_gb} GB |" in row
    assert ("**no**" in row) is not workflow.commercial_use
    assert workflow.licence in row


def test_the_number_of_prompts_is_right() -> None:
    assert f"a neutral set of {len(all_prompts())} prompts" in PAGE
