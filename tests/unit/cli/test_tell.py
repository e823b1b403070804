"""`bakeoff tell`: one POST to the webhook that is set, of what a dry run prints; its address is told to nobody."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from cli.stack import keyless
from cli.tell import payload
from settings import Settings
from storage.db import DataFolder
from tests.unit.cli.conftest import Command, Said
from tests.unit.cli.test_bad_input import refused

SECRET = "/services/T0CANARY/B0CANARY/canary7f3a9d"
VARIABLE = "BAKEOFF_SLACK_WEBHOOK"


@dataclass
class Channel:
    """What a webhook was asked, and how it answers; status 0: it hangs up instead."""

    url: str = ""
    status: int = 200
    answer: bytes = b"ok"
    asked: list[tuple[str, str, str, bytes]] = field(default_factory=list)


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch, folder: DataFolder) -> Iterator[Channel]:  # noqa: ARG001 - it clears the environment
    with listening() as found:
        monkeypatch.setenv(VARIABLE, found.url)
        yield found


@contextmanager
def listening() -> Iterator[Channel]:
    """A webhook on loopback that a thread serves."""
    found = Channel()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.asked.append((self.command, self.path, self.headers["content-type"], body))
            if not found.status:
                self.connection.close()
                return
            self.send_response(found.status)
            self.send_header("content-length", str(len(found.answer)))
            self.send_header("location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
            self.wfile.write(found.answer)

        def log_message(self, *_: object) -> None:
            """Not to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        found.url = f"http://127.0.0.1:{server.server_port}{SECRET}"
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def secretless(said: Said, caplog: pytest.LogCaptureFixture) -> None:
    assert "canary" not in (said.out + said.err + caplog.text).lower()


def test_what_is_sent_is_what_a_dry_run_prints(
    bakeoff: Command, frozen: str, channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked = ("tell", "--snapshot", frozen[:12], "--link", "https://bakeoff.example.org/")
    dry = bakeoff(*asked, "--dry-run")
    assert (dry.code, channel.asked) == (0, [])
    sent = bakeoff(*asked)
    ((method, path, kind, body),) = channel.asked
    text, _, printed = dry.out.rstrip("\n").rpartition("\n\n")

    assert (sent.code, sent.out, method, path, kind) == (0, "", "POST", SECRET, "application/json")
    assert sent.err.startswith("Posted to http://127.0.0.1:")
    assert printed.encode() == body
    assert json.loads(body)["text"].replace("&gt;", ">") == text
    lines = text.splitlines()
    assert lines[0] == f"[EVENT=VERDICT] data=SIMULATED card=v1 status=insufficient snapshot={frozen[:8]}"
    assert lines[1] == "SIMULATED: no real cloud, no real dollar"
    assert lines[2] == "Not enough to decide: the next look is after 16 blocks"
    assert lines[-1] == (
        f"https://bakeoff.example.org/?snapshot={frozen[:16]} · https://bakeoff.example.org/export/{frozen[:16]}?format=pdf"
    )
    for said in (dry, sent):
        secretless(said, caplog)


def test_it_is_off_until_it_is_set_and_a_dry_run_needs_no_address(bakeoff: Command, frozen: str) -> None:
    refused(bakeoff("tell", "--snapshot", frozen), f"{VARIABLE} is not set", "nothing is sent")
    dry = bakeoff("tell", "--dry-run", "--snapshot", frozen)

    assert dry.code == 0
    assert dry.out.startswith("[EVENT=VERDICT] data=SIMULATED card=v1 status=insufficient snapshot=")
    assert dry.err == f"Nothing was sent: {VARIABLE} is not set.\n"


@pytest.mark.parametrize(
    "url",
    [
        f"http://hooks.slack.com{SECRET}", f"https://hooks.slack.com.evil.example{SECRET}",
        f"https://evil.example{SECRET}", f"https://ana:canary@hooks.slack.com{SECRET}",
        f"https://hooks.slack.com:8443{SECRET}", f"https://hooks.slack.com@evil.example{SECRET}",
        f"https://hooks.slack.com{SECRET}?to=canary", f"https://hooks.slack.com{SECRET}#canary",
        f"https://hooks.slack.com{SECRET}/../x canary", "https://hooks.slack.com", "canary", "https://[canary",
        f"http://10.0.0.1{SECRET}", f"http://ana:canary@127.0.0.1{SECRET}", f"http://127.0.0.1.evil.example{SECRET}", f"ftp://127.0.0.1{SECRET}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
def test_what_is_no_webhook_of_slack_s_is_refused_and_not_repeated(
    url: str, dry_run: tuple[str, ...], bakeoff: Command, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setenv(VARIABLE, url)
    said = bakeoff("tell", *dry_run)

    refused(said, f"{VARIABLE} is no incoming webhook", "https://hooks.slack.com/services/")
    secretless(said, caplog)


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (404, b"no_service", ("answered 404 (no_service)", "Nothing was posted")),
        (400, SECRET.encode(), ("answered 400. ", "Nothing was posted")),
        (400, b"canary", ("answered 400. ", "Nothing was posted")),
        (302, b"", ("answered 302", "Nothing was posted")),
        (503, b"<html>", ("answered 503. ", "may have been posted")),
        (0, b"", ("No whole answer came", "may have been posted")),
    ],
)
def test_what_was_not_posted_is_one_sentence_and_is_sent_once(
    status: int, answer: bytes, words: tuple[str, ...], bakeoff: Command, frozen: str, channel: Channel,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    channel.status, channel.answer = status, answer
    said = bakeoff("tell", "--snapshot", frozen)

    refused(said, *words)
    secretless(said, caplog)
    assert len(channel.asked) == 1


def test_a_webhook_that_is_not_there_is_one_sentence(
    bakeoff: Command, frozen: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with listening() as closed:
        monkeypatch.setenv(VARIABLE, closed.url)
    said = bakeoff("tell", "--snapshot", frozen)

    refused(said, "cannot be reached", "nothing was posted")
    secretless(said, caplog)


@pytest.mark.parametrize("link", ["bakeoff.example.org", "javascript:alert(1)", "https://x <!channel>", "ftp://x"])
def test_a_link_that_is_no_address_is_refused(link: str, bakeoff: Command, frozen: str) -> None:
    refused(bakeoff("tell", "--dry-run", "--snapshot", frozen, "--link", link), "--link takes the web app's address")


def test_without_a_verdict_nothing_is_told(bakeoff: Command, known: DataFolder, channel: Channel) -> None:
    said = bakeoff("tell")

    assert (said.code, said.out, channel.asked) == (20, "", [])
    assert said.err.startswith("No decision card is locked")
    assert known.db.exists()


def test_a_stranger_s_text_calls_nobody_and_formats_nothing() -> None:
    sent = payload("<!channel> & <http://evil.example|click>")

    assert sent["text"] == "&lt;!channel&gt; &amp; &lt;http://evil.example|click&gt;"
    assert (sent["mrkdwn"], sent["unfurl_links"], sent["unfurl_media"]) == (False, False, False)


def test_the_address_is_in_no_repr_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"https://hooks.slack.com{SECRET}")
    found = Settings()

    assert "canary" not in (repr(found) + str(found) + found.model_dump_json()).lower()


def test_the_web_process_runs_without_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "canary")
    assert keyless()[VARIABLE] == ""
