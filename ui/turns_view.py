"""What would change a ruling: the frames of the charts T and V, and every input that turns it in a table. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from analysis.traffic.breakeven import CURVE
from analysis.traffic.profile import DAYS_PER_MONTH
from ui.charts.kit import Spec
from ui.charts.tornado import tornado
from ui.charts.volume import volume
from ui.names import provider_of
from ui.traffic_view import volume_rows, volume_title
from words import called

Document = Mapping[str, Any]
_NOWHERE = "nowhere"
_TORNADO = pl.Schema(
    {
        **dict.fromkeys(("row", "flip", "ends", "key"), pl.String()),
        **dict.fromkeys(("low", "high", "now"), pl.Float64()),
        "simulated": pl.Boolean(),
    }
)


class Bars(NamedTuple):
    """The frame of T, what its axis is, and below what it is grey."""

    rows: pl.DataFrame
    limit: float
    title: str
    axis_format: str
    grey: str

    @property
    def spec(self) -> Spec:
        return tornado(self.rows, limit=self.limit, title=self.title, axis_format=self.axis_format)


def bars(turns: Sequence[Document], said: Document, *, candidate: str) -> Bars:
    """Of the assumptions that move money: in dollars of the first year, or while operations are not timed the saving.

    turns: rows of `flips.FLIPS`.
    """
    known = any(row["year_usd"] is not None for row in turns)
    name = "year_usd" if known else "saving"
    found = [_bar(row, name, provider_of(candidate), simulated=said["simulated"]) for row in turns if row["typed"]]
    moved = [row for row in found if row is not None]
    moved.sort(key=lambda row: row["low"] - row["high"])
    rows = pl.DataFrame(moved, schema=_TORNADO)
    if known:
        return Bars(rows, 0.0, "net of the first year, the move paid", "$,.0f", "the move does not pay back in a year")
    asked = float(said["card"]["terms"]["margins.saving"])
    return Bars(rows, asked, "saving at equal service", ".0%", "less than the card asks for")


def _bar(row: Document, name: str, key: str, *, simulated: bool) -> dict[str, Any] | None:
    """None where it moves nothing that is known."""
    ends = [row[f"{name}{end}"] for end in ("_low", "", "_high")]
    if None in ends or max(ends) == min(ends):
        return None
    return {
        "row": row["short"], "low": min(ends), "high": max(ends), "now": row[name], "key": key, "simulated": simulated,
        "flip": row["flip_text"] or _NOWHERE, "ends": row["range_text"],
    }  # fmt: skip


def rows(turns: Sequence[Document]) -> list[dict[str, str]]:
    """A row for each input that turns the ruling, in the order of the levers."""
    return [
        {"What": row["lever"], "Now": row["now_text"], "Turns at": row["flip_text"], "So that": row["sentence"]}
        for row in turns
        if row["flip"] is not None
    ]


# ---------------------------------------------------------------- volume


def lines(volumes: Sequence[Document], said: Document, workflow: str) -> pl.DataFrame:
    """The frame of V: images a month, $ per 1,000. volumes: rows of `analysis.verdict.volumes.rows`."""
    mine = [row for row in volumes if row["workflow"] == workflow]
    frame = pl.DataFrame(mine, schema=_SCHEMA) if mine else pl.DataFrame(schema=_SCHEMA)
    drawn = volume_rows(frame, dashed(mine, said, workflow), simulated=said["simulated"])
    return drawn.with_columns(pl.col("x") * DAYS_PER_MONTH)


_COLUMNS = ("option", "per_day", "usd_per_image_nano", "usd_per_image_low_nano", "usd_per_image_high_nano")
_SCHEMA = pl.Schema({name: CURVE[name] for name in _COLUMNS})


def dashed(volumes: Sequence[Document], said: Document, workflow: str) -> list[str]:
    """Providers that fail a limit, or of which no setting is known to serve as well."""
    mine = [row for row in said["candidates"] if row["workflow"] == workflow]
    failing = {called(row["candidate"]) for row in mine if any(gate["harm"] for gate in row["gates"])}
    return sorted({row["option"] for row in volumes if row["option"] in failing or not row["serves"]})


def at_volume(volumes: Sequence[Document], images: float) -> str:
    """At 38,000 a month Runpod is cheapest: $14.8 per 1,000, Modal $21.4. volumes: of one workflow."""
    near = min((row["per_day"] for row in volumes), key=lambda each: abs(each * DAYS_PER_MONTH - images))
    here = [row for row in volumes if row["per_day"] == near]
    return volume_title(pl.DataFrame(here, schema=_SCHEMA), images, "a month")


def ours(said: Document, workflow: str) -> float:
    """Images a month of that workflow."""
    return float(said["images_per_month"][workflow])


def volume_spec(volumes: Sequence[Document], said: Document, workflow: str, *, at: float | None = None) -> Spec:
    """at: another volume that the rule stands at; None: ours."""
    here = ours(said, workflow) if at is None else at
    return volume(lines(volumes, said, workflow), marks=pl.DataFrame(), ours=here, unit="images a month")
