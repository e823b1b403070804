"""What takes hours is kept as it is found, a JSON line each, so that a second call goes on after it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def rows(file: Path) -> list[dict[str, Any]]:
    """What earlier calls kept; the last line may be half of one, where a call was ended."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]


def add(row: Mapping[str, Any], file: Path) -> None:
    """One more."""
    with file.open("a") as lines:
        lines.write(f"\n{json.dumps(row)}")  # the line break first: half a line before it must not spoil this one
