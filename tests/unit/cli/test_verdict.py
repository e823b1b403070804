"""`bakeoff verdict`: what it says, what it freezes, and the exit codes that automation rests on."""

import json
import shutil
from pathlib import Path

import pytest
from sqlmodel import Session, select

from storage.db import DataFolder, open_engine
from storage.models import Charge, Snapshot, TrafficProfile
from tests.pages import campaign
from tests.unit.cli.conftest import Command
from tests.unit.cli.test_bad_input import refused


def test_it_says_the_finding_and_every_gate(bakeoff: Command, measured: DataFolder) -> None:  # noqa: ARG001 - its folder
    said = bakeoff("verdict")

    assert said.code == 20
    first, second, third, *_ = said.out.splitlines()
    assert first == "SIMULATED: no real cloud, no real dollar"
    assert second == "Not enough to decide: the next look is after 16 blocks"
    assert third.startswith("Valid to 2027-02-09 · card v1 locked by ana · bills 100 % final · 1,440 jobs in 12 blocks")
    assert "flux-dev on Vast.ai, after 20 blocks" in said.out
    assert said.out.count("warm_p95") == 2


def test_as_json_it_is_the_whole_document(bakeoff: Command, measured: DataFolder) -> None:  # noqa: ARG001
    told = json.loads(bakeoff("verdict", "--json").out)

    assert (told["state"], told["simulated"], told["snapshot"]) == ("insufficient", True, "")
    assert [row["state"] for row in told["candidates"]] == ["insufficient", "no_go"]
    assert all(len(row["gates"]) == 7 for row in told["candidates"])


def test_a_frozen_snapshot_says_the_same_for_ever(bakeoff: Command, measured: DataFolder) -> None:
    kept = json.loads(bakeoff("verdict", "--json", "--freeze").out)
    with Session(open_engine(measured.db)) as session:
        row = session.exec(select(Snapshot).where(Snapshot.digest == kept["snapshot"])).one()
        stored, digest = row.verdict, row.digest
        for charge in session.exec(select(Charge)):  # the tables move on
            session.delete(charge)
        session.commit()
    again = bakeoff("verdict", "--json", "--snapshot", kept["snapshot"][:10])

    assert digest == kept["snapshot"]
    assert json.loads(again.out) == kept == stored
    assert again.code == 20
    assert json.loads(bakeoff("verdict", "--json").out)["final_share"] == 0


def test_a_snapshot_that_was_changed_is_refused(bakeoff: Command, measured: DataFolder) -> None:
    kept = json.loads(bakeoff("verdict", "--json", "--freeze").out)["snapshot"]
    path = measured.blobs / kept[:2] / kept[2:4] / kept
    path.write_bytes(path.read_bytes().replace(b'"jobs":1440', b'"jobs":9440'))
    refused(bakeoff("verdict", "--snapshot", kept), "has been changed")

    path.unlink()
    refused(bakeoff("verdict", "--snapshot", kept), "gone from the blob folder")


def test_a_snapshot_is_out_of_date_once_the_traffic_has_doubled(bakeoff: Command, measured: DataFolder) -> None:
    kept = json.loads(bakeoff("verdict", "--json", "--freeze").out)["snapshot"]
    with Session(open_engine(measured.db)) as session:
        (profile,) = session.exec(select(TrafficProfile)).all()
        profile.per_day = 2000.0
        session.commit()
    said = bakeoff("verdict", "--snapshot", kept[:8])

    assert said.code == 40
    assert said.err.startswith("Out of date: ")
    assert "Not enough to decide" in said.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--snapshot", "abc"), "no snapshot that begins with 'abc'"),
        (("--snapshot", "abc", "--freeze"), "is frozen already"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    arguments: tuple[str, ...],
    said: str,
    bakeoff: Command,
    measured: DataFolder,  # noqa: ARG001
) -> None:
    refused(bakeoff("verdict", *arguments), said)


def test_without_a_locked_card_nothing_is_decided_and_automation_is_told(bakeoff: Command, known: DataFolder) -> None:  # noqa: ARG001
    said = bakeoff("verdict")

    assert (said.code, said.out) == (20, "")
    assert said.err == "No decision card is locked: nothing can be decided. `bakeoff card` writes and locks one.\n"


def test_a_card_before_the_first_block_is_no_data(bakeoff: Command, tmp_path: Path, folder: DataFolder) -> None:
    built = campaign.build(tmp_path / "few").path
    shutil.copytree(built, folder.path)
    with Session(open_engine(folder.db)) as session:
        for block in session.exec(select(campaign.Block)):
            block.status = campaign.BlockStatus.PLANNED
        session.commit()
    said = bakeoff("verdict")

    assert (said.code, said.out) == (20, "")
    assert said.err.startswith("No block of the card's workflows is done yet.")
