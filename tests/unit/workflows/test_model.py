"""What a workflow makes of its parameters, and what its hash stands for."""

import json
import shutil
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workflows
from workflows import CostShape, InvalidParameter, ModelFile, Parameter, Workflow
from workflows.library import HERE

FLUX, QWEN, FAST = (workflows.load(name) for name in workflows.names())
OURS = [FLUX, QWEN, FAST]
GIVEN = {"prompt": "a red mug", "seed": 7}
LANDS = {
    "prompt": ("positive", "text", "a lighthouse at dawn"),
    "negative": ("negative", "text", "blurry"),
    "seed": ("sampler", "seed", 4294967295),
    "width": ("latent", "width", 768),
    "height": ("latent", "height", 512),
    "steps": ("sampler", "steps", 3),
    "cfg": ("sampler", "cfg", 2.5),
}


def differing(before: Any, after: Any) -> set[tuple[str, str]]:
    """(node, input) of each literal in which two graphs differ."""
    return {
        (node, field)
        for node in before
        for field in before[node]["inputs"]
        if before[node]["inputs"][field] != after[node]["inputs"][field]
    }


# ---------------------------------------------------------------- parameters


@pytest.mark.parametrize("workflow", OURS, ids=lambda w: w.name)
@pytest.mark.parametrize("name", LANDS)
def test_a_parameter_lands_in_its_node_and_nowhere_else(workflow: Workflow, name: str) -> None:
    node, field, value = LANDS[name]
    before, after = workflow.render(GIVEN), workflow.render(GIVEN | {name: value})
    assert after[node]["inputs"][field] == value
    assert differing(before, after) == {(node, field)}
    assert set(LANDS) == set(workflow.parameters)


@pytest.mark.parametrize("workflow", OURS, ids=lambda w: w.name)
def test_rendering_leaves_the_workflow_as_it_was(workflow: Workflow) -> None:
    before, content = json.dumps(workflow.graph), workflow.hash
    workflow.render(GIVEN)["sampler"]["inputs"]["steps"] = 99
    assert (json.dumps(workflow.graph), workflow.hash) == (before, content)


@pytest.mark.parametrize("workflow", OURS, ids=lambda w: w.name)
def test_a_rendered_graph_is_sound_at_every_bound(workflow: Workflow) -> None:
    for name, parameter in workflow.parameters.items():
        for value in ("x",) if name == "prompt" else parameter.extremes():
            assert workflows.validate(workflow.render(GIVEN | {name: value})) == []


@pytest.mark.parametrize("missing", ["prompt", "seed"])
def test_a_job_has_to_bring_its_prompt_and_its_seed(missing: str) -> None:
    given_ = {name: value for name, value in GIVEN.items() if name != missing}
    with pytest.raises(InvalidParameter, match=f"flux-dev needs a value for {missing}: no default exists"):
        FLUX.render(given_)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("steps", 0, "flux-dev: steps is 0, outside 1 to 100 steps."),
        ("steps", 101, "flux-dev: steps is 101, outside 1 to 100 steps."),
        ("steps", 2.0, "flux-dev: steps is 2.0, which is no int."),
        ("steps", True, "flux-dev: steps is True, which is no int."),
        ("steps", "20", "flux-dev: steps is '20', which is no int."),
        ("steps", None, "flux-dev: steps is None, which is no int."),
        ("cfg", float("inf"), "flux-dev: cfg is inf, outside 1 to 20."),
        ("cfg", float("nan"), "flux-dev: cfg is nan, outside 1 to 20."),
        ("cfg", False, "flux-dev: cfg is False, which is no float."),
        ("seed", -1, "flux-dev: seed is -1, outside 0 to 4294967295."),
        ("seed", 2**32, "flux-dev: seed is 4294967296, outside 0 to 4294967295."),
        ("width", 1000, "flux-dev: width is 1000, no multiple of 16 px."),
        ("height", 2064, "flux-dev: height is 2064, outside 256 to 2048 px."),
        ("prompt", "", "flux-dev: prompt has 0 characters, outside 1 to 2000 characters."),
        ("prompt", "x" * 2001, "flux-dev: prompt has 2001 characters, outside 1 to 2000 characters."),
        ("prompt", ["a"], "flux-dev: prompt is ['a'], which is no text."),
        ("stepz", 20, "flux-dev has no parameter 'stepz'; did you mean steps? It takes prompt, negative, seed, width,"),
        ("guidance", 3, "flux-dev has no parameter 'guidance'. It takes prompt,"),
    ],
)
def test_a_value_that_will_not_do_is_refused_with_its_cause(name: str, value: object, text: str) -> None:
    with pytest.raises(InvalidParameter) as told:
        FLUX.render(GIVEN | {name: value})
    assert str(told.value).startswith(text)


def test_an_integer_will_do_for_a_float() -> None:
    assert FLUX.render(GIVEN | {"cfg": 4})["sampler"]["inputs"]["cfg"] == 4


# ---------------------------------------------------------------- the work a job is


@pytest.mark.parametrize(
    ("workflow", "params", "shape"),
    [
        (FLUX, {}, CostShape("flux-dev", 1024, 1024, 20, 1)),
        (FLUX, {"cfg": 3.5}, CostShape("flux-dev", 1024, 1024, 20, 2)),
        (QWEN, {}, CostShape("qwen-image-2512", 1328, 1328, 50, 2)),
        (QWEN, {"cfg": 1}, CostShape("qwen-image-2512", 1328, 1328, 50, 1)),
        (FAST, {}, CostShape("qwen-image-2512", 1328, 1328, 4, 1)),
        (FAST, {"width": 512, "height": 768, "steps": 8}, CostShape("qwen-image-2512", 512, 768, 8, 1)),
    ],
)
def test_the_denoiser_work_follows_size_steps_and_guidance(
    workflow: Workflow, params: dict[str, object], shape: CostShape
) -> None:
    assert workflow.cost_shape(params) == shape


def test_the_work_of_a_wrong_job_is_refused() -> None:
    with pytest.raises(InvalidParameter):
        FLUX.cost_shape({"steps": 0})


def test_a_workflow_without_guidance_has_the_plain_number_of_forwards() -> None:
    parameters = {name: p for name, p in QWEN.parameters.items() if name != "cfg"}
    assert replace(QWEN, parameters=parameters).cost_shape({}).forwards_per_step == 1


# ---------------------------------------------------------------- the hash


def shuffled(value: Any, dice: Random) -> Any:
    """The same JSON with every object's keys in another order."""
    if isinstance(value, list):
        return [shuffled(item, dice) for item in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    dice.shuffle(keys)
    return {key: shuffled(value[key], dice) for key in keys}


@given(st.randoms(use_true_random=False), st.sampled_from([None, 1, 4]))
def test_order_and_formatting_leave_the_hash_alone(dice: Random, indent: int | None) -> None:
    graph = json.loads(json.dumps(shuffled(dict(QWEN.graph), dice), indent=indent))
    files, names = list(QWEN.files), list(QWEN.parameters)
    dice.shuffle(files)
    dice.shuffle(names)
    other = replace(QWEN, graph=graph, files=tuple(files), parameters={n: QWEN.parameters[n] for n in names})
    assert other.hash == QWEN.hash


def test_one_and_one_point_zero_are_the_same_content(tmp_path: Path) -> None:
    folder = shutil.copytree(HERE / "flux-dev", tmp_path / "mine")
    file = folder / "graph.json"
    file.write_text(file.read_text().replace('"cfg": 1.0', '"cfg": 1'))
    assert workflows.load_file(Path(folder)).hash == FLUX.hash


@given(st.data())
def test_any_change_of_the_graph_changes_the_hash(data: st.DataObject) -> None:
    workflow = data.draw(st.sampled_from(OURS))
    graph = workflow.render(GIVEN)
    before = replace(workflow, graph=graph).hash
    node = data.draw(st.sampled_from(sorted(graph)))
    field = data.draw(st.sampled_from(sorted(graph[node]["inputs"])))
    other = data.draw(st.integers() | st.floats(allow_nan=False) | st.text() | st.booleans())
    old = graph[node]["inputs"][field]
    graph[node]["inputs"][field] = other
    same = old == other and isinstance(old, bool) == isinstance(other, bool)
    assert (replace(workflow, graph=graph).hash == before) is same


CHANGES: dict[type, object] = {str: "other", int: 1, float: 1.5, tuple: ("sampler.cfg",), type(None): 3}


@pytest.mark.parametrize("field", Parameter.__dataclass_fields__)
def test_any_change_of_a_parameter_changes_the_hash(field: str) -> None:
    old = QWEN.parameters["steps"]
    new = {"type": "float", "step": 10, "default": 49}.get(field, CHANGES[type(getattr(old, field))])
    changed = replace(old, **{field: new if field not in ("min", "max") else 50})
    assert getattr(changed, field) != getattr(old, field)
    assert replace(QWEN, parameters={**QWEN.parameters, "steps": changed}).hash != QWEN.hash


@pytest.mark.parametrize("field", ModelFile.__dataclass_fields__)
def test_any_change_of_a_model_file_changes_the_hash(field: str) -> None:
    old = QWEN.files[0]
    new = "fp16" if field == "precision" else CHANGES[type(getattr(old, field))]
    assert replace(QWEN, files=(replace(old, **{field: new}), *QWEN.files[1:])).hash != QWEN.hash


def test_leaving_out_a_node_a_parameter_or_a_file_changes_the_hash() -> None:
    without_cfg = {name: p for name, p in QWEN.parameters.items() if name != "cfg"}
    without_save = {node: it for node, it in QWEN.graph.items() if node != "save"}
    others = [
        replace(QWEN, parameters=without_cfg),
        replace(QWEN, graph=without_save),
        replace(QWEN, files=QWEN.files[1:]),
    ]
    assert len({QWEN.hash, *(other.hash for other in others)}) == 4


def test_titles_and_hardware_advice_are_no_content() -> None:
    other = replace(QWEN, name="x", title="y", summary="z", vram_gb=80, default_gpu="H100", min_comfyui="9.9.9")
    assert other.hash == QWEN.hash


@pytest.mark.parametrize("thing", [FLUX, FLUX.parameters["steps"], FLUX.files[0], FLUX.execution])
def test_what_was_hashed_cannot_be_changed_in_place(thing: Any) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(thing, next(iter(thing.__dataclass_fields__)), "other")


def test_the_three_workflows_have_three_hashes() -> None:
    assert len({workflow.hash for workflow in OURS}) == 3
    assert all(len(workflow.hash) == 64 and int(workflow.hash, 16) for workflow in OURS)
