"""A seeded data folder, made once, and pages opened on it or on a copy that a test may change."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages import seed

ROUTER = Path(__file__).resolve().parents[2] / "pages" / "_router.py"
PAGES = ("decision", "compare", "gallery", "vote", "launch", "runs", "run", "job", "bills", "card", "providers")
Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `seed.build`; nobody writes to it."""
    return seed.build(tmp_path_factory.mktemp("seeded")).path


@pytest.fixture
def copy(seeded: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(seeded, tmp_path / "data"))


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once: the template of `empty`."""
    return seed.empty(tmp_path_factory.mktemp("bare")).path


@pytest.fixture
def empty(bare: Path, tmp_path: Path) -> Path:
    """Tables, an installation and a collector that beats, and nothing measured; a test may change it."""
    folder = Path(shutil.copytree(bare, tmp_path / "empty"))
    seed.beat(folder)
    return folder


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a page of a data folder, as the router would; keywords are the address's parameters."""

    def open_it(folder: Path, page: str, **parameters: str) -> AppTest:
        monkeypatch.setenv("BAKEOFF_DATA_DIR", str(folder))
        app = AppTest.from_file(str(ROUTER), default_timeout=60)
        for name, value in parameters.items():
            app.query_params[name] = value
        if page != "decision":
            app.switch_page(f"{page}.py")
        return app.run()

    return open_it


def words(app: AppTest) -> str:
    """Everything the page says outside its charts and tables."""
    elements = [*app.title, *app.subheader, *app.markdown, *app.caption, *app.warning, *app.info, *app.error]
    return "\n".join(str(element.value) for element in elements)
