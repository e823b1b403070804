"""The migrations make what the models say, and a folder of another version is refused."""

from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text
from sqlmodel import Session, select

import storage.models
from storage import db, migrate
from storage.db import NewerSchema, OlderSchema
from storage.models import Charge, Job, Observation


def test_a_migrated_database_has_exactly_the_tables_of_the_models(tmp_path: Path) -> None:
    migrate.upgrade(tmp_path / "migrated.db")
    migrated, fresh = db.open_engine(tmp_path / "migrated.db"), db.open_engine(tmp_path / "fresh.db")
    storage.models.metadata.create_all(fresh)
    found = schema_of(migrated)
    expected = schema_of(fresh)
    migrated.dispose()
    fresh.dispose()
    found.pop("alembic_version")
    assert found == expected
    assert len(found) == len(storage.models.metadata.tables)


def test_alembic_finds_nothing_to_add(capsys: pytest.CaptureFixture[str]) -> None:
    assert migrate.main(["check"]) == 0
    assert "No new upgrade operations" in capsys.readouterr().out


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bakeoff.db"
    assert migrate.state(path) == "behind"
    migrate.upgrade(path)
    migrate.upgrade(path)
    assert migrate.state(path) == "current"
    migrate.require_current(path)


def test_the_newest_revision_is_alembics_head() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.revisions()[-1]]


def test_a_folder_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = at_revision(tmp_path, "9999")
    assert migrate.state(path) == "ahead"
    with pytest.raises(NewerSchema, match="written by a newer version"):
        migrate.require_current(path)
    with pytest.raises(NewerSchema):
        migrate.upgrade(path)


def test_a_folder_of_an_older_version_is_told_how_to_catch_up(tmp_path: Path) -> None:
    with pytest.raises(OlderSchema, match="bakeoff migrate"):
        migrate.require_current(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_the_command_line_upgrades_and_says_where_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bakeoff.db"
    assert migrate.main(["current", str(path)]) == 0
    assert migrate.main(["upgrade", f"sqlite:///{path}"]) == 0
    assert capsys.readouterr().out == "behind\ncurrent\n"
    assert migrate.main(["upgrade", str(at_revision(tmp_path, "9999"))]) == 1
    assert "newer version" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        migrate.main(["upgrade"])


def test_a_file_that_is_no_database_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "bakeoff.db"
    path.write_text("this is no database, however long it may be")
    with pytest.raises(db.StorageError, match="file is not a database"):
        migrate.upgrade(path)


def at_revision(folder: Path, revision: str) -> Path:
    path = folder / "other.db"
    migrate.upgrade(path)
    engine = db.open_engine(path)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()
    return path


def schema_of(engine: Engine) -> dict:
    found = inspect(engine)
    return {
        table: {
            "columns": {
                c["name"]: (str(c["type"]), c["nullable"], c["default"], c["primary_key"])
                for c in found.get_columns(table)
            },
            "keys": sorted(map(str, found.get_foreign_keys(table))),
            "indexes": sorted(map(str, found.get_indexes(table))),
            "unique": sorted(map(str, found.get_unique_constraints(table))),
            "primary": found.get_pk_constraint(table),
        }
        for table in found.get_table_names()
    }


def test_rows_of_the_first_version_survive_the_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    revision(path, "0001")
    engine = db.open_migrator(path)
    with engine.begin() as connection:
        for statement in OLD_ROWS:
            connection.execute(text(statement))
    engine.dispose()
    assert migrate.state(path) == "behind"

    migrate.upgrade(path)

    with Session(db.open_reader(path)) as session:
        job = session.exec(select(Job)).one()
        assert (job.key, job.slot, job.gap_us, job.retry_of) == ("k-j0", 0, None, None)
        assert session.exec(select(Observation.job_id)).one() == job.id
        line = session.exec(select(Charge)).one()
        assert (line.billed_cost, line.counts, line.flags, line.meter) == (Decimal("0.25"), True, [], "")
        assert session.connection().execute(text("PRAGMA foreign_key_check")).all() == []


OLD_ROWS = (
    "INSERT INTO workflow VALUES ('h', 'flux-dev', 't', 'l', 24.0, '{}', 0)",
    "INSERT INTO prompt VALUES ('p', 's', 'a cat')",
    "INSERT INTO run (id, workflow_hash, status, gpu, params, plan, cap_usd, simulated, asked_by, note, asked_at)"
    " VALUES (1, 'h', 'done', 'L40S', '{}', '{}', 1, 1, '', '', 0)",
    "INSERT INTO deployment (id, run_id, key, backend, gpu, state, ref_detail, idle_timeout_s, provenance, simulated)"
    " VALUES (1, 1, 'k', 'modal', 'L40S', 'gone', '{}', 10, '{}', 1)",
    "INSERT INTO job (id, run_id, deployment_id, key, position, profile, prompt_id, seed, status, evidence)"
    " VALUES (1, 1, 1, 'k-j0', 0, 'sequential', 'p', 1, 'succeeded', '{}')",
    "INSERT INTO observation (id, job_id, seen_at, status, raw) VALUES (1, 1, 0, 'succeeded', '{}')",
    "INSERT INTO charge VALUES ('c', 'modal', 'ap-1', NULL, 1, 'gpu', 0, 3600000000, 250000000, 'USD', 'final', 1,"
    " 0, 0, 0, '{}', '[]')",
)


def revision(path: Path, number: str) -> None:
    """Make the tables of an older version of this program."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    config.attributes["engine"] = engine = db.open_migrator(path)
    command.upgrade(config, number)
    engine.dispose()
