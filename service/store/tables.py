"""The SQL tables, portable between SQLite and PostgreSQL. `migrations/` must lead to exactly these."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

ID = String(26)
MOMENT = String(27)  # service.ids.utc_text: sorts as text as it does as time
TENANT = String(64)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", ID, primary_key=True),
    Column("tenant", TENANT, nullable=False, server_default="local"),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("count", Integer, nullable=False),
    Column("spell", JSON(none_as_null=True)),
    Column("img2img", JSON(none_as_null=True)),
    Column("hand_repair", JSON(none_as_null=True)),
    Column("upscale", JSON(none_as_null=True)),
    Column("spell_id", ID),
    Column("spell_version", Integer),
    Column("upload_id", ID),
    Column("mode", String(16)),
    Column("policy_stamp", String(96)),
    Column("attempt", Integer, nullable=False),
    Column("crashes", Integer, nullable=False),
    Column("last_event", Integer, nullable=False),
    Column("result", JSON(none_as_null=True)),
    Column("problem", JSON(none_as_null=True)),
    Column("origin", String(64), nullable=False),
    Column("owner", String(64)),
    Column("lease_until", MOMENT),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Index("ix_jobs_status_tenant_id", "status", "tenant", "id"),
    Index("ix_jobs_tenant_id", "tenant", "id"),
)

job_events = Table(
    "job_events",
    metadata,
    Column("job_id", ID, ForeignKey("jobs.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("data", JSON, nullable=False),
    Column("at", MOMENT, nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant", TENANT, primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("job_id", ID, ForeignKey("jobs.id"), nullable=False),
    Column("created_at", MOMENT, nullable=False),
)

spells = Table(
    "spells",
    metadata,
    Column("id", ID, primary_key=True),
    Column("tenant", TENANT, nullable=False, server_default="local"),
    Column("head", Integer, nullable=False),
    Column("title", String(200), nullable=False),
    Column("search", Text, nullable=False, server_default=""),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Index("ix_spells_tenant_id", "tenant", "id"),
)

spell_versions = Table(
    "spell_versions",
    metadata,
    Column("spell_id", ID, ForeignKey("spells.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("parent", Integer),
    Column("author", String(16), nullable=False),
    Column("spell", JSON, nullable=False),
    Column("note", Text, nullable=False),
    Column("idea", Text),
    Column("details", JSON, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("person", String(80), nullable=False, server_default=""),
)

chat_turns = Table(
    "chat_turns",
    metadata,
    Column("spell_id", ID, ForeignKey("spells.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("message", Text, nullable=False),
    Column("reply", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("person", String(80), nullable=False, server_default=""),
)

images = Table(
    "images",
    metadata,
    Column("id", ID, primary_key=True),
    Column("tenant", TENANT, nullable=False, server_default="local"),
    Column("job_id", ID, ForeignKey("jobs.id"), nullable=False),
    Column("slot", Integer, nullable=False),
    Column("blob", String(160), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("spell", JSON, nullable=False),
    Column("search", Text, nullable=False, server_default=""),
    Column("notes", JSON, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    UniqueConstraint("job_id", "slot"),
    Index("ix_images_tenant_id", "tenant", "id"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", ID, primary_key=True),
    Column("tenant", TENANT, nullable=False, server_default="local"),
    Column("blob", String(160), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("created_at", MOMENT, nullable=False),
)

tenants = Table(
    "tenants",
    metadata,
    Column("name", TENANT, primary_key=True),
    # When a job of theirs was last claimed, as a number that rises with every claim: the lowest goes next.
    Column("turn", Integer, nullable=False, server_default="0"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", ID, primary_key=True),
    Column("tenant", TENANT, nullable=False),
    Column("name", String(80), nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("revoked_at", MOMENT),
)

llm_tokens = Table(
    "llm_tokens",
    metadata,
    Column("tenant", TENANT, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("tokens", Integer, nullable=False),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", ID, primary_key=True),
    Column("tenant", TENANT, nullable=False),
    Column("job_id", ID, ForeignKey("jobs.id"), nullable=False),
    Column("url", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", MOMENT, nullable=False),
    Column("answer", Integer),
    Column("error", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Index("ix_webhook_deliveries_status_due_at", "status", "due_at"),
    Index("ix_webhook_deliveries_tenant_id", "tenant", "id"),
)
