"""Charts are specifications: what they show can be read without a browser."""

import json
from functools import cache
from itertools import pairwise

import polars as pl
import pytest

from tests.pages.frames import START, arms, cell, cells, job, speed, timed_jobs
from ui import charts, compare_view, latency_view, run_view, verdict_view
from ui.charts.burn import Point
from ui.charts.kit import KEYS, Spec
from words import StartKind


def rows_of_intervals(simulated: bool = True) -> pl.DataFrame:
    row = {"key": "Modal", "label": "9.0 s", "note": "[8.8, 9.2]", "n": 40, "simulated": simulated}
    return pl.DataFrame(
        [
            {**row, "row": "Modal", "estimate": 9.0, "low": 8.8, "high": 9.2},
            {**row, "row": "Runpod", "key": "Runpod", "estimate": None, "low": None, "high": None, "label": "n 3 of 6"},
        ]
    )


@cache
def specs() -> dict[str, Spec]:
    lost = {"status": "failed", "reason": "worker_lost", "good_image": None}
    found = timed_jobs(job(1), job(2, seconds=12), job(3, "runpod", **lost))
    cold = timed_jobs(job(4, start_kind="cold", seconds=40), job(5, "vast", start_kind="cold", seconds=300))
    one = cells(cell("modal", **speed(9, 8.8, 9.2), queue_s=0.4, execution_s=8.5, dispatch_s=0.003, load_s=0.0))
    marks = latency_view.marks(found, StartKind.WARM)
    parts = pl.DataFrame([{"part": "billed", "low": 0.0, "high": 9.0, "label": "$9", "key": "Modal", "depth": 1.0}])
    costs = pl.DataFrame([{"key": "Modal", "label": "Modal $1", "low": 0.0, "high": 1.0, "simulated": True}])
    spent = pl.DataFrame([{"key": "Modal", "minutes": float(i), "usd": 0.1 * i, "simulated": True} for i in range(3)])
    bill = {"row": "1 Modal", "key": "Modal", "ratio": 0.01, "label": "+1 %", "final": True, "tone": "ink"}
    bills = pl.DataFrame([{**bill, "simulated": True}])
    asked = pl.DataFrame([{"question": "Warm p50", "planned": 24, "needed": 6, "simulated": True}])
    phase = latency_view.phase_means(one, StartKind.WARM)
    point = {"option": "Modal", "key": "Modal", "dashed": False, "simulated": True}
    ends = {10.0: (20.0, 18.0, 24.0), 100.0: (9.0, 8.0, 11.0)}
    lines = pl.DataFrame([{**point, "x": x, "y": y, "low": low, "high": high} for x, (y, low, high) in ends.items()])
    meets = pl.DataFrame([{"x": 50.0, "y": 12.0, "label": "Modal is cheaper below 50"}])
    bar = {
        "row": "Price of Runpod",
        "low": -300.0,
        "high": 900.0,
        "now": 400.0,
        "flip": "$1.57 an hour",
        "key": "Runpod",
    }
    bars = pl.DataFrame([{**bar, "ends": "$0.72 to $2.89", "simulated": True}])
    gone = lines.with_columns(y=pl.lit(0.5), low=pl.lit(0.4), high=pl.lit(0.6))
    day = pl.DataFrame({"hour": [0, 1], "per_hour": [3.0, 9.0], "simulated": [True, True]})
    gate = {
        "gate": "saving", "passes": True, "harm": False, "margin": 0.1, "least": True, "why": "", "n": 720,
        "value": 0.3, "low": 0.2, "high": 0.4, "words": {"estimate": "30 %", "interval": "[20, 40]", "bound": "> 10 %"},
    }  # fmt: skip
    names = ("saving", "warm_p95", "success")
    move = {"candidate": "runpod", "gates": [{**gate, "gate": name} for name in names]}
    return {
        "gates": charts.gates(verdict_view.gate_rows(move, simulated=True)),
        "volume": charts.volume(lines, marks=meets, ours=40),
        "coldshare": charts.coldshare(lines.drop("low", "high").with_columns(y=pl.lit(0.5)), per_day=40),
        "eviction": charts.eviction(gone, pl.DataFrame({"x": [30.0]})),
        "hours": charts.hours(day),
        "intervals": charts.intervals(rows_of_intervals(), limit=10.0),
        "strip": charts.strip(marks, latency_view.quantile_marks(one), ["Modal", "Runpod"]),
        "dots": charts.dots(latency_view.marks(cold, StartKind.COLD), ["Modal", "Vast.ai"]),
        "phases": charts.phases(phase, ["Modal"]),
        "joblife": charts.joblife(phase, (8.0, 8.4), started="08:00:00"),
        "waterfall": charts.waterfall(parts.with_columns(simulated=pl.lit(value=True)), upper=9.0),
        "failures": charts.failures(latency_view.failure_rows(found)),
        "lanes": charts.lanes(run_view.lane_rows(found, START), ["Modal", "Runpod"]),
        "burn": charts.burn(spent, cap_usd=1.0, forecast=Point(5.0, 0.6)),
        "costbar": charts.costbar(costs, worst_usd=1.33, cap_usd=2.0),
        "tornado": charts.tornado(bars, limit=0.0, title="net", axis_format="$,.0f"),
        "variance": charts.variance(bills),
        "power": charts.power(asked),
    }


def test_names_at_the_end_of_lines_do_not_lie_on_each_other() -> None:
    ends = [("Modal", 9.0), ("Runpod", 9.01), ("Vast.ai", 8.99)]
    rows = [
        {"option": name, "key": name, "x": x, "y": y, "low": None, "high": None, "dashed": False, "simulated": True}
        for name, y in ends
        for x in (10.0, 100.0)
    ]
    spec = charts.volume(pl.DataFrame(rows), marks=pl.DataFrame(), ours=40)
    named = [rows for rows in spec["datasets"].values() if rows and "at" in rows[0]]
    places = sorted(row["at"] for row in named[0])
    assert all(above / below > 1.04 for below, above in pairwise(places)), "an eleventh of the axis"


def test_a_curve_with_limits_has_a_band_within_its_axis_and_one_without_has_none() -> None:
    def areas(spec: Spec) -> list[dict]:
        return [layer["encoding"] for layer in spec["layer"] if layer["mark"]["type"] == "area"]

    (band,) = areas(specs()["volume"])
    assert (band["y"]["field"], band["y2"]["field"]) == ("low", "high")
    low, high = band["y"]["scale"]["domain"]
    assert (low, high) == (pytest.approx(8 * 0.8), pytest.approx(24 * 1.3))
    assert areas(specs()["coldshare"]) == []


def test_a_bar_goes_from_its_low_to_its_high_end_and_grey_is_below_the_limit() -> None:
    zone, line, bar, tick, _ = specs()["tornado"]["layer"]
    data = specs()["tornado"]["datasets"]
    (grey,) = data[zone["data"]["name"]]

    assert (grey["limit"], line["encoding"]["x"]["field"], tick["encoding"]["x"]["field"]) == (0.0, "limit", "now")
    assert (bar["encoding"]["x"]["field"], bar["encoding"]["x2"]["field"]) == ("low", "high")
    assert bar["encoding"]["x"]["scale"]["domain"] == [pytest.approx(-372), pytest.approx(972)]
    assert grey["from"] == pytest.approx(-372)


def test_a_volume_is_told_in_its_own_unit() -> None:
    rows = {"option": "Modal", "key": "Modal", "dashed": False, "low": None, "high": None, "simulated": True}
    frame = pl.DataFrame([{**rows, "x": x, "y": 9.0} for x in (6_000.0, 152_000.0)])
    told = json.dumps(charts.volume(frame, marks=pl.DataFrame(), ours=30_417, unit="images a month"))

    assert "30,417 a month" in told
    assert '"title": "images a month"' in told
    assert "[10000, 30000, 100000]" in told


def test_every_chart_of_the_kit_is_here() -> None:
    assert set(specs()) == set(charts.__all__)


@pytest.mark.parametrize("name", charts.__all__)
def test_colours_are_meanings_that_the_theme_fills(name: str) -> None:
    encodings = [layer.get("encoding", {}) for layer in specs()[name]["layer"]]
    scales = [encoding["color"]["scale"] for encoding in encodings if "color" in encoding]
    assert scales
    assert all(scale == {"domain": list(KEYS)} for scale in scales), "a range would freeze one theme's colours"


@pytest.mark.parametrize("name", charts.__all__)
def test_layers_share_one_x_axis(name: str) -> None:
    """One layer without an axis beside one with it, and Vega draws nothing and says nothing."""
    axes = {
        json.dumps(encoding["x"].get("axis", "default"))
        for layer in specs()[name]["layer"]
        if isinstance((encoding := layer.get("encoding", {})).get("x"), dict) and "field" in encoding["x"]
    }
    assert len(axes) == 1


@pytest.mark.parametrize("name", charts.__all__)
def test_plots_are_high_enough_for_their_title(name: str) -> None:
    assert specs()[name]["height"] >= (42 if name == "power" else 75)


def test_simulated_rows_say_so_and_measured_ones_do_not() -> None:
    assert charts.intervals(rows_of_intervals(simulated=True))["title"]["text"] == "SIMULATED"
    assert "title" not in charts.intervals(rows_of_intervals(simulated=False))


def test_a_wide_spread_gets_a_logarithmic_axis_and_a_narrow_one_does_not() -> None:
    narrow = rows_of_intervals()
    wide = narrow.with_columns(high=pl.col("low") * 9)
    scales = [charts.intervals(rows)["layer"][0]["encoding"]["x"]["scale"].get("type") for rows in (narrow, wide)]
    assert scales == [None, "log"]


def test_a_cap_far_above_the_cost_is_said_and_not_drawn() -> None:
    spent = pl.DataFrame([{"key": "Modal", "minutes": 1.0, "usd": 0.5, "simulated": True}])
    near, far = (json.dumps(charts.burn(spent, cap_usd=cap)) for cap in (1.0, 100.0))
    assert "everything stops" in near
    assert "off the scale" in far


def test_a_job_keeps_its_place_in_the_strip_as_others_arrive() -> None:
    few = timed_jobs(*(job(i) for i in range(1, 4)))
    many = timed_jobs(*(job(i) for i in range(1, 9)))
    places = [places_of(charts.lanes(run_view.lane_rows(found, START), ["Modal"])) for found in (few, many)]
    assert places[0].items() <= places[1].items()


def test_a_withheld_number_has_no_mark() -> None:
    too_few = cells(cell("modal", n=3, latency_p50_withheld="needs 3 more"))
    shown = charts.intervals(compare_view.cards(too_few, arms())[0].rows)
    [data] = [rows for rows in shown["datasets"].values() if "estimate" in rows[0]]
    assert [row["estimate"] for row in data] == [None]
    assert data[0]["label"] == "n 3 of 6"
    assert shown["layer"][0]["encoding"]["x"]["axis"]["labels"] is False, "an empty axis says nothing"


def places_of(spec: Spec) -> dict[int, float]:
    [rows] = spec["datasets"].values()
    return {row["job_id"]: row["jitter"] for row in rows}
