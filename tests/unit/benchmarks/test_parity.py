"""The benchmark of image parity: its pool, its draws and its bounds; and on few small pictures, what it says."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import parity
from benchmarks.parity import BOUNDS, EQUAL, KINDS, ROWS, holds, main, pool, rendered, share_alike
from workflows.prompts import draw

FP8, QUARTER, HALF = "fp8 for bf16", "a quarter of the steps", "half of the steps"


def invented(count: int = ROWS, **shift: float) -> list[dict[str, float]]:
    """Distances without a picture: every kind as the equal one, but for those that are shifted."""
    dice = np.random.default_rng(4)
    return [
        {kind: float(dice.uniform(0.001, 0.002)) + shift.get(kind.split()[0], 0.0) for kind in KINDS}
        for _ in range(count)
    ]


def kept(path: Path, rows: list[dict[str, float]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_swaps_fail_and_equal_pictures_pass_on_few_and_small_ones() -> None:
    """80 prompts at 96 px. 21 pairs pass with none beyond: equal ones do where the largest of 80 is among the 59."""
    found = pool([parity.row(job, side=96) for job in draw(80, 5)])

    for swap in (FP8, QUARTER, HALF):
        assert share_alike(found, swap, pairs=21, sets=300) <= 0.01
    assert share_alike(found, EQUAL, pairs=21, sets=300) == pytest.approx(59 / 80, abs=0.08)


def test_sets_of_the_same_pool_pass_as_often_as_they_should() -> None:
    assert share_alike(pool(invented()), EQUAL) == pytest.approx(0.97, abs=0.02)


def test_another_pool_of_the_same_law_passes_about_as_often() -> None:
    """Of 600 pairs each: the 95 % quantiles of the two pools lie .013 apart in rank (1 sd), and the share with them."""
    assert share_alike(pool(invented()), FP8) == pytest.approx(0.97, abs=0.05)


def test_a_pool_that_is_too_small_for_a_set_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 119 pairs, and there are 118"):
        share_alike(pool(invented(118)), EQUAL)


@pytest.mark.parametrize(
    ("kind", "share", "kept"),
    [(EQUAL, 0.955, True), (EQUAL, 0.985, True), (EQUAL, 0.954, False), (EQUAL, 0.986, False)]
    + [(swap, share, share <= 0.01) for swap in (FP8, QUARTER, HALF) for share in (0.0, 0.01, 0.012)],
)
def test_the_bounds_are_those_that_were_asked_for(kind: str, share: float, kept: bool) -> None:
    assert holds(kind, share) is kept


def test_what_is_shown_without_a_promise_always_holds() -> None:
    (free,) = KINDS.keys() - BOUNDS.keys()
    assert holds(free, 0.0)
    assert holds(free, 1.0)


def test_a_second_call_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    file = tmp_path / "pool"
    assert len(rendered(4, keep=file, most=1)) == 1
    again = rendered(4, keep=file, most=1)

    assert len(again) == 2
    assert [json.loads(line) for line in file.read_text().splitlines()] == again
    assert again[0] != again[1]
    assert rendered(2, keep=file, most=0) == again


@pytest.mark.parametrize("line", ["no json", "[]", '{"equal": 0.1}'])
def test_a_strange_file_is_refused_and_not_added_to(tmp_path: Path, line: str) -> None:
    file = tmp_path / "notes"
    file.write_text(line + "\n")

    with pytest.raises(ValueError, match="line 1: no row of this benchmark"):
        rendered(4, keep=file, most=1)
    assert file.read_text() == line + "\n"


def test_it_tells_how_many_are_still_to_be_rendered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = kept(tmp_path / "pool", invented(7))

    assert main(["--pool", str(file), "--rows", "0"]) == 2
    assert "7 of 600" in capsys.readouterr().out


def test_it_ends_well_where_every_bound_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = kept(tmp_path / "pool", invented(fp8=0.1, a=0.1, half=0.1))

    assert main(["--pool", str(file)]) == 0
    said = capsys.readouterr().out
    assert "SIMULATED" in said
    assert "NO" not in said


@pytest.mark.parametrize("missed", ["fp8", "a", "half"])
def test_it_fails_where_a_swap_passes(tmp_path: Path, missed: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = {"fp8": 0.1, "a": 0.1, "half": 0.1}
    file = kept(tmp_path / "pool", invented(**{name: shift for name, shift in found.items() if name != missed}))

    assert main(["--pool", str(file), "--sets", "200"]) == 1
    assert capsys.readouterr().out.count("NO") == 1
