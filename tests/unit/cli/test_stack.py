"""What demo and up start: a child that does not start is refused with what it said, and leaves nothing behind."""

import json
from collections.abc import AsyncIterator

import pytest

from cli.output import Refused
from cli.processes import Supervisor
from cli.stack import fetch, start_collector, start_simulator, start_web, truth_of
from clock import SharedClock
from storage.db import DataFolder, lock_folder
from tests.unit.cli.conftest import AT


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    made = Supervisor()
    yield made
    await made.stop()


def world_in(folder: DataFolder) -> DataFolder:
    folder.create()
    SharedClock.create(folder.clock, epoch=AT, speed=10)
    return folder


async def test_a_simulator_tells_its_addresses_and_they_are_kept_for_the_others(
    supervisor: Supervisor, folder: DataFolder
) -> None:
    world_in(folder)
    line = await start_simulator(supervisor, folder, world="quiet", seed=4, speed=10, keys={})
    assert json.loads((folder.path / "simulator.json").read_text()) == line
    assert (line["world"], line["seed"], line["simulated"]) == ("quiet", 4, True)
    assert truth_of(line)["jobs"] == 0
    await supervisor.stop()
    with pytest.raises(OSError, match="refused"):
        fetch(f"{line['urls']['control']}/health")


async def test_a_simulator_that_does_not_start_is_refused_with_its_last_words(
    supervisor: Supervisor, folder: DataFolder
) -> None:
    world_in(folder)
    with pytest.raises(Refused, match=r"The simulator did not start: .*There is no world 'nowhere'"):
        await start_simulator(supervisor, folder, world="nowhere", seed=1, speed=10, keys={})
    assert not (folder.path / "simulator.json").exists()


async def test_a_collector_on_a_folder_in_use_is_refused_with_its_holder(
    supervisor: Supervisor, known: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_SPEND_CAP_USD", "5")
    with lock_folder(known), pytest.raises(Refused, match=r"The collector did not start: .*Another collector \(pid"):
        await start_collector(supervisor, known)


async def test_a_web_server_that_cannot_listen_is_refused(supervisor: Supervisor, known: DataFolder) -> None:
    with pytest.raises(Refused, match=r"No port between|The web server did not start"):
        await start_web(supervisor, known, address="203.0.113.7", port=8501)
