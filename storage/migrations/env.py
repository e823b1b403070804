"""How Alembic runs here: on the engine that `storage.migrate` passes in, all revisions in one transaction."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from sqlmodel import AutoString

import storage.models


def render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """A revision is frozen: it names plain types, not ours, which may change after it."""
    if kind != "type":
        return False
    if isinstance(item, sa.Enum):
        return f"sa.String({item.length})"
    if isinstance(item, AutoString):
        return "sa.String()"
    return f"sa.{type(item.impl).__name__}()" if isinstance(item, sa.TypeDecorator) else False


def run() -> None:
    engine = context.config.attributes["engine"]
    with engine.begin() as connection:
        context.configure(
            connection=connection,
            target_metadata=storage.models.metadata,
            render_as_batch=True,
            render_item=render,
            compare_type=True,
            # Alembic thinks that the SQLite driver commits at each DDL statement; with our BEGIN it does not.
            transactional_ddl=True,
        )
        context.run_migrations()


run()
