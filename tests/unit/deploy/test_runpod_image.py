"""What the Runpod image is built from: every weight file of the workflow, where ComfyUI looks for it."""

import subprocess
import sys
from pathlib import Path

import pytest

import workflows
from deploy.runpod.models import lines

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", workflows.names())
def test_each_weight_file_is_named_with_its_place_size_and_source(name: str) -> None:
    rows = [line.split("|") for line in lines(name)]
    files = workflows.load(name).files
    assert [path for path, _, _ in rows] == [file.path for file in files]
    assert [int(size) for _, size, _ in rows] == [file.size_bytes for file in files]
    assert all(url.startswith("https://huggingface.co/") and url.endswith(".safetensors") for _, _, url in rows)


def test_as_a_command_it_prints_the_lines_and_refuses_an_unknown_workflow_in_one_sentence() -> None:
    command = [sys.executable, "-m", "deploy.runpod.models"]
    good = subprocess.run([*command, "flux-dev"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert good.stdout.splitlines() == lines("flux-dev")
    bad = subprocess.run([*command, "flux-def"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("There is no workflow 'flux-def'; did you mean flux-dev?")
