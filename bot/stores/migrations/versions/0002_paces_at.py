"""Paces say when they were reckoned: a clock that was ahead holds nothing back once it goes right again."""

import sqlalchemy as sa
from alembic import op

from bot.stores import types as kept

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("paces", sa.Column("at", kept.Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column("paces", "at")
