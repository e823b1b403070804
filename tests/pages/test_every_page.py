"""What holds for every page, whatever it shows."""

import json
from pathlib import Path

import pytest
from sqlmodel import Session

from storage.db import DataFolder, open_engine
from storage.models import Installation
from tests.pages import seed
from tests.pages.conftest import PAGES, Open, words

pytestmark = pytest.mark.parametrize("page", PAGES)
BAND = "**SIMULATED**"


def test_a_seeded_page_is_drawn_without_an_exception(page: str, seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, page, id="1")

    assert [error.message for error in app.exception] == []
    assert [error.value for error in app.error] == [], "a card that failed"
    assert len(app.title) == 1
    assert not app.title[0].value.startswith("No such")


def test_an_empty_database_gives_a_title_and_a_way_out(page: str, empty: Path, open_page: Open) -> None:
    app = open_page(empty, page, id="1")

    assert [error.message for error in app.exception] == []
    assert app.title[0].value
    assert app.get("vega_lite_chart") == [], "empty axes say nothing"
    assert "`bakeoff" in words(app) or "key" in words(app) or app.get("page_link")


def test_without_a_database_every_page_says_how_to_begin(page: str, tmp_path: Path, open_page: Open) -> None:
    app = open_page(tmp_path / "nowhere", page)

    assert app.title[0].value == "Nothing measured yet"
    assert "`bakeoff collect`" in app.warning[0].value
    assert app.exception == []


def test_a_database_of_another_version_is_not_read(page: str, empty: Path, open_page: Open) -> None:
    with open_engine(DataFolder(empty).db).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    app = open_page(empty, page)

    assert "newer version than this app" in app.warning[0].value
    assert app.exception == []


def test_a_simulated_page_says_so_above_everything(page: str, seeded: Path, open_page: Open) -> None:
    assert BAND in words(open_page(seeded, page, id="1"))


def test_every_chart_of_simulated_rows_carries_the_word(page: str, seeded: Path, open_page: Open) -> None:
    for chart in open_page(seeded, page, id="1").get("vega_lite_chart"):
        assert json.loads(chart.proto.spec)["title"]["text"] == "SIMULATED"


def test_every_table_of_simulated_rows_has_a_column_that_says_so(page: str, seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, page, id="1")

    for table in [*app.dataframe, *app.table]:
        assert {"source", "Source"} & set(table.value.columns), list(table.value.columns)


def test_a_table_writes_the_sign_of_money_before_its_dollar(page: str, seeded: Path, open_page: Open) -> None:
    for table in open_page(seeded, page, id="1").dataframe:
        for name, column in json.loads(table.proto.columns).items():
            form = (column.get("type_config") or {}).get("format") or ""
            assert "$" not in form, f"{name}: a printf format writes $-0.0150"


def test_a_real_installation_is_not_called_simulated(page: str, empty: Path, open_page: Open) -> None:
    with Session(open_engine(DataFolder(empty).db)) as session:
        session.get_one(Installation, 1).simulated = False
        session.commit()

    assert BAND not in words(open_page(empty, page))


def test_a_silent_collector_is_told(page: str, empty: Path, open_page: Open) -> None:
    seed.beat(empty, silent_s=240)

    said = [warning.value for warning in open_page(empty, page).warning]

    assert any(line.startswith("Collector last seen 4 min ago: numbers may be old.") for line in said)


def test_a_collector_that_beats_is_not_called_silent(page: str, empty: Path, open_page: Open) -> None:
    assert "last seen" not in words(open_page(empty, page))


def test_strangers_words_are_escaped_wherever_they_are_markdown(page: str, seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, page, id="232")
    cells = [str(cell) for table in app.table for row in table.value.to_numpy() for cell in row]
    said = "\n".join([words(app), *cells])

    for mark in ("<script>", "$x$", "](http://evil", "`rm`", ":red[!]", "www.evil"):
        assert mark not in said
