"""A broken graph is named by the node and the field that is wrong."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workflows
from workflows import GraphProblem, validate

Graph = dict[str, Any]
FLUX: Graph = dict(workflows.load("flux-dev").graph)


def broken(change: Callable[[Graph], object]) -> list[GraphProblem]:
    graph = deepcopy(FLUX)
    change(graph)
    return validate(graph)


def setting(node: str, field: str, value: object) -> Callable[[Graph], object]:
    return lambda graph: graph[node]["inputs"].update({field: value})


def test_a_sound_graph_has_no_problem() -> None:
    assert validate(FLUX) == []


@pytest.mark.parametrize(
    ("node", "field", "value", "message"),
    [
        ("sampler", "steps", 0, "0 is below the minimum of 1"),
        ("sampler", "steps", 10001, "10001 is above the maximum of 10000"),
        ("sampler", "cfg", float("nan"), "nan is below the minimum of 0.0"),
        ("sampler", "steps", "20", "wants INT, not a text '20'"),
        ("sampler", "steps", 20.0, "wants INT, not a number 20.0"),
        ("sampler", "steps", True, "wants INT, not a boolean True"),
        ("sampler", "cfg", None, "wants FLOAT, not null None"),
        ("positive", "text", 3, "wants STRING, not a number 3"),
        ("unet", "unet_name", 3, "wants FILE, not a number 3"),
        ("sampler", "sampler_name", "eulerr", "did you mean euler?"),
        ("sampler", "scheduler", {"x": 1}, "wants COMBO, not an object {'x': 1}"),
        ("sampler", "model", "flux", "wants a link to a MODEL output, not a text"),
        ("sampler", "model", ["unett", 0], "links to node 'unett', which does not exist; did you mean unet?"),
        ("sampler", "model", ["unet", 1], "links to output 1 of node 'unet', which has 1"),
        ("sampler", "model", ["unet", -1], "links to output -1 of node 'unet', which has 1"),
        ("sampler", "model", ["vae", 0], "wants MODEL, but output 0 of node 'vae' is VAE"),
        ("sampler", "steps", ["vae", 0], "wants INT, but output 0 of node 'vae' is VAE"),
        ("unet", "unet_name", ["clip", 0], "wants FILE, but output 0 of node 'clip' is CLIP"),
        ("sampler", "scheduler", ["vae", 0], "wants COMBO, but output 0 of node 'vae' is VAE"),
        ("sampler", "model", ["unet"], "a link is [node id, output index], not ['unet']"),
        ("sampler", "model", ["unet", "0"], "a link is [node id, output index], not ['unet', '0']"),
        ("sampler", "model", [1, 0], "a link is [node id, output index], not [1, 0]"),
    ],
)
def test_a_wrong_input_is_named(node: str, field: str, value: object, message: str) -> None:
    (problem,) = broken(setting(node, field, value))
    assert (problem.node, problem.field) == (node, field)
    assert message in problem.message


def test_the_bounds_themselves_are_fine() -> None:
    assert broken(setting("sampler", "steps", 1)) == []
    assert broken(setting("sampler", "steps", 10000)) == []
    assert broken(setting("sampler", "cfg", 4)) == []


@given(st.data())
def test_any_missing_required_input_is_named(data: st.DataObject) -> None:
    node = data.draw(st.sampled_from(sorted(FLUX)))
    field = data.draw(st.sampled_from(sorted(FLUX[node]["inputs"])))
    (problem,) = broken(lambda graph: graph[node]["inputs"].pop(field))
    assert (problem.node, problem.field, problem.message) == (node, field, "is missing")


def test_a_mistyped_input_is_guessed() -> None:
    (problem,) = broken(lambda graph: graph["sampler"]["inputs"].update(sead=graph["sampler"]["inputs"].pop("seed")))
    assert str(problem) == "node 'sampler', field 'seed': is missing; is it sead?"


def test_an_optional_input_may_be_absent_but_not_wrong() -> None:
    assert broken(setting("clip", "device", "cpu")) == []
    (problem,) = broken(setting("clip", "device", "tpu"))
    assert (problem.node, problem.field) == ("clip", "device")


@pytest.mark.parametrize(
    ("choices", "listed"),
    [
        ([], "(no choices)"),
        (["a", "b"], "a, b"),
        (list("abcdefgh"), "a, b, c, d, e, f, g, h"),
        (list("abcdefghi"), "a, b, c, d, e, f, g, h and 1 more"),
    ],
)
def test_a_wrong_choice_is_told_the_first_eight(choices: list[str], listed: str) -> None:
    known = {"Pick": {"input": {"required": {"it": [choices]}}, "output": [], "output_node": True}}
    (problem,) = validate({"p": {"class_type": "Pick", "inputs": {"it": "zzz"}}}, known)
    assert problem.message == f"'zzz' is not among {listed}"


def test_an_unknown_class_is_named_once_with_a_guess() -> None:
    (problem,) = broken(lambda graph: graph["sampler"].update(class_type="KSamplerX"))
    assert str(problem) == (
        "node 'sampler', field 'class_type': there is no node class KSamplerX; did you mean KSampler?"
    )


@pytest.mark.parametrize("node", [{}, {"class_type": 3}, {"class_type": None, "inputs": {}}, "KSampler", None, 7, []])
def test_a_node_without_a_class_is_named(node: object) -> None:
    (problem,) = broken(lambda graph: graph.update(odd=node))
    assert (problem.node, problem.field) == ("odd", "class_type")


@pytest.mark.parametrize("inputs", [None, [], "x"])
def test_a_node_without_inputs_is_named(inputs: object) -> None:
    (problem,) = broken(lambda graph: graph["vae"].update(inputs=inputs))
    assert (problem.node, problem.field) == ("vae", "inputs")


@given(st.data())
def test_any_cycle_is_named_at_a_link_that_is_part_of_it(data: st.DataObject) -> None:
    """Chains of latents closed to a ring, of any length and with any names."""
    names = data.draw(st.lists(st.text(min_size=1), min_size=1, max_size=6, unique=True).filter(lambda n: "s" not in n))
    graph: Graph = {
        name: {"class_type": "ImageBlur", "inputs": {"image": [names[i - 1], 0], "blur_radius": 1, "sigma": 1.0}}
        for i, name in enumerate(names)
    }
    graph["s"] = {"class_type": "SaveImage", "inputs": {"images": [names[0], 0], "filename_prefix": "x"}}
    (problem,) = validate(graph)
    assert problem.node in names
    assert problem.field == "image"
    assert "circle" in problem.message
    assert all(name in problem.message for name in names)


def test_a_node_that_feeds_itself_is_a_cycle() -> None:
    (problem,) = broken(setting("sampler", "latent_image", ["sampler", 0]))
    assert (problem.node, problem.field) == ("sampler", "latent_image")


def test_a_graph_without_an_output_is_refused() -> None:
    (problem,) = broken(lambda graph: graph.pop("save"))
    assert str(problem) == "the graph has no output node; add a SaveImage node"
    assert validate({}) == [problem]


def test_a_preview_is_no_output_since_no_worker_returns_it() -> None:
    preview = {"class_type": "PreviewImage", "inputs": {"images": ["decode", 0]}}
    (problem,) = broken(lambda graph: graph.update(save=preview))
    assert "no output node" in problem.message
    assert broken(lambda graph: graph.update(look=preview)) == []


@pytest.mark.parametrize("graph", [None, [], "graph", 3])
def test_what_is_no_object_is_no_graph(graph: object) -> None:
    (problem,) = validate(graph)
    assert "a graph is an object of nodes" in problem.message


def test_the_editors_own_format_is_recognised_and_the_way_out_named() -> None:
    (problem,) = validate({"last_node_id": 9, "nodes": [{"id": 1, "type": "KSampler"}], "links": [], "version": 0.4})
    assert problem.field == "nodes"
    assert "Export (API)" in problem.message


def test_every_problem_is_reported_in_the_graphs_order() -> None:
    def spoil(graph: Graph) -> None:
        graph["save"]["inputs"]["images"] = ["ghost", 0]
        graph["unet"]["inputs"].pop("weight_dtype")
        graph["latent"]["inputs"]["width"] = 8

    assert [(p.node, p.field) for p in broken(spoil)] == [
        ("unet", "weight_dtype"),
        ("latent", "width"),
        ("save", "images"),
    ]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text() | st.sampled_from(["class_type", "inputs", "nodes"]), c),
        max_leaves=12,
    )
)
def test_no_json_at_all_makes_validation_fall_over(graph: object) -> None:
    assert validate(graph)


@given(st.data())
def test_no_value_in_any_input_makes_validation_fall_over(data: st.DataObject) -> None:
    node = data.draw(st.sampled_from(sorted(FLUX)))
    field = data.draw(st.sampled_from(sorted(FLUX[node]["inputs"])))
    scalar = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    value = data.draw(scalar | st.lists(scalar, max_size=3) | st.dictionaries(st.text(), scalar, max_size=2))
    assert all((p.node, p.field) == (node, field) or "circle" in p.message for p in broken(setting(node, field, value)))


def test_the_servers_own_description_decides_when_it_is_given() -> None:
    """Wildcards, unions and inputs without choices, as custom nodes declare them."""
    node = {"output_node": False, "input": {"required": {"a": ["INT,FLOAT"], "b": ["*"], "c": [["x", "y"]]}}}
    known = {
        "Source": {"input": {}, "output": ["FLOAT", "MASK", "*", ["x", "y"]], "output_node": False},
        "Sink": node | {"output": [], "output_node": True},
    }
    inputs = {"a": ["s", 0], "b": ["s", 1], "c": ["s", 2]}
    graph = {
        "s": {"class_type": "Source", "inputs": {}},
        "t": {"class_type": "Sink", "inputs": inputs},
    }
    assert validate(graph, known) == []
    inputs["c"] = ["s", 3]
    assert validate(graph, known) == []
    for index in (1, 3):
        inputs["a"] = ["s", index]
        (problem,) = validate(graph, known)
        assert (problem.node, problem.field) == ("t", "a")
