"""A real web server on a seeded folder and a real Chromium, as a visitor meets them."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_S = 60
IDLE = "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]"
DRAWN = "[...document.querySelectorAll('[data-testid=stVegaLiteChart]')].every(one => one.querySelector('canvas, svg'))"

# Streamlit 1.67 asks for these relative to the page that a deep link names, before it finds them at the root.
NAMED_404S = ("/_stcore/health", "/_stcore/host-config")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(data: Path, log: Path) -> Iterator[str]:
    """`streamlit run app.py` on a folder; gives its address once it is healthy and ends the process."""
    port = free_port()
    environment = {**os.environ, "BAKEOFF_DATA_DIR": str(data)}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with (
        log.open("w") as out,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_healthy(url, process, log)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(PATIENCE_S * 10):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()  # noqa: S310 - our own loopback address
            return
        except OSError:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        if process.poll() is not None:
            raise AssertionError(f"The web server ended with {process.returncode}:\n{log.read_text()}")
    raise AssertionError(f"The web server was not healthy in {PATIENCE_S} s:\n{log.read_text()}")


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Debian's own Chromium, headless."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
    try:
        yield browser
    finally:
        browser.close()


@dataclass
class Visit:
    """A page, and what went wrong while it was looked at."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go there and wait until the script has run."""
        self.page.goto(f"{self.url}{path}")
        self.settle()

    def settle(self) -> None:
        """Until the script has run and its charts are drawn."""
        self.page.wait_for_selector(IDLE, timeout=PATIENCE_S * 1000)
        self.page.wait_for_function(DRAWN, timeout=PATIENCE_S * 1000)

    def overflow_px(self) -> int:
        """How far the page reaches beyond the window; 0 is none."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def _said(self, message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        named = "404" in message.text and where.endswith(NAMED_404S)
        if message.type == "error" and not named:
            self.complaints.append(f"{message.text} ({where})")

    def _asked(self, address: str) -> None:
        if not address.startswith((self.url, self.url.replace("http", "ws"), "data:", "blob:")):
            self.strangers.append(address)


@contextmanager
def visiting(browser: Browser, url: str, *, width: int = 1440, scheme: str = "light") -> Iterator[Visit]:
    """A fresh visitor with a window of that width who prefers light or dark."""
    height = 844 if width < 500 else 900
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    visit = Visit(context.new_page(), url)
    visit.page.on("console", visit._said)
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.on("dialog", lambda dialog: visit.complaints.append(f"a dialog: {dialog.message}"))
    context.on("request", lambda request: visit._asked(request.url))
    try:
        yield visit
    finally:
        context.close()
