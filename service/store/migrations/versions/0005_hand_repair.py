"""How the hands of a job's pictures are painted again.

Revision 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column."""
    op.add_column("jobs", sa.Column("hand_repair", sa.JSON(none_as_null=True), nullable=True))
