"""What an interrogation found, kept as a spell: one way for jobs and for folders."""

from __future__ import annotations

from prompts.interrogation import Interrogation
from prompts.spell import Spell
from service.hand_choice import DETAIL
from service.hand_planning import HandPlanner
from service.library import Library
from service.spells import Author, SpellVersion


async def keep_found(found: Interrogation, library: Library, planner: HandPlanner) -> SpellVersion:
    """Store the spell that `found` supports, with all of its evidence.

    Raises:
        PolicyBlocked: What it shows may not be made.
        DatabaseUnavailable, DiskFull: See there.
    """
    planned = await planner.apply(found.to_spell())
    return await library.create(
        planned.spell,
        Author.PHOTO,
        note=f"Read from a photo ({found.mode}, {found.model}).",
        details={
            "source": found.model,
            "notice": found.notice,
            "interrogation": found.to_json(),
            DETAIL: planned.details(),
        },
    )


async def keep_exact(spell: Spell, library: Library) -> SpellVersion:
    """Store the spell that a picture carries in its metadata.

    Raises:
        PolicyBlocked: It may not be made.
        DatabaseUnavailable, DiskFull: See there.
    """
    note = "Read from the picture's own metadata."
    return await library.create(spell, Author.METADATA, note=note, details={"source": "metadata"})
