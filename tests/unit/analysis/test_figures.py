"""The team's own figures of each provider's pictures: medians over different pictures, with limits."""

import polars as pl
import pytest

from analysis import schema, stats
from analysis.figures import FIGURES, figures


def images(*rows: dict[str, object]) -> pl.DataFrame:
    given = {"workflow": "flux-dev", "backend": "modal", "good": True, **dict.fromkeys(FIGURES, 1.0)}
    whole = [{**dict.fromkeys(schema.IMAGES), **given, **row} for row in rows]
    return pl.DataFrame(whole, schema=schema.IMAGES)


def test_a_picture_that_comes_again_counts_once_and_a_broken_one_not_at_all() -> None:
    made = [{"sha256": str(n), "sharpness": float(n)} for n in range(1, 8)]
    (row,) = figures(images(*made, *[made[0]] * 20, {"sha256": "black", "sharpness": 0.0, "good": False}))

    values = list(range(1, 8))
    limits = stats.quantile_limits(values, values, 0.5)
    assert (row["n"], row["sharpness"]) == (7, 4.0)
    assert (row["sharpness_lo"], row["sharpness_hi"]) == (limits.low, limits.high)
    assert (limits.low, limits.high) != (None, None)


def test_too_few_pictures_have_a_median_and_no_limits() -> None:
    (row,) = figures(images(*({"sha256": str(n)} for n in range(3))))

    assert (row["contrast"], row["contrast_lo"], row["contrast_hi"]) == (1.0, None, None)


@pytest.mark.parametrize("name", FIGURES)
def test_what_was_never_measured_is_null(name: str) -> None:
    (row,) = figures(images({"sha256": "a", name: None}))

    assert row[name] is None


def test_each_workflow_and_provider_has_its_row_in_order() -> None:
    found = figures(images(*({"sha256": "a", "backend": name} for name in ("vast", "modal")), {"sha256": "a"}))

    assert [(row["backend"], row["n"]) for row in found] == [("modal", 1), ("vast", 1)]
