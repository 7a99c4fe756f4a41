"""When a project was last listed whole, and how many notebooks there were: between two, passes list what runs."""

import sqlalchemy as sa
from alembic import op

from bot.stores.types import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("projects", sa.Column("listed_at", Instant(), nullable=True))
    op.add_column("projects", sa.Column("listed", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("projects", "listed")
    op.drop_column("projects", "listed_at")
