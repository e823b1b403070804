"""schedules, blocks, load profiles, workers' clocks

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op


revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workflow_hash", sa.String(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("gpu", sa.String(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("cap_usd", sa.BigInteger(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["workflow_hash"], ["workflow.hash"], name=op.f("fk_schedule_workflow_hash_workflow")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
    )
    op.create_table(
        "block",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("schedule_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("day_part", sa.String(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("latest_at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_block_run_id_run")),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedule.id"], name=op.f("fk_block_schedule_id_schedule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block")),
    )
    op.create_table(
        "workerclock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("worker_id", sa.String(), nullable=False),
        sa.Column("offset_us", sa.BigInteger(), nullable=False),
        sa.Column("uncertainty_us", sa.BigInteger(), nullable=False),
        sa.Column("pairs", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_workerclock_deployment_id_deployment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workerclock")),
    )
    op.create_index(op.f("ix_block_run_id"), "block", ["run_id"], unique=False)
    op.create_index(op.f("ix_block_schedule_id"), "block", ["schedule_id"], unique=False)
    op.create_index(op.f("ix_block_starts_at"), "block", ["starts_at"], unique=False)
    op.create_index(op.f("ix_workerclock_deployment_id"), "workerclock", ["deployment_id"], unique=False)
    op.add_column("run", sa.Column("cap_gpu_s", sa.Integer(), nullable=True))
    op.add_column("deployment", sa.Column("half", sa.Integer(), nullable=True))
    op.add_column("deployment", sa.Column("cause", sa.String(), nullable=True))
    op.add_column("deployment", sa.Column("load_from", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.add_column(sa.Column("slot", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("offset_us", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("gap_us", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("redraw_of", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("left_out", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("worker_began_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("worker_ended_at", sa.BigInteger(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_job_redraw_of_job"), "job", ["redraw_of"], ["id"])
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.alter_column("slot", server_default=None)
