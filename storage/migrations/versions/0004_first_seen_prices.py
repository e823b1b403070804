"""when a price was first seen

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("offer", sa.Column("first_seen_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE offer SET first_seen_at = seen_at")
