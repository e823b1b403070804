"""The web app in Chromium: deep links to a cold server, light and dark, wide and narrow, nothing from outside."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from sqlmodel import Session, select

from storage.db import DataFolder, open_reader
from storage.models import Run
from tests.e2e.web import Visit, chromium, serving, visiting
from tests.pages import seed

PATHS = (
    "/",
    "/compare",
    "/compare?view=Cost",
    "/compare?view=Latency",
    "/compare?view=Reliability",
    "/card",
    "/gallery",
    "/vote",
    "/launch",
    "/runs",
    "/run?id=3",
    "/job?id=232",
    "/bills",
    "/providers",
)
LOOKS = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seed.build(tmp_path_factory.mktemp("web")).path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, chromium(playwright) as browser:
        yield browser


@pytest.fixture(scope="module")
def warm_url(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that many visits share."""
    with serving(data, tmp_path_factory.mktemp("log") / "web.log") as url:
        yield url


@pytest.fixture
def visit(browser: Browser, warm_url: str) -> Iterator[Visit]:
    with visiting(browser, warm_url) as visit:
        yield visit


def assert_clean(visit: Visit, path: str) -> None:
    assert visit.page.locator("[data-testid=stException]").count() == 0, path
    assert visit.page.locator("h1").count() == 1, path
    assert visit.complaints == [], path
    assert visit.strangers == [], path
    assert visit.overflow_px() <= 0, path


@pytest.mark.parametrize("path", ["/compare?view=Cost", "/run?id=3"])
def test_the_first_request_to_a_cold_server_may_be_any_page(
    path: str, data: Path, browser: Browser, tmp_path: Path
) -> None:
    with serving(data, tmp_path / "web.log") as url, visiting(browser, url) as visit:
        visit.open(path)

        assert_clean(visit, path)
        assert visit.page.get_by_role("link", name="Providers").count() == 1, "the router ran, not the page alone"


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_is_clean_in_light_and_dark_wide_and_narrow(
    width: int, scheme: str, browser: Browser, warm_url: str
) -> None:
    with visiting(browser, warm_url, width=width, scheme=scheme) as visit:
        for path in PATHS:
            visit.open(path)
            assert_clean(visit, f"{path} at {width} px, {scheme}")
            assert visit.page.get_by_text("SIMULATED", exact=True).first.is_visible(), path


def test_the_theme_follows_the_visitor_s_system(browser: Browser, warm_url: str) -> None:
    backgrounds = []
    for scheme in ("light", "dark"):
        with visiting(browser, warm_url, scheme=scheme) as visit:
            visit.open("/")
            app = visit.page.locator("[data-testid=stApp]")
            backgrounds.append(app.evaluate("node => getComputedStyle(node).backgroundColor"))
    assert backgrounds == ["rgb(255, 255, 255)", "rgb(20, 22, 26)"]


def test_the_fonts_are_our_own(visit: Visit) -> None:
    visit.open("/")
    loaded = visit.page.evaluate("[...document.fonts].filter(f => f.status == 'loaded').map(f => f.family)")
    assert "Plex" in {name.strip('"') for name in loaded}


def test_strangers_words_run_nothing_and_link_nowhere(visit: Visit) -> None:
    for path in ("/providers", "/card", "/job?id=232", "/run?id=3", "/compare?view=Reliability", "/runs"):
        visit.open(path)
        assert visit.page.locator("a[href*='evil']").count() == 0, path
        assert visit.page.locator("[data-testid=stMarkdown] script").count() == 0, path
        assert visit.complaints == [], path
    visit.open("/job?id=232")
    expect(visit.page.get_by_text("<script>alert('x')</script>").first).to_be_visible()


def test_a_filter_is_in_the_address_and_a_reload_keeps_it(visit: Visit) -> None:
    visit.open("/compare")
    visit.page.get_by_role("radio", name="Latency").click()
    visit.page.get_by_role("radio", name="qwen-image-2512").click()
    expect(visit.page).to_have_url(re.compile(r"(?=.*view=Latency)(?=.*wf=qwen-image-2512)"))

    visit.page.reload()
    visit.settle()

    assert visit.page.get_by_role("radio", name="Latency").get_attribute("aria-checked") == "true"
    assert visit.page.get_by_role("radio", name="qwen-image-2512").get_attribute("aria-checked") == "true"


def test_the_pair_viewer_slides_zooms_and_flickers(visit: Visit) -> None:
    visit.open("/gallery")
    visit.page.get_by_role("button", name="Compare").first.click()
    dialog = visit.page.get_by_role("dialog")
    view = dialog.get_by_role("img", name="against")
    expect(view).to_be_visible()
    assert "pair=" in visit.page.url

    dialog.get_by_role("button", name="2×").click()
    expect(dialog.get_by_text("200 %")).to_be_visible()
    for mode in ("Side by side", "Difference", "Flicker", "Slider"):
        dialog.get_by_role("button", name=mode).click()
        expect(dialog.get_by_role("button", name=mode)).to_have_attribute("aria-pressed", "true")
    view.press("0")
    expect(dialog.get_by_text("100 %")).to_be_visible()
    assert dialog.locator("img").evaluate_all("nodes => nodes.every(node => node.naturalWidth > 0)")

    visit.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert_clean(visit, "/gallery")


def test_a_run_is_launched_from_the_form_and_watched(browser: Browser, tmp_path: Path) -> None:
    folder = seed.build(tmp_path / "data")
    with serving(folder.path, tmp_path / "web.log") as url, visiting(browser, url) as visit:
        visit.open("/launch")
        visit.page.get_by_role("button", name="Launch, cap").click()
        dialog = visit.page.get_by_role("dialog")
        expect(dialog.get_by_text("No real dollar.")).to_be_visible()

        dialog.get_by_role("button", name="Launch, cap").click()

        expect(visit.page.get_by_role("heading", name="Run 4 waits for the collector")).to_be_visible()
        assert visit.page.url.endswith("/run?id=4")
        assert_clean(visit, "/run?id=4")
    with Session(open_reader(DataFolder(folder.path).db)) as session:
        assert [run.note for run in session.exec(select(Run))][-1] == ""


def test_a_job_is_two_clicks_from_the_runs(visit: Visit) -> None:
    visit.open("/run?id=1")
    visit.page.get_by_role("link", name="Modal").first.click()

    expect(visit.page.get_by_text("Where the time went")).to_be_visible()
    assert "/job?id=" in visit.page.url


def test_the_menu_opens_on_a_phone(browser: Browser, warm_url: str) -> None:
    with visiting(browser, warm_url, width=390) as visit:
        visit.open("/")
        visit.page.get_by_test_id("stExpandSidebarButton").click()
        visit.page.get_by_role("link", name="Runs").click()
        expect(visit.page.get_by_role("heading", level=1)).to_contain_text("live")
