"""The text by which spells and pictures are found.

Revision 0008, after 0007.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns and fill them for what is there."""
    for name in ("spells", "images"):
        op.add_column(name, sa.Column("search", sa.Text(), nullable=False, server_default=""))
    bind = op.get_bind()
    spell = sa.JSON()
    spells = sa.table("spells", sa.column("id"), sa.column("head"), sa.column("search"))
    versions = sa.table(
        "spell_versions", sa.column("spell_id"), sa.column("number"), sa.column("spell", spell), sa.column("idea")
    )
    images = sa.table("images", sa.column("id"), sa.column("spell", spell), sa.column("search"))
    heads = sa.select(versions.c.spell_id, versions.c.spell).join(
        spells, sa.and_(spells.c.id == versions.c.spell_id, spells.c.head == versions.c.number)
    )
    firsts = sa.select(versions.c.spell_id, versions.c.idea).where(versions.c.number == 1)
    ideas = dict(bind.execute(firsts).all())
    for spell_id, stored in bind.execute(heads).all():
        text = _text(stored, ideas.get(spell_id) or "")
        bind.execute(sa.update(spells).where(spells.c.id == spell_id).values(search=text))
    for image_id, stored in bind.execute(sa.select(images.c.id, images.c.spell)).all():
        bind.execute(sa.update(images).where(images.c.id == image_id).values(search=_text(stored, "")))


def _text(spell: dict[str, Any], idea: str) -> str:
    # As service.search.searched_text was at this revision.
    params = spell.get("params") or {}
    hires = params.get("hires") or {}
    second = f"{hires.get('prompt') or ''} {hires.get('negative_prompt') or ''}"
    lines = [idea, spell.get("prompt") or "", spell.get("negative_prompt") or "", second]
    lines += [f"checkpoint:{params['checkpoint']}"] if params.get("checkpoint") else []
    lines += [f"lora:{lora['name']}" for lora in spell.get("loras") or []]
    return "\n" + "\n".join(" ".join(line.split()).casefold() for line in lines if line.strip()) + "\n"
