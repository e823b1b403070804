"""`bakeoff verdict`: what the rule says of what was measured, or of a frozen snapshot; exit codes for automation."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol

import typer
from sqlmodel import Session

from analysis.arrivals import LoadError
from analysis.verdict.document import EXIT, NO_DATA, STALE_EXIT, document
from analysis.verdict.frozen import Snapshot, SnapshotError
from analysis.verdict.turns import explained
from cli.output import AsJson, Refused, data_folder, give, reading, say, table, world_clock, writing
from storage import cards, verdicts
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
    found = _now(verdicts.whole if keep else _judged)
    return None if found is None else document(found, digest=_kept(found) if keep else "")


def explained_of(snapshot: str | None) -> dict[str, Any] | None:
    """The same for a report: with what would turn it, and what each provider costs at other volumes."""
    if snapshot:
        return _frozen(snapshot, explained)
    found = _now(verdicts.whole)
    return None if found is None else explained(found)


class _Gather(Protocol):
    def __call__(self, session: Session, blobs: Blobs, *, now: datetime) -> Snapshot: ...


def _judged(session: Session, blobs: Blobs, *, now: datetime) -> Snapshot:
    return verdicts.gathered(session, blobs, now=now).snapshot


def _now(gather: _Gather) -> Snapshot | None:
    """Of what was measured so far; None where nothing could be judged, which is said."""
    folder = data_folder()
    with reading() as session:
        version = cards.current(session)
        if version is None or not version.locked:
            say("No decision card is locked: nothing can be decided. `bakeoff card` writes and locks one.")
            return None
        try:
            found = gather(session, Blobs(folder.blobs), now=world_clock(folder).now())
        except LoadError as error:
            raise Refused(f"Our traffic cannot be replayed: {error}") from None
    if not found.facts.blocks:
        say("No block of the card's workflows is done yet. `bakeoff schedule` plans them.")
        return None
    return found


def _kept(found: Snapshot) -> str:
    folder = data_folder()
    with writing() as session:
        return verdicts.keep(session, Blobs(folder.blobs), found, now=world_clock(folder).now()).digest


class _Tell(Protocol):
    def __call__(self, snapshot: Snapshot, *, digest: str = "") -> dict[str, Any]: ...


def _frozen(beginning: str, tell: _Tell) -> dict[str, Any]:
    folder = data_folder()
    with reading() as session:
        try:
            name, found = verdicts.named(session, Blobs(folder.blobs), beginning)
        except SnapshotError as error:
            raise Refused(str(error)) from None
        stale = verdicts.stale_now(session, found, now=world_clock(folder).now())
    said = tell(found, digest=name)
    return said | {"stale": stale} if stale else said


def _draw(said: Mapping[str, Any]) -> None:
    simulated = "SIMULATED: no real cloud, no real dollar\n" if said["simulated"] else ""
    if said.get("stale"):
        say(f"Out of date: {'; '.join(said['stale'])}. It was:")
    typer.echo(f"{simulated}{said['title']}")
    if said["sentence"]:
        typer.echo(said["sentence"])
    card, share = said["card"], said["final_share"]
    final = "no bill yet" if share is None else f"bills {share * 100:.0f} % final"
    typer.echo(
        f"Valid to {said['valid_to'][:10]} · card v{card['version']} locked by {card['locked_by']} · {final} · "
        f"{said['jobs']:,} jobs in {said['blocks']} blocks" + (f" · {said['snapshot'][:8]}" if said["snapshot"] else "")
    )
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
