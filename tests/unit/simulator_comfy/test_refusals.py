"""What the recordings do not hold: refusals seen on other versions, several outputs, and the workers' wording."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workflows
from simulator.comfy import MODEL_FILES, node_errors, refuse, refuse_request, worker_comfyui_error
from workflows.graph import file_inputs

FLUX = workflows.load("flux-dev").render({"prompt": "a lighthouse at dawn", "seed": 1})


def flux(**changes: tuple[str, object]) -> dict[str, Any]:
    """FLUX with `node=(input, value)` set."""
    graph = deepcopy(FLUX)
    for node, (name, value) in changes.items():
        graph[node]["inputs"][name] = value
    return graph


def refused(graph: object, **options: Any) -> dict[str, Any]:
    answer = refuse(graph, **options)
    assert answer is not None
    assert answer[0] == 400
    return answer[1]


# ---------------------------------------------------------------- the server


def test_every_workflow_is_queued() -> None:
    for name in workflows.names():
        assert refuse(workflows.load(name).render({"prompt": "x", "seed": 1})) is None


def test_the_servers_files_are_those_of_our_workflows() -> None:
    assert {file.path for name in workflows.names() for file in workflows.load(name).files} == MODEL_FILES


def test_a_cycle_is_refused_without_naming_a_node() -> None:
    """Seen on 0.3.64 and 0.12.1: the recursion ends in a failure that carries no reason."""
    answer = refused(flux(sampler=("latent_image", ["sampler", 0])))
    assert answer["error"]["type"] == "prompt_outputs_failed_validation"
    assert answer["error"]["details"] == ""
    assert answer["node_errors"] == {}


def test_a_long_cycle_is_refused_too() -> None:
    blur = {"class_type": "ImageBlur", "inputs": {"blur_radius": 1, "sigma": 1.0}}
    graph = {str(i): deepcopy(blur) for i in range(5)}
    for i in range(5):
        graph[str(i)]["inputs"]["image"] = [str((i + 1) % 5), 0]
    graph["save"] = {"class_type": "SaveImage", "inputs": {"images": ["0", 0], "filename_prefix": "x"}}
    assert refused(graph)["node_errors"] == {}


def test_a_link_of_the_output_itself_to_nowhere_is_an_exception_of_the_whole_validation() -> None:
    answer = refused(flux(save=("images", ["ghost", 0])))
    (reason,) = answer["node_errors"]["save"]["errors"]
    assert (reason["type"], reason["details"]) == ("exception_during_validation", "'ghost'")
    assert answer["error"]["details"] == "Exception when validating node: 'ghost'"


@pytest.mark.parametrize(
    ("link", "kind", "details"),
    [
        (["vae", 3], "IndexError", "tuple index out of range"),
        (["vae", "0"], "TypeError", "tuple indices must be integers or slices, not str"),
    ],
)
def test_a_link_to_an_output_that_does_not_exist_is_an_exception(link: list[object], kind: str, details: str) -> None:
    (reason,) = refused(flux(decode=("vae", link)))["node_errors"]["decode"]["errors"]
    assert (reason["extra_info"]["exception_type"], reason["details"]) == (kind, details)


def test_a_node_without_inputs_is_an_exception_that_names_them() -> None:
    graph = flux()
    del graph["decode"]["inputs"]
    (reason,) = refused(graph)["node_errors"]["decode"]["errors"]
    assert (reason["type"], reason["details"]) == ("exception_during_inner_validation", "'inputs'")


def test_a_link_of_the_wrong_length_is_named() -> None:
    (reason,) = refused(flux(decode=("vae", ["vae"])))["node_errors"]["decode"]["errors"]
    assert reason["type"] == "bad_linked_input"
    assert reason["extra_info"]["received_value"] == ["vae"]


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (10001, "value_bigger_than_max", "Value 10001 bigger than max of 10000"),
        (0, "value_smaller_than_min", "Value 0 smaller than min of 1"),
        (None, "invalid_input_type", "Failed to convert an input value to a INT value"),
    ],
)
def test_a_value_out_of_range_or_kind_is_named(value: object, kind: str, message: str) -> None:
    (reason,) = refused(flux(sampler=("steps", value)))["node_errors"]["sampler"]["errors"]
    assert (reason["type"], reason["message"]) == (kind, message)


@pytest.mark.parametrize("value", [1, 10000, "20", 20.0, True])
def test_the_bounds_and_what_converts_to_a_number_are_taken(value: object) -> None:
    assert refuse(flux(sampler=("steps", value))) is None


def test_every_error_of_every_node_is_listed() -> None:
    graph = flux(sampler=("steps", 0), latent=("width", 8))
    graph["sampler"]["inputs"]["cfg"] = "high"
    errors = refused(graph)["node_errors"]
    assert {node: [e["type"] for e in it["errors"]] for node, it in errors.items()} == {
        "latent": ["value_smaller_than_min"],
        "sampler": ["value_smaller_than_min", "invalid_input_type"],
    }


def test_a_file_that_is_not_on_the_disk_is_refused_with_those_that_are() -> None:
    files = MODEL_FILES - {"vae/ae.safetensors"}
    (reason,) = refused(FLUX, available_files=files)["node_errors"]["vae"]["errors"]
    assert reason["details"] == "vae_name: 'ae.safetensors' not in ['qwen_image_vae.safetensors', 'pixel_space']"
    assert refuse(FLUX, files | {"vae/ae.safetensors"}) is None


@pytest.mark.parametrize(("count", "told"), [(20, "['0', '1', "), (21, "(list of length 21)")])
def test_a_long_list_of_files_is_only_counted(count: int, told: str) -> None:
    files = {f"diffusion_models/{i}" for i in range(count)}
    (reason,) = refused(FLUX, available_files=files)["node_errors"]["unet"]["errors"]
    assert reason["details"].startswith(f"unet_name: 'flux1-dev.safetensors' not in {told}")
    assert (reason["extra_info"]["input_config"] is None) is (count > 20)


def test_a_disk_without_any_model_file_names_every_loader() -> None:
    assert set(refused(FLUX, available_files=())["node_errors"]) == {"unet", "clip", "vae"}


def test_one_sound_and_one_broken_output_are_queued_with_node_errors() -> None:
    """Seen on both versions: 200, and only the sound output runs."""
    graph = flux()
    graph["blank"] = {"class_type": "EmptyImage", "inputs": {"width": 0, "height": 9, "batch_size": 1, "color": 0}}
    graph["other"] = {"class_type": "SaveImage", "inputs": {"images": ["blank", 0], "filename_prefix": "x"}}
    assert refuse(graph) is None
    errors = node_errors(graph)
    assert {node: it["dependent_outputs"] for node, it in errors.items()} == {"blank": ["other"]}
    assert node_errors(FLUX) == {}


def test_two_broken_outputs_are_both_told_of_what_they_share() -> None:
    graph = flux(sampler=("steps", 0))
    graph["other"] = deepcopy(graph["save"])
    assert refused(graph)["node_errors"]["sampler"]["dependent_outputs"] == ["save", "other"]


def test_a_newer_server_names_the_missing_node_class() -> None:
    graph = flux()
    graph["sampler"]["class_type"] = "KSamplerX"
    error = refused(graph, version="0.12.1")["error"]
    assert (error["type"], error["details"]) == ("missing_node_type", "Node ID '#sampler'")
    assert error["extra_info"] == {"node_id": "sampler", "class_type": "KSamplerX", "node_title": "KSamplerX"}
    graph["sampler"]["_meta"] = {"title": "The sampler"}
    assert refused(graph, version="0.17.2")["error"]["extra_info"]["node_title"] == "The sampler"
    assert refused(graph, version="0.12")["error"]["type"] == "missing_node_type"
    assert refused(graph, version="0.8.0")["error"]["type"] == "invalid_prompt"
    assert refused(graph, version="0.3.71")["error"]["type"] == "invalid_prompt"


def test_the_editors_own_format_is_refused_at_its_first_key() -> None:
    error = refused({"nodes": [{"id": 1, "type": "KSampler"}], "links": []})["error"]
    assert error["type"] == "invalid_prompt"
    assert error["message"] == "Cannot execute because a node is missing the class_type property."
    assert error["details"] == "Node ID '#nodes'"


@pytest.mark.parametrize("node", [{}, [], "x", ["class_type"], "class_type"])
def test_a_node_without_a_class_is_refused(node: object) -> None:
    error = refused(flux() | {"odd": node})["error"]
    assert (error["type"], error["details"]) == ("invalid_prompt", "Node ID '#odd'")
    assert "missing the class_type property" in error["message"]


@pytest.mark.parametrize("graph", ['{"1": {}}', None, 3, [], {"last_node_id": 9}, {"x": None}])
def test_what_the_server_cannot_even_read_is_a_plain_500(graph: object) -> None:
    assert refuse(graph) == (500, {})


@pytest.mark.parametrize("body", [None, "x", [1]])
def test_a_request_that_is_no_object_is_a_plain_500(body: object) -> None:
    assert refuse_request(body) == (500, {})


def test_a_request_with_a_sound_graph_is_queued() -> None:
    assert refuse_request({"prompt": FLUX, "client_id": "c1"}) is None


# ---------------------------------------------------------------- beside our own validation


SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUE = SCALAR | st.lists(SCALAR, max_size=3) | st.dictionaries(st.text(), SCALAR, max_size=2)


@given(st.data())
def test_what_our_validation_passes_the_server_queues_and_no_value_makes_it_fall_over(data: st.DataObject) -> None:
    node = data.draw(st.sampled_from(sorted(FLUX)))
    field = data.draw(st.sampled_from(sorted(FLUX[node]["inputs"])))
    link = st.tuples(st.sampled_from(sorted(FLUX)), st.integers(-1, 2)).map(list)
    graph = flux(**{node: (field, data.draw(VALUE | link))})
    if workflows.validate(graph) == []:
        loaded = {f"{use.folder}/{use.name}" for use in file_inputs(graph)}
        assert refuse(graph, MODEL_FILES | loaded) is None
    elif answer := refuse(graph):
        assert worker_comfyui_error(answer[1])


@given(st.data())
def test_what_the_server_refuses_our_validation_names_at_the_same_node(data: st.DataObject) -> None:
    node, field, value = data.draw(
        st.sampled_from(
            [
                ("sampler", "steps", 0),
                ("sampler", "cfg", 101.0),
                ("sampler", "seed", -1),
                ("sampler", "scheduler", "fast"),
                ("latent", "width", 15),
                ("latent", "height", "tall"),
                ("decode", "samples", ["vae", 0]),
                ("sampler", "positive", ["clip", 0]),
                ("unet", "weight_dtype", "int4"),
            ]
        )
    )
    graph = flux(**{node: (field, value)})
    (problem,) = workflows.validate(graph)
    assert set(refused(graph)["node_errors"]) == {problem.node} == {node}
    assert problem.field == field


# ---------------------------------------------------------------- Runpod's worker


def test_the_worker_lists_what_each_node_was_told() -> None:
    text = worker_comfyui_error(refused(flux(sampler=("steps", 0))))
    lines = text.split("\n")
    assert lines[0] == "Workflow validation failed:"
    assert lines[1].startswith("• Node sampler (errors): [{'type': 'value_smaller_than_min'")
    assert lines[2:] == ["• Node sampler (dependent_outputs): ['save']", "• Node sampler (class_type): KSampler"]


def test_the_worker_quotes_the_whole_reply_when_no_node_is_named() -> None:
    body = refused({})
    assert worker_comfyui_error(body) == f"Prompt has no outputs. Raw response: {json.dumps(body)}"
    cycle = refused(flux(sampler=("latent_image", ["sampler", 0])))
    assert worker_comfyui_error(cycle).startswith("Workflow validation failed. Raw response: {")


def test_the_worker_reports_a_plain_500_as_one() -> None:
    answer = refuse('{"1": {}}')
    assert answer is not None
    assert worker_comfyui_error(answer[1]).startswith("Error queuing workflow: 500 Server Error")
