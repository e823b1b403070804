"""What pages do: filter, ask the collector, launch, and lead to one another."""

import re
import shutil
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from sqlmodel import Session, select
from streamlit.testing.v1 import AppTest

from storage.db import DataFolder, open_engine, open_reader
from storage.models import Effort, PriceLayer, Request, Run, TrafficProfile
from tests.pages.conftest import Open, words
from ui.runs_view import left_told
from words import LayerKind, RequestKind, RunStatus


def rows(folder: Path, model: type) -> list:
    with Session(open_reader(DataFolder(folder).db)) as session:
        return list(session.exec(select(model)))


def button(app: AppTest, text: str):
    return next(one for one in app.button if one.label.startswith(text))


def test_launching_inserts_one_queued_run_with_the_form_s_plan(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "launch")
    app.segmented_control(key="sample").set_value("Custom").run()
    app.number_input(key="warm").set_value(7).run()
    app.number_input(key="cold").set_value(2).run()
    app.number_input(key="cap").set_value(12.5).run()
    app.number_input(key="caps").set_value(900).run()
    before = len(rows(copy, Run))

    button(app, "Launch, cap").click().run()
    assert len(rows(copy, Run)) == before, "asking is not launching"
    app.button(key="go").click().run()

    run = rows(copy, Run)[-1]
    assert len(rows(copy, Run)) == before + 1
    assert (run.status, run.gpu, run.cap_usd) == (RunStatus.QUEUED, "L40S", Decimal("12.50"))
    assert run.cap_gpu_s == 900
    assert run.plan["backends"] == ["modal", "runpod", "vast"]
    assert (run.plan["warm"], run.plan["cold"], run.plan["repeats"]) == (7, 2, 3)
    assert run.simulated is True


def test_a_load_profile_is_launched_as_it_was_typed(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "launch")
    app.segmented_control(key="sample").set_value("Under load").run()
    app.selectbox(key="load").set_value("poisson").run()
    app.text_input(key="load-poisson").set_value("n=30 per_hour=90 seed=2").run()
    button(app, "Launch, cap").click().run()
    app.button(key="go").click().run()

    run = rows(copy, Run)[-1]
    assert run.plan["load"] == {"profile": "poisson", "n": 30, "per_hour": 90, "seed": 2}
    assert (run.plan["warm"], run.plan["cold"], run.plan["repeats"]) == (0, 0, 0)


def test_a_load_that_cannot_be_laid_out_is_told_and_not_launched(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "launch")
    app.segmented_control(key="sample").set_value("Under load").run()
    app.text_input(key="load-constant").set_value("n=30 per_hour=0").run()

    assert "must be above 0" in app.error[0].value
    assert not [one for one in app.button if one.label.startswith("Launch")]


def test_going_back_launches_nothing(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "launch")
    before = len(rows(copy, Run))

    button(app, "Launch, cap").click().run()
    button(app, "Back").click().run()

    assert len(rows(copy, Run)) == before


def test_the_cap_starts_at_one_and_a_half_times_the_likely_cost(seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, "launch")

    assert app.number_input(key="cap").value == 3.5
    assert re.search(r"Likely \\\$2.22, at worst \\\$2.96, never more than \\\$(\d+\.\d\d)", words(app))
    assert "The cap is \\$3.50. Jobs in flight come home when it is met" in words(app)


def test_a_cap_below_the_worst_case_says_where_it_would_stop(seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, "launch")

    app.number_input(key="cap").set_value(1.0).run()

    assert "the cap would stop it at 34 %" in words(app)


def test_without_a_candidate_nothing_can_be_launched(seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, "launch")

    app.get_by_key("on").set_value([]).run()

    assert button(app, "Launch, cap").disabled
    assert "at least one candidate" in words(app)


def test_a_dry_run_asks_the_collector_for_the_same_plan(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "launch")

    button(app, "Dry run").click().run()

    asked = rows(copy, Request)[-1]
    assert asked.kind == RequestKind.DRY_RUN
    assert asked.arguments["workflow"] == "flux-dev"
    assert asked.arguments["cap_usd"] == "3.50"
    assert "Asked. The collector answers within seconds." in words(app)


def test_the_command_is_the_same_launch(seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, "launch")

    assert app.code[0].value == (
        "bakeoff launch flux-dev --gpu L40S --backend modal --backend runpod --backend vast "
        "--warm 88 --cold 8 --cap 3.5"
    )


def test_stop_asks_the_collector_once(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "run", id="3")

    button(app, "Stop and tear down").click().run()

    asked = [row for row in rows(copy, Request) if row.kind == RequestKind.STOP_RUN]
    assert [row.arguments for row in asked] == [{"run_id": 3}]
    app.run()
    assert button(app, "Stop and tear down").disabled


def test_a_run_that_is_over_has_no_stop(seeded: Path, open_page: Open) -> None:
    assert open_page(seeded, "run", id="1").button == []


def test_everything_can_be_stopped_from_runs(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "runs")
    button(app, "Stop everything now").click().run()

    assert [(row.kind, row.arguments) for row in rows(copy, Request)][-1] == (RequestKind.STOP_ALL, {})


@pytest.mark.parametrize(
    ("left", "says"),
    [
        ({"modal": 0, "vast": 0}, "✓ Nothing is left running."),
        ({"modal": 0, "vast": 2}, "**Left running: Modal 0, Vast.ai 2.** The collector goes on trying."),
        ({"runpod": None}, "**Left running: Runpod could not be asked.** The collector goes on trying."),
    ],
)
def test_what_is_left_after_a_stop_is_told(left: dict[str, int | None], says: str) -> None:
    assert left_told(left) == says


def test_recheck_asks_the_collector(copy: Path, open_page: Open) -> None:
    button(open_page(copy, "providers"), "Recheck").click().run()

    assert rows(copy, Request)[-1].kind == RequestKind.RECHECK


@pytest.mark.parametrize("identity", ["999", "", "1 or 1=1", "-1"])
def test_an_address_without_a_run_or_job_says_so(identity: str, seeded: Path, open_page: Open) -> None:
    for page, title in (("run", "No such run"), ("job", "No such job")):
        app = open_page(seeded, page, id=identity)
        assert app.title[0].value == title
        assert app.exception == []


def test_the_view_in_the_address_is_the_view_shown(seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, "compare", view="Cost")

    assert app.segmented_control(key="view").value == "Cost"
    assert "**Fully loaded**" in words(app)


def test_comparing_another_workflow_changes_the_finding(seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, "compare")
    before = app.title[0].value

    app.segmented_control(key="wf").set_value("qwen-image-2512").run()

    assert app.title[0].value == "Too few to rank: 26 of 30 jobs"
    assert before != app.title[0].value


def test_only_broken_images_are_left_when_asked(seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, "gallery")
    assert "86 prompts, 6 a page" in words(app)

    app.toggle(key="broken").set_value(True).run()

    [left] = re.findall(r"^(\d+) prompts, 6 a page", words(app), flags=re.MULTILINE)
    assert 0 < int(left) < 86


def test_a_pair_in_the_address_opens_its_viewer(seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, "gallery")
    tile = next(one for one in app.button if one.label == "Compare")

    shown = open_page(seeded, "gallery", pair=tile.key.removeprefix("c-"))

    assert shown.get("bidi_component")
    assert "seed" in words(shown)


def test_the_raw_reply_of_a_job_is_there_as_it_came(seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, "job", id="232")

    assert app.code[0].value.startswith("worker_lost: <script>alert('x')</script>")
    assert '"status": "FAILED"' in app.code[1].value


def test_a_page_that_outlives_its_database_makes_no_new_one(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "run", id="3")
    shutil.rmtree(copy)

    app.run()

    assert app.title[0].value == "Nothing measured yet"
    assert not copy.exists()


def test_a_card_that_fails_says_so_and_the_rest_is_drawn() -> None:
    def script() -> None:
        import streamlit as st

        from ui import draw

        with draw.card(st.container(), "First"):
            raise ValueError("a secret of ours")
        with draw.card(st.container(), "Second"):
            st.caption("still here")

    app = AppTest.from_function(script).run()

    assert app.exception == []
    assert "could not be drawn" in app.error[0].value
    assert "secret" not in app.error[0].value
    assert app.caption[0].value == "still here"


@pytest.fixture
def unended(copy: Path) -> Path:
    """No run is over: bills are there, and no traffic is replayed, which takes seconds."""
    with Session(open_engine(DataFolder(copy).db)) as session:
        for run in session.exec(select(Run)):
            run.status = RunStatus.TEARING_DOWN
        session.commit()
    return copy


def test_a_what_if_lives_in_the_address_and_one_click_takes_it_back(unended: Path, open_page: Open) -> None:
    measured = open_page(unended, "compare", view="Cost")
    app = open_page(unended, "compare", view="Cost", **{"usdh-runpod": "0.5"})

    assert "WHAT IF" not in words(measured)
    assert "What if: Runpod at \\$0.50 an hour instead of \\$1.91" in words(app)
    assert panel(app, "Runpod") != panel(measured, "Runpod")
    assert panel(app, "Modal") == panel(measured, "Modal")
    button(app, "Back to measured prices").click().run()
    assert "WHAT IF" not in words(app)
    assert panel(app, "Runpod") == panel(measured, "Runpod")


def panel(app: AppTest, name: str) -> str:
    return next(one.value for one in app.markdown if one.value.startswith(f"**{name}** ") and "per 1,000" in one.value)


def test_a_price_layer_is_laid_over_by_name_and_revoked_again(unended: Path, open_page: Open) -> None:
    app = open_page(unended, "compare", view="Cost")
    before = panel(app, "Modal")
    assert button(app, "Lay it over").disabled, "nobody said who"
    app.text_input(key="who").set_value("finn").run()
    app.text_input(key="layer-name").set_value("annual commitment").run()
    app.number_input(key="layer-value-override-modal").set_value(1.2).run()
    button(app, "Lay it over").click().run()

    [row] = rows(unended, PriceLayer)
    assert (row.name, row.kind, row.backend, row.made_by) == ("annual commitment", LayerKind.OVERRIDE, "modal", "finn")
    assert "Prices include annual commitment (Modal, \\$1.20 an hour, by finn)." in [one.value for one in app.info]
    assert panel(app, "Modal") != before
    button(app, "Revoke").click().run()
    [row] = rows(unended, PriceLayer)
    assert (row.revoked_by, panel(app, "Modal")) == ("finn", before)


def test_minutes_are_logged_by_whom(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "providers")
    before = len(rows(copy, Effort))
    app.text_input(key="who").set_value("ana").run()
    app.number_input(key="effort-minutes").set_value(35.0).run()
    button(app, "Log it").click().run()

    row = rows(copy, Effort)[-1]
    assert len(rows(copy, Effort)) == before + 1
    assert (row.backend, row.kind, row.minutes, row.by, row.measured) == ("modal", "deploy", 35.0, "ana", False)
    assert "Modal 55 min" in words(app)


def test_a_record_of_instants_is_refused_with_its_line_and_taken_when_it_is_mended(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "card")
    app.text_input(key="profile-name").set_value("one day").run()
    app.text_input(key="who").set_value("ana").run()
    app.file_uploader[0].set_value(("t.csv", b"at\n2026-11-01T08:00:00Z\nyesterday\n", "text/csv")).run()
    button(app, "Add record").click().run()

    assert "Line 3 of the trace is no instant: 'yesterday'" in app.error[0].value.replace("\\", "")
    assert len(rows(copy, TrafficProfile)) == 1
    app.file_uploader[0].set_value(("t.csv", b"at\n2026-11-01T08:00:00Z\n2026-11-01T09:00:00Z\n", "text/csv")).run()
    button(app, "Add record").click().run()
    row = rows(copy, TrafficProfile)[-1]
    assert (row.name, row.requests, row.made_by) == ("one day", 2, "ana")


def test_a_volume_with_its_hours_is_added_and_a_wrong_curve_is_told(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "card")
    app.text_input(key="profile-name").set_value("evenings").run()
    app.text_input(key="who").set_value("ana").run()
    app.text_input(key="profile-curve").set_value("1, 2, 3").run()
    button(app, "Add volume").click().run()
    assert "24 weights" in app.error[0].value

    app.text_input(key="profile-curve").set_value("0 " * 18 + "1 " * 6).run()
    button(app, "Add volume").click().run()
    row = rows(copy, TrafficProfile)[-1]
    assert (row.name, row.per_day, row.curve[18:]) == ("evenings", 1000.0, [pytest.approx(1 / 6)] * 6)


def test_billing_lines_of_one_kind_are_shown_when_asked(seeded: Path, open_page: Open) -> None:
    everything = open_page(seeded, "bills")
    app = open_page(seeded, "bills", **{"lines-of": "flagged"})

    count = {name: table(one, "before").height for name, one in (("all", everything), ("flagged", app))}
    assert 0 < count["flagged"] < count["all"]
    assert table(app, "before")["flags"].null_count() == 0


def table(app: AppTest, column: str):
    return next(pl.DataFrame(one.value) for one in app.dataframe if column in one.value)
