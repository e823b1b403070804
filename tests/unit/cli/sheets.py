"""Read an Excel workbook as it lies in its file: each cell with its type."""

import zipfile
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

_NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


class Cell(NamedTuple):
    """What a cell holds: `s` text, `n` number, `b` truth; and as what it is written."""

    kind: str
    text: str


def sheets(path: Path) -> dict[str, list[dict[str, Cell]]]:
    """The rows of each sheet by the names in its first row; empty cells are left out. Raises on a formula."""
    with zipfile.ZipFile(path) as book:
        names = [sheet.attrib["name"] for sheet in _xml(book, "xl/workbook.xml").iter(f"{_NS}sheet")]
        texts = ["".join(one.itertext()) for one in _xml(book, "xl/sharedStrings.xml").iter(f"{_NS}si")]
        return {name: _rows(_xml(book, f"xl/worksheets/sheet{at}.xml"), texts) for at, name in enumerate(names, 1)}


def _xml(book: zipfile.ZipFile, name: str) -> ET.Element:
    return ET.fromstring(book.read(name))  # noqa: S314 - our own file


def _rows(sheet: ET.Element, texts: list[str]) -> list[dict[str, Cell]]:
    assert not list(sheet.iter(f"{_NS}f")), "a formula"
    told = [
        {_place(cell): _cell(cell, texts) for cell in row if cell.find(f"{_NS}v") is not None}
        for row in sheet.iter(f"{_NS}row")
    ]
    header = {place: cell.text for place, cell in told[0].items()}
    return [{header[place]: cell for place, cell in row.items()} for row in told[1:]]


def _place(cell: ET.Element) -> str:
    return cell.attrib["r"].rstrip("0123456789")


def _cell(cell: ET.Element, texts: list[str]) -> Cell:
    value = cell.findtext(f"{_NS}v") or ""
    kind = cell.attrib.get("t", "n")
    return Cell(kind, texts[int(value)] if kind == "s" else value)
