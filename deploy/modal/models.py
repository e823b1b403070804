"""Fill the volume of model weights, once per workflow: `modal run deploy/modal/models.py --workflow flux-dev`.

Needs a Modal secret "huggingface" with HF_TOKEN: flux-dev is gated and its licence has to be accepted first. Costs the
minutes of one CPU container; the first TiB of a volume is free.
"""

import sys
import tomllib
from pathlib import Path
from typing import Any

import modal

MODELS, VOLUME = "/models", "bakeoff-models"
app = modal.App("models-for-bakeoff")  # not the prefix of deployments
volume = modal.Volume.from_name(VOLUME, create_if_missing=True)
image = modal.Image.debian_slim(python_version="3.11").uv_pip_install("huggingface-hub==0.36.0", "hf-transfer==0.1.9")


@app.function(
    image=image,
    volumes={MODELS: volume},
    secrets=[modal.Secret.from_name("huggingface")],
    env={"HF_HUB_ENABLE_HF_TRANSFER": "1"},
    timeout=7200,
)
def fetch(files: list[dict[str, Any]]) -> list[str]:
    """Download what is missing; gives one line per file. A file of the wrong size is an error."""
    import shutil

    from huggingface_hub import hf_hub_download  # type: ignore[import-not-found]

    lines = []
    for file in files:
        target = Path(MODELS, file["folder"], file["name"])
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(hf_hub_download(file["repo"], file["repo_path"]), target)
            volume.commit()
        if target.stat().st_size != file["size_bytes"]:
            raise ValueError(f"{target} has {target.stat().st_size} bytes, not {file['size_bytes']}")
        lines.append(f"{target} is there, {file['size_bytes'] / 1e9:.1f} GB")
    return lines


@app.local_entrypoint()
def main(workflow: str) -> None:
    """Read the files of a workflow of this repository and have them fetched."""
    definition = Path(__file__).parents[2] / "workflows" / workflow / "workflow.toml"
    files = tomllib.loads(definition.read_text(encoding="utf-8"))["files"]
    sys.stdout.write("\n".join(fetch.remote(files)) + "\n")
