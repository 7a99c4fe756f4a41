"""Messages know whose copies they are: those of one message are found by an index, however many there are."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BEFORE_AT = {"sqlite": "substr(key, 1, instr(key || '@', '@') - 1)", "postgresql": "split_part(key, '@', 1)"}


def upgrade() -> None:
    op.add_column("outbox", sa.Column("base", sa.String(length=255), nullable=True))
    op.execute(f"UPDATE outbox SET base = {_BEFORE_AT[op.get_bind().dialect.name]}")
    op.create_index("ix_outbox_base", "outbox", ["base"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_outbox_base", table_name="outbox")
    op.drop_column("outbox", "base")
