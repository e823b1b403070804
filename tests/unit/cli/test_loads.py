"""A load as typed: data of a run, or one sentence."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.loads import MOST_BYTES, load_asked
from cli.output import Refused

NOW = datetime(2026, 11, 3, tzinfo=UTC)


def test_a_typed_load_becomes_the_data_of_a_run() -> None:
    asked = load_asked("poisson n=100 per_hour=42.5", None, now=NOW)
    assert asked == {"profile": "poisson", "n": 100, "per_hour": 42.5, "seed": 1}
    assert load_asked(None, None, now=NOW) is None


def test_a_trace_file_becomes_its_offsets(tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text("\ufeffat\n2026-11-02T08:00:00Z\n2026-11-02T08:00:02Z\n")
    assert load_asked(None, path, now=NOW) == {"profile": "trace", "offsets_s": [0.0, 2.0]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("poisson n=100 rate", "'rate' of the load is no name=value"),
        ("poisson n=many per_hour=4", "n of the load must be a number, not 'many'"),
        ("poisson n=100 per_hour=0", "per_hour must be above 0"),
        ("storm n=1", "no load profile 'storm'"),
    ],
)
def test_a_load_that_cannot_be_laid_out_is_refused(text: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        load_asked(text, None, now=NOW)
    assert said in str(refused.value)


def test_a_trace_that_is_missing_no_text_too_large_or_named_beside_a_load_is_refused(tmp_path: Path) -> None:
    binary, large = tmp_path / "binary", tmp_path / "large"
    binary.write_bytes(b"\xff\xfe\x00")
    large.write_bytes(b"2026" * MOST_BYTES)
    for path, said in (
        (tmp_path / "none", "cannot be read"),
        (binary, "cannot be read"),
        (large, "larger than 1,000 KB"),
    ):
        with pytest.raises(Refused, match=said):
            load_asked(None, path, now=NOW)
    with pytest.raises(Refused, match="either"):
        load_asked("sequential n=1", binary, now=NOW)
