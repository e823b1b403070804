"""Where the dollars went: the waterfall's rows, marginal beside fully loaded, and the title of the cost view. Pure."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from analysis.cost import weakest_state
from ui.formats import per_thousand, percent, signed_percent, state_glyph, three_figures, usd
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
UNEXPLAINED_LIMIT = 0.05
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
            pl.col([*PARTS, "billed_nano", "good_images"]).sum(),
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
    """● final · +0.5 % unexplained; how many deployments are billed, if not all"""
    part = "" if fall["billed"] == fall["rented"] else f" · {fall['billed']} of {fall['rented']} deployments billed"
    return f"{state_glyph(fall['cost_state'])} · {signed_percent(unexplained_share(fall))} unexplained{part}"


def cost_title(all_falls: Mapping[str, Fall], arms: pl.DataFrame) -> str:
    """What the cheapest candidate saves, by its largest part; or why that cannot be said yet."""
    for name in in_order(all_falls):
        share = unexplained_share(all_falls[name])
        if abs(share) > UNEXPLAINED_LIMIT:
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
    return _saves(best, all_falls[best], base)


def cost_table(arms: pl.DataFrame, bills: Mapping[str, Fall], marginal: Mapping[str, float | None]) -> pl.DataFrame:
    """Marginal beside fully loaded per backend, never mixed; the bill beside the estimate of the same deployments."""
    by_backend = {row["backend"]: row for row in arms.iter_rows(named=True)}
    return pl.DataFrame(
        [_cost_row(by_backend[name], bills.get(name), marginal.get(name)) for name in in_order(by_backend)]
    )


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
        f"{PARTS[column].capitalize()} is what {label(name)} saves most: {three_figures(part)} "
        f"of {three_figures(theirs)} per 1,000"
    )


def _cost_row(row: Mapping[str, Any], bill: Fall | None, marginal: float | None) -> dict[str, object]:
    loaded = row["fully_loaded_usd_per_image"]
    return {
        "provider": label(row["backend"]),
        "marginal": per_thousand(marginal),
        "fully loaded": per_thousand(loaded),
        "ratio": f"{loaded / marginal:.1f}×" if loaded and marginal else None,
        "state": state_glyph(row["state"]),
        "good images": row["good_images"],
        "billed": usd(bill["billed_usd"]) if bill else None,
        "estimated": f"~{usd(bill['estimated_usd'])}" if bill else None,
        "billed / estimated": signed_percent(change(bill)) if bill else None,
        "simulated": row["simulated"],
    }


def _per_thousand(fall: Fall, column: str) -> float:
    nano, images = float(fall[column]), float(fall["good_images"])
    return nano / 1e9 / images * 1000


def _figure(usd: float) -> str:
    """Without the sign, which the axis has; what is next to nothing says so."""
    return "<0.01" if 0 < abs(usd) < 0.005 else three_figures(usd).replace("$", "")
