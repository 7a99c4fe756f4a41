"""The first schema."""

from alembic import op

from bot.stores.schema import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE = """CREATE TRIGGER audit_no_{verb} BEFORE {verb} ON audit
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"""


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(_SQLITE.format(verb=verb))
        return
    op.execute("CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
               "$$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$")
    op.execute("CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
               "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()")


def downgrade() -> None:
    op.execute("DROP TABLE audit")
    metadata.drop_all(op.get_bind())
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION IF EXISTS audit_append_only()")
