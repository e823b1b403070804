"""How ComfyUI refuses a broken graph on `POST /prompt`, and what Runpod's worker makes of it.

Ground: replies recorded from ComfyUI 0.8.0 (CPU, 2026-11-23), and 0.3.64 and 0.12.1 run beside it;
worker-comfyui run on 2026-11-23.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.comfy_nodes import MODEL_FILES, NODES, Graph, Spec, inputs_of, is_required, outputs_of

Body = dict[str, Any]
RECORDED_VERSION = "0.8.0"


def refuse_request(body: object, available_files: Collection[str] | None = None) -> tuple[int, Body] | None:
    """`POST /prompt`'s refusal of a whole request body, or None when it queues the graph."""
    if not isinstance(body, Mapping):
        return 500, {}
    if "prompt" not in body:
        return 400, _refusal("no_prompt", "No prompt provided", details="No prompt provided")
    return refuse(body["prompt"], available_files)


def refuse(
    graph: object, available_files: Collection[str] | None = None, *, version: str = RECORDED_VERSION
) -> tuple[int, Body] | None:
    """Status and body with which `POST /prompt` refuses `graph`, or None when it queues it.

    `available_files` ("folder/name") are the model files on the server, all of the workflows' when None.
    An empty body stands for ComfyUI's plain-text 500. A graph with one sound and one broken output is
    queued: `node_errors` says what the 200 carries.
    """
    if not isinstance(graph, Mapping) or any(isinstance(n, int | float | None) for n in graph.values()):
        return 500, {}
    for node_id, node in graph.items():
        if error := _class_error(node_id, node, version):
            return 400, error
    outputs = outputs_of(graph)
    if not outputs:
        return 400, _refusal("prompt_no_outputs", "Prompt has no outputs")
    check = _checked(graph, available_files)
    if check.good:
        return None
    details = "\n".join(f"{e['message']}: {e['details']}" for o in outputs for e in check.results[o][1])
    return 400, _refusal("prompt_outputs_failed_validation", "Prompt outputs failed validation", details, check.errors)


def node_errors(graph: Graph, available_files: Collection[str] | None = None) -> Body:
    """The `node_errors` of the reply to a graph that was queued: not empty when an output was left out."""
    return _checked(graph, available_files).errors


def worker_comfyui_error(body: Body) -> str:
    """The error text that Runpod's worker-comfyui makes of a refusal; it becomes the job's `error`."""
    if not body:
        return "Error queuing workflow: 500 Server Error: Internal Server Error for url: http://127.0.0.1:8188/prompt"
    error = body["error"]
    failed = error["type"] == "prompt_outputs_failed_validation"
    message = "Workflow validation failed" if failed else error["message"]
    lines = [f"• Node {node} ({key}): {value}" for node, it in body["node_errors"].items() for key, value in it.items()]
    return "\n".join([f"{message}:", *lines]) if lines else f"{message}. Raw response: {json.dumps(body)}"


def _refusal(kind: str, message: str, details: str = "", errors: Body | None = None, **extra: object) -> Body:
    error = {"type": kind, "message": message, "details": details, "extra_info": extra}
    return {"error": error, "node_errors": errors or {}}


def _class_error(node_id: str, node: Any, version: str) -> Body | None:
    where = f"Node ID '#{node_id}'"
    if not isinstance(node, Mapping) or "class_type" not in node:
        return _refusal("invalid_prompt", "Cannot execute because a node is missing the class_type property.", where)
    name = node["class_type"]
    if isinstance(name, str) and name in NODES:
        return None
    if _older(version, "0.12"):
        return _refusal("invalid_prompt", f"Cannot execute because node {name} does not exist.", where)
    title = node.get("_meta", {}).get("title", name)
    message = f"Node '{title}' not found. The custom node may not be installed."
    info = {"node_id": node_id, "class_type": name, "node_title": title}
    return _refusal("missing_node_type", message, where, **info)


def _older(version: str, than: str) -> bool:
    return [int(part) for part in version.split(".")] < [int(part) for part in than.split(".")]


def _checked(graph: Graph, available_files: Collection[str] | None) -> "_Check":
    check = _Check(graph, MODEL_FILES if available_files is None else available_files)
    for output in outputs_of(graph):
        check.output(output)
    return check


@dataclass
class _Check:
    """One walk over a graph, from its outputs back, as the server does it."""

    graph: Graph
    files: Collection[str]
    results: dict[str, tuple[bool, list[Body]]] = field(default_factory=dict)
    errors: Body = field(default_factory=dict)
    good: list[str] = field(default_factory=list)
    path: set[str] = field(default_factory=set)

    def output(self, output: str) -> None:
        self.path.clear()
        try:
            sound = self.node(output)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            info = {"exception_type": type(error).__name__, "traceback": []}
            reason = _reason("exception_during_validation", "Exception when validating node", str(error), info)
            sound, self.results[output] = False, (False, [reason])
        if sound:
            self.good.append(output)
            return
        for node_id, (_, reasons) in self.results.items():
            if reasons:
                class_type = self.graph[node_id]["class_type"]
                entry = {"errors": reasons, "dependent_outputs": [], "class_type": class_type}
                self.errors.setdefault(node_id, entry)["dependent_outputs"].append(output)

    def node(self, node_id: str) -> bool:
        """Is the node sound with all it depends on? A cycle is not, but (as observed) nobody is named for it."""
        if node_id in self.results:
            return self.results[node_id][0]
        if node_id in self.path:
            return False
        self.path.add(node_id)
        node, reasons, sound = self.graph[node_id], [], True
        for name, declared in inputs_of(node["class_type"]).items():
            spec = _with_choices(declared, self.files)
            if name not in node["inputs"]:
                if is_required(node["class_type"], name):
                    reasons.append(_input_reason("required_input_missing", "Required input is missing", name))
            elif isinstance(value := node["inputs"][name], list):
                sound = self._link(name, value, spec, reasons) and sound
            else:
                reasons += _literal_reasons(name, value, spec)
        self.path.discard(node_id)
        self.results[node_id] = (sound and not reasons, reasons)
        return self.results[node_id][0]

    def _link(self, name: str, link: list[Any], spec: Spec, reasons: list[Body]) -> bool:
        config = list(spec)
        if len(link) != 2:
            text = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            reasons.append(_input_reason("bad_linked_input", text, name, input_config=config, received_value=link))
            return True
        offered = tuple(NODES[self.graph[link[0]]["class_type"]]["output"])[link[1]]
        if offered != spec[0]:
            text = "Return type mismatch between linked nodes"
            details = f"{name}, received_type({offered}) mismatch input_type({spec[0]})"
            info = {"input_config": config, "received_type": offered, "linked_node": link}
            reasons.append(_input_reason("return_type_mismatch", text, name, details, **info))
            return True
        try:
            return self.node(link[0])
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            self.path.discard(link[0])
            info = {
                "input_name": name,
                "input_config": config,
                "exception_message": str(error),
                "exception_type": type(error).__name__,
                "traceback": [],
                "linked_node": link,
            }
            text = "Exception when validating inner node"
            reason = _reason("exception_during_inner_validation", text, str(error), info)
            self.results[link[0]] = (False, [reason])
            return False


def _literal_reasons(name: str, value: Any, spec: Spec) -> list[Body]:
    """At most one, in the server's order: conversion, minimum, maximum, choice."""
    kind, extra = spec
    known: Body = {"input_config": [kind, dict(extra)], "received_value": value}
    try:
        value = {"INT": int, "FLOAT": float, "STRING": str}.get(str(kind), _same)(value)
    except (TypeError, ValueError, OverflowError) as error:
        text = f"Failed to convert an input value to a {kind} value"
        details = f"{name}, {value}, {error}"
        known["exception_message"] = str(error)
        return [_input_reason("invalid_input_type", text, name, details, **known)]
    known["received_value"] = value
    if "min" in extra and value < extra["min"]:
        text = f"Value {value} smaller than min of {extra['min']}"
        return [_input_reason("value_smaller_than_min", text, name, **known)]
    if "max" in extra and value > extra["max"]:
        text = f"Value {value} bigger than max of {extra['max']}"
        return [_input_reason("value_bigger_than_max", text, name, **known)]
    choices = kind if isinstance(kind, list) else extra.get("options") if kind == "COMBO" else None
    if choices is None or value in choices:
        return []
    known["input_config"] = None if len(choices) > 20 else known["input_config"]
    listed = f"(list of length {len(choices)})" if len(choices) > 20 else str(choices)
    details = f"{name}: {value!r} not in {listed}"
    return [_input_reason("value_not_in_list", "Value not in list", name, details, **known)]


def _same(value: Any) -> Any:
    return value


def _with_choices(spec: Spec, files: Collection[str]) -> Spec:
    """A FILE becomes what the server shows: the list of the files in its folder."""
    kind, extra = spec
    if kind != "FILE":
        return spec
    folder = f"{extra['folder']}/"
    names = sorted(file.removeprefix(folder) for file in files if file.startswith(folder))
    return [*names, *extra.get("builtin", ())], {}


def _input_reason(kind: str, message: str, name: str, details: str | None = None, **info: object) -> Body:
    return _reason(kind, message, name if details is None else details, {"input_name": name, **info})


def _reason(kind: str, message: str, details: str, extra_info: Body) -> Body:
    return {"type": kind, "message": message, "details": details, "extra_info": extra_info}
