"""`bakeoff sign`: a name under a verdict, or another decision with a second name and a reason. Kept for ever."""

from collections.abc import Callable
from typing import Annotated

import typer
from sqlmodel import Session

from analysis.verdict.document import NO_DATA
from analysis.verdict.report import signatures
from analysis.verdict.said import NOT_VERIFIED
from cli.output import AsJson, Refused, data_folder, give, say, world_clock, writing
from cli.verdict import whole_now
from storage import signoffs, verdicts
from storage.blobs import Blobs
from storage.models import SignOff, Snapshot
from words import Verdict

_INSTEAD = ", ".join(each.value for each in signoffs.INSTEAD)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(sign)


def sign(
    by: Annotated[str, typer.Option(help="Who; kept as it is typed, not verified.")],
    snapshot: Annotated[str | None, typer.Option(help="A frozen one: the beginning of its hash.")] = None,
    instead: Annotated[str, typer.Option(help=f"Decide otherwise than the rule: {_INSTEAD}.")] = "",
    second: Annotated[str, typer.Option(help="The second person of an override; not verified.")] = "",
    reason: Annotated[str, typer.Option(help="Why it is decided otherwise.")] = "",
    json: AsJson = False,
) -> None:
    """Stand by what the rule says, or override it with a second person and a reason. It is about a frozen snapshot: the
    named one, or what was measured so far, which is frozen for it. Exit code 20: no data.
    """
    word = _word(by, instead, second, reason)
    kept = _freezing(snapshot)
    with writing() as session:
        row = kept(session)
        signoffs.keep(session, row, word)
        said = signoffs.heard(session, row.verdict)
    if json:
        give(said)
    else:
        say(f"{signatures(said)[0]}\n{NOT_VERIFIED}")


def _freezing(snapshot: str | None) -> Callable[[Session], Snapshot]:
    """What gives the frozen snapshot; what is to be frozen first is gathered here, outside of the write."""
    folder = data_folder()
    blobs, now = Blobs(folder.blobs), world_clock(folder).now()
    if snapshot:
        return lambda session: verdicts.kept(session, blobs, snapshot)
    found = whole_now()
    if found is None:
        raise typer.Exit(NO_DATA)
    return lambda session: verdicts.keep(session, blobs, found, now=now)


def _word(by: str, instead: str, second: str, reason: str) -> SignOff:
    """Refused before anything is judged or frozen."""
    now = world_clock(data_folder()).now()
    if not instead:
        if second or reason:
            raise Refused(
                f"A second person and a reason are an override's: say what is decided with --instead {_INSTEAD}."
            )
        return signoffs.agreed(by, now=now)
    try:
        decided = Verdict(instead)
    except ValueError:
        raise Refused(f"A verdict is overridden with one of {_INSTEAD}, not {instead[:60]!r}.") from None
    return signoffs.overridden(decided, name=by, second_name=second, reason=reason, now=now)
