"""Tenants, their API keys, their turns in the queue, and leases on jobs.

Revision 0003, after 0002. What was there before belongs to the tenant "local".
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TENANT = sa.String(length=64)


def upgrade() -> None:
    """Give every record a tenant; make the tables of keys and turns."""
    for table in ("jobs", "spells", "images", "uploads"):
        op.add_column(table, sa.Column("tenant", TENANT, nullable=False, server_default="local"))
    op.add_column("jobs", sa.Column("lease_until", sa.String(length=27), nullable=True))
    op.drop_index("ix_jobs_status_id", table_name="jobs")
    op.create_index("ix_jobs_status_tenant_id", "jobs", ["status", "tenant", "id"])
    for table in ("jobs", "spells", "images"):
        op.create_index(f"ix_{table}_tenant_id", table, ["tenant", "id"])
    op.create_table(
        "tenants",
        sa.Column("name", TENANT, nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tenants")),
    )
    op.execute("INSERT INTO tenants (name, turn) VALUES ('local', 0)")
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("tenant", TENANT, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("scopes", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("revoked_at", sa.String(length=27), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    _key_promises_by_tenant()


def _key_promises_by_tenant() -> None:
    """The table is made anew: SQLite cannot change a primary key."""
    op.rename_table("idempotency_keys", "idempotency_keys_before")
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant", TENANT, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=26), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_idempotency_keys_job_id_jobs_of_tenant"),
        sa.PrimaryKeyConstraint("tenant", "key", name="pk_idempotency_keys_of_tenant"),
    )
    op.execute(
        "INSERT INTO idempotency_keys (tenant, key, fingerprint, job_id, created_at) "
        "SELECT 'local', key, fingerprint, job_id, created_at FROM idempotency_keys_before"
    )
    op.drop_table("idempotency_keys_before")
