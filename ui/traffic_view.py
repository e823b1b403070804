"""What production's traffic would cost and wait: titles, the chart frames and the tables of the replay. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from analysis.arrivals import LoadError
from analysis.estimates import Estimate
from analysis.traffic.blended import Blended, Offered
from analysis.traffic.breakeven import Bought, Option
from analysis.traffic.equal import Tried
from analysis.traffic.measured import Unmeasured
from analysis.traffic.profile import DAYS_PER_MONTH, Traffic
from analysis.traffic.replay import Setting
from ui.formats import (
    NANO,
    UNKNOWN,
    Formatter,
    count,
    interval,
    percent,
    quiet,
    seconds,
    three_figures,
    whole_percent,
    whole_usd,
)
from words import Provider

LABELS = [provider.label for provider in Provider]


def key_of(option: str) -> str:
    """The meaning that colours an option: its provider, `muted` for what is none of the three."""
    return next((name for name in LABELS if option.startswith(name)), "muted")


def volume_title(at_ours: pl.DataFrame, volume: float, per: str = "a day") -> str:
    """At 1,250 a day Runpod is cheapest: $14.8 per 1,000, Modal $21.4"""
    known = at_ours.filter(pl.col("usd_per_image_nano").is_not_null()).sort("usd_per_image_nano")
    if known.is_empty():
        return f"At {count(volume)} {per} nothing that was measured keeps up"
    first = known.row(0, named=True)
    base = known.filter(option=Provider.MODAL.label)
    beside = ""
    if first["option"] != Provider.MODAL.label and base.height:
        beside = f", Modal {thousand(base['usd_per_image_nano'][0])}"
    cheapest = f"{first['option']} is cheapest: {thousand(first['usd_per_image_nano'])} per 1,000"
    return f"At {count(volume)} {per} {cheapest}{beside}"


def changes(break_evens: pl.DataFrame) -> list[str]:
    """Where the cheaper of two changes, or that it does not, one sentence a pair."""
    rows = break_evens.sort(pl.col("per_day").is_null(), "per_day")
    return [f"{row['reason'][:1].upper()}{row['reason'][1:]}." for row in rows.iter_rows(named=True)]


def volume_rows(curves: pl.DataFrame, dashed: Sequence[str], *, simulated: bool) -> pl.DataFrame:
    """The columns of the chart `volume`; `dashed`: options not known to serve as well as the baseline does now."""
    return curves.select(
        "option",
        key=pl.col("option").map_elements(key_of, return_dtype=pl.String),
        x="per_day",
        y=pl.col("usd_per_image_nano") / NANO * 1000,
        low=pl.col("usd_per_image_low_nano") / NANO * 1000,
        high=pl.col("usd_per_image_high_nano") / NANO * 1000,
        dashed=pl.col("option").is_in(list(dashed)),
        simulated=pl.lit(simulated),
    )


def cold_rows(curves: pl.DataFrame, *, simulated: bool) -> pl.DataFrame:
    """The columns of the chart `coldshare`, of options that have workers."""
    known = curves.filter(pl.col("cold_share").is_not_null())
    rows = volume_rows(known, (), simulated=simulated).drop("low", "high")
    return rows.with_columns(y=known["cold_share"])


def crossing_rows(break_evens: pl.DataFrame) -> pl.DataFrame:
    """Where two options cost the same: x, y, label."""
    known = break_evens.filter(pl.col("per_day").is_not_null())
    return known.select(x="per_day", y=pl.col("usd_per_image_nano") / NANO * 1000, label="reason")


def at_ours_rows(at_ours: pl.DataFrame, *, simulated: bool) -> list[dict[str, str]]:
    """Every option at one volume, cheapest first, each with where its numbers come from."""
    replayed = ":violet[SIMULATED]" if simulated else "replayed"
    return [
        {
            "Option": row["option"],
            "$ per 1,000": _with_limits(row),
            "$ a month": whole_usd(None if row["usd_per_month_nano"] is None else row["usd_per_month_nano"] / NANO),
            "Cold share": whole_percent(row["cold_share"]),
            "Note": row["reason"] or ("cheapest" if row["cheapest"] else ""),
            "Source": "list price" if key_of(row["option"]) == "muted" else replayed,
        }
        for row in at_ours.sort("usd_per_image_nano", nulls_last=True).iter_rows(named=True)
    ]


def band_words(curves: pl.DataFrame) -> str:
    """What a band is, or what it still needs, one for all options or one by one."""
    served = curves.filter(pl.col("blocks").is_not_null())
    banded = served.filter(pl.col("usd_per_image_low_nano").is_not_null())
    said = []
    if banded.height:
        blocks = sorted(banded["blocks"].unique().to_list())
        n = f"{blocks[0]}" if len(blocks) == 1 else f"{blocks[0]} to {blocks[-1]}"
        said.append(f"Bands are 95 % limits: the replay repeated without each of the {n} measured blocks.")
    needs = served.filter(pl.col("withheld").is_not_null()).unique("option", maintain_order=True)
    said += [f"{row['option']} has no band: {row['withheld']}." for row in needs.iter_rows(named=True)]
    return " ".join(said)


def bought_words(options: Sequence[Option]) -> list[str]:
    """FAL flux/dev: $25.0 per 1,000, not measured (list price: .., 2026-02-07)."""
    return [
        f"{one.name}: {thousand(one.usd_per_image_nano)} per 1,000, not measured ({one.source})."
        for one in options
        if isinstance(one, Bought)
    ]


def unproven(found: Blended) -> list[str]:
    """Options that are not known to serve as well as the baseline does now."""
    names = [offered.name for offered in found.providers if offered.best is None]
    return [*names, *(f"{name} around the clock" for name in LABELS)]


# ---------------------------------------------------------------- providers at our traffic


def blend_title(found: Blended | Unmeasured) -> str:
    """Serving as well, Runpod costs 31 % less [26, 36] than Modal, $251 a month; or why that cannot be said."""
    if isinstance(found, Unmeasured):
        return f"What our traffic would cost is not known: {_lower(found.reason)}"
    moves = [one for one in found.providers if one.saving is not None and one.saving.point is not None]
    if not moves:
        return "No candidate is known to serve our traffic as well as Modal does now"
    best = max(moves, key=lambda one: one.saving.point if one.saving and one.saving.point is not None else -math.inf)
    saving = best.saving
    if saving is None or saving.point is None:
        return "No saving is known yet"
    said = interval(saving.limits.low, saving.limits.high, whole_percent)
    beside = f" {said}" if said else f" ({saving.withheld})"
    if saving.limits.low is not None and saving.limits.low <= 0 <= (saving.limits.high or 0):
        return f"No cost difference shows yet at equal service: {best.name} {whole_percent(saving.point)}{beside}"
    word = "less" if saving.point > 0 else "more"
    if saving.point < 0:
        said = interval(-(saving.limits.high or 0), -(saving.limits.low or 0), whole_percent) if said else ""
        beside = f" {said}" if said else f" ({saving.withheld})"
    return f"Serving as well, {best.name} costs {whole_percent(abs(saving.point))} {word}{beside} than Modal"


def equal_rows(found: Blended) -> list[dict[str, str]]:
    """Each provider at its cheapest setting that serves as well; why not where none does."""
    return [_provider(one, one.best, one.saving) for one in found.providers]


def as_is_rows(found: Blended) -> list[dict[str, str]]:
    """Each provider as it is deployed."""
    return [_provider(one, one.as_is, one.as_is_saving) for one in found.providers]


def reasons(found: Blended) -> list[str]:
    """Why each candidate's setting was chosen, or why none was: Runpod serves as well: .."""
    return [f"{one.name}: {one.reason}." for one in found.providers if one.name != Provider.MODAL.label]


def setting_words(tried: Tried) -> str:
    """L40S, window 60 s, 1 kept up"""
    return f"{tried.service.gpu}, {_setting(tried.setting)}"


def settings_rows(settings: pl.DataFrame) -> pl.DataFrame:
    """Every setting that was tried (`tables.SETTINGS`) with what it gives and why it wins or does not."""
    marks = {True: "✓", False: "×", None: "?"}
    rows = [
        {
            "wins": "✓" if row["wins"] else "",
            "provider": row["service"],
            "gpu": row["gpu"],
            "setting": _row_setting(row),
            "now": "as deployed" if row["as_is"] else "",
            "serves": marks[row["serves"]],
            "per 1,000": thousand(row["usd_per_image_nano"]),
            "a month": whole_usd(None if row["usd_per_month_nano"] is None else row["usd_per_month_nano"] / NANO),
            "cold": whole_percent(row["cold_share"]),
            "p95": seconds(row["p95_s"]),
            "why": row["why"],
            "simulated": row["simulated"],
        }
        for row in settings.iter_rows(named=True)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def traffic_words(traffic: Traffic) -> str:
    """1,250 requests a day, 38,021 a month, 9 % of them in the busiest hour"""
    total = sum(traffic.weights)
    busiest = max(traffic.weights) / total
    month = traffic.per_day * DAYS_PER_MONTH
    busy = f"{whole_percent(busiest)} of them in the busiest hour"
    return f"{count(traffic.per_day)} requests a day, {count(month)} a month, {busy}"


def hour_rows(traffic: Traffic, *, simulated: bool) -> pl.DataFrame:
    """The columns of the chart `hours`: requests that come in each hour of the day, on average."""
    total = sum(traffic.weights)
    each = [traffic.per_day * weight / total for weight in traffic.weights]
    return pl.DataFrame({"hour": list(range(24)), "per_hour": each}).with_columns(simulated=pl.lit(simulated))


def typed_curve(text: str) -> list[float] | None:
    """24 weights as typed, apart by commas or blanks; None where nothing was. Raises LoadError."""
    fields = text.replace(",", " ").split()
    if not fields:
        return None
    try:
        return [float(field) for field in fields]
    except ValueError:
        wrong = next(field for field in fields if not _is_number(field))
        raise LoadError(f"{wrong[:20]!r} is no weight. Write 24 numbers, from midnight UTC on.") from None


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def left_out(found: Blended) -> str:
    """Those that could not be replayed, each with why."""
    return " ".join(one.reason for one in found.unmeasured)


def thousand(nano: float | None) -> str:
    """Nano-USD an image as dollars per 1,000."""
    return UNKNOWN if nano is None else three_figures(nano / NANO * 1000)


def _with_limits(row: Mapping[str, Any]) -> str:
    limits = interval(row["usd_per_image_low_nano"], row["usd_per_image_high_nano"], thousand)
    return f"{thousand(row['usd_per_image_nano'])} {quiet(limits or row['withheld'] or '')}".strip()


def estimate_words(found: Estimate | None, write: Formatter) -> str:
    """31 % [26, 36]; or the number with what its interval still needs."""
    if found is None or found.point is None:
        return UNKNOWN
    limits = interval(found.limits.low, found.limits.high, write)
    return f"{write(found.point)} {quiet(limits or found.withheld or '')}".strip()


def _provider(one: Offered, tried: Tried | None, saving: Estimate | None) -> dict[str, str]:
    is_base = one.name == Provider.MODAL.label
    return {
        "": one.name,
        "Setting": setting_words(tried) if tried else UNKNOWN,
        "$ per 1,000": estimate_words(tried.nano_per_image, thousand) if tried else UNKNOWN,
        "$ a month": estimate_words(tried.nano_per_month, _month) if tried else UNKNOWN,
        "Cold share": estimate_words(tried.cold_share, percent) if tried else UNKNOWN,
        "Blended p95": estimate_words(tried.p95_s, seconds) if tried else UNKNOWN,
        "Saving": "baseline" if is_base else estimate_words(saving, whole_percent),
    }


def _month(nano: float | None) -> str:
    return whole_usd(None if nano is None else nano / NANO)


def _setting(setting: Setting) -> str:
    if setting.hours is not None:
        return f"{setting.min_workers} rented {setting.hours[0]}:00 to {setting.hours[1]}:00 UTC"
    if setting.stands:
        return f"{setting.min_workers} rented around the clock"
    window = "never gone" if math.isinf(setting.window_s) else f"window {setting.window_s:g} s"
    parts = [window, f"{setting.min_workers} kept up" if setting.min_workers else ""]
    parts.append(f"{setting.max_workers} at most" if setting.max_workers else "")
    parts.append(f"{setting.concurrency} at once" if setting.concurrency > 1 else "")
    return ", ".join(part for part in parts if part)


def _row_setting(row: dict[str, object]) -> str:
    hours = None
    if isinstance(row["hours"], str):
        first, last = (int(part) for part in row["hours"].split("-"))
        hours = (first, last)
    return _setting(
        Setting(
            window_s=float(str(row["window_s"])),
            concurrency=int(str(row["concurrency"])),
            min_workers=int(str(row["min_workers"])),
            max_workers=None if row["max_workers"] is None else int(str(row["max_workers"])),
            hours=hours,
        )
    )


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")
