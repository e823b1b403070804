"""A load profile as typed: `--load "poisson n=100 per_hour=42"`, or a file of instants for `--trace`."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from analysis.arrivals import LoadError, data_of, load_typed
from analysis.traces import read_trace
from cli.output import Refused

MOST_BYTES = 1_000_000  # a trace of 10,000 instants has a third of it


def load_asked(text: str | None, trace: Path | None, *, now: datetime) -> Mapping[str, Any] | None:
    """The load that was asked for as data of a run; None without one. Raises Refused."""
    if text is not None and trace is not None:
        raise Refused("Name either --load or --trace.")
    try:
        if trace is not None:
            return data_of(read_trace(_text_of(trace), now=now))
        return None if text is None else data_of(load_typed(text))
    except LoadError as error:
        raise Refused(str(error)) from None


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise Refused(f"The trace {path} is larger than {MOST_BYTES // 1000:,} KB: a run takes 10,000 instants.")
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"The trace {path} cannot be read: {error}.") from None
