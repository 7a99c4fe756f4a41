"""Every table. The cloud's listing is the truth about notebooks; here is only what the cloud cannot know."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    Sequence,
    String,
    Table,
    Text,
    text,
)

from bot.stores.types import Instant, Json, Money

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# A unit of work: design 4.1. `state`: open (due or waiting), running (claimed), held, done, failed.
work = Table(
    "work",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("cause", String(255), nullable=False, unique=True),
    Column("serial", String(160), nullable=False),
    Column("state", String(10), nullable=False),
    Column("step", String(40), nullable=False),
    Column("data", Json, nullable=False),
    Column("author", String(32)),  # Slack user id of who asked, None for a timer
    Column("due_at", Instant),  # None once settled
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("expires_at", Instant),  # a held one is given up then
    Column("owner", String(64)),
    Column("claim_until", Instant),
    Column("fence", Integer, nullable=False, default=0),
    Column("tries", Integer, nullable=False, default=0),  # of this step
    Column("error_code", String(80)),
    Column("error_text", Text),
    Column("result", Json),
    Index("ix_work_due", "state", "due_at"),
    Index("ix_work_serial", "serial", "state"),
    Index("ix_work_author", "author", "created_at"),
    Index(
        "ux_work_serial_running",
        "serial",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
)

# Order of messages: a sequence where there is one, for writers that run at once (SQLite has one writer).
outbox_order = Sequence("outbox_order", metadata=metadata)

# One message each: what it should say (`kind`, `facts`, `rev`) and what Slack has (`ts`, `sent_rev`).
outbox = Table(
    "outbox",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("key", String(255), nullable=False, unique=True),
    Column("base", String(255)),  # the key without `@` and whom a copy goes to
    Column("kind", String(40), nullable=False),  # renderer, which is the event_type of messages
    Column("subject", String(160), nullable=False),  # order is kept within it
    Column("rank", Integer, nullable=False),  # 0 notice, 1 result, 2 progress
    Column("target_kind", String(12), nullable=False),  # dm, channel, response, view, home, file
    Column("target", Text, nullable=False),  # user id, channel id, encrypted response_url, view id
    Column("fallback", String(32)),  # whose DM gets it when a response_url has run out
    Column("project", String(80)),
    Column("facts", Json, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("sent_rev", Integer, nullable=False, default=0),
    Column("state", String(8), nullable=False),  # pending, sent, void, dead
    Column("reason", Text),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("tries", Integer, nullable=False, default=0),
    Column("owner", String(64)),
    Column("claim_until", Instant),
    Column("fence", Integer, nullable=False, default=0),
    Column("attempted_at", Instant),  # a send whose answer is not yet recorded
    Column("channel", String(32)),
    Column("ts", String(32)),
    Column("delivered_at", Instant),  # receipt of Slack's `ok` to the first post
    Column("error", Text),
    Column("failing_since", Instant),  # of this row of failures; None once Slack took it
    Column("seq", BigInteger, nullable=False),
    Index("ix_outbox_base", "base"),
    Index("ix_outbox_due", "state", "due_at"),
    Index("ix_outbox_subject", "subject", "state"),
    Index("ix_outbox_seq", "seq"),
    Index(
        "ix_outbox_addresses",
        "created_at",
        sqlite_where=text("target_kind = 'response' AND target <> ''"),
        postgresql_where=text("target_kind = 'response' AND target <> ''"),
    ),
)

# A promise to tell somebody something once: contract 2 keys. Several may share one message.
notices = Table(
    "notices",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("project", String(80), nullable=False),
    Column("notebook_id", String(64), nullable=False),
    Column("outbox_key", String(255)),
    Column("state", String(10), nullable=False),  # pending, delivered, void
    Column("reason", Text),
    Column("escalated_key", String(255)),  # outbox key of the escalation, if the owner is unreachable
    Column("created_at", Instant, nullable=False),
    Column("delivered_at", Instant),
    Column("voided_at", Instant),
    Column("settled_at", Instant),  # its message says how it ended
    Column("over_at", Instant),  # the lease end or the run it spoke of is past: no pass reads it any more
    Index("ix_notices_notebook", "project", "notebook_id"),
    Index("ix_notices_open", "project", sqlite_where=text("over_at IS NULL"), postgresql_where=text("over_at IS NULL")),
)

people = Table(
    "people",
    metadata,
    Column("team", String(32), primary_key=True),
    Column("slack", String(32), primary_key=True),
    Column("name", Text, nullable=False, default=""),
    Column("zone", String(64)),
    Column("deleted", Boolean, nullable=False, default=False),
    Column("guest", Boolean, nullable=False, default=False),
    Column("stranger", Boolean, nullable=False, default=False),
    Column("dm", String(32)),
    Column("settings", Json),
    Column("checked_at", Instant),
)

# Slack person <-> cloud identity, with the credentials, encrypted field by field (contract 10).
identities = Table(
    "identities",
    metadata,
    Column("team", String(32), primary_key=True),
    Column("slack", String(32), primary_key=True),
    Column("project", String(80), primary_key=True),
    Column("state", String(10), nullable=False),  # active, waiting (for an admin), broken
    Column("kind", String(12), nullable=False),  # password, aksk, temporary
    Column("cloud_user_id", String(64), nullable=False),
    Column("cloud_user_name", Text, nullable=False),
    Column("domain_name", Text, nullable=False, default=""),
    Column("cloud_project_id", String(64), nullable=False, default=""),
    Column("secrets", Json, nullable=False),  # field -> key id, nonce, ciphertext
    Column("linked_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("broken_at", Instant),
    Column("told_at", Instant),
    Index("ix_identities_cloud_user", "project", "cloud_user_id"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("team", String(32), nullable=False),
    Column("slack", String(32), nullable=False),
    Column("name", Text, nullable=False, default=""),
    Column("project", String(80)),
    Column("csrf", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("spent_at", Instant),
)

notebooks = Table(
    "notebooks",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("owner_id", String(64)),
    Column("owner_name", Text, nullable=False, default=""),
    Column("status", String(20), nullable=False),
    Column("flavor", Text, nullable=False, default=""),
    Column("snapshot", Json, nullable=False),  # bot.stores.notebooks.dump: everything but url and token
    Column("lease_end", Instant),
    Column("lease_seen_at", Instant),  # when this end was first seen
    Column("running_since", Instant),
    Column("first_seen_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("missing", Integer, nullable=False, default=0),  # not-founds in a row
    Column("deleted_at", Instant),
    Column("stopped_at", Instant),
    Column("stop_by", String(40)),  # ours: a work id; else lease, outside
    Column("keep_until", Instant),
    Column("keep_reason", Text),
    Column("keep_by", String(32)),
    Column("verdict", Json),
    Column("poll_at", Instant),
    Column("undo_until", Instant),  # a stop marked wrong keeps idle stops away until then
    Column("updated_at", Instant),  # the cloud's, of what was adopted: older answers are not
    Column("digest", String(32)),  # of everything a listing says of it: a pass adopts only what changed
    Index("ix_notebooks_owner", "project", "owner_id"),
    Index("ix_notebooks_status", "project", "status"),
)

samples = Table(
    "samples",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("notebook_id", String(64), primary_key=True),
    Column("source", String(20), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("data", Json, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(80), nullable=False),
    Column("kind", String(20), nullable=False),  # extend, create, start
    Column("notebook_id", String(64)),
    Column("requester", String(32), nullable=False),
    Column("owner_cloud_id", String(64)),
    Column("wish", Json, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("base_end", Instant),
    Column("needs", String(10), nullable=False),  # approver, admin
    Column("state", String(10), nullable=False),  # pending, approved, denied, withdrawn, expired, lapsed
    Column("facts", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("escalate_at", Instant),
    Column("escalated_at", Instant),
    Column("decided_at", Instant),
    Column("decided_by", String(32)),
    Column("answer", Text),
    Column("granted", Json),
    Column("outcome", Text),
    Column("held_until", Instant),
    Column("work_id", String(32)),
    Index("ix_approvals_pending", "state", "project"),
    Index("ix_approvals_notebook", "project", "notebook_id"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(80), nullable=False),
    Column("notebook_id", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("confirmed_at", Instant, nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("rule", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("evidence", Json, nullable=False),
    Column("config_hash", String(64), nullable=False),
    Column("live", Boolean, nullable=False, default=False),  # the last word on one that runs: passes confirm it
    Index("ix_decisions_notebook", "project", "notebook_id", "at"),
    Index("ix_decisions_live", "project", "live"),
)

# Append only (triggers refuse UPDATE and DELETE); one HMAC chain per project.
audit = Table(
    "audit",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(32), nullable=False),  # Slack id, or `scheduler`
    Column("request", String(32)),  # work or approval id it happened for
    Column("action", String(40), nullable=False),
    Column("notebook_id", String(64)),
    Column("rule", Text, nullable=False, default=""),
    Column("data", Json, nullable=False),
    Column("mac", String(64), nullable=False),
    Index("ix_audit_notebook", "project", "notebook_id"),
)

usage = Table(
    "usage",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(80), nullable=False),
    Column("notebook_id", String(64), nullable=False),
    Column("notebook_name", Text, nullable=False, default=""),
    Column("owner_id", String(64)),
    Column("kind", String(8), nullable=False),  # run, disk
    Column("flavor", Text, nullable=False, default=""),
    Column("price", Money),  # per hour (run), per GB and month (disk); NULL: no price known
    Column("disk_gb", Integer),
    Column("from_at", Instant, nullable=False),
    Column("to_at", Instant),  # NULL while it goes on
    Index("ix_usage_open", "project", "notebook_id", "to_at"),
    Index("ix_usage_from", "project", "from_at"),
)

# Stops the bot made, for savings and the false-stop rate.
stops = Table(
    "stops",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(80), nullable=False),
    Column("notebook_id", String(64), nullable=False),
    Column("notebook_name", Text, nullable=False, default=""),
    Column("owner_id", String(64)),
    Column("flavor", Text, nullable=False, default=""),
    Column("at", Instant, nullable=False),
    Column("cause", String(12), nullable=False),  # idle, person, shadow
    Column("by", String(32)),
    Column("would_end", Instant),
    Column("until", Instant),  # next start or deletion
    Column("price", Money),
    Column("wrong_at", Instant),
    Column("active_later", Boolean),  # shadow: was it in fact active within the next hour
    Column("key", String(255), nullable=False, unique=True),
    Index("ix_stops_project", "project", "at"),
)

# What an accepted create or start will cost at most, until it runs and its lease says so itself.
reservations = Table(
    "reservations",
    metadata,
    Column("work_id", String(32), primary_key=True),
    Column("project", String(80), nullable=False),
    Column("owner_id", String(64)),  # cloud user
    Column("notebook_id", String(64)),  # known once it is made
    Column("amount", Money, nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_reservations_project", "project"),
)

projects = Table(
    "projects",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("mode", String(10)),  # the admin's stored choice: shadow, enforce
    Column("paused", Text),  # why stops are paused; NULL: they are not
    Column("paused_at", Instant),
    Column("released_at", Instant),  # what was due by then has been looked at by an admin
    Column("last_pass_at", Instant),
    Column("last_ok_at", Instant),
    Column("last_running", Integer),
    Column("listed_at", Instant),  # the last whole listing,
    Column("listed", Integer),  # and how many it held
    Column("last_error", Text),
    Column("config_hash", String(64)),
    Column("counts", Json),
)

catalogues = Table(
    "catalogues",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("kind", String(10), primary_key=True),  # images, flavors
    Column("at", Instant, nullable=False),
    Column("data", Json, nullable=False),
)

# Our own secrets, sealed with the encryption keys: the audit chain's key.
vault = Table(
    "vault",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("sealed", Text, nullable=False),
)

rates = Table(
    "rates",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("at", Instant, nullable=False),
)

paces = Table(
    "paces",
    metadata,
    Column("name", String(120), primary_key=True),  # a Slack channel or method group
    Column("next_at", Instant, nullable=False),
    Column("at", Instant),  # when that was reckoned
)

beats = Table(
    "beats",
    metadata,
    Column("replica", String(64), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("config_hash", String(64), nullable=False),
)
