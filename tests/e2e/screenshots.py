"""Photographs of the pages for the README: `python -m tests.e2e.screenshots DATA_FOLDER`.

Take a folder of a finished demo (`bakeoff demo --headless --data DATA_FOLDER`): its pictures are the simulator's own.
Writes docs/images/<page>.png, 1440 x 900, light, and docs/images/compare-dark.png.
"""

import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sqlmodel import Session, col, select

from storage.db import DataFolder, open_reader
from storage.models import Job
from tests.e2e.web import ROOT, Visit, chromium, serving, visiting
from tests.pages.seed import beat
from words import StartKind

IMAGES = ROOT / "docs" / "images"


def photograph(data: Path) -> list[Path]:
    """Every page of the folder; the collector is told to have been heard of just now."""
    pages = {
        "decision": "/",
        "compare": "/compare",
        "compare-cost": "/compare?view=Cost",
        "compare-latency": "/compare?view=Latency",
        "gallery": "/gallery",
        "launch": "/launch",
        "runs": "/runs",
        "run": "/run?id=1",
        "job": f"/job?id={a_cold_job(data)}",
        "bills": "/bills",
        "card": "/card",
        "providers": "/providers",
    }
    taken = []
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(data, Path(folder) / "web.log") as url,
        sync_playwright() as playwright,
        chromium(playwright) as browser,
    ):
        with visiting(browser, url) as visit:
            taken += [take(visit, data, path, name) for name, path in pages.items()]
        with visiting(browser, url, scheme="dark") as visit:
            taken.append(take(visit, data, "/compare", "compare-dark"))
    return taken


def take(visit: Visit, data: Path, path: str, name: str) -> Path:
    """One page, once its images have come."""
    beat(data)
    visit.open(path)
    wait_for_images(visit.page)
    target = IMAGES / f"{name}.png"
    visit.page.screenshot(path=target)
    with Image.open(target) as picture:  # no palette: it would take the colours of small marks away
        picture.convert("RGB").save(target, optimize=True)
    return target


def wait_for_images(page: Page) -> None:
    """Until every image in view is there, and nothing is fading in any more."""
    page.wait_for_function("[...document.images].filter(one => one.src).every(one => one.complete)")
    page.evaluate("Promise.all(document.getAnimations().map(one => one.finished.catch(() => null)))")


def a_cold_job(data: Path) -> int:
    """A cold job with a picture: it has the most to show."""
    query = select(Job.id).where(Job.start_kind == StartKind.COLD, col(Job.error).is_(None)).order_by(col(Job.id))
    with Session(open_reader(DataFolder(data).db)) as session:
        return session.exec(query).first() or 1


if __name__ == "__main__":
    for written in photograph(Path(sys.argv[1])):
        sys.stdout.write(f"{written.relative_to(ROOT)}\n")
