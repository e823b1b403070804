"""The web server as a child of `demo` and `up`: `python -m cli.web ADDRESS PORT`. It ends with its supervisor."""

import sys
from pathlib import Path

import uvicorn

from cli.processes import end_with_parent

ROOT = Path(__file__).resolve().parent.parent


def main(address: str, port: int) -> None:
    """Serve until SIGTERM; open pages are cut off after a moment."""
    end_with_parent()
    uvicorn.run("app:app", app_dir=str(ROOT), host=address, port=port, log_level="warning", timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
