"""The worlds that ship hold together, and a wrong world is refused at the field that is wrong."""

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from simulator.laws import ideal_s
from simulator.world import SHIPPED, World, WorldError, load_world, shipped
from tests.unit.simulator.stand import asked

ROOT = Path(__file__).resolve().parents[3]
STEP_TIMES = ROOT.parent / "shared" / "data" / "gpu_step_times.json"
PROVIDERS = ("modal", "runpod", "vast")


def default_text() -> str:
    return (SHIPPED / "default.toml").read_text(encoding="utf-8")


def edited(tmp_path: Path, old: str, new: str) -> str:
    text = default_text()
    assert old in text
    path = tmp_path / "world.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return str(path)


def sources(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.endswith("source"):
                yield inner
            elif name == "grounds":
                yield from inner.values()
            else:
                yield from sources(inner)


def test_four_worlds_ship_and_are_named_after_their_files() -> None:
    assert shipped() == ["default", "demo", "hostile", "quiet"]
    for name in shipped():
        assert load_world(name).name == name
        assert load_world(name).epoch == datetime(2026, 11, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize("name", ["default", "hostile", "quiet"])
def test_a_shipped_world_times_both_workflows_on_every_gpu_they_are_run_on(name: str) -> None:
    world = load_world(name)
    for model, gpu in (("flux-dev", "L40S"), ("flux-dev", "H100"), ("qwen-image-2512", "H100")):
        assert ideal_s(world, asked(model=model), gpu), (model, gpu)
        for provider in PROVIDERS:
            own = world.provider(provider)
            assert own.capacity[gpu] > 0
            assert own.price[gpu].usd_per_s > 0


def test_the_quiet_world_has_no_failure_and_no_spread_and_is_the_default_otherwise() -> None:
    quiet, default = load_world("quiet"), load_world("default")
    assert quiet.models.keys() == default.models.keys()
    for name in PROVIDERS:
        own = quiet.provider(name)
        assert sum(own.failures.model_dump().values()) == 0
        assert (own.host_sigma, own.job_sigma, own.price_spread, own.pull.sigma, own.boot.sigma) == (0, 0, 0, 0, 0)
        assert own.price == default.provider(name).price


def test_the_hostile_world_is_worse_than_the_default_in_every_way() -> None:
    hostile, default = load_world("hostile"), load_world("default")
    for name in PROVIDERS:
        bad, good = hostile.provider(name), default.provider(name)
        assert sum(bad.failures.model_dump().values()) > 2 * sum(good.failures.model_dump().values())
        assert bad.host_sigma > good.host_sigma
        assert bad.billing.lag_s > good.billing.lag_s
    assert any(hostile.provider(name).billing.late_correction for name in PROVIDERS)
    assert any(hostile.provider(name).billing.phantom_share for name in PROVIDERS)


def test_measured_step_times_are_those_of_the_recording() -> None:
    gpus = json.loads(STEP_TIMES.read_text(encoding="utf-8"))["gpus"]
    models = load_world("default").models
    for ours, theirs in (("H100", "H100 80GB HBM3"), ("H200", "H200 141GB")):
        assert models["flux-dev"].step[ours].s == gpus[theirs]["flux-dev_1024_step_s"]["median"]
        assert models["qwen-image-2512"].step[ours].s == gpus[theirs]["qwen_1328_forward_s"]["median"]


def test_what_was_not_measured_says_that_it_is_assumed() -> None:
    for name in shipped():
        for model in load_world(name).models.values():
            for gpu, step in model.step.items():
                assert step.source.startswith("measured: " if gpu in ("H100", "H200") else "assumed: "), (name, gpu)


def test_every_figure_of_a_shipped_world_has_a_ground() -> None:
    for name in shipped():
        found = list(sources(tomllib.loads((SHIPPED / f"{name}.toml").read_text(encoding="utf-8"))))
        assert len(found) > (1 if name == "demo" else 50)
        assert all(re.match(r"(measured|published|assumed): \S", source) for source in found)


def test_a_world_laid_over_another_differs_in_what_it_states_and_in_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('over = "default"\nname = "mine"\n[vast]\nday_drift = 0.2\ngrounds.day_drift = "assumed: a test"\n')
    mine, base = load_world(str(path)), load_world("default")

    assert (mine.name, mine.vast.day_drift, base.vast.day_drift) == ("mine", 0.2, 0.0)
    assert (mine.modal, mine.runpod, mine.models) == (base.modal, base.runpod, base.models)
    assert mine.vast.price == base.vast.price
    path.write_text('over = "nowhere"\n')
    with pytest.raises(WorldError, match=r"no world 'nowhere' to lay this one over\. Name one of default"):
        load_world(str(path))


# ---------------------------------------------------------------- refusals

WRONG = [
    ("overhead_s = 0.6", 'overhead_s = "long"', "modal.overhead_s"),
    ("overhead_s = 0.6", "overhead_s = -1", "modal.overhead_s"),
    ("s = 0.1811", "s = 0", "models.flux-dev.step.H100.s"),
    ("host_sigma = 0.02", "host_sigma = 3", "modal.host_sigma"),
    ("host_sigma = 0.02", "host_sigmo = 0.02", "modal.host_sigma"),
    ("cpu_core_usd_s", "cpu_cores_usd_s", "modal.cpu_cores_usd_s"),
    ('"measured: median of 12', '"rumour: median of 12', "models.flux-dev.step.H100.source"),
    ("epoch = 2026-11-02T08:00:00Z", "epoch = 2026-11-02T08:00:00", "epoch"),
    ("[models.flux-dev]", "[models.sdxl]", "models.sdxl"),
    ("worker_lost = 0.002 }", "worker_lost = 0.002, black = 1 }", "modal.failures"),
    ("worker_lost = 0.002 }", "worker_lost = 1.5 }", "modal.failures.worker_lost"),
    ("lag_s = 600", "lag_s = 600, late_correction = 0.9", "modal.billing.late_correction"),
]


@pytest.mark.parametrize(("old", "new", "field"), WRONG)
def test_a_wrong_field_is_named_with_the_way_out(tmp_path: Path, old: str, new: str, field: str) -> None:
    path = edited(tmp_path, old, new)
    with pytest.raises(WorldError) as caught:
        load_world(path)
    said = str(caught.value)
    assert f"{path} is wrong at '{field}'" in said
    assert said.endswith("See docs/reference/world.md.")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("price.H200 = { usd_per_s = 0.001261", "price.B200 = { usd_per_s = 0.001261", "H200, which has no price"),
        (
            'variant = "modal"',
            'variant = "modal"\nrestore_share = 0.5\ngrounds.restore_share = "assumed: x"',
            "restore_share needs a restore duration",
        ),
        ('variant = "modal"', 'variant = "modal"\nprice_spread = 0.1', "grounds does not say where price_spread comes"),
        ('grounds.job_sigma = "assumed: 3 %', 'grounds.jobs = "assumed: 3 %', "where job_sigma comes from"),
        (
            'variant = "modal"',
            'variant = "modal"\ngrounds.price = "assumed: x"',
            "grounds names price, which needs none",
        ),
        ("load.vast = { median_s = 19.0", "load.lambda = { median_s = 19.0", "models.flux-dev.load has no vast"),
        ("worker_lost = 0.002 }", "worker_lost = 0.6, black = 0.6 }", "add up to more than 1"),
    ],
)
def test_a_world_that_contradicts_itself_says_how(tmp_path: Path, old: str, new: str, why: str) -> None:
    with pytest.raises(WorldError, match=re.escape(why)):
        load_world(edited(tmp_path, old, new))


def test_an_unknown_world_is_answered_with_the_known_ones() -> None:
    with pytest.raises(WorldError, match=r"no world 'nowhere'\. Name one of default, demo, hostile, quiet, or a TOML"):
        load_world("nowhere")


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe\x00", b""])
def test_a_file_that_is_no_world_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.toml"
    path.write_bytes(content)
    with pytest.raises(WorldError) as caught:
        load_world(str(path))
    assert str(path) in str(caught.value)


def test_a_folder_is_no_world(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="cannot be read"):
        load_world(str(tmp_path))


def test_a_world_of_ones_own_is_read_from_its_path(tmp_path: Path) -> None:
    path = edited(tmp_path, "overhead_s = 0.6", "overhead_s = 0.9")
    assert load_world(path).modal.overhead_s == 0.9


def test_a_world_cannot_be_changed_once_it_is_made() -> None:
    world = load_world("quiet")
    with pytest.raises(ValueError, match="frozen"):
        world.modal.overhead_s = 1.0  # type: ignore[misc]


def test_a_provider_that_no_world_has_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_world("quiet").provider("lambda")
    assert isinstance(load_world("quiet"), World)
