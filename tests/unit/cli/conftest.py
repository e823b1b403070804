"""A bare environment and a data folder for each test of the command line."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import Session

from cli.main import main
from settings import Settings
from storage.db import DataFolder, open_engine
from storage.models import Backend, Installation, Offer
from tests.pages import campaign
from tests.unit.collectors.fakes import fresh_tables

AT = datetime(2026, 11, 2, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    """What a command did."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """The data folder that the environment names; it is not there yet."""
    fields = [field.upper() for field in Settings.model_fields]
    for name in (*fields, *(f"BAKEOFF_{field}" for field in fields), "VAST_AI_API_KEY", "HUGGINGFACE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BAKEOFF_DATA_DIR", str(tmp_path / "data"))
    return DataFolder(tmp_path / "data")


@pytest.fixture
def bakeoff(folder: DataFolder, capfd: pytest.CaptureFixture[str]) -> Command:  # noqa: ARG001 - sets the environment
    """Run a command in this process."""

    def run(*arguments: str) -> Said:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        code = ended.value.code
        assert isinstance(code, int)
        return Said(code, *capfd.readouterr())

    return run


@pytest.fixture
def known(folder: DataFolder) -> DataFolder:
    """The data folder of a simulated installation whose collector has looked at three backends."""
    folder.create()
    shutil.copy(fresh_tables(), folder.db)
    with Session(open_engine(folder.db)) as session:
        session.add(Installation(token="bakeoff-t", simulated=True, created_at=AT))
        for name in ("modal", "runpod", "vast"):
            session.add(Backend(name=name, provider=name, simulated=True, state="ready"))
            for gpu in ("L40S", "H100"):
                price = Decimal("0.0005")
                session.add(
                    Offer(
                        backend=name,
                        gpu=gpu,
                        offer_id=gpu,
                        unit="s",
                        usd_per_unit=price,
                        usd_per_s=price,
                        source="test",
                        seen_at=AT,
                    )
                )
        session.commit()
    return folder


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The template of `measured`, and the hash of its snapshot."""
    folder = campaign.build(tmp_path_factory.mktemp("campaign"))
    return folder.path, campaign.frozen(folder)


@pytest.fixture
def measured(built: tuple[Path, str], folder: DataFolder) -> DataFolder:
    """Twelve blocks under a locked card and one frozen snapshot, in the data folder that the environment names."""
    shutil.copytree(built[0], folder.path)
    return folder


@pytest.fixture
def frozen(built: tuple[Path, str], measured: DataFolder) -> str:  # noqa: ARG001 - its folder
    """The hash of that snapshot: what it says costs a hundredth of what is said of the tables."""
    return built[1]
