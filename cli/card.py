"""`bakeoff card`: the decision card, its versions, its lock and its review."""

from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Annotated, Any

import typer
from sqlmodel import Session

from analysis.verdict.card import flat
from analysis.verdict.said import NOT_VERIFIED
from cli.figures import moment
from cli.launch import user
from cli.output import AsJson, Refused, data_folder, give, reading, say, table, world_clock, writing
from storage import cards
from storage.cards import Version

VERSIONS = ("version", "made by", "at", "state", "changed", "hash", "note")
_SHORT = 12  # characters of a hash that a person compares

By = Annotated[str, typer.Option(help="Who; kept as it is typed, not verified.")]
Note = Annotated[str, typer.Option(help="Why; shown beside the version.")]
Given = Annotated[
    list[str] | None, typer.Argument(help="key=value, as `bakeoff card` names them: margins.saving=0.15.")
]

app = typer.Typer(invoke_without_command=True)


def register(main: typer.Typer) -> None:
    """Add the verb."""
    main.add_typer(app, name="card")


@app.callback(invoke_without_command=True)
def card(context: typer.Context, json: AsJson = False) -> None:
    """The criteria of the verdict: limits and assumptions, locked and hashed before the first sample."""
    if context.invoked_subcommand is None:
        show(json=json)


@app.command()
def show(json: AsJson = False) -> None:
    """The newest version with every value, and all versions with who, when and what changed."""
    with reading() as session:
        known = cards.versions(session)
        told = [_told(each, before) for each, before in zip_longest(known, known[1:])]
        if json:
            return give({"current": _current(session, known[0]) if known else None, "versions": told})
        if not known:
            return typer.echo("There is no decision card yet. Write one with `bakeoff card new`.")
        newest = _current(session, known[0])
    typer.echo(f"{known[0].title}.")
    if newest["post_hoc"]:
        typer.echo(newest["post_hoc"])
    table(("name", "value"), [(name, _value(value)) for name, value in newest["values"].items()])
    typer.echo(f"\nVersions, the newest first. {NOT_VERIFIED}")
    table(VERSIONS, [_line(each) for each in told])


@app.command()
def new(values: Given = None, by: By = "", note: Note = "", json: AsJson = False) -> None:
    """Write the first version: the defaults, and what is given. What is compared is pinned as it is now."""
    with writing() as session:
        made = cards.draft(session, _pairs(values), made_by=by or user(), now=_now(), note=note)
        told = _told(made, None)
    _answer(told, "Lock it before the first sample: `bakeoff card lock --by NAME`.", as_json=json)


@app.command("set")
def edit(
    values: Given = None,
    by: By = "",
    note: Note = "",
    repin: Annotated[
        bool, typer.Option("--repin", help="Pin every workflow's hash, settings and GPU as they are now.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Make a new version with other values. It is a draft, and what rested on the one before is void."""
    with writing() as session:
        before, void = cards.current(session), cards.voids(session)
        made = cards.edit(session, _pairs(values), made_by=by or user(), now=_now(), note=note, repin=repin)
        told = _told(made, before) | {"voids": void}
    lost = f" It voids {'; '.join(void)}." if void else ""
    _answer(told, f"{'; '.join(told['changes'])}.{lost}", as_json=json)


@app.command()
def lock(
    by: Annotated[str, typer.Option(help="Who locks it; kept as it is typed, not verified.")], json: AsJson = False
) -> None:
    """Lock the newest version: verdicts rest on it from here on. After the first sample it is post hoc."""
    with writing() as session:
        told = _told(cards.lock(session, by=by, now=_now()), None)
    _answer(told, told["post_hoc"] or f"Its hash is {told['hash'][:_SHORT]}.", as_json=json)


@app.command()
def review(
    by: Annotated[str, typer.Option(help="A second person; kept as it is typed, not verified.")], json: AsJson = False
) -> None:
    """Accept a card that was locked after the first sample, as a second person."""
    with writing() as session:
        told = _told(cards.review(session, by=by, now=_now()), None)
    _answer(told, "Verdicts may rest on it, and say that it is post hoc.", as_json=json)


def _told(version: Version, before: Version | None) -> dict[str, Any]:
    row = version.row
    names = ("made_by", "made_at", "note", "locked_by", "locked_at", "samples_before", "reviewed_by", "reviewed_at")
    return {
        "version": version.number,
        "title": version.title,
        "locked": version.locked,
        "decides": version.decides,
        "post_hoc": cards.post_hoc(version),
        "hash": row.digest,
        "changes": cards.diff(before, version),
        **{name: getattr(row, name) for name in names},
    }


def _current(session: Session, version: Version) -> dict[str, Any]:
    card = version.card
    return {
        "version": version.number,
        "title": version.title,
        "post_hoc": cards.post_hoc(version),
        "samples": cards.samples(session, card),
        "values": flat(card),
    }


def _answer(told: dict[str, Any], more: str, *, as_json: bool) -> None:
    if as_json:
        give(told)
    else:
        say(f"{told['title']}. {more}")


def _line(told: dict[str, Any]) -> Sequence[Any]:
    state = "draft"
    if told["locked"]:
        state = f"locked {moment(told['locked_at'])} by {told['locked_by']} after {told['samples_before']:,} samples"
    if told["reviewed_by"]:
        state += f", reviewed by {told['reviewed_by']}"
    changed = "; ".join(told["changes"]) or None
    return [
        told["version"], told["made_by"], moment(told["made_at"]), state, changed, told["hash"][:_SHORT],
        told["note"] or None,
    ]  # fmt: skip


def _value(value: Any) -> str:
    """As `bakeoff card set` reads it again."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(str(each) for each in value)
    return "" if value == {} else str(value)


def _pairs(given: Sequence[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise Refused(f"A value is written key=value, such as margins.saving=0.15, not '{text[:60]}'.")
        if name in found:
            raise Refused(f"{name[:60]} is given twice.")
        found[name] = value
    return found


def _now() -> datetime:
    return world_clock(data_folder()).now()
