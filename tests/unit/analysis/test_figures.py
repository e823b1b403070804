"""The team's own figures of each provider's pictures: medians over different pictures, with limits."""

import polars as pl
import pytest

from analysis import schema, stats
from analysis.figures import FIGURES, figures


def images(*rows: dict[str, object]) -> pl.DataFrame:
    given = {
        "workflow": "flux-dev",
        "backend": "modal",
        "good": True,
        "prompt_id": "p",
        "seed": 1,
        **dict.fromkeys(FIGURES, 1.0),
    }
    whole = [{**dict.fromkeys(schema.IMAGES), **given, **row} for row in rows]
    return pl.DataFrame(whole, schema=schema.IMAGES)


def test_what_other_hosts_make_of_a_prompt_and_seed_counts_once_and_a_broken_picture_not_at_all() -> None:
    made = [{"seed": n, "sharpness": float(n)} for n in range(1, 8)]
    hosts = [{"seed": 1, "sharpness": 1.0 + n / 100, "sha256": str(n)} for n in range(20)]
    (row,) = figures(images(*made, *hosts, {"seed": 99, "sharpness": 0.0, "good": False}))

    values = list(range(1, 8))
    limits = stats.quantile_limits(values, values, 0.5)
    assert (row["n"], row["sharpness"]) == (7, 4.0)
    assert (row["sharpness_lo"], row["sharpness_hi"]) == (limits.low, limits.high)
    assert (limits.low, limits.high) != (None, None)


def test_too_few_pictures_have_a_median_and_no_limits() -> None:
    (row,) = figures(images(*({"seed": n} for n in range(3))))

    assert (row["contrast"], row["contrast_lo"], row["contrast_hi"]) == (1.0, None, None)


@pytest.mark.parametrize("name", FIGURES)
def test_a_picture_that_lacks_a_figure_is_in_no_n(name: str) -> None:
    (row,) = figures(images({"seed": 1, name: None}, {"seed": 1}, {"seed": 2, name: None}))

    assert row["n"] == 1


def test_each_workflow_and_provider_has_its_row_in_order() -> None:
    found = figures(images(*({"backend": name} for name in ("vast", "modal")), {}))

    assert [(row["backend"], row["n"]) for row in found] == [("modal", 1), ("vast", 1)]
