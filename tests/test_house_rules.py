"""What must stay in step is found by looking, not by remembering.

Every rule reads the files that git tracks. A rule about a file that does not exist yet holds by itself, and
bites from the commit that adds the file.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from enum import Enum
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_FUNCTION_LINES = 40
MAX_FILE_LINES = 350
MAX_DECISION_LINES = 40

TRACKED = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
FILES = sorted(name for name in TRACKED.stdout.split("\0") if name and (ROOT / name).is_file())
PYTHON = [name for name in FILES if name.endswith(".py")]
OURS = [name for name in PYTHON if not name.startswith(("tests/", "storage/migrations/"))]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# The clock is read in clock.py. Whatever else reads it says here why it must.
READS_THE_CLOCK: dict[str, str] = {
    "deploy/modal/app.py": "runs in Modal's container, where nothing of ours is, and stamps what happens there",
    "benchmarks/user_script.py": "is what somebody without our clock would write",
    "benchmarks/peer_locust.py": "runs in Locust's environment, where nothing of ours is",
}
CLOCK_READS = {
    "date.today",
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "func.current_timestamp",
    "func.now",
    "time.monotonic",
    "time.monotonic_ns",
    "time.sleep",
    "time.time",
    "time.time_ns",
}

# The modules beside the packages, which import-linter cannot hold: what of ours each may import.
MODULE_MAY_IMPORT = {
    "app.py": {"analysis", "clock", "settings", "storage", "ui", "words"},
    "clock.py": set(),
    "settings.py": {"words"},
    "words.py": set(),
}

REGISTRY_HOST = re.compile(r"\b(?:pypi|pythonhosted|npmjs|yarnpkg|crates|rubygems|anaconda)\.(?:org|com|io)\b")
MACHINE_PATH = re.compile(r"(?<![\w.~}/-])/(?:home|Users|work)/\w")


# ---------------------------------------------------------------- size


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, the docstring not counted."""
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function, clean=False) is None:
        return lines
    docstring = function.body[0]
    return lines - (docstring.end_lineno - docstring.lineno + 1)


def long_functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_lines(node) > MAX_FUNCTION_LINES:
            yield node.name, body_lines(node)


def test_no_function_is_longer_than_a_screen() -> None:
    assert [(name, *found) for name in OURS for found in long_functions(parsed(name))] == []


def test_no_file_is_longer_than_its_budget() -> None:
    lengths = {name: len(text_of(name).splitlines()) for name in OURS}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_every_decision_fits_on_a_page_and_is_numbered_once() -> None:
    decisions = [name for name in FILES if re.fullmatch(r"docs/decisions/(?!dependencies\.md).+", name)]
    numbers = [re.match(r"docs/decisions/(\d{4})-[a-z0-9-]+\.md$", name) for name in decisions]
    assert [name for name, number in zip(decisions, numbers, strict=True) if number is None] == []
    assert len({number[1] for number in numbers if number}) == len(decisions)
    assert [name for name in decisions if len(text_of(name).splitlines()) > MAX_DECISION_LINES] == []


@pytest.mark.parametrize(("body", "too_long"), [(39, False), (40, True)])
def test_the_size_rule_counts_the_signature_and_not_the_docstring(body: int, too_long: bool) -> None:
    source = 'async def f():\n    """One.\n\n    Two.\n    """\n' + "    x = 1\n" * body
    assert bool(list(long_functions(ast.parse(source)))) is too_long


# ---------------------------------------------------------------- time


def clock_reads(tree: ast.AST) -> Iterator[str]:
    """Every mention of a wall or monotonic clock, called or passed on, however it was imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            dotted = ".".join(ast.unparse(node).split(".")[-2:])
            if dotted in CLOCK_READS:
                yield dotted
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"time.{name.name}" for name in node.names if f"time.{name.name}" in CLOCK_READS)


def test_only_the_clock_reads_the_clock() -> None:
    readers = {name for name in OURS if name != "clock.py" and any(clock_reads(parsed(name)))}
    assert readers == set(READS_THE_CLOCK)


@pytest.mark.parametrize(
    "source",
    [
        "datetime.now(UTC)",
        "import datetime as dt\ndt.datetime.now(dt.UTC)",
        "from time import monotonic as tick",
        "Field(default_factory=datetime.utcnow)",
        "time.time()",
        "sqlalchemy.func.now()",
    ],
)
def test_the_clock_rule_sees_each_spelling(source: str) -> None:
    assert list(clock_reads(ast.parse(source)))


@pytest.mark.parametrize("source", ["clock.now()", "self.clock.monotonic()", "time.perf_counter()", "x.time()"])
def test_the_clock_rule_leaves_our_own_clock_alone(source: str) -> None:
    assert not list(clock_reads(ast.parse(source)))


# ---------------------------------------------------------------- who imports whom


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of everything a file imports, lazily or not."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_streamlit_lives_in_pages_ui_and_the_web_server() -> None:
    users = {name.partition("/")[0] for name in OURS if "streamlit" in imported(parsed(name))}
    assert users <= {"pages", "ui", "app.py"}


@pytest.mark.parametrize("module", sorted(MODULE_MAY_IMPORT))
def test_a_module_beside_the_packages_imports_only_what_it_may(module: str) -> None:
    if module in FILES:
        assert imported(parsed(module)) & our_names() <= MODULE_MAY_IMPORT[module]


def test_every_package_of_ours_is_installed_and_under_the_import_contracts() -> None:
    packages = {name.partition("/")[0] for name in FILES if re.fullmatch(r"[a-z_]+/__init__\.py", name)}
    installed = {pattern.rstrip("*") for pattern in setuptools()["packages"]["find"]["include"]}
    assert packages - {"benchmarks", "deploy", "scripts", "tests"} <= installed
    assert installed == set(PYPROJECT["tool"]["importlinter"]["root_packages"])


def test_every_adapter_is_under_the_contract_that_keeps_adapters_apart() -> None:
    folders = {name.split("/")[1] for name in FILES if re.fullmatch(r"backends/\w+/__init__\.py", name)}
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    (apart,) = (contract["modules"] for contract in contracts if contract["type"] == "independence")
    assert {f"backends.{folder}" for folder in folders} <= set(apart)


def test_our_names_resolve_inside_this_repository(tmp_path: Path) -> None:
    """Asked from elsewhere, since a library that ships a top-level `pages` would win over our path entry."""
    names = sorted(name for name in our_names() if f"{name}.py" in FILES or f"{name}/__init__.py" in FILES)
    ask = "import sys; from importlib.util import find_spec\nfor name in sys.argv[1:]: print(find_spec(name).origin)"
    found = subprocess.run(
        [sys.executable, "-P", "-c", ask, *names], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert [name for name in found.stdout.splitlines() if not Path(name).is_relative_to(ROOT)] == []


def test_there_is_no_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "helpers", "core", "services", "common", "misc"}
    assert [name for name in OURS if drawers & set(Path(name).with_suffix("").parts)] == []


# ---------------------------------------------------------------- what leaks


def test_no_tracked_file_names_a_package_registry_or_a_path_of_somebodys_machine() -> None:
    leaks = re.compile(f"{REGISTRY_HOST.pattern}|{MACHINE_PATH.pattern}|{re.escape(str(ROOT))}/")
    assert {name: hit[0] for name in FILES if (hit := leaks.search(text_of(name)))} == {}


@pytest.mark.parametrize("text", ["https://files.pythonhosted" + ".org/x", "at pypi" + ".org", "see /" + "home/ada/x"])
def test_the_leak_rule_sees_hosts_and_paths(text: str) -> None:
    assert REGISTRY_HOST.search(text) or MACHINE_PATH.search(text)


# ---------------------------------------------------------------- what the documents must name


def names_in(document: str) -> set[str]:
    """What a document names: each word in backticks, and the first cell of each table row."""
    text = text_of(document)
    cells = re.findall(r"^\|\s*([^|]+?)\s*\|", text, flags=re.MULTILINE)
    return {word.strip("`* ") for word in [*re.findall(r"`([^`\n]+)`", text), *cells]}


def test_every_dependency_has_a_reason() -> None:
    project, groups = PYPROJECT["project"], PYPROJECT["dependency-groups"]
    lists = [project["dependencies"], *project["optional-dependencies"].values(), *groups.values()]
    wanted = {line for line in chain(*lists) if isinstance(line, str)}
    packages = {re.match(r"[\w.-]+", line)[0] for line in wanted}
    assert packages - names_in("docs/decisions/dependencies.md") == set()


def test_the_glossary_names_every_table() -> None:
    if {"storage/models.py", "docs/reference/glossary.md"} <= set(FILES):
        from sqlmodel import SQLModel

        import storage.models  # noqa: F401  # registers the tables

        assert set(SQLModel.metadata.tables) - names_in("docs/reference/glossary.md") == set()


def test_the_glossary_names_every_enum() -> None:
    if {"words.py", "docs/reference/glossary.md"} <= set(FILES):
        import words

        enums = {
            name for name, value in vars(words).items()
            if isinstance(value, type) and issubclass(value, Enum) and value.__module__ == "words"
        }  # fmt: skip
        assert enums - names_in("docs/reference/glossary.md") == set()


def test_the_command_reference_names_every_verb() -> None:
    if {"cli/main.py", "docs/reference/cli.md"} <= set(FILES):
        from typer.main import get_command

        from cli.main import app

        verbs = {f"bakeoff {name}" for name, verb in get_command(app).commands.items() if not verb.hidden}
        reference = text_of("docs/reference/cli.md")
        assert [verb for verb in verbs if not re.search(rf"\b{verb}\b(?!-)", reference)] == []


# ---------------------------------------------------------------- reading


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8", errors="ignore")


def parsed(name: str) -> ast.Module:
    return ast.parse(text_of(name), filename=name)


def setuptools() -> dict:
    return PYPROJECT["tool"]["setuptools"]


def our_names() -> set[str]:
    return {pattern.rstrip("*") for pattern in setuptools()["packages"]["find"]["include"]} | set(
        setuptools()["py-modules"]
    )
