"""The script that brings the model files to a machine, run by bash and curl against a server on loopback."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from backends.vast.adapter import PROVISION

TOKEN = "canary-hf-token"


@dataclass
class Hub:
    """A file server that remembers who asked with which token."""

    files: dict[str, bytes] = field(default_factory=dict)
    tokens: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def hub() -> Iterator[Hub]:
    served = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.tokens.append(self.headers.get("Authorization"))
            body = served.files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def provision(workspace: Path, files: str | None, *, token: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "WORKSPACE": str(workspace)}
    env |= {} if files is None else {"BAKEOFF_FILES": files}
    env |= {"HF_TOKEN": token} if token else {}
    return subprocess.run(["bash", str(PROVISION)], env=env, capture_output=True, text=True, check=False)


def model(workspace: Path, path: str) -> Path:
    return workspace / "ComfyUI" / "models" / path


class TestProvisioning:
    """Collected where curl is; the image that runs the script has it."""

    __test__ = shutil.which("curl") is not None

    def test_every_file_arrives_whole_under_its_folder(self, hub: Hub, tmp_path: Path) -> None:
        hub.files = {"/a": b"weights", "/b": b"vae"}
        done = provision(tmp_path, f"unet/a.safetensors|7|{hub.url}/a;vae/b.safetensors|3|{hub.url}/b", token=TOKEN)

        assert done.returncode == 0, done.stderr
        assert model(tmp_path, "unet/a.safetensors").read_bytes() == b"weights"
        assert model(tmp_path, "vae/b.safetensors").read_bytes() == b"vae"
        assert hub.tokens == [f"Bearer {TOKEN}"] * 2
        assert TOKEN not in done.stdout + done.stderr

    def test_without_a_token_none_is_sent(self, hub: Hub, tmp_path: Path) -> None:
        hub.files = {"/a": b"weights"}

        assert provision(tmp_path, f"unet/a|7|{hub.url}/a").returncode == 0
        assert hub.tokens == [None]

    def test_a_file_of_the_wrong_size_fails_and_is_never_seen_by_comfyui(self, hub: Hub, tmp_path: Path) -> None:
        hub.files = {"/a": b"half"}
        done = provision(tmp_path, f"unet/a|7|{hub.url}/a")

        assert done.returncode != 0
        assert "4 bytes, not 7" in done.stderr
        assert list(model(tmp_path, "unet").iterdir()) == []

    def test_a_file_that_is_there_is_not_brought_again(self, hub: Hub, tmp_path: Path) -> None:
        model(tmp_path, "unet").mkdir(parents=True)
        model(tmp_path, "unet/a").write_bytes(b"weights")

        assert provision(tmp_path, f"unet/a|7|{hub.url}/a").returncode == 0
        assert hub.tokens == []

    def test_without_a_list_it_fails(self, tmp_path: Path) -> None:
        assert provision(tmp_path, None).returncode != 0
