"""The HTML report as a reader opens it who has only the file and no network."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from analysis.verdict.report import report
from analysis.verdict.said import heard
from analysis.verdict.turns import explained
from tests.e2e.web import chromium
from tests.unit.analysis.test_verdict_document import FACTS, SPLIT
from ui.reporting import made, pdf, pictures

REASON = "<img src=http://evil.example/a.png><script src=//evil.example></script>url(http://evil.example)"
PICTURES = 6  # gates of four moves, cost against volume, and what is assumed
WORD = {
    "name": "ana", "second_name": "ben", "reason": REASON, "instead": "go", "at": "2026-11-24T08:00:00+00:00",
    "snapshot": "9c2b" * 16,
}  # fmt: skip


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """Four moves with their pictures, what would change one, and an override that would like to reach out."""
    facts = replace(
        FACTS, simulated=True, volumes=[_point(name, day) for name in ("Modal", "Runpod") for day in (300, 3000)]
    )
    return heard(explained(replace(SPLIT, facts=facts), digest="7f3a" * 16), [WORD])


@pytest.fixture
def file(said: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_bytes(made(said, "html"))
    return path


def _point(option: str, per_day: float) -> dict[str, Any]:
    nano = dict.fromkeys(("usd_per_image_nano", "usd_per_image_low_nano", "usd_per_image_high_nano"), 20_000_000)
    return {"workflow": "flux-dev", "option": option, "per_day": per_day, "serves": True, **nano}


def test_the_report_refers_to_nothing_outside_itself(file: Path) -> None:
    text = re.sub(r'xmlns(:\w+)?="[^"]*"', "", file.read_text())
    tags = " ".join(re.findall(r"<[^>]*>", text)) + "".join(re.findall(r"<style.*?</style>", text, flags=re.DOTALL))

    assert text.count("<svg") == PICTURES
    assert re.findall(r"\b(?:src|href|srcset|action|data|poster)\s*=|@import|url\((?!#)|https?:", tags) == []


def test_the_page_for_finance_is_one_page_however_much_people_said(said: dict[str, Any]) -> None:
    found = report(said | {"stale": ["a price moved", "the traffic doubled"], "signed": [WORD] * 3})
    printed = pdf(replace(found, rest=()), pictures(said))

    assert re.findall(rb"/MediaBox\s*\[([^]]*)\]", printed) == [b"0 0 595.2756 841.8898"]  # one page, A4


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_opened_without_a_network_it_is_whole_and_asks_for_nothing(width: int, scheme: str, file: Path) -> None:
    with sync_playwright() as playwright, chromium(playwright) as browser:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(file.as_uri())
        page.wait_for_load_state("networkidle")

        assert asked == [file.as_uri()]
        assert complaints == []
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        assert page.locator("svg:visible").count() == PICTURES
        assert page.get_by_text("SIMULATED: no real cloud, no real dollar").is_visible()
        assert f", overridden by ana: {REASON}" in page.locator("h1").inner_text()
