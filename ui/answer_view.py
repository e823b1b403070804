"""What people answered to questions that no measurement answers, as rows. Pure."""

from collections.abc import Mapping, Sequence

import workflows
from storage.answers import CANDIDATES, PARITY_ITEMS, scores
from storage.models import Answer
from ui.formats import UNKNOWN, day_time, plain
from ui.names import label
from words import AnswerKind, Provider

Newest = Mapping[tuple[AnswerKind, str], Answer]
_GLYPHS = {2: "●", 1: "◐", 0: "○"}
OPEN = "? not answered"


def answers_title(newest: Newest) -> str:
    """2 of 6 licences and content policies are answered | all are answered, 1 with no"""
    asked = [(AnswerKind.LICENCE, name) for name in workflows.names()]
    asked += [(AnswerKind.CONTENT, each.value) for each in Provider]
    given = [newest[each] for each in asked if each in newest]
    refused = sum(not row.score for row in given)
    no = f", {refused} with no" if refused else ""
    return f"{len(given)} of {len(asked)} licences and content policies are answered{no}"


def parity_title(newest: Newest) -> str:
    """Runpod lacks 1 of 6, Vast.ai 2 of 4 answered"""
    found = []
    for name in CANDIDATES:
        given = [newest[key] for item in PARITY_ITEMS if (key := (AnswerKind.PARITY, f"{name} {item}")) in newest]
        lacks, work = (sum(row.score == score for row in given) for score in (0, 1))
        of = "" if len(given) == len(PARITY_ITEMS) else f", {len(given)} of {len(PARITY_ITEMS)} answered"
        found.append(f"{label(name)} lacks {lacks}, {work} with work{of}" if given else f"{label(name)} not answered")
    return f"Parity gaps: {'; '.join(found)}"


def licence_rows(newest: Newest) -> list[dict[str, str]]:
    """A row per workflow and per provider: the question, the answer, who and when."""
    rows = []
    for name in workflows.names():
        row = newest.get((AnswerKind.LICENCE, name))
        rows.append(
            {"Question": f"May {name} be used commercially?", "Terms": workflows.load(name).licence} | _said(row)
        )
    for each in Provider:
        row = newest.get((AnswerKind.CONTENT, each.value))
        rows.append({"Question": f"Does {each.label} allow our content?", "Terms": "its content policy"} | _said(row))
    return rows


def parity_rows(newest: Newest) -> list[dict[str, str]]:
    """A row per item, a column per candidate: score, its words, who and when, and the note."""
    return [
        {"Item": item}
        | {label(name): _scored(newest.get((AnswerKind.PARITY, f"{name} {item}"))) for name in CANDIDATES}
        for item in PARITY_ITEMS
    ]


def history_rows(history: Sequence[Answer]) -> list[dict[str, object]]:
    """Every answer that was given, the newest first."""
    return [
        {
            "at": day_time(row.at),
            "by": row.by,
            "about": row.kind.value,
            "of": row.subject,
            "answer": scores(row.kind)[row.score],
            "note": row.note or None,
            "simulated": row.simulated,
        }
        for row in history
    ]


def _said(row: Answer | None) -> dict[str, str]:
    if row is None:
        return {"Answer": OPEN, "By": UNKNOWN, "At": UNKNOWN, "Note": UNKNOWN}
    answer = "✓ yes" if row.score else "× no"
    return {"Answer": answer, "By": plain(row.by), "At": day_time(row.at), "Note": plain(row.note) or UNKNOWN}


def _scored(row: Answer | None) -> str:
    if row is None:
        return OPEN
    note = f", {row.note}" if row.note else ""
    who = f":small[:gray[{plain(f'{row.by}, {day_time(row.at)}{note}')}]]"
    return f"{row.score} {_GLYPHS[row.score]} {scores(row.kind)[row.score]} {who}"
