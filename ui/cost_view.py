"""Where the dollars went: the waterfall's rows, marginal beside fully loaded, and the title of the cost view. Pure."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from analysis.attribution import UNEXPLAINED_LIMIT as UNEXPLAINED_LIMIT
from analysis.attribution import beyond_limit, unknown_work
from analysis.bases import FULLY_LOADED
from analysis.cost import weakest_state
from ui.formats import (
    Formatter,
    count,
    interval,
    listed,
    percent,
    quiet,
    signed_percent,
    state_glyph,
    three_figures,
)
from ui.names import in_order, label, provider_of
from words import Provider

PARTS = {
    "good_nano": "execution",
    "failed_nano": "failed jobs",
    "cold_nano": "cold start",
    "idle_nano": "idle",
    "storage_nano": "storage",
    "network_nano": "network",
    "fee_nano": "platform fee",
    "rounding_nano": "rounding",
    "unexplained_nano": "unexplained",
}
Fall = Mapping[str, Any]


def falls(waterfall: pl.DataFrame, deployments: pl.DataFrame) -> dict[str, Fall]:
    """Per backend the summed parts of its bills in nano-USD, with good_images, cost_state, billed and rented counts.

    Inputs `schema.WATERFALL` and `schema.DEPLOYMENT_COSTS`. Dollars and images are of the billed deployments alone.
    """
    images = deployments.select("deployment_id", "good_images")
    rented = dict(deployments.group_by("backend").len().iter_rows())
    summed = (
        waterfall.join(images, on="deployment_id", how="inner")
        .group_by("backend")
        .agg(
            pl.col([*PARTS, "billed_nano", "good_images", "unknown_jobs"]).sum(),
            weakest_state(pl.col("cost_state")),
            pl.len().alias("billed"),
            pl.col("simulated").any(),
        )
        .filter(pl.col("good_images") > 0)
    )
    found = {row["backend"]: {**row, "rented": rented[row["backend"]]} for row in summed.iter_rows(named=True)}
    return {name: found[name] for name in in_order(found)}


def waterfall_rows(backend: str, fall: Fall) -> pl.DataFrame:
    """The columns of the chart `waterfall`, in $ per 1,000 good images; parts that are nothing are left out."""
    rows: list[dict[str, object]] = []
    at = 0.0
    for column, name in PARTS.items():
        usd = _per_thousand(fall, column)
        if fall[column] == 0:
            continue
        key = "wait" if column == "unexplained_nano" else provider_of(backend)
        depth = 1.0 if column == "good_nano" else 0.5
        rows.append({"part": name, "low": at, "high": at + usd, "label": _figure(usd), "key": key, "depth": depth})
        at += usd
    total = _per_thousand(fall, "billed_nano")
    end = {"part": "billed", "low": 0.0, "high": total, "label": three_figures(total), "depth": 1.0}
    rows.append(end | {"key": provider_of(backend)})
    return pl.DataFrame(rows).with_columns(simulated=pl.lit(bool(fall["simulated"])))


def upper(all_falls: Mapping[str, Fall]) -> float:
    """The largest bill per 1,000: the axis end that the panels share."""
    return max((_per_thousand(fall, "billed_nano") for fall in all_falls.values()), default=1.0)


def unexplained_share(fall: Fall) -> float:
    """unexplained / billed, signed."""
    return float(fall["unexplained_nano"] / fall["billed_nano"]) if fall["billed_nano"] else 0.0


def fall_caption(fall: Fall) -> str:
    """● final · +0.5 % unexplained; how many deployments are billed, if not all; whose work is in idle, unknown"""
    part = "" if fall["billed"] == fall["rented"] else f" · {fall['billed']} of {fall['rented']} deployments billed"
    said = f"{state_glyph(fall['cost_state'])} · {signed_percent(unexplained_share(fall))} unexplained{part}"
    unknown = unknown_work(fall)
    return f"{said}. {unknown}" if unknown else said


def cost_title(all_falls: Mapping[str, Fall], arms: pl.DataFrame, bases: pl.DataFrame | None = None) -> str:
    """What the cheapest candidate saves, by its largest part; or why that cannot be said yet.

    `bases` (`bases.BASES`): where the limits of both meet, no difference shows. A bill that is open is not judged.
    """
    for name in in_order(all_falls):
        if beyond_limit(all_falls[name]):
            share = unexplained_share(all_falls[name])
            return f"{label(name)}'s bill does not add up: {percent(abs(share))} is unexplained"
    if not all_falls:
        return (
            "No bill yet: costs are estimates" if arms["estimated_usd"].drop_nulls().len() else "No cost is known yet"
        )
    base = all_falls.get(Provider.MODAL)
    candidates = [name for name in all_falls if name != Provider.MODAL]
    if base is None or not candidates:
        return f"Only {label(next(iter(all_falls)))} is billed yet"
    best = min(candidates, key=lambda name: _per_thousand(all_falls[name], "billed_nano"))
    return _no_difference(best, bases) or _saves(best, all_falls[best], base)


def basis_rows(bases: pl.DataFrame, basis: str) -> list[dict[str, str]]:
    """One basis per provider (`bases.BASES`) in four units; a number with its limits or why it has none."""
    mine = bases.filter(basis=basis)
    rows = []
    for name in in_order(mine["backend"].to_list()):
        units = {row["unit"]: row for row in mine.filter(backend=name).iter_rows(named=True)}
        image = units["image"]
        blocks = f"{count(image['blocks'])} {'block' if image['blocks'] == 1 else 'blocks'}"
        rows.append(
            {
                "Provider": label(name),
                "$ per 1,000": _with_limits(units["thousand_images"], three_figures),
                "$ per image": _of_unit(units["image"]),
                "$ per job": _of_unit(units["job"]),
                "$ per hour": _of_unit(units["hour"]),
                "$ per GPU-s": _of_unit(units["gpu_s"]),
                "n": f"{count(image['of_units'])} in {blocks}",
                "State": state_glyph(image["cost_state"]),
            }
        )
    return rows


def matched_bills(deployments: pl.DataFrame, waterfall: pl.DataFrame) -> dict[str, Fall]:
    """Per backend, of its billed deployments: billed_usd, estimated_usd, billed (how many), state.

    Inputs `schema.DEPLOYMENT_COSTS`, `schema.WATERFALL`.
    """
    summed = (
        deployments.join(waterfall.select("deployment_id"), on="deployment_id", how="inner")
        .group_by("backend")
        .agg(
            pl.col("billed_usd", "estimated_usd").sum(),
            pl.len().alias("billed"),
            weakest_state(pl.col("state")),
        )
    )
    found = {row["backend"]: row for row in summed.iter_rows(named=True)}
    return {name: found[name] for name in in_order(found)}


def change(bill: Fall | None) -> float | None:
    """Billed / estimated - 1; None where either is missing."""
    return bill["billed_usd"] / bill["estimated_usd"] - 1 if bill and bill["estimated_usd"] else None


def _saves(name: str, fall: Fall, base: Fall) -> str:
    mine, theirs = _per_thousand(fall, "billed_nano"), _per_thousand(base, "billed_nano")
    if mine >= theirs:
        return f"No candidate cost less than Modal: {label(name)} {three_figures(mine)} against {three_figures(theirs)}"
    column = max(PARTS, key=lambda part: _per_thousand(base, part) - _per_thousand(fall, part))
    part = _per_thousand(base, column) - _per_thousand(fall, column)
    return (
        f"{PARTS[column].capitalize()} is what {label(name)} saves: {three_figures(part)} "
        f"of {three_figures(theirs)} per 1,000"
    )


def _no_difference(name: str, bases: pl.DataFrame | None) -> str | None:
    """A sentence where the limits of both say that they may cost the same; None where they differ or are not known."""
    if bases is None:
        return None
    rows = bases.filter(basis=FULLY_LOADED, unit="thousand_images")
    both = [next(iter(rows.filter(backend=each).to_dicts()), None) for each in (name, Provider.MODAL.value)]
    if any(row is None or row["usd_lo"] is None or row["usd_hi"] is None for row in both):
        return None
    mine, base = (row for row in both if row is not None)
    if mine["usd_hi"] < base["usd_lo"] or mine["usd_lo"] > base["usd_hi"]:
        return None
    said = [
        f"{label(row['backend'])} {three_figures(row['usd'])} {_limits(row, three_figures)}" for row in (mine, base)
    ]
    return f"No cost difference shows yet: {listed(said)} per 1,000"


def _with_limits(row: Fall, write: Formatter) -> str:
    said = _limits(row, write) or (row["withheld"] or "")
    return f"{write(row['usd'])} {quiet(said)}".strip()


def _limits(row: Fall, write: Formatter) -> str:
    return interval(row["usd_lo"], row["usd_hi"], write)


def _of_unit(row: Fall) -> str:
    return three_figures(row["usd"])


def _per_thousand(fall: Fall, column: str) -> float:
    nano, images = float(fall[column]), float(fall["good_images"])
    return nano / 1e9 / images * 1000


def _figure(usd: float) -> str:
    """Without the sign, which the axis has; what is next to nothing says so."""
    return "<0.01" if 0 < abs(usd) < 0.005 else three_figures(usd).replace("$", "")
