"""A small headless demo in a process of its own, on real sockets."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from storage.db import DataFolder, FolderUnusable, open_reader
from storage.models import Collector, Job

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-7f3a9d"  # must never be found in what a demo writes
KEYS = {
    "RUNPOD_API_KEY": f"rpa-{CANARY}",
    "VAST_API_KEY": f"vast-{CANARY}",
    "MODAL_TOKEN_ID": f"ak-{CANARY}",
    "MODAL_TOKEN_SECRET": f"as-{CANARY}",
    "HF_TOKEN": f"hf-{CANARY}",
}
SMALL = ["--no-past", "--workflow", "flux-dev", "--warm", "8", "--cold", "2", "--speed", "10"]
LIMIT_S = 240


class Demo:
    """A small headless demo in a process of its own."""

    def __init__(self, path: Path, *, seed: int) -> None:
        self.folder = DataFolder(path)
        command = [sys.executable, "-m", "cli.main", "demo", "--headless", "--json", "--data", str(path)]
        self.process = subprocess.Popen(
            [*command, "--seed", str(seed), *SMALL],
            cwd=ROOT,
            env={**os.environ, **KEYS},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Its simulator and its collector see that it is gone, and end too."""
        self.process.kill()
        self.process.communicate()

    def finish(self) -> tuple[dict[str, Any], str]:
        """The one document on stdout, and what was said on stderr."""
        out, said = self.process.communicate(timeout=LIMIT_S)
        assert self.process.returncode == 0, said
        return json.loads(out), said

    def reading(self) -> Session:
        """A session on the demo's tables."""
        return Session(open_reader(self.folder.db))

    def collector(self, after: int | None = None) -> int:
        """The collector's pid, once there is one other than `after` and it has jobs to drive."""
        while self.process.poll() is None:
            with contextlib.suppress(FolderUnusable, OperationalError):  # no database yet, or one without tables
                if (found := self._collector()) not in (None, after):
                    return found
            time.sleep(0.2)
        raise AssertionError(self.process.communicate()[1])

    def _collector(self) -> int | None:
        with self.reading() as session:
            row = session.get(Collector, 1)
            return row.pid if row and session.exec(select(Job.id)).first() else None
