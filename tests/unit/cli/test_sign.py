"""`bakeoff sign`: a name under a verdict, an override with a second person, and nothing kept of what is refused."""

import json
from pathlib import Path

import pytest
from sqlmodel import Session, select

from storage.blobs import Blobs
from storage.db import DataFolder, open_engine
from storage.models import SignOff, Snapshot
from tests.unit.cli.conftest import Command
from tests.unit.cli.test_bad_input import listed, refused

OVERRIDE = ("--instead", "go", "--second", "ben", "--reason", "We leave anyway.")


def kept(folder: DataFolder) -> tuple[list[SignOff], list[Snapshot]]:
    with Session(open_engine(folder.db)) as session:
        return list(session.exec(select(SignOff))), list(session.exec(select(Snapshot)))


def test_an_override_is_said_by_every_command_that_says_the_verdict(
    bakeoff: Command, measured: DataFolder, frozen: str, tmp_path: Path
) -> None:
    said = bakeoff("sign", "--by", "ana", "--snapshot", frozen[:12], *OVERRIDE)
    (word,), (row,) = kept(measured)
    ending = ", overridden by ana: We leave anyway."
    verdict, report = bakeoff("verdict"), tmp_path / "report.json"
    bakeoff("report", "--snapshot", frozen, "--out", str(report))

    assert (said.code, word.snapshot_id, row.digest) == (0, row.id, frozen)
    assert said.err.startswith("ana with ben (not verified) decides GO instead, 11 Nov 2026, snapshot ")
    assert verdict.code == 20, "what the rule says is what automation is told"
    assert f"16 blocks{ending}\n" in verdict.out
    assert "ana with ben (not verified) decides GO instead" in verdict.out
    assert json.loads(report.read_text())["title"].endswith(ending)
    assert json.loads(bakeoff("verdict", "--snapshot", frozen, "--json").out)["overridden"] == ending


def test_a_signature_freezes_what_was_measured(bakeoff: Command, measured: DataFolder) -> None:
    told = json.loads(bakeoff("sign", "--by", "ana", "--json").out)
    (word,), (_, row) = kept(measured)

    assert (word.name, word.instead, word.snapshot_id) == ("ana", None, row.id)
    assert (told["snapshot"], told["title"], told["signed"][0]["name"]) == (row.digest, row.title, "ana")


def test_a_snapshot_of_an_older_program_is_signed_and_reported_as_it_is(
    bakeoff: Command, measured: DataFolder, frozen: str, tmp_path: Path
) -> None:
    """It lacks what is frozen since; freezing it anew would be another snapshot."""
    blobs = Blobs(measured.blobs)
    content = json.loads(blobs.get(frozen))
    for name in ("rests", "volumes"):
        del content["facts"][name]
    older = blobs.put(json.dumps(content).encode())
    with Session(open_engine(measured.db)) as session:
        (row,) = session.exec(select(Snapshot)).all()
        session.add(Snapshot(**row.model_dump(exclude={"id", "digest"}), digest=older))
        session.commit()
    said = bakeoff("sign", "--by", "ana", "--snapshot", older)
    (word,), rows = kept(measured)

    assert (said.code, [row.digest for row in rows if row.id == word.snapshot_id], len(rows)) == (0, [older], 2)
    assert bakeoff("report", "--snapshot", older, "--out", str(tmp_path / "older.html")).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--instead", "go", "--reason", "because"), "needs a second person"),
        (("--instead", "go", "--second", "ANA ", "--reason", "because"), "is the first"),
        (("--instead", "go", "--second", "ben"), "needs a reason"),
        (("--instead", "maybe", "--second", "ben", "--reason", "because"), "one of go, no_go, not_worth_it"),
        (("--instead", "blocked", "--second", "ben", "--reason", "because"), "one of go, no_go, not_worth_it"),
        (("--second", "ben"), "--instead go"),
        (("--snapshot", "abc"), "no snapshot that begins with 'abc'"),
    ],
)
def test_what_is_refused_freezes_nothing_and_keeps_nothing(
    arguments: tuple[str, ...], said: str, bakeoff: Command, measured: DataFolder
) -> None:
    before = listed(measured.blobs)
    refused(bakeoff("sign", "--by", "ana", *arguments), said)

    words, snapshots = kept(measured)
    assert (words, len(snapshots)) == ([], 1)
    assert listed(measured.blobs) == before


def test_nobody_signs_twice_nor_nameless_nor_what_was_changed(
    bakeoff: Command, measured: DataFolder, frozen: str
) -> None:
    refused(bakeoff("sign", "--by", " ", "--snapshot", frozen), "give a name")
    assert bakeoff("sign", "--by", "ana", "--snapshot", frozen).code == 0
    refused(bakeoff("sign", "--by", "ana", "--snapshot", frozen), "has said so")
    path = measured.blobs / frozen[:2] / frozen[2:4] / frozen
    path.write_bytes(path.read_bytes().replace(b'"jobs":1440', b'"jobs":9440'))
    refused(bakeoff("sign", "--by", "ben", "--snapshot", frozen), "has been changed")
    assert len(kept(measured)[0]) == 1


def test_there_is_nothing_to_sign_before_a_card_is_locked(bakeoff: Command, known: DataFolder) -> None:
    said = bakeoff("sign", "--by", "ana")

    assert (said.code, said.out) == (20, "")
    assert said.err.startswith("No decision card is locked")
    assert kept(known) == ([], [])
