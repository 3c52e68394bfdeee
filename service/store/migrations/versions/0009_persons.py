"""Which person made a version of a spell, and who said what in its chat.

Revision 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns; of what is there nobody knows."""
    for name in ("spell_versions", "chat_turns"):
        op.add_column(name, sa.Column("person", sa.String(80), nullable=False, server_default=""))
