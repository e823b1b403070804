"""Graphs in ComfyUI's API format: what is wrong with one, named by node and field.

`{node id: {"class_type": str, "inputs": {name: literal or [source node id, output index]}}}`
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from workflows.errors import did_you_mean

Graph = Mapping[str, Any]
ObjectInfo = Mapping[str, Any]

LITERALS: dict[str, tuple[type, ...]] = {
    "INT": (int,),
    "FLOAT": (int, float),
    "STRING": (str,),
    "BOOLEAN": (bool,),
    "COMBO": (str, int, float, bool),
    "FILE": (str,),
}


@dataclass(frozen=True)
class GraphProblem:
    """One thing that is wrong. `node` or `field` is empty where the whole graph or node is meant."""

    node: str
    field: str
    message: str

    def __str__(self) -> str:
        where = [f"node '{self.node}'"] if self.node else []
        where += [f"field '{self.field}'"] if self.field else []
        return f"{', '.join(where)}: {self.message}" if where else self.message


@dataclass(frozen=True)
class FileInput:
    """A loader's choice of a model file: the `folder` under ComfyUI's models, and the file's name."""

    node: str
    field: str
    folder: str
    name: str


@dataclass(frozen=True)
class _Input:
    """One input as a node class declares it; `kind` is a literal's type or the type of the link it wants."""

    kind: str
    required: bool
    options: tuple[Any, ...] | None
    extra: Mapping[str, Any]


@cache
def known_nodes() -> ObjectInfo:
    """The node classes we know, in the shape of ComfyUI's `/object_info` cut to what validation needs.

    A choice of model files is `["FILE", {"folder": ..}]` there, since the list depends on the server.
    """
    info: ObjectInfo = json.loads((Path(__file__).parent / "nodes.json").read_text())
    return info


def validate(graph: object, object_info: ObjectInfo | None = None) -> list[GraphProblem]:
    """Everything that is wrong with `graph`, in the graph's own order; empty when it is sound.

    `object_info` is a server's `/object_info`, or our own `nodes.json` when None. Stricter than ComfyUI,
    which ignores nodes that no output needs, reads "20" as 20 and takes a literal where a link belongs.
    """
    known = known_nodes() if object_info is None else object_info
    if not isinstance(graph, Mapping):
        return [GraphProblem("", "", f"a graph is an object of nodes, not {_kind(graph)}")]
    if isinstance(graph.get("nodes"), list):
        return [GraphProblem("", "nodes", "this is the editor's format; use Workflow > Export (API) instead")]
    problems = [problem for node in graph for problem in _node_problems(graph, node, known)]
    return problems + _cycle(graph) + _no_output(graph, known)


def file_inputs(graph: Graph) -> list[FileInput]:
    """The model files a sound graph loads, as far as `nodes.json` knows its nodes."""
    return [
        FileInput(node_id, name, spec.extra["folder"], file)
        for node_id, node in graph.items()
        for name, spec in _inputs(known_nodes().get(node["class_type"], {})).items()
        if spec.kind == "FILE"
        and isinstance(file := node["inputs"].get(name), str)
        and file not in spec.extra.get("builtin", ())
    ]


def _node_problems(graph: Graph, node_id: str, known: ObjectInfo) -> Iterator[GraphProblem]:
    node = graph[node_id]
    if not isinstance(node, Mapping) or not isinstance(node.get("class_type"), str):
        yield GraphProblem(node_id, "class_type", "is missing: each node names its class")
        return
    if node["class_type"] not in known:
        near = did_you_mean(node["class_type"], known)
        yield GraphProblem(node_id, "class_type", f"there is no node class {node['class_type']}{near}")
        return
    given = node.get("inputs")
    if not isinstance(given, Mapping):
        yield GraphProblem(node_id, "inputs", "is missing: each node has an object of inputs")
        return
    declared = _inputs(known[node["class_type"]])
    for name, spec in declared.items():
        if name in given:
            message = _input_problem(graph, given[name], spec, known)
        else:
            near = did_you_mean(name, set(given) - set(declared)).replace("did you mean", "is it")
            message = f"is missing{near}" if spec.required else None
        if message:
            yield GraphProblem(node_id, name, message)


def _input_problem(graph: Graph, value: object, spec: _Input, known: ObjectInfo) -> str | None:
    if isinstance(value, list):
        return _link_problem(graph, value, spec, known)
    if spec.kind not in LITERALS:
        return f"wants a link to a {spec.kind} output, not {_kind(value)}"
    if not _is_a(value, spec.kind):
        return f"wants {spec.kind}, not {_kind(value)} {value!r}"
    if spec.options is not None and value not in spec.options:
        return f"{value!r} is not among {_listed(spec.options)}{did_you_mean(value, map(str, spec.options))}"
    return _range_problem(value, spec.extra)


def _range_problem(value: object, extra: Mapping[str, Any]) -> str | None:
    if not isinstance(value, int | float):
        return None
    low, high = extra.get("min"), extra.get("max")
    if low is not None and not value >= low:
        return f"{value} is below the minimum of {low}"
    if high is not None and not value <= high:
        return f"{value} is above the maximum of {high}"
    return None


def _link_problem(graph: Graph, link: list[Any], spec: _Input, known: ObjectInfo) -> str | None:
    if len(link) != 2 or not isinstance(link[0], str) or not _is_a(link[1], "INT"):
        return f"a link is [node id, output index], not {link!r}"
    source, index = link
    if source not in graph:
        return f"links to node '{source}', which does not exist{did_you_mean(source, graph)}"
    outputs = _outputs(graph[source], known)
    if outputs is None:
        return None  # the source itself is reported
    if not 0 <= index < len(outputs):
        return f"links to output {index} of node '{source}', which has {len(outputs)}"
    if not _fits(outputs[index], spec.kind):
        return f"wants {spec.kind}, but output {index} of node '{source}' is {outputs[index]}"
    return None


def _outputs(node: object, known: ObjectInfo) -> list[str] | None:
    """The output types of a node, None when its class is not known."""
    name = node.get("class_type") if isinstance(node, Mapping) else None
    return list(known[name]["output"]) if isinstance(name, str) and name in known else None


def _fits(offered: object, wanted: str) -> bool:
    """Types may be unions ("INT,FLOAT"), a wildcard, or a list of choices, which only the server can compare."""
    if not isinstance(offered, str):
        return wanted in ("COMBO", "FILE")
    return "*" in (offered, wanted) or bool(set(offered.split(",")) & set(wanted.split(",")))


def _cycle(graph: Graph) -> list[GraphProblem]:
    """At most one cycle, named at the input that closes it."""
    links = {node: {source for _, source in _sources(graph, node)} for node in graph}
    try:
        TopologicalSorter(links).prepare()
    except CycleError as error:
        path: list[str] = error.args[1]
        field = next(name for name, source in _sources(graph, path[1]) if source == path[0])
        return [GraphProblem(path[1], field, f"the nodes run in a circle: {' -> '.join(path)}")]
    return []


def _sources(graph: Graph, node_id: str) -> Iterator[tuple[str, str]]:
    """(input, source node) of each link that leads to a node of this graph."""
    node = graph[node_id]
    inputs = node.get("inputs") if isinstance(node, Mapping) else None
    for name, value in inputs.items() if isinstance(inputs, Mapping) else ():
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and value[0] in graph:
            yield name, value[0]


def _no_output(graph: Graph, known: ObjectInfo) -> list[GraphProblem]:
    """Previews do not count: the workers of Runpod and Vast.ai return no temporary image (run 2026-11-23)."""
    names = [node.get("class_type") for node in graph.values() if isinstance(node, Mapping)]
    outputs = {n for n in names if isinstance(n, str) and n in known and known[n]["output_node"]}
    if outputs - {"PreviewImage"}:
        return []
    return [GraphProblem("", "", "the graph has no output node; add a SaveImage node")]


def _inputs(info: Mapping[str, Any]) -> dict[str, _Input]:
    groups = info.get("input", {})
    return {
        name: _input(spec, required=group == "required")
        for group in ("required", "optional")
        for name, spec in groups.get(group, {}).items()
    }


def _input(spec: list[Any], *, required: bool) -> _Input:
    kind, extra = spec[0], spec[1] if len(spec) > 1 else {}
    options = kind if isinstance(kind, list) else extra.get("options") if kind == "COMBO" else None
    return _Input(
        kind="COMBO" if isinstance(kind, list) else kind,
        required=required,
        options=None if options is None else tuple(options),
        extra=extra,
    )


def _is_a(value: object, kind: str) -> bool:
    """JSON's true is no number, whatever Python says."""
    allowed = LITERALS[kind]
    return isinstance(value, allowed) and (bool in allowed or not isinstance(value, bool))


def _kind(value: object) -> str:
    return {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}.get(
        type(value), "a number"
    )


def _listed(options: tuple[Any, ...]) -> str:
    shown = ", ".join(map(str, options[:8]))
    return f"{shown} and {len(options) - 8} more" if len(options) > 8 else shown or "(no choices)"
