"""`bakeoff verdict`: what the rule says of what was measured, or of a frozen snapshot; exit codes for automation."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol

import typer
from sqlmodel import Session

from analysis.arrivals import LoadError
from analysis.verdict.document import EXIT, NO_DATA, STALE_EXIT, document
from analysis.verdict.frozen import Snapshot
from analysis.verdict.report import signatures
from analysis.verdict.turns import explained
from cli.output import AsJson, Refused, data_folder, give, plain, reading, say, table, world_clock, writing
from storage import cards, signoffs, verdicts
from storage.blobs import Blobs
from words import called

CANDIDATES = ("workflow", "candidate", "verdict", "look", "blocks", "says")
GATES = ("gate", "passes", "harm", "value", "low", "high", "limit", "n", "blocks", "why")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(verdict)


def verdict(
    snapshot: Annotated[str | None, typer.Option(help="Of a frozen one: the beginning of its hash.")] = None,
    freeze: Annotated[bool, typer.Option("--freeze", help="Keep the inputs as a snapshot that never changes.")] = False,
    json: AsJson = False,
) -> None:
    """Move, stay or split, by the locked decision card.

    Exit code 0: GO or SPLIT; 10: stay or NO-GO; 20: not enough, or no data; 30: BLOCKED; 40: a snapshot out of date.
    """
    if snapshot and freeze:
        raise Refused("A frozen snapshot is frozen already: leave --freeze or --snapshot away.")
    said = said_of(snapshot, keep=freeze)
    if said is None:
        raise typer.Exit(NO_DATA)
    if json:
        give(said)
    else:
        _draw(said)
    raise typer.Exit(STALE_EXIT if said.get("stale") else EXIT[said["state"]])


def said_of(snapshot: str | None, *, keep: bool = False) -> dict[str, Any] | None:
    """The document of a frozen snapshot, or of what was measured so far; None where nothing could be judged."""
    if snapshot:
        return _frozen(snapshot, document)
    found = whole_now() if keep else _now(_judged)
    if found is None:
        return None
    with writing() if keep else reading() as session:
        said = verdicts.keep(session, _blobs(), found, now=found.facts.at).verdict if keep else document(found)
        return signoffs.heard(session, said)


def explained_of(snapshot: str | None) -> dict[str, Any] | None:
    """The same for a report: with what would turn it, and what each provider costs at other volumes."""
    if snapshot:
        return _frozen(snapshot, explained)
    found = whole_now()
    if found is None:
        return None
    with reading() as session:
        return signoffs.heard(session, explained(found))


def whole_now() -> Snapshot | None:
    """What was measured so far, as it is frozen; None where nothing could be judged, which is said."""
    return _now(verdicts.whole)


def _frozen(beginning: str, tell: verdicts.Tell) -> dict[str, Any]:
    with reading() as session:
        return verdicts.told(session, _blobs(), beginning, now=world_clock(data_folder()).now(), tell=tell)


def _blobs() -> Blobs:
    return Blobs(data_folder().blobs)


class _Gather(Protocol):
    def __call__(self, session: Session, blobs: Blobs, *, now: datetime) -> Snapshot: ...


def _judged(session: Session, blobs: Blobs, *, now: datetime) -> Snapshot:
    return verdicts.gathered(session, blobs, now=now).snapshot


def _now(gather: _Gather) -> Snapshot | None:
    """Of what was measured so far; None where nothing could be judged, which is said."""
    with reading() as session:
        version = cards.current(session)
        if version is None or not version.locked:
            say("No decision card is locked: nothing can be decided. `bakeoff card` writes and locks one.")
            return None
        try:
            found = gather(session, _blobs(), now=world_clock(data_folder()).now())
        except LoadError as error:
            raise Refused(f"Our traffic cannot be replayed: {error}") from None
    if not found.facts.blocks:
        say("No block of the card's workflows is done yet. `bakeoff schedule` plans them.")
        return None
    return found


def _draw(said: Mapping[str, Any]) -> None:
    simulated = "SIMULATED: no real cloud, no real dollar\n" if said["simulated"] else ""
    if said.get("stale"):
        say(f"Out of date: {'; '.join(said['stale'])}. It was:")
    typer.echo(f"{simulated}{plain(said['title'])}")
    if said["sentence"]:
        typer.echo(said["sentence"])
    card, share = said["card"], said["final_share"]
    final = "no bill yet" if share is None else f"bills {share * 100:.0f} % final"
    typer.echo(
        f"Valid to {said['valid_to'][:10]} · card v{card['version']} locked by {card['locked_by']} · {final} · "
        f"{said['jobs']:,} jobs in {said['blocks']} blocks" + (f" · {said['snapshot'][:8]}" if said["snapshot"] else "")
    )
    for line in signatures(said):
        typer.echo(plain(line))
    table(CANDIDATES, [_candidate(row) for row in said["candidates"]])
    for row in said["candidates"]:
        if row["gates"]:
            typer.echo(f"\n{row['workflow']} on {called(row['candidate'])}, after {row['blocks']} blocks")
            table(GATES, [_gate(gate) for gate in row["gates"]])


def _candidate(row: Mapping[str, Any]) -> list[Any]:
    return [row["workflow"], called(row["candidate"]), row["state"], row["look"], row["blocks"], row["says"]]


def _gate(gate: Mapping[str, Any]) -> list[Any]:
    passes = {True: "yes", False: "no", None: None}[gate["passes"]]
    numbers = [None if gate[name] is None else f"{gate[name]:.4g}" for name in ("value", "low", "high", "margin")]
    return [gate["gate"], passes, "yes" if gate["harm"] else "", *numbers, gate["n"], gate["blocks"], gate["why"]]
