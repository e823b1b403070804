"""What is sent to Vast.ai: the search for an offer, the order of a machine, and a job for its wrapper."""

import base64
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import workflows

WRAPPER_PORT = "8288"
DISK_GB = 80  # image 20 GB, the largest workflow's files 34 GB, outputs and room to unpack
_ROOM_GB = 45
# Our GPU names in the market's words, with spaces on the wire, and the least VRAM in MB that tells twins apart (an
# A100 of 40 GB has the same name). H100 is SXM alone: PCIE and NVL are other, slower cards.
GPUS: Mapping[str, tuple[Sequence[str], int]] = {
    "RTX 4090": (("RTX 4090",), 24_000),
    "RTX 5090": (("RTX 5090",), 32_000),
    "L40S": (("L40S",), 45_000),
    "A100-80GB": (("A100 SXM4", "A100 PCIE"), 79_000),
    "H100": (("H100 SXM",), 79_000),
    "H200": (("H200",), 140_000),
}
# The floors of Vast's own QA (2026-08-21) where it has one; reliability is the share of time a host was up.
_FLOORS: Mapping[str, Any] = {"reliability": {"gte": 0.98}, "inet_down": {"gte": 500}, "direct_port_count": {"gte": 2}}
# The image starts a service only if the portal names it, and proxies the first port to the second behind the password.
_PORTAL = "localhost:8188:18188:/:ComfyUI|localhost:8288:18288:/docs:API Wrapper"


def search_body(gpu: str, image: str, *, max_life_s: float) -> dict[str, Any]:
    """A search for on-demand offers of one such GPU on verified hosts, cheapest first."""
    names, vram_mb = GPUS[gpu]
    cuda = re.search(r"cuda-(\d+\.\d+)", image)
    return {
        "type": "ondemand",
        "verified": {"eq": True},
        "rentable": {"eq": True},
        "rented": {"eq": False},
        "num_gpus": {"eq": 1},
        "gpu_name": {"in": list(names)},
        "gpu_ram": {"gte": vram_mb},
        "disk_space": {"gte": DISK_GB},
        "duration": {"gte": max_life_s},
        **_FLOORS,
        **({"cuda_max_good": {"gte": float(cuda[1])}} if cuda else {}),
        "order": [["dph_base", "asc"]],
        "allocated_storage": DISK_GB,
        "limit": 40,
    }


@dataclass(frozen=True, kw_only=True, repr=False)
class Launch:
    """What a new instance is told. Has no repr: it holds the password and the download token."""

    label: str
    image: str
    model_gb: float
    files: Sequence[tuple[str, int, str]]  # path below ComfyUI's models, bytes, address
    password: str
    hf_token: str | None
    provision: str  # the script, run once before ComfyUI starts
    console_url: str
    max_life_s: int

    def body(self) -> dict[str, Any]:
        """The body of the one paid call. `price` stays out: it would make the instance interruptible."""
        return {
            "client_id": "me",
            "image": self.image,
            "label": self.label,
            "disk": max(DISK_GB, math.ceil(self.model_gb) + _ROOM_GB),
            "env": self._env(),
            "onstart": self._onstart(),
            "runtype": "ssh_direct",
            "target_state": "running",
            # Otherwise an unavailable host leaves a stopped instance whose storage is billed.
            "cancel_unavail": True,
        }

    def _env(self) -> dict[str, str]:
        """A JSON object, ports as keys: the OpenAPI shows a flag string and is wrong (guide and client agree)."""
        env = {
            f"-p {WRAPPER_PORT}:{WRAPPER_PORT}": "1",
            "PORTAL_CONFIG": _PORTAL,
            "COMFYUI_API_BASE": "http://localhost:18188",  # 8188 is the portal's, and asks for the password
            "WEB_PASSWORD": self.password,
            "PROVISIONING_SCRIPT": "/provisioning.sh",
            "PROVISIONER_FAILURE_ACTION": "destroy",  # a host that cannot download is of no use
            "BAKEOFF_FILES": ";".join(f"{path}|{size}|{url}" for path, size, url in self.files),
        }
        return env | ({"HF_TOKEN": self.hf_token} if self.hf_token else {})

    def _onstart(self) -> str:
        """Write the provisioning script, set the dead man's timer, start the image.

        The timer ends the rental even if we are gone: CONTAINER_API_KEY can destroy its own instance and nothing else
        (Vast.ai guide), so our key never reaches the machine.
        """
        script = base64.b64encode(self.provision.encode()).decode()
        url = shlex.quote(f"{self.console_url}/api/v0/instances/")
        destroy = (
            f'curl -fsS --retry 20 --retry-all-errors -X DELETE {url}"$CONTAINER_ID/"'
            ' -H "Authorization: Bearer $CONTAINER_API_KEY"'
            " -H 'Content-Type: application/json' -d '{}'"
        )
        return "\n".join(
            [
                f"echo {script} | base64 -d > /provisioning.sh && chmod +x /provisioning.sh",
                f"(sleep {self.max_life_s}; {destroy}) >/dev/null 2>&1 &",
                "entrypoint.sh",
            ]
        )


def files_of(workflow: str) -> list[tuple[str, int, str]]:
    """The model files that a machine fetches by itself: path below ComfyUI's models, bytes, address."""
    return [
        (file.path, file.size_bytes, f"https://huggingface.co/{file.repo}/resolve/main/{file.repo_path}")
        for file in workflows.load(workflow).files
    ]


def job_body(graph: Mapping[str, Any], key: str) -> dict[str, Any]:
    """One job; its own name lets a lost answer be looked up."""
    return {"input": {"request_id": key, "workflow_json": dict(graph), "return_outputs_as_base64": True}}
