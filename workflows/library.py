"""Workflows on disk: a folder with `graph.json` and `workflow.toml` (docs/reference/workflows.md)."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from workflows.errors import InvalidDefinition, InvalidGraph, UnknownWorkflow, did_you_mean
from workflows.graph import Graph, GraphProblem, ObjectInfo, file_inputs, validate
from workflows.model import REQUIRED, Execution, ModelFile, Parameter, Workflow, filled

HERE = Path(__file__).parent


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Definition:
    """The fields of workflow.toml."""

    title: str
    summary: str
    licence: str
    commercial_use: bool
    vram_gb: Annotated[int, Field(gt=0)]
    default_gpu: str
    min_comfyui: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    execution: Execution
    parameters: dict[str, Parameter]
    files: Annotated[tuple[ModelFile, ...], Field(min_length=1)]


def names() -> list[str]:
    """The workflows that come with the project, sorted."""
    return sorted(file.parent.name for file in HERE.glob("*/workflow.toml"))


@cache
def load(name: str) -> Workflow:
    """The workflow of that name. Raises UnknownWorkflow with the known names.

    Read and checked once: that takes 5 ms, and each job on its way out asks for it.
    """
    known = names()
    if name not in known:
        near = did_you_mean(name, known) or "."
        raise UnknownWorkflow(f"There is no workflow '{name}'{near} Known are {', '.join(known)}.")
    return load_file(HERE / name)


def load_file(folder: Path, object_info: ObjectInfo | None = None) -> Workflow:
    """A workflow from anybody's folder, named after it and held to the same rules as ours.

    `object_info` is the server's own `/object_info`, for graphs with nodes that `nodes.json` does not know.
    Raises InvalidDefinition when a file cannot be read as what it should be, and InvalidGraph when the graph
    would be refused, or when a parameter or a model file does not fit it.
    """
    graph = _json(folder / "graph.json")
    definition = _definition(folder / "workflow.toml")
    if problems := validate(graph, object_info):
        raise InvalidGraph(folder.name, problems)
    fields = {name: getattr(definition, name) for name in Definition.__dataclass_fields__}
    workflow = Workflow(name=folder.name, graph=graph, **fields)
    if problems := [*_parameter_problems(workflow, object_info), *_file_problems(workflow)]:
        raise InvalidGraph(folder.name, problems)
    return workflow


def _definition(path: Path) -> Definition:
    try:
        # As JSON, since pydantic's strict mode takes no dict for a dataclass and no list for a tuple.
        raw = json.dumps(tomllib.loads(_text(path)), default=str)
        definition = TypeAdapter(Definition).validate_json(raw)
    except tomllib.TOMLDecodeError as error:
        raise InvalidDefinition(f"{path} is not TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise InvalidDefinition(f"{path}, field '{field}': {first['msg']}.") from error
    types = {name: parameter.type for name, parameter in definition.parameters.items()}
    for name, wanted in REQUIRED.items():
        if types.get(name) != wanted:
            raise InvalidDefinition(f"{path} needs a parameter '{name}' of type {wanted}, as every workflow.")
    return definition


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise InvalidDefinition(f"{path} is not JSON: {error}.") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDefinition(f"{path} cannot be read: {error}.") from error


def _parameter_problems(workflow: Workflow, object_info: ObjectInfo | None) -> Iterator[GraphProblem]:
    """Each parameter has to land on a literal that exists, and the node has to take its extremes."""
    for name, parameter in workflow.parameters.items():
        for path in parameter.sets:
            node, _, field = path.rpartition(".")
            if message := _landing(workflow.graph, node, field):
                yield GraphProblem(node, field, f"parameter '{name}' sets it, but {message}")
                continue
            for value in parameter.extremes():
                for problem in validate(filled(workflow.graph, {path: value}), object_info):
                    yield GraphProblem(node, field, f"parameter '{name}' may set {value!r}: {problem.message}")


def _landing(graph: Graph, node: str, field: str) -> str | None:
    if node not in graph:
        return f"the graph has no such node{did_you_mean(node, graph)}"
    inputs: Mapping[str, Any] = graph[node]["inputs"]
    if field not in inputs:
        return f"the node has no such input{did_you_mean(field, inputs)}"
    return "it is a link" if isinstance(inputs[field], list) else None


def _file_problems(workflow: Workflow) -> Iterator[GraphProblem]:
    """The files a graph loads and the files it declares are the same."""
    loaded = {f"{use.folder}/{use.name}": use for use in file_inputs(workflow.graph)}
    declared = {file.path for file in workflow.files}
    for path, use in loaded.items():
        if path not in declared:
            yield GraphProblem(use.node, use.field, f"{path} is not among the files of workflow.toml")
    if unused := sorted(declared - set(loaded)):
        yield GraphProblem("", "files", f"no node loads {unused[0]}")
