"""How a picture is made larger.

Revision 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column."""
    op.add_column("jobs", sa.Column("upscale", sa.JSON(none_as_null=True), nullable=True))
