"""What the page Compare says about cells: cards, table, and titles that are findings. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from analysis import stats
from ui.formats import UNKNOWN, Formatter, few, interval, per_thousand, percent, seconds, state_glyph, whole_percent
from ui.names import in_order, label, provider_of
from words import Provider, StartKind

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Card:
    """One small chart of the summary: a metric over the providers."""

    heading: str
    note: str
    term: str
    rows: pl.DataFrame
    axis_format: str = "~r"

    @property
    def alt(self) -> str:
        """The card in words."""
        said = (f"{row['row']} {row['label']} {row['note']}".strip() for row in self.rows.iter_rows(named=True))
        return f"{self.heading}: {', '.join(said)}"


def cards(cells: pl.DataFrame, arms: pl.DataFrame) -> list[Card]:
    """The six cards of the summary (`schema.CELLS`, `schema.ARM_COSTS` of one scope), those without rows left out."""
    warm, cold = of_kind(cells, StartKind.WARM), of_kind(cells, StartKind.COLD)
    found = [
        Card(
            heading="$ per 1,000 good images",
            note="fully loaded",
            term="fully loaded",
            rows=_rows(arms, _fully_loaded),
            axis_format="$~r",
        ),
        Card(heading="Warm latency p50", note=_n(warm), term="warm p50", rows=_rows(warm, _quantile("p50", 0.5))),
        Card(heading="Warm latency p95", note=_n(warm), term="warm p95", rows=_rows(warm, _quantile("p95", 0.95))),
        Card(
            heading="Success rate",
            note=_n(both(cells)),
            term="success",
            rows=_rows(both(cells), _success),
            axis_format=".0%",
        ),
        Card(heading="Cold latency p50", note=_n(cold), term="cold latency", rows=_rows(cold, _quantile("p50", 0.5))),
        Card(
            heading="$ per 1,000, marginal",
            note=_n(warm),
            term="marginal",
            rows=_rows(warm, _marginal),
            axis_format="$~r",
        ),
    ]
    return [card for card in found if card.rows.height]


def table(cells: pl.DataFrame, arms: pl.DataFrame) -> pl.DataFrame:
    """The cards as text: a metric a row, a provider a column, with interval and n."""
    everything = cards(cells, arms)
    simulated = any(card.rows["simulated"].any() for card in everything)
    rows = []
    for card in everything:
        said = {row["row"]: f"{row['label']} {row['note']}".strip() for row in card.rows.iter_rows(named=True)}
        counts = ", ".join(f"{row['n']}" for row in card.rows.iter_rows(named=True))
        rows.append({"metric": card.heading, **said, "n": counts, "simulated": simulated})
    return pl.DataFrame(rows, infer_schema_length=None).fill_null(UNKNOWN)


def of_kind(cells: pl.DataFrame, kind: StartKind) -> pl.DataFrame:
    """The cells of one start kind, in the pages' order."""
    order = in_order(cells["backend"].to_list())
    mine = cells.filter(pl.col("start_kind") == kind)
    return mine.sort(pl.col("backend").replace_strict({name: i for i, name in enumerate(order)}, default=99))


def both(cells: pl.DataFrame) -> pl.DataFrame:
    """Warm, cold and restored jobs of a backend together: what the success rate is of."""
    summed = cells.group_by("backend").agg(pl.col("n").sum(), pl.col("good").sum(), pl.col("simulated").any())
    return summed.with_columns(start_kind=pl.lit(StartKind.WARM.value)).pipe(of_kind, StartKind.WARM)


def summary_title(cells: pl.DataFrame, arms: pl.DataFrame, workflow: str) -> str:
    """How each candidate's dollars, speed and success stand against Modal's, in one sentence."""
    priced = {row["backend"]: row for row in arms.iter_rows(named=True) if row["fully_loaded_usd_per_image"]}
    counted = {row["backend"]: row for row in both(cells).iter_rows(named=True)}
    if not counted:
        return f"No {workflow} job has ended yet"
    if len(counted) == 1:
        return f"Only {label(next(iter(counted)))} is measured"
    least = min(row["n"] for row in counted.values())
    if least < stats.MIN_RATE_N:
        return f"Too few to rank: {least} of {stats.MIN_RATE_N} jobs"
    base = Provider.MODAL.value
    if base not in priced or base not in counted:
        return f"No {workflow} job on Modal yet: nothing to compare with"
    candidates = [name for name in in_order(priced) if name != base and name in counted]
    if not candidates:
        return "No candidate has a cost yet"
    warm = {row["backend"]: row for row in of_kind(cells, StartKind.WARM).iter_rows(named=True)}
    return "; ".join(_against(name, base, priced, counted, warm) for name in candidates)


def latency_title(cells: pl.DataFrame, jobs: pl.DataFrame) -> str:
    """How far the warm medians lie apart, and the longest cold job."""
    medians = {
        row["backend"]: row["latency_p50_s"]
        for row in of_kind(cells, StartKind.WARM).iter_rows(named=True)
        if row["latency_p50_s"] is not None and row["latency_p50_withheld"] is None
    }
    if len(medians) < 2:
        return "Too few warm jobs to compare speed"
    slowest, fastest = max(medians, key=medians.__getitem__), min(medians, key=medians.__getitem__)
    gap = medians[slowest] - medians[fastest]
    warm = f"Warm, {label(fastest)} is {seconds(gap)} faster than {label(slowest)}"
    cold = jobs.filter((pl.col("start_kind") == StartKind.COLD) & pl.col("latency_s").is_finite())
    if cold.is_empty():
        return f"{warm}; no cold job has ended yet"
    worst = cold.sort("latency_s").row(-1, named=True)
    return f"{warm}; the longest cold job took {seconds(worst['latency_s'])} on {label(worst['backend'])}"


def reliability_title(cells: pl.DataFrame) -> str:
    """Lost jobs in 1,000 per provider, worst first; without a failure, what that proves."""
    counted = both(cells).to_dicts()
    sent = sum(row["n"] for row in counted)
    if not sent:
        return "No job has ended yet"
    if all(row["good"] == row["n"] for row in counted):
        _, upper = stats.clopper_pearson(0, sent, alpha=0.05)
        return f"No failure in {sent:,} jobs: under {percent(upper)} at 95 %"
    worst_first = sorted(counted, key=lambda row: row["good"] / row["n"])
    said = [f"{label(row['backend'])} {1000 * (1 - row['good'] / row['n']):.0f}" for row in worst_first]
    head, *rest = said
    name, _, lost = head.rpartition(" ")
    return f"{name} lost {lost} jobs in 1,000" + "".join(f", {text}" for text in rest)


# ---------------------------------------------------------------- one row of a card


def _rows(frame: pl.DataFrame, write: Callable[[Row], dict[str, object]]) -> pl.DataFrame:
    """The columns of the chart `intervals`, a row per backend in the pages' order."""
    by_backend = {row["backend"]: row for row in frame.iter_rows(named=True)}
    rows = [
        {"row": label(name), "key": provider_of(name), "simulated": by_backend[name]["simulated"]}
        | write(by_backend[name])
        for name in in_order(by_backend)
    ]
    schema = {"estimate": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    return pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None)


def _point(estimate: float | None, limits: stats.Limits, n: int, write: Formatter) -> dict[str, object]:
    text = interval(limits.low, limits.high, write)
    return {
        "estimate": estimate,
        "low": limits.low,
        "high": limits.high,
        "label": write(estimate),
        "note": text,
        "n": n,
    }


def _withheld(n: int, need: int) -> dict[str, object]:
    return {"estimate": None, "low": None, "high": None, "label": few(n, need), "note": "", "n": n}


def _quantile(name: str, q: float) -> Callable[[Row], dict[str, object]]:
    def write(row: Row) -> dict[str, object]:
        if row[f"latency_{name}_withheld"]:
            return _withheld(row["n"], stats.min_n(q))
        limits = stats.Limits(row[f"latency_{name}_lo_s"], row[f"latency_{name}_hi_s"])
        point = row[f"latency_{name}_s"]
        return _point(point, limits, row["n"], seconds) | ({"label": "> deadline"} if point is None else {})

    return write


def _success(row: Row) -> dict[str, object]:
    if row["n"] < stats.MIN_RATE_N:
        return _withheld(row["n"], stats.MIN_RATE_N)
    limits = stats.Limits(*stats.wilson(row["good"], row["n"]))
    return _point(row["good"] / row["n"], limits, row["n"], percent)


def _marginal(row: Row) -> dict[str, object]:
    usd = row["marginal_usd_per_image"]
    return _in_thousands(usd) | {"note": "~ estimated" if usd is not None else "", "n": row["good"]}


def _fully_loaded(row: Row) -> dict[str, object]:
    usd = row["fully_loaded_usd_per_image"]
    return _in_thousands(usd) | {"note": state_glyph(row["state"]) if usd is not None else "", "n": row["good_images"]}


def _in_thousands(usd: float | None) -> dict[str, object]:
    """A cost has no interval before there are blocks of several days to compare."""
    estimate = None if usd is None else usd * 1000
    return {"estimate": estimate, "low": None, "high": None, "label": per_thousand(usd)}


def _n(frame: pl.DataFrame) -> str:
    by_backend = {row["backend"]: row["n"] for row in frame.iter_rows(named=True)}
    return "n " + ", ".join(f"{by_backend[name]:,}" for name in in_order(by_backend)) if by_backend else ""


# ---------------------------------------------------------------- sentences


def _against(
    name: str, base: str, priced: Mapping[str, Row], counted: Mapping[str, Row], warm: Mapping[str, Row]
) -> str:
    saving = 1 - priced[name]["fully_loaded_usd_per_image"] / priced[base]["fully_loaded_usd_per_image"]
    more_or_less = "less" if saving >= 0 else "more"
    words = f"{label(name)} cost {whole_percent(abs(saving))} {more_or_less} than {label(base)}"
    if abs(saving) < 0.005:
        words = f"{label(name)} cost as much as {label(base)}"
    return words + _speed(warm.get(name), warm.get(base)) + _drops(counted[name], counted[base])


def _speed(candidate: Row | None, base: Row | None) -> str:
    """Overlapping intervals are the same speed; otherwise how much slower or faster."""
    limits = ("latency_p50_s", "latency_p50_lo_s", "latency_p50_hi_s")
    if candidate is None or base is None or any(row[name] is None for row in (candidate, base) for name in limits):
        return ""
    overlap = (
        candidate["latency_p50_lo_s"] <= base["latency_p50_hi_s"]
        and base["latency_p50_lo_s"] <= candidate["latency_p50_hi_s"]
    )
    if overlap:
        return " at the same warm speed"
    ratio = candidate["latency_p50_s"] / base["latency_p50_s"] - 1
    return f", {whole_percent(abs(ratio))} {'slower' if ratio > 0 else 'faster'} warm"


def _drops(candidate: Row, base: Row) -> str:
    """Only what Newcombe's interval proves: a drop whose upper limit is below none."""
    _, high = stats.newcombe((candidate["good"], candidate["n"]), (base["good"], base["n"]))
    if high >= 0:
        return ""
    more = 100 * (base["good"] / base["n"] - candidate["good"] / candidate["n"])
    return f", but drops {more:.0f} more in 100"
