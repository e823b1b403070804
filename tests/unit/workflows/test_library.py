"""Workflows on disk: ours load, anybody's are held to the same rules, and each refusal says why."""

import json
import shutil
from pathlib import Path

import pytest

import workflows
from workflows.library import HERE

OURS = ["flux-dev", "qwen-image-2512", "qwen-image-2512-fast"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of flux-dev that a test may break."""
    return Path(shutil.copytree(HERE / "flux-dev", tmp_path / "mine"))


def edit_toml(folder: Path, old: str, new: str) -> None:
    file = folder / "workflow.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def edit_graph(folder: Path, node: str, field: str, value: object) -> None:
    file = folder / "graph.json"
    graph = json.loads(file.read_text())
    graph[node]["inputs"][field] = value
    file.write_text(json.dumps(graph))


def test_the_three_workflows_of_production_are_there() -> None:
    assert workflows.names() == OURS
    assert [workflows.load(name).name for name in OURS] == OURS


def test_flux_is_flagged_as_non_commercial_and_qwen_is_not() -> None:
    assert {name: workflows.load(name).commercial_use for name in OURS} == {
        "flux-dev": False,
        "qwen-image-2512": True,
        "qwen-image-2512-fast": True,
    }
    assert "Non-Commercial" in workflows.load("flux-dev").licence


def test_the_graphs_are_those_that_production_runs() -> None:
    """Sampler settings and model files of each variant; the fast one differs by its LoRA, steps and cfg only."""
    flux, qwen, fast = (workflows.load(name) for name in OURS)
    assert {name: flux.graph["sampler"]["inputs"][name] for name in ("steps", "cfg", "sampler_name", "scheduler")} == {
        "steps": 20,
        "cfg": 1.0,
        "sampler_name": "euler",
        "scheduler": "simple",
    }
    assert not {"FluxGuidance"} & {node["class_type"] for node in flux.graph.values()}
    assert qwen.graph["shift"] == {
        "class_type": "ModelSamplingAuraFlow",
        "inputs": {"model": ["unet", 0], "shift": 3.1},
    }
    assert (qwen.graph["sampler"]["inputs"]["steps"], qwen.graph["sampler"]["inputs"]["cfg"]) == (50, 4.0)
    assert (fast.graph["sampler"]["inputs"]["steps"], fast.graph["sampler"]["inputs"]["cfg"]) == (4, 1.0)
    assert {file.path for file in fast.files} - {file.path for file in qwen.files} == {
        "loras/Qwen-Image-Lightning-4steps-V1.0.safetensors"
    }


def test_a_parameters_default_is_the_graphs_own_value() -> None:
    for workflow in map(workflows.load, OURS):
        for name in ("width", "height", "steps", "cfg"):
            node, _, field = workflow.parameters[name].sets[0].rpartition(".")
            assert workflow.graph[node]["inputs"][field] == workflow.parameters[name].default


def test_model_files_add_up_to_the_published_sizes() -> None:
    """34.1 GB and, with the LoRA, 31.8 GB by the file lists of the official templates (0.1.123, 2026-11)."""
    assert workflows.load("flux-dev").size_gb == pytest.approx(34.1, abs=0.1)
    assert workflows.load("qwen-image-2512-fast").size_gb == pytest.approx(31.8, abs=0.1)
    assert workflows.load("qwen-image-2512").size_gb == pytest.approx(31.8 - 1.7, abs=0.1)


def test_an_unknown_name_lists_the_known_ones_and_guesses() -> None:
    with pytest.raises(workflows.UnknownWorkflow) as told:
        workflows.load("flux-dve")
    assert str(told.value) == (
        "There is no workflow 'flux-dve'; did you mean flux-dev? "
        "Known are flux-dev, qwen-image-2512, qwen-image-2512-fast."
    )


@pytest.mark.parametrize("name", ["", ".", "..", "../workflows/flux-dev", "prompts"])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(workflows.UnknownWorkflow):
        workflows.load(name)


def test_anybodys_folder_loads_like_ours_and_hashes_the_same(folder: Path) -> None:
    mine = workflows.load_file(folder)
    assert mine.name == "mine"
    assert mine.hash == workflows.load("flux-dev").hash


@pytest.mark.parametrize("file", ["graph.json", "workflow.toml"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(workflows.InvalidDefinition, match=rf"{file} cannot be read"):
        workflows.load_file(folder)


@pytest.mark.parametrize(("file", "format"), [("graph.json", "JSON"), ("workflow.toml", "TOML")])
def test_a_file_that_is_no_json_or_toml_is_named(folder: Path, file: str, format: str) -> None:
    (folder / file).write_text("{ nonsense")
    with pytest.raises(workflows.InvalidDefinition, match=rf"{file} is not {format}"):
        workflows.load_file(folder)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("vram_gb = 48", 'vram_gb = "48"', "vram_gb"),
        ("vram_gb = 48", "vram_gb = 0", "vram_gb"),
        ('title = "FLUX.1-dev"', "", "title"),
        ("commercial_use = false", "commercial_use = 0", "commercial_use"),
        ("size_bytes = 23802932552", "size_bytes = -1", r"files\.0\.size_bytes"),
        ("size_bytes = 23802932552", 'size_bytes = "23802932552"', r"files\.0\.size_bytes"),
        ("step = 16", "step = 0", r"parameters\.width\.step"),
        ("min = 256", 'min = "256"', r"parameters\.width\.min"),
        ('precision = "bf16"', 'precision = "int4"', r"files\.0\.precision"),
        ("forwards_per_step = 1", "forwards_per_stop = 1", r"execution\.forwards_per_step"),
        ("default = 20", "default = 200", r"parameters\.steps"),
        ("max = 100", "max = 0", r"parameters\.steps"),
        ('min_comfyui = "0.3.42"', 'min_comfyui = "new"', "min_comfyui"),
    ],
)
def test_a_wrong_field_of_the_definition_is_named(folder: Path, old: str, new: str, field: str) -> None:
    edit_toml(folder, old, new)
    with pytest.raises(workflows.InvalidDefinition, match=rf"workflow\.toml, field '{field}'"):
        workflows.load_file(folder)


def test_a_parameter_may_be_pinned_to_one_value(folder: Path) -> None:
    edit_toml(folder, "min = 1\nmax = 100", "min = 20\nmax = 20\nstep = 1")
    assert workflows.load_file(folder).cost_shape({}).steps == 20
    with pytest.raises(workflows.InvalidParameter, match="outside 20 to 20 steps"):
        workflows.load_file(folder).cost_shape({"steps": 21})


@pytest.mark.parametrize("name", ["prompt", "seed", "width", "height", "steps"])
def test_every_workflow_has_to_take_these_parameters(folder: Path, name: str) -> None:
    edit_toml(folder, f"[parameters.{name}]", f"[parameters.my_{name}]")
    with pytest.raises(workflows.InvalidDefinition, match=f"needs a parameter '{name}'"):
        workflows.load_file(folder)


def test_a_seed_is_an_integer_in_every_workflow(folder: Path) -> None:
    edit_toml(folder, '[parameters.seed]\ntype = "int"', '[parameters.seed]\ntype = "float"')
    with pytest.raises(workflows.InvalidDefinition, match="'seed' of type int"):
        workflows.load_file(folder)


@pytest.mark.parametrize(
    ("old", "new", "node", "field", "message"),
    [
        ("sampler.steps", "samplr.steps", "samplr", "steps", "no such node; did you mean sampler?"),
        ("sampler.steps", "sampler.step", "sampler", "step", "no such input; did you mean steps?"),
        ("sampler.steps", "sampler.model", "sampler", "model", "it is a link"),
        ("sampler.steps", "sampler.scheduler", "sampler", "scheduler", "1 is not among simple, sgm_uniform"),
        ("max = 20.0", "max = 200.0", "sampler", "cfg", "200.0 is above the maximum of 100.0"),
        ("min = 1.0", "min = -1.0", "sampler", "cfg", "-1.0 is below the minimum of 0.0"),
    ],
)
def test_a_parameter_that_does_not_fit_the_graph_is_named(
    folder: Path, old: str, new: str, node: str, field: str, message: str
) -> None:
    edit_toml(folder, old, new)
    with pytest.raises(workflows.InvalidGraph) as told:
        workflows.load_file(folder)
    problem = told.value.problems[0]
    assert (problem.node, problem.field) == (node, field)
    assert message in problem.message


def test_a_model_file_that_is_not_declared_is_named_with_its_node(folder: Path) -> None:
    edit_graph(folder, "unet", "unet_name", "flux1-schnell.safetensors")
    with pytest.raises(workflows.InvalidGraph) as told:
        workflows.load_file(folder)
    assert (told.value.problems[0].node, told.value.problems[0].field) == ("unet", "unet_name")
    assert "no node loads diffusion_models/flux1-dev.safetensors" in str(told.value.problems[1])


def test_the_refusal_of_a_graph_is_one_sentence_that_counts_the_rest(folder: Path) -> None:
    edit_graph(folder, "sampler", "steps", 0)
    edit_graph(folder, "sampler", "cfg", "high")
    with pytest.raises(workflows.InvalidGraph) as told:
        workflows.load_file(folder)
    assert str(told.value) == (
        "The graph of workflow 'mine' is broken: node 'sampler', field 'steps': 0 is below the minimum of 1 (1 more)."
    )


def test_a_graph_with_custom_nodes_loads_with_the_servers_own_description(folder: Path) -> None:
    graph = json.loads((folder / "graph.json").read_text())
    graph["sharpen"] = {"class_type": "MySharpen", "inputs": {"image": ["decode", 0], "amount": 3}}
    graph["save"]["inputs"]["images"] = ["sharpen", 0]
    (folder / "graph.json").write_text(json.dumps(graph))
    with pytest.raises(workflows.InvalidGraph, match="no node class MySharpen"):
        workflows.load_file(folder)
    sharpen = {
        "input": {"required": {"image": ["IMAGE"], "amount": ["INT", {"min": 1, "max": 5}]}},
        "output": ["IMAGE"],
        "output_node": False,
    }
    known = workflows.graph.known_nodes() | {"MySharpen": sharpen}
    assert workflows.load_file(folder, known).graph["sharpen"] == graph["sharpen"]
