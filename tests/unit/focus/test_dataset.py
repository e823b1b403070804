"""The FOCUS dataset says what the billing lines say."""

import polars as pl
from polars.testing import assert_frame_equal

from analysis.focus_columns import FOCUS
from tests.unit.focus.world import exported, lines


def test_all_three_providers_are_in_it_with_the_columns_and_types_that_are_promised() -> None:
    found = exported()
    assert found.schema == pl.Schema(FOCUS)
    assert set(found["ProviderName"]) == {"Modal", "Runpod", "Vast.ai"}


def test_the_sums_are_those_of_the_lines_to_the_nano_dollar() -> None:
    ours = lines().filter("counts").group_by("provider").agg(pl.col("billed_nano").sum()).sort("provider")
    label = {"Modal": "modal", "Runpod": "runpod", "Vast.ai": "vast"}
    theirs = (
        exported()
        .group_by(provider=pl.col("ProviderName").replace_strict(label))
        .agg(billed_nano=(pl.col("BilledCost").sum() * 10**9).cast(pl.Int64))
        .sort("provider")
    )
    assert_frame_equal(ours, theirs)
