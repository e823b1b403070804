"""`bakeoff tell`: the verdict as a short message in the team's chat, through an incoming webhook of Slack's.

The webhook's address is a secret, since whoever knows it can post: it is in no message, log or error of ours.
"""

import asyncio
import json as jsonlib
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr

from analysis.verdict.document import NO_DATA
from analysis.verdict.render import message
from analysis.verdict.report import report
from backends.errors import BackendError, Unavailable
from backends.http import Http, client
from backends.reading import Answer
from cli.output import Refused, plain, say
from cli.verdict import said_of
from clock import WallClock
from settings import Settings

VARIABLE = "BAKEOFF_SLACK_WEBHOOK"
SLACK = ("hooks.slack.com", "hooks.slack-gov.com")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PATH = re.compile(r"/[A-Za-z0-9/_-]+")
_LINK = re.compile(r"https?://[!-;=?-~]{1,300}")  # printable, and no < or >, which are Slack's own
_CAUSE = re.compile(r"[a-z_]{1,40}")  # how Slack words a refusal: no_service, channel_is_archived
_LINKED = 16  # signs of a hash in an address
_PERHAPS = "It may have been posted all the same: look at the channel before you tell it again."
_SENT_AS = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))  # the three that Slack reads as its own


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(tell)


def tell(
    snapshot: Annotated[str | None, typer.Option(help="A frozen one: the beginning of its hash.")] = None,
    link: Annotated[str, typer.Option(help="Where readers reach the web app: the message ends with its page.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print exactly what would be sent, and send nothing.")] = (
        False
    ),
) -> None:
    """Post the verdict as a short message to the team's chat, once. Off until BAKEOFF_SLACK_WEBHOOK is set."""
    origin, path = _webhook(Settings().slack_webhook, dry_run=dry_run)
    said = said_of(snapshot)
    if said is None:
        raise typer.Exit(NO_DATA)
    text = message(report(said), link=_address(link, said["snapshot"]))
    if dry_run:
        body = jsonlib.dumps(payload(text), ensure_ascii=False, separators=(",", ":"))  # as backends.http writes it
        typer.echo(plain(f"{text}\n\n{body}"))
        say(f"Nothing was sent. It would go to {origin}." if origin else f"Nothing was sent: {VARIABLE} is not set.")
        return
    _judged(asyncio.run(_posted(origin, path, text)), path)
    say(f"Posted to {origin}: {said['title']}")


def payload(text: str) -> dict[str, Any]:
    """What the webhook takes: text that names nobody, formats nothing and draws no preview, whoever wrote it."""
    for sign, instead in _SENT_AS:
        text = text.replace(sign, instead)
    return {"text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}


def _webhook(secret: SecretStr | None, *, dry_run: bool) -> tuple[str, str]:
    """Origin and path of the webhook; empty ones where a dry run has none. Refuses what is no webhook of Slack's."""
    if secret is None:
        if dry_run:
            return "", ""
        raise Refused(f"{VARIABLE} is not set, so nothing is sent. Set it to a Slack app's incoming webhook.")
    try:
        parts = urlsplit(secret.get_secret_value())
        here = parts.hostname in LOOPBACK and parts.scheme in ("http", "https") and "@" not in parts.netloc
        slack = parts.scheme == "https" and parts.netloc in SLACK
    except ValueError:
        here = slack = False
    if not (here or slack) or parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
        raise Refused(
            f"{VARIABLE} is no incoming webhook: it must be https://{SLACK[0]}/services/... and nothing else is "
            "called. Copy it anew from the Slack app's page."
        )
    return f"{parts.scheme}://{parts.netloc}", parts.path


def _address(link: str, snapshot: str) -> str:
    """The page of the verdict, of a frozen one its report too."""
    if not link:
        return ""
    if not _LINK.fullmatch(link):
        raise Refused("--link takes the web app's address, such as https://bakeoff.example.org.")
    base, name = link.rstrip("/"), snapshot[:_LINKED]
    return f"{base}/?snapshot={name} · {base}/export/{name}?format=pdf" if name else f"{base}/"


async def _posted(origin: str, path: str, text: str) -> Answer:
    """One POST, never repeated. Its errors name the path, which is the secret: none goes on."""
    http = Http(client=client(origin, None), clock=WallClock(), provider="Slack")
    try:
        return await http.exchange("POST", path, json=payload(text))
    except Unavailable:
        raise Refused(f"{origin} cannot be reached: nothing was posted. Try again.") from None
    except BackendError:
        raise Refused(f"No whole answer came from {origin}. {_PERHAPS}") from None
    finally:
        await http.aclose()


def _judged(answer: Answer, path: str) -> None:
    """Refuses any answer but 2xx, with Slack's own word for it."""
    if answer.is_success:
        return
    cause = answer.text.strip()
    known = f" ({cause})" if _CAUSE.fullmatch(cause) and cause not in path else ""
    way_out = f"Nothing was posted. Check {VARIABLE}." if answer.status_code < 500 else _PERHAPS
    raise Refused(f"The webhook answered {answer.status_code}{known}. {way_out}")
