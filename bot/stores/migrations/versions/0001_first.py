"""The first schema."""

import sqlalchemy as sa
from alembic import op

from bot.stores import types as kept

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE = """CREATE TRIGGER audit_no_{verb} BEFORE {verb} ON audit
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"""


def upgrade() -> None:
    _tables()
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(_SQLITE.format(verb=verb))
        return
    op.execute(sa.schema.CreateSequence(sa.Sequence("outbox_order")))
    op.execute("CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
               "$$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$")
    op.execute("CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
               "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()")


def downgrade() -> None:
    for table in _NAMES:
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION audit_append_only()")
        op.execute("DROP SEQUENCE outbox_order")


def _tables() -> None:
    op.create_table('approvals',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('project', sa.String(length=80), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('notebook_id', sa.String(length=64), nullable=True),
    sa.Column('requester', sa.String(length=32), nullable=False),
    sa.Column('owner_cloud_id', sa.String(length=64), nullable=True),
    sa.Column('wish', kept.Json(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('base_end', kept.Instant(), nullable=True),
    sa.Column('needs', sa.String(length=10), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('facts', kept.Json(), nullable=False),
    sa.Column('created_at', kept.Instant(), nullable=False),
    sa.Column('expires_at', kept.Instant(), nullable=False),
    sa.Column('escalate_at', kept.Instant(), nullable=True),
    sa.Column('escalated_at', kept.Instant(), nullable=True),
    sa.Column('decided_at', kept.Instant(), nullable=True),
    sa.Column('decided_by', sa.String(length=32), nullable=True),
    sa.Column('answer', sa.Text(), nullable=True),
    sa.Column('granted', kept.Json(), nullable=True),
    sa.Column('outcome', sa.Text(), nullable=True),
    sa.Column('held_until', kept.Instant(), nullable=True),
    sa.Column('work_id', sa.String(length=32), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_approvals'))
    )
    op.create_index('ix_approvals_notebook', 'approvals', ['project', 'notebook_id'], unique=False)
    op.create_index('ix_approvals_pending', 'approvals', ['state', 'project'], unique=False)
    op.create_table('audit',
    sa.Column('project', sa.String(length=80), nullable=False),
    sa.Column('seq', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('at', kept.Instant(), nullable=False),
    sa.Column('actor', sa.String(length=32), nullable=False),
    sa.Column('request', sa.String(length=32), nullable=True),
    sa.Column('action', sa.String(length=40), nullable=False),
    sa.Column('notebook_id', sa.String(length=64), nullable=True),
    sa.Column('rule', sa.Text(), nullable=False),
    sa.Column('data', kept.Json(), nullable=False),
    sa.Column('mac', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('project', 'seq', name=op.f('pk_audit'))
    )
    op.create_index('ix_audit_notebook', 'audit', ['project', 'notebook_id'], unique=False)
    op.create_table('beats',
    sa.Column('replica', sa.String(length=64), nullable=False),
    sa.Column('at', kept.Instant(), nullable=False),
    sa.Column('config_hash', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('replica', name=op.f('pk_beats'))
    )
    op.create_table('catalogues',
    sa.Column('project', sa.String(length=80), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('at', kept.Instant(), nullable=False),
    sa.Column('data', kept.Json(), nullable=False),
    sa.PrimaryKeyConstraint('project', 'kind', name=op.f('pk_catalogues'))
    )
    op.create_table('decisions',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('project', sa.String(length=80), nullable=False),
    sa.Column('notebook_id', sa.String(length=64), nullable=False),
    sa.Column('at', kept.Instant(), nullable=False),
    sa.Column('confirmed_at', kept.Instant(), nullable=False),
    sa.Column('outcome', sa.String(length=40), nullable=False),
    sa.Column('rule', sa.Text(), nullable=False),
    sa.Column('because', sa.Text(), nullable=False),
    sa.Column('evidence', kept.Json(), nullable=False),
    sa.Column('config_hash', sa.String(length=64), nullable=False),
    sa.Column('live', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_decisions'))
    )
    op.create_index('ix_decisions_live', 'decisions', ['project', 'live'], unique=False)
    op.create_index('ix_decisions_notebook', 'decisions', ['project', 'notebook_id', 'at'], unique=False)
    op.create_table('identities',
    sa.Column('team', sa.String(length=32), nullable=False),
    sa.Column('slack', sa.String(length=32), nullable=False),
    sa.Column('project', sa.String(length=80), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('cloud_user_id', sa.String(length=64), nullable=False),
    sa.Column('cloud_user_name', sa.Text(), nullable=False),
    sa.Column('domain_name', sa.Text(), nullable=False),
    sa.Column('cloud_project_id', sa.String(length=64), nullable=False),
    sa.Column('secrets', kept.Json(), nullable=False),
    sa.Column('linked_at', kept.Instant(), nullable=False),
    sa.Column('expires_at', kept.Instant(), nullable=True),
    sa.Column('broken_at', kept.Instant(), nullable=True),
    sa.Column('told_at', kept.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('team', 'slack', 'project', name=op.f('pk_identities'))
    )
    op.create_index('ix_identities_cloud_user', 'identities', ['project', 'cloud_user_id'], unique=False)
    op.create_table('notebooks',
    sa.Column('project', sa.String(length=80), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('owner_id', sa.String(length=64), nullable=True),
    sa.Column('owner_name', sa.Text(), nullable=False),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('flavor', sa.Text(), nullable=False),
    sa.Column('snapshot', kept.Json(), nullable=False),
    sa.Column('lease_end', kept.Instant(), nullable=True),
    sa.Column('lease_seen_at', kept.Instant(), nullable=True),
    sa.Column('running_since', kept.Instant(), nullable=True),
    sa.Column('first_seen_at', kept.Instant(), nullable=False),
    sa.Column('seen_at', kept.Instant(), nullable=False),
    sa.Column('missing', sa.Integer(), nullable=False),
    sa.Column('deleted_at', kept.Instant(), nullable=True),
    sa.Column('stopped_at', kept.Instant(), nullable=True),
    sa.Column('stop_by', sa.String(length=40), nullable=True),
    sa.Column('keep_until', kept.Instant(), nullable=True),
    sa.Column('keep_reason', sa.Text(), nullable=True),
    sa.Column('keep_by', sa.String(length=32), nullable=True),
    sa.Column('verdict', kept.Json(), nullable=True),
    sa.Column('poll_at', kept.Instant(), nullable=True),
    sa.Column('undo_until', kept.Instant(), nullable=True),
    sa.Column('updated_at', kept.Instant(), nullable=True),
    sa.Column('digest', sa.String(length=32), nullable=True),
    sa.PrimaryKeyConstraint('project', 'id', name=op.f('pk_notebooks'))
    )
    op.create_index('ix_notebooks_owner', 'notebooks', ['project', 'owner_id'], unique=False)
    op.create_index('ix_notebooks_status', 'notebooks', ['project', 'status'], unique=False)
    op.create_table('notices',
    sa.Column('key', sa.String(length=255), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('project', sa.String(length=80), nullable=False),
    sa.Column('notebook_id', sa.String(length=64), nullable=False),
    sa.Column('outbox_key', sa.String(length=255), nullable=True),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('escalated_key', sa.String(length=255), nullable=True),
    sa.Column('created_at', kept.Instant(), nullable=False),
    sa.Column('delivered_at', kept.Instant(), nullable=True),
    sa.Column('voided_at', kept.Instant(), nullable=True),
    sa.Column('settled_at', kept.Instant(), nullable=True),
    sa.Column('over_at', kept.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_notices'))
    )
    op.create_index('ix_notices_notebook', 'notices', ['project', 'notebook_id'], unique=False)
    op.create_index('ix_notices_open', 'notices', ['project'], unique=False, sqlite_where=sa.text('over_at IS NULL'), postgresql_where=sa.text('over_at IS NULL'))
    op.create_table('outbox',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('key', sa.String(length=255), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('subject', sa.String(length=160), nullable=False),
    sa.Column('rank', sa.Integer(), nullable=False),
    sa.Column('target_kind', sa.String(length=12), nullable=False),
    sa.Column('target', sa.Text(), nullable=False),
    sa.Column('fallback', sa.String(length=32), nullable=True),
    sa.Column('project', sa.String(length=80), nullable=True),
    sa.Column('facts', kept.Json(), nullable=False),
    sa.Column('rev', sa.Integer(), nullable=False),
    sa.Column('sent_rev', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('created_at', kept.Instant(), nullable=False),
    sa.Column('due_at', kept.Instant(), nullable=False),
    sa.Column('expires_at', kept.Instant(), nullable=True),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('owner', sa.String(length=64), nullable=True),
    sa.Column('claim_until', kept.Instant(), nullable=True),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('attempted_at', kept.Instant(), nullable=True),
    sa.Column('channel', sa.String(length=32), nullable=True),
    sa.Column('ts', sa.String(length=32), nullable=True),
    sa.Column('delivered_at', kept.Instant(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('failing_since', kept.Instant(), nullable=True),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox')),
    sa.UniqueConstraint('key', name=op.f('uq_outbox_key'))
    )
    op.create_index('ix_outbox_addresses', 'outbox', ['created_at'], unique=False, sqlite_where=sa.text("target_kind = 'response' AND target <> ''"), postgresql_where=sa.text("target_kind = 'response' AND target <> ''"))
    op.create_index('ix_outbox_due', 'outbox', ['state', 'due_at'], unique=False)
    op.create_index('ix_outbox_seq', 'outbox', ['seq'], unique=False)
    op.create_index('ix_outbox_subject', 'outbox', ['subject', 'state'], unique=False)
    op.create_table('paces',
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('next_at', kept.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_paces'))
    )
    op.create_table('people',
    sa.Column('team', sa.String(length=32), nullable=False),
    sa.Column('slack', sa.String(length=32), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('zone', sa.String(length=64), nullable=True),
    sa.Column('deleted', sa.Boolean(), nullable=False),
    sa.Column('guest', sa.Boolean(), nullable=False),
    sa.Column('stranger', sa.Boolean(), nullable=False),
    sa.Column('dm', sa.String(length=32), nullable=True),
    sa.Column('settings', kept.Json(), nullable=True),
    sa.Column('checked_at', kept.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('team', 'slack', name=op.f('pk_people'))
    )
    op.create_table('projects',
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('mode', sa.String(length=10), nullable=True),
    sa.Column('paused', sa.Text(), nullable=True),
    sa.Column('paused_at', kept.Instant(), nullable=True),
    sa.Column('released_at', kept.Instant(), nullable=True),
    sa.Column('last_pass_at', kept.Instant(), nullable=True),
    sa.Column('last_ok_at', kept.Instant(), nullable=True),
    sa.Column('last_running', sa.Integer(), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('config_hash', sa.String(length=64), nullable=True),
    sa.Column('counts', kept.Json(), nullable=True),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_projects'))
    )
    op.create_table('rates',
    sa.Column('person', sa.String(length=64), nullable=False),
    sa.Column('tokens', sa.Float(), nullable=False),
    sa.Column('at', kept.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('person', name=op.f('pk_rates'))
    )
    op.create_table('reservations',
    sa.Column('work_id', sa.String(length=32), nullable=False),
    sa.Column('project', sa.String(length=80), nullable=False),
    sa.Column('owner_id', sa.String(length=64), nullable=True),
    sa.Column('notebook_id', sa.String(length=64), nullable=True),
    sa.Column('amount', kept.Money(), nullable=False),
    sa.Column('at', kept.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('work_id', name=op.f('pk_reservations'))
    )
    op.create_index('ix_reservations_project', 'reservations', ['project'], unique=False)
    op.create_table('samples',
    sa.Column('project', sa.String(length=80), nullable=False),
    sa.Column('notebook_id', sa.String(length=64), nullable=False),
    sa.Column('source', sa.String(length=20), nullable=False),
    sa.Column('at', kept.Instant(), nullable=False),
    sa.Column('data', kept.Json(), nullable=False),
    sa.PrimaryKeyConstraint('project', 'notebook_id', 'source', name=op.f('pk_samples'))
    )
    op.create_table('stops',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('project', sa.String(length=80), nullable=False),
    sa.Column('notebook_id', sa.String(length=64), nullable=False),
    sa.Column('notebook_name', sa.Text(), nullable=False),
    sa.Column('owner_id', sa.String(length=64), nullable=True),
    sa.Column('flavor', sa.Text(), nullable=False),
    sa.Column('at', kept.Instant(), nullable=False),
    sa.Column('cause', sa.String(length=12), nullable=False),
    sa.Column('by', sa.String(length=32), nullable=True),
    sa.Column('would_end', kept.Instant(), nullable=True),
    sa.Column('until', kept.Instant(), nullable=True),
    sa.Column('price', kept.Money(), nullable=True),
    sa.Column('wrong_at', kept.Instant(), nullable=True),
    sa.Column('active_later', sa.Boolean(), nullable=True),
    sa.Column('key', sa.String(length=255), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stops')),
    sa.UniqueConstraint('key', name=op.f('uq_stops_key'))
    )
    op.create_index('ix_stops_project', 'stops', ['project', 'at'], unique=False)
    op.create_table('tickets',
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('team', sa.String(length=32), nullable=False),
    sa.Column('slack', sa.String(length=32), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('project', sa.String(length=80), nullable=True),
    sa.Column('csrf', sa.String(length=64), nullable=False),
    sa.Column('created_at', kept.Instant(), nullable=False),
    sa.Column('expires_at', kept.Instant(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('spent_at', kept.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('hash', name=op.f('pk_tickets'))
    )
    op.create_table('usage',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('project', sa.String(length=80), nullable=False),
    sa.Column('notebook_id', sa.String(length=64), nullable=False),
    sa.Column('notebook_name', sa.Text(), nullable=False),
    sa.Column('owner_id', sa.String(length=64), nullable=True),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('flavor', sa.Text(), nullable=False),
    sa.Column('price', kept.Money(), nullable=True),
    sa.Column('disk_gb', sa.Integer(), nullable=True),
    sa.Column('from_at', kept.Instant(), nullable=False),
    sa.Column('to_at', kept.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_usage'))
    )
    op.create_index('ix_usage_from', 'usage', ['project', 'from_at'], unique=False)
    op.create_index('ix_usage_open', 'usage', ['project', 'notebook_id', 'to_at'], unique=False)
    op.create_table('vault',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('sealed', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_vault'))
    )
    op.create_table('work',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('cause', sa.String(length=255), nullable=False),
    sa.Column('serial', sa.String(length=160), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('step', sa.String(length=40), nullable=False),
    sa.Column('data', kept.Json(), nullable=False),
    sa.Column('author', sa.String(length=32), nullable=True),
    sa.Column('due_at', kept.Instant(), nullable=True),
    sa.Column('created_at', kept.Instant(), nullable=False),
    sa.Column('updated_at', kept.Instant(), nullable=False),
    sa.Column('expires_at', kept.Instant(), nullable=True),
    sa.Column('owner', sa.String(length=64), nullable=True),
    sa.Column('claim_until', kept.Instant(), nullable=True),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('error_code', sa.String(length=80), nullable=True),
    sa.Column('error_text', sa.Text(), nullable=True),
    sa.Column('result', kept.Json(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_work')),
    sa.UniqueConstraint('cause', name=op.f('uq_work_cause'))
    )
    op.create_index('ix_work_author', 'work', ['author', 'created_at'], unique=False)
    op.create_index('ix_work_due', 'work', ['state', 'due_at'], unique=False)
    op.create_index('ix_work_serial', 'work', ['serial', 'state'], unique=False)
    op.create_index('ux_work_serial_running', 'work', ['serial'], unique=True, sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"))


_NAMES = (
    "approvals",
    "audit",
    "beats",
    "catalogues",
    "decisions",
    "identities",
    "notebooks",
    "notices",
    "outbox",
    "paces",
    "people",
    "projects",
    "rates",
    "reservations",
    "samples",
    "stops",
    "tickets",
    "usage",
    "vault",
    "work",
)
