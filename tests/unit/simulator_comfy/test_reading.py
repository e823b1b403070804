"""The simulator reads out of a graph exactly what was put into it, whatever the nodes are called."""

from dataclasses import FrozenInstanceError
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workflows
from simulator.comfy import read_graph, refuse

OURS = [workflows.load(name) for name in workflows.names()]
MODEL = {
    "flux-dev": "flux-dev",
    "qwen-image-2512": "qwen-image-2512",
    "qwen-image-2512-fast": "qwen-image-2512",
}
PARAMS = st.fixed_dictionaries(
    {
        "prompt": st.text(min_size=1, max_size=80),
        "negative": st.text(max_size=40),
        "seed": st.integers(0, 2**32 - 1),
        "width": st.integers(16, 128).map(lambda k: 16 * k),
        "height": st.integers(16, 128).map(lambda k: 16 * k),
        "steps": st.integers(1, 100),
        "cfg": st.floats(1, 20),
    }
)


def renamed(graph: dict[str, Any], dice: Random) -> dict[str, Any]:
    """The same graph under other node ids, its nodes and their inputs in another order."""
    ids = dict(zip(graph, dice.sample(range(1000), len(graph)), strict=True))
    nodes = []
    for node, it in graph.items():
        inputs = [(k, [str(ids[v[0]]), v[1]] if isinstance(v, list) else v) for k, v in it["inputs"].items()]
        dice.shuffle(inputs)
        nodes.append((str(ids[node]), {"inputs": dict(inputs), "class_type": it["class_type"]}))
    dice.shuffle(nodes)
    return dict(nodes)


@given(st.sampled_from(OURS), PARAMS, st.randoms(use_true_random=False))
def test_what_was_rendered_is_what_is_read(workflow: workflows.Workflow, params: dict[str, Any], dice: Random) -> None:
    graph = renamed(workflow.render(params), dice)
    assert refuse(graph) is None
    asked = read_graph(graph)
    assert {name: getattr(asked, name) for name in params} == params
    assert asked.model == MODEL[workflow.name]
    assert asked.files == tuple(sorted(file.path for file in workflow.files))
    assert [graph[node]["class_type"] for node in asked.outputs] == ["SaveImage"]


def test_only_the_fast_variant_carries_a_lora() -> None:
    loras = {w.name: read_graph(w.render({"prompt": "x", "seed": 1})).lora for w in OURS}
    assert loras == {
        "flux-dev": None,
        "qwen-image-2512": None,
        "qwen-image-2512-fast": "Qwen-Image-Lightning-4steps-V1.0.safetensors",
    }


def test_the_model_is_read_from_the_file_that_is_loaded() -> None:
    graph = OURS[0].render({"prompt": "x", "seed": 1})
    graph["unet"]["inputs"]["unet_name"] = "sd3.5_large.safetensors"
    assert read_graph(graph).model == "unknown"


def flux_with_custom_sampler() -> dict[str, Any]:
    """Flux the other way: guidance node, custom sampler, and a size that is scaled before it is saved."""
    graph = OURS[0].render({"prompt": "a red mug", "seed": 5, "width": 512, "height": 768})
    del graph["negative"]
    graph |= {
        "guidance": _node("FluxGuidance", conditioning=["positive", 0], guidance=3.5),
        "guider": _node("BasicGuider", model=["unet", 0], conditioning=["guidance", 0]),
        "noise": _node("RandomNoise", noise_seed=77),
        "select": _node("KSamplerSelect", sampler_name="euler"),
        "sigmas": _node("BasicScheduler", model=["unet", 0], scheduler="simple", steps=25, denoise=1.0),
        "sampler": _node(
            "SamplerCustomAdvanced",
            noise=["noise", 0],
            guider=["guider", 0],
            sampler=["select", 0],
            sigmas=["sigmas", 0],
            latent_image=["latent", 0],
        ),
    }
    return graph


def _node(class_type: str, **inputs: object) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def test_a_graph_with_a_custom_sampler_is_read_too() -> None:
    graph = flux_with_custom_sampler()
    assert refuse(graph) is None
    asked = read_graph(graph)
    assert (asked.prompt, asked.negative, asked.seed, asked.steps, asked.cfg) == ("a red mug", "", 77, 25, 1.0)
    assert (asked.width, asked.height, asked.model) == (512, 768, "flux-dev")


def test_scaling_before_the_save_decides_the_size() -> None:
    graph = flux_with_custom_sampler()
    graph["scale"] = _node(
        "ImageScale", image=["decode", 0], upscale_method="area", width=256, height=128, crop="disabled"
    )
    graph["save"]["inputs"]["images"] = ["scale", 0]
    assert (read_graph(graph).width, read_graph(graph).height) == (256, 128)


def test_a_zeroed_negative_is_no_text() -> None:
    graph = OURS[0].render({"prompt": "a red mug", "negative": "blurry", "seed": 5})
    assert read_graph(graph).negative == "blurry"
    graph["zero"] = _node("ConditioningZeroOut", conditioning=["positive", 0])
    graph["sampler"]["inputs"]["negative"] = ["zero", 0]
    assert (read_graph(graph).prompt, read_graph(graph).negative) == ("a red mug", "")


def test_a_graph_without_weights_asks_for_no_steps_of_an_unknown_model() -> None:
    graph = {
        "img": _node("EmptyImage", width=64, height=32, batch_size=1, color=3368652),
        "noise": _node("ImageAddNoise", image=["img", 0], seed=7, strength=0.5),
        "save": _node("SaveImage", images=["noise", 0], filename_prefix="bench"),
    }
    asked = read_graph(graph)
    assert (asked.model, asked.files, asked.steps, asked.lora) == ("unknown", (), 0, None)
    assert (asked.width, asked.height, asked.seed, asked.outputs) == (64, 32, 7, ("save",))


def test_a_graph_that_draws_no_noise_has_seed_zero() -> None:
    graph = {
        "img": _node("EmptyImage", width=64, height=32, batch_size=1, color=0),
        "save": _node("SaveImage", images=["img", 0], filename_prefix="bench"),
    }
    assert read_graph(graph).seed == 0


def test_a_broken_second_output_does_not_keep_the_first_from_being_read() -> None:
    graph = OURS[0].render({"prompt": "a red mug", "seed": 5})
    graph["other"] = _node("SaveImage", images=["ghost", 0], filename_prefix="x")
    assert refuse(graph) is None
    assert read_graph(graph).prompt == "a red mug"


def test_a_preview_is_no_output_but_is_read_all_the_same() -> None:
    graph = OURS[0].render({"prompt": "a red mug", "seed": 5})
    graph["save"] = _node("PreviewImage", images=["decode", 0])
    assert (read_graph(graph).outputs, read_graph(graph).prompt) == ((), "a red mug")


@pytest.mark.parametrize(("given_", "read"), [("20", 20), (True, 1), (20.7, 20)])
def test_a_value_is_read_as_the_server_converts_it(given_: object, read: int) -> None:
    graph = OURS[0].render({"prompt": "x", "seed": 1})
    graph["sampler"]["inputs"]["steps"] = given_
    assert refuse(graph) is None
    assert read_graph(graph).steps == read


def test_what_no_node_says_is_empty_or_zero() -> None:
    """The server queues literals where links belong, and fails only when it runs them."""
    graph = OURS[0].render({"prompt": "x", "seed": 1})
    graph["sampler"]["inputs"] |= {"positive": "none", "latent_image": "none"}
    assert refuse(graph) is None
    assert (read_graph(graph).prompt, read_graph(graph).width, read_graph(graph).height) == ("", 0, 0)


def test_a_choice_of_the_newer_kind_is_checked_too() -> None:
    graph = flux_with_custom_sampler()
    graph["select"]["inputs"]["sampler_name"] = "eulerr"
    answer = refuse(graph)
    assert answer is not None
    (reason,) = answer[1]["node_errors"]["select"]["errors"]
    assert reason["details"] == "sampler_name: 'eulerr' not in (list of length 44)"


def test_what_was_read_cannot_be_changed() -> None:
    asked = read_graph(OURS[0].render({"prompt": "x", "seed": 1}))
    with pytest.raises(FrozenInstanceError):
        asked.seed = 2
    assert hash(asked) == hash(read_graph(OURS[0].render({"prompt": "x", "seed": 1})))
