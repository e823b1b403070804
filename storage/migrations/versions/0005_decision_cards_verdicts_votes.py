"""decision cards, snapshots, sign-offs, answers, image pairs, votes

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('answer',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(32), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('score', sa.Integer(), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('by', sa.String(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('simulated', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_answer'))
    )
    with op.batch_alter_table('answer', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_answer_kind'), ['kind'], unique=False)
        batch_op.create_index(batch_op.f('ix_answer_subject'), ['subject'], unique=False)

    op.create_table('decisioncard',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('content', sa.String(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('made_by', sa.String(), nullable=False),
    sa.Column('made_at', sa.BigInteger(), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('locked_by', sa.String(), nullable=True),
    sa.Column('locked_at', sa.BigInteger(), nullable=True),
    sa.Column('samples_before', sa.Integer(), nullable=True),
    sa.Column('reviewed_by', sa.String(), nullable=True),
    sa.Column('reviewed_at', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_decisioncard'))
    )
    with op.batch_alter_table('decisioncard', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_decisioncard_digest'), ['digest'], unique=False)

    op.create_table('snapshot',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('card_id', sa.Integer(), nullable=False),
    sa.Column('made_at', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(32), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('valid_to', sa.BigInteger(), nullable=False),
    sa.Column('verdict', sa.JSON(), nullable=False),
    sa.Column('simulated', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['card_id'], ['decisioncard.id'], name=op.f('fk_snapshot_card_id_decisioncard')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_snapshot')),
    sa.UniqueConstraint('digest', name=op.f('uq_snapshot_digest'))
    )
    with op.batch_alter_table('snapshot', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_snapshot_card_id'), ['card_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_snapshot_made_at'), ['made_at'], unique=False)

    op.create_table('signoff',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('snapshot_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('second_name', sa.String(), nullable=True),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('instead', sa.String(32), nullable=True),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['snapshot_id'], ['snapshot.id'], name=op.f('fk_signoff_snapshot_id_snapshot')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signoff'))
    )
    with op.batch_alter_table('signoff', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_signoff_snapshot_id'), ['snapshot_id'], unique=False)

    op.create_table('pair',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('workflow_hash', sa.String(), nullable=False),
    sa.Column('settings', sa.String(), nullable=False),
    sa.Column('backend', sa.String(), nullable=False),
    sa.Column('prompt_id', sa.String(), nullable=False),
    sa.Column('seed', sa.BigInteger(), nullable=False),
    sa.Column('baseline_image_id', sa.Integer(), nullable=False),
    sa.Column('other_image_id', sa.Integer(), nullable=False),
    sa.Column('dissimilarity', sa.Float(), nullable=True),
    sa.Column('compared_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['baseline_image_id'], ['image.id'], name=op.f('fk_pair_baseline_image_id_image')),
    sa.ForeignKeyConstraint(['other_image_id'], ['image.id'], name=op.f('fk_pair_other_image_id_image')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pair')),
    sa.UniqueConstraint('baseline_image_id', 'other_image_id', name=op.f('uq_pair_baseline_image_id'))
    )
    with op.batch_alter_table('pair', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_pair_workflow_hash'), ['workflow_hash'], unique=False)

    op.create_table('vote',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('pair_id', sa.Integer(), nullable=False),
    sa.Column('rater', sa.String(), nullable=False),
    sa.Column('choice', sa.String(32), nullable=False),
    sa.Column('baseline_left', sa.Boolean(), nullable=False),
    sa.Column('degraded', sa.Boolean(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('simulated', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['pair_id'], ['pair.id'], name=op.f('fk_vote_pair_id_pair')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_vote')),
    sa.UniqueConstraint('pair_id', 'rater', name=op.f('uq_vote_pair_id'))
    )
    with op.batch_alter_table('vote', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_vote_pair_id'), ['pair_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_vote_rater'), ['rater'], unique=False)
