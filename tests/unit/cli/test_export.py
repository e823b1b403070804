"""`bakeoff export` of a whole bake-off: the same numbers in every format, and nothing that a spreadsheet changes."""

import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analysis import focus
from cli.export_files import EXCEL_ROWS, WORKBOOK, TooLong, write
from cli.main import main
from storage import focus_lines
from storage.list_prices import listed
from tests.unit.cli.conftest import Command
from tests.unit.cli.sheets import Cell, sheets
from tests.unit.focus.world import world

TABLES = ("blocks", "jobs", "deployments", "charges", "images", "allocations", "focus")
NANO = 10**9


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exports of a simulated bake-off: a folder per format."""
    out = tmp_path_factory.mktemp("exports")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAKEOFF_DATA_DIR", str(world().folder.path))
        patch.setenv("MODAL_WORKSPACE", "ryla")
        for form in ("csv", "parquet", "xlsx"):
            with pytest.raises(SystemExit) as ended:
                main(["export", str(out / form), "--format", form, "--account", "vast=184650"])
            assert ended.value.code == 0
    return out


def test_every_format_holds_every_table_and_the_same_sums(written: Path) -> None:
    book = sheets(written / "xlsx" / WORKBOOK)
    assert tuple(book) == TABLES
    for table, column in (("charges", "billed_nano"), ("allocations", "billed_nano"), ("focus", "BilledCost")):
        kept = pl.read_parquet(written / "parquet" / f"{table}.parquet")
        text = pl.read_csv(written / "csv" / f"{table}.csv", infer_schema=False)
        sums = {
            Decimal(kept[column].sum()),
            sum((Decimal(cell) for cell in text[column]), Decimal()),
            sum((Decimal(row[column].text) for row in book[table]), Decimal()),
        }
        assert len(sums) == 1
        assert kept.height == text.height == len(book[table]) > 0
    bills = pl.read_parquet(written / "parquet" / "charges.parquet")["billed_nano"].sum()
    assert pl.read_parquet(written / "parquet" / "allocations.parquet")["billed_nano"].sum() == bills
    assert pl.read_parquet(written / "parquet" / "focus.parquet")["BilledCost"].sum() * NANO == bills


def test_where_a_bill_went_adds_up_to_the_bill(written: Path) -> None:
    rows = pl.read_csv(written / "csv" / "allocations.csv")
    parts = [name for name in rows.columns if name.endswith("_nano") and name != "billed_nano"]
    assert len(parts) == 9
    assert_frame_equal(rows.select(billed_nano=pl.sum_horizontal(parts)), rows.select("billed_nano"))


def test_the_focus_file_is_the_dataset_with_the_accounts_that_were_told(written: Path) -> None:
    frame = pl.read_parquet(written / "parquet" / "focus.parquet")
    with world().reading() as session:
        lines = focus_lines.lines(session)
    accounts = {"modal": "ryla", "runpod": "bakeoff-s1", "vast": "184650"}
    assert_frame_equal(frame, focus.of(lines, accounts, listed()))


def test_raw_charges_keep_the_providers_own_words(written: Path) -> None:
    rows = pl.read_parquet(written / "parquet" / "charges.parquet").filter(provider="vast", sku="gpu")
    raw = json.loads(rows["raw"][0])
    assert Decimal(str(raw["line"]["amount"])) * NANO == rows["amount_nano"][0]


def test_a_workbook_keeps_ids_and_instants_and_amounts(written: Path) -> None:
    book, jobs = sheets(written / "xlsx" / WORKBOOK), pl.read_parquet(written / "parquet" / "jobs.parquet")
    contract = next(row for row in book["charges"] if row["provider"].text == "vast")
    assert contract["resource_id"] == Cell("s", "31000001")
    assert [row["seed"].text for row in book["jobs"]] == jobs["seed"].cast(pl.String).to_list()
    day_s = [float(row["sent_at"].text) % 1 * 86_400 for row in book["jobs"]]
    meant_s = [(at.hour * 60 + at.minute) * 60 + at.second + at.microsecond / 1e6 for at in jobs["sent_at"]]
    assert day_s == pytest.approx(meant_s, abs=2e-6)


HOSTILE = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "@SUM(1)",
    "007",
    "1e5",
    "http://x.example",
    "{=1}",
    "-2",
    "a\tb",
    "x" * 40_000,
]


def test_a_workbook_holds_texts_as_texts(tmp_path: Path) -> None:
    write(tmp_path, {"said": pl.DataFrame({"text": HOSTILE})}, "xlsx")
    found = [row["text"] for row in sheets(tmp_path / WORKBOOK)["said"]]
    assert found == [Cell("s", text[:32_767]) for text in HOSTILE]


def test_an_integer_that_excel_would_round_is_a_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"seed": [2**62 + 1, None, 3], "small": [999_999_999_999_999, -1, None]})
    write(tmp_path, {"jobs": frame, "none": frame.clear()}, "xlsx")
    book = sheets(tmp_path / WORKBOOK)
    assert [row.get("seed") for row in book["jobs"]] == [Cell("s", str(2**62 + 1)), None, Cell("s", "3")]
    assert [row.get("small") for row in book["jobs"]] == [Cell("n", "999999999999999"), Cell("n", "-1"), None]


def test_a_table_that_no_sheet_can_hold_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    frame = pl.DataFrame({"n": pl.int_range(EXCEL_ROWS + 1, eager=True)})
    with pytest.raises(TooLong, match=r"jobs has 1048576 rows and a sheet takes 1048575\. Use --format parquet\."):
        write(tmp_path, {"jobs": frame}, "xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("told", ["vast", "vast=", "aws=1", "=1", "vast= "])
def test_an_account_that_is_no_account_is_refused(bakeoff: Command, told: str, tmp_path: Path) -> None:
    said = bakeoff("export", str(tmp_path / "out"), "--account", told)
    assert said.code == 2
    assert said.err == f"bakeoff: --account takes PROVIDER=ID with one of modal, runpod, vast, not {told!r}.\n"
    assert not (tmp_path / "out").exists()
