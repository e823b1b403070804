"""What the team's own figures say of each provider's pictures: sharpness, brightness, contrast, colourfulness. Pure.

They describe, and judge nobody: another seed moves them as much as another provider does.
"""

from typing import Any

import polars as pl

from analysis import stats

FIGURES = ("sharpness", "brightness", "contrast", "colourfulness")
_OF = ("workflow", "backend")


def figures(images: pl.DataFrame) -> list[dict[str, Any]]:
    """By workflow and backend the median of each with its two-sided 95 % limits, one picture each of a prompt and seed.

    Input `schema.IMAGES`. The list of prompts and seeds is the same in each block, and what another host makes of one
    is hardly another picture: counted again it would only feign certainty. n: pictures with all four figures, of which
    those checked before colourfulness was measured have none. A limit is null where n is too small for one.
    """
    whole = images.filter("good").drop_nulls(FIGURES)
    seen = whole.unique([*_OF, "prompt_id", "seed"], keep="first", maintain_order=True)
    groups = sorted(seen.partition_by(*_OF, as_dict=True).items())
    return [{**dict(zip(_OF, map(str, key), strict=True)), **_row(mine)} for key, mine in groups]


def _row(mine: pl.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {"n": mine.height}
    for name in FIGURES:
        values = mine[name].to_numpy()
        limits = stats.Limits(None, None)
        if not stats.needs(values.size, stats.min_n(0.5)):
            limits = stats.quantile_limits(values, values, 0.5)
        found |= {
            name: stats.quantile(values, 0.5),
            f"{name}_lo": limits.low,
            f"{name}_hi": limits.high,
        }
    return found
