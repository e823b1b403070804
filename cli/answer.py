"""`bakeoff answer`: what people answered to questions that no measurement answers."""

from typing import Annotated, Any

import typer

from analysis.verdict.said import NOT_VERIFIED
from cli.card import By, Note
from cli.figures import moment
from cli.launch import user
from cli.output import AsJson, Refused, data_folder, give, reading, say, table, world_clock, writing
from storage.answers import PARITY_ITEMS, YES_NO, answer, history, newest, scores, subjects
from storage.models import Answer
from words import AnswerKind

COLUMNS = ("about", "of", "answer", "by", "at", "note")

YesNo = Annotated[str, typer.Argument(help="yes or no.")]

app = typer.Typer(invoke_without_command=True)


def register(main: typer.Typer) -> None:
    """Add the verb."""
    main.add_typer(app, name="answer")


@app.callback(invoke_without_command=True)
def answers(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--history", help="Every answer ever given, the newest first.")] = False,
    json: AsJson = False,
) -> None:
    """Licences, content policies and parity gaps: what people answered, and what nobody has."""
    if context.invoked_subcommand is not None:
        return
    with reading() as session:
        known, given = newest(session), history(session)
        asked = [(kind, subject, known.get((kind, subject))) for kind in AnswerKind for subject in subjects(kind)]
        if every:
            asked = [(row.kind, row.subject, row) for row in given]
        told = [_told(kind, subject, row) for kind, subject, row in asked]
    if json:
        give({"answers": told})
        return
    if not told:
        typer.echo("Nobody has answered anything yet. `bakeoff answer --help` says how.")
        return
    table(COLUMNS, [_line(each) for each in told])
    typer.echo(f"\n{NOT_VERIFIED}")


@app.command()
def licence(
    workflow: Annotated[str, typer.Argument(help="Such as flux-dev.")],
    allowed: YesNo,
    by: By = "",
    note: Note = "",
    json: AsJson = False,
) -> None:
    """May production use the workflow's model commercially?"""
    _give(AnswerKind.LICENCE, workflow, _yes(allowed), by=by, note=note, as_json=json)


@app.command()
def content(
    provider: Annotated[str, typer.Argument(help="modal, runpod, vast.")],
    allowed: YesNo,
    by: By = "",
    note: Note = "",
    json: AsJson = False,
) -> None:
    """Does the provider's policy allow what production makes?"""
    _give(AnswerKind.CONTENT, provider, _yes(allowed), by=by, note=note, as_json=json)


@app.command()
def parity(
    provider: Annotated[str, typer.Argument(help="runpod, vast.")],
    item: Annotated[str, typer.Argument(help=f"{', '.join(PARITY_ITEMS)}.")],
    score: Annotated[int, typer.Argument(help="0 missing, 1 with work, 2 as on the baseline.")],
    by: By = "",
    note: Note = "",
    json: AsJson = False,
) -> None:
    """Does the provider have what production uses on the baseline?"""
    _give(AnswerKind.PARITY, f"{provider} {item}", score, by=by, note=note, as_json=json)


def _give(kind: AnswerKind, subject: str, score: int, *, by: str, note: str, as_json: bool) -> None:
    now = world_clock(data_folder()).now()
    with writing() as session:
        row = answer(session, kind=kind, subject=subject, score=score, by=by or user(), now=now, note=note)
        told = _told(kind, subject, row)
    if as_json:
        give(told)
    else:
        say(f"The {kind.value} of {subject}: {told['answer']}, says {told['by']}. What was said before is kept.")


def _told(kind: AnswerKind, subject: str, row: Answer | None) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": kind.value, "subject": subject, "score": None, "answer": None}
    if row is None:
        return told | {"by": None, "at": None, "note": None, "simulated": None}
    said = {"score": row.score, "answer": scores(kind)[row.score]}
    return told | said | {"by": row.by, "at": row.at, "note": row.note, "simulated": row.simulated}


def _line(told: dict[str, Any]) -> list[Any]:
    return [
        told["kind"], told["subject"], told["answer"] or "not answered", told["by"], moment(told["at"]),
        told["note"] or None,
    ]  # fmt: skip


def _yes(text: str) -> int:
    known = {words: score for score, words in YES_NO.items()}
    if text.lower() not in known:
        raise Refused(f"The answer is yes or no, not '{text[:60]}'.")
    return known[text.lower()]
