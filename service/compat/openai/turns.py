"""One turn of an OpenAI conversation over the same use cases as the page: expand, read a photo, chat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prompts.metadata import format_infotext
from service.chat import TurnOptions
from service.compat.failure import error_of
from service.compat.openai.conversation import Said, block_of
from service.errors import NotFound
from service.services import Services
from service.spell_json import spell_to_json
from service.spells import Author, SpellVersion

OnText = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said back."""

    reply: str
    version: SpellVersion
    is_changed: bool = True

    @property
    def content(self) -> str:
        """The words, and the spell in a code block."""
        return f"{self.reply}\n\n{block_of(self.version)}".lstrip()

    @property
    def extra(self) -> dict[str, Any]:
        """The spell for programs."""
        return {
            "spell_id": self.version.spell_id,
            "version": self.version.number,
            "spell": spell_to_json(self.version.spell),
            "infotext": format_infotext(self.version.spell),
            "is_changed": self.is_changed,
        }


async def answer_to(services: Services, said: Said, on_text: OnText | None = None) -> Answer:
    """The answer; every turn is stored as a version.

    Raises:
        NotFound: `spell_id` names nothing.
        SpellwrightError: See `Chats.turn`, `Expansions.create` and `Interrogations.start`.
    """
    if said.picture is not None:
        read = await _read(services, said.picture)
        return await _turn(services, said, read, None, on_text) if said.wish else read
    start, base = await _start(services, said)
    if start is not None:
        return await _turn(services, said, Answer("", start), base, on_text)
    version = await services.expansion.create(said.wish, checkpoint=said.checkpoint, offline=said.offline)
    return Answer(" ".join(map(str, version.details.get("notes", ()))), version)


async def _start(services: Services, said: Said) -> tuple[SpellVersion | None, int | None]:
    """The version to go on from, and its number when the conversation went on from an older one than the newest."""
    if said.spell_id is not None:
        return await services.library.get(said.spell_id), None
    if said.left is None:
        return None, None
    if said.left.spell_id is not None:
        try:
            head = await services.library.get(said.left.spell_id)
            wanted = await services.library.get(said.left.spell_id, said.left.version)
        except NotFound:
            pass  # the conversation was begun on another server: its words are enough
        else:
            return head, None if wanted.number == head.number else wanted.number
    note = "Taken from a conversation."
    return await services.library.create(said.left.spell, Author.METADATA, note=note), None


async def _turn(services: Services, said: Said, before: Answer, base: int | None, on_text: OnText | None) -> Answer:
    result = await services.chat.turn(
        before.version.spell_id,
        said.wish,
        offline=said.offline,
        on_text=on_text,
        options=TurnOptions(base=base),
    )
    return Answer(result.turn.reply, result.version, result.is_changed)


async def _read(services: Services, picture: bytes) -> Answer:
    """The spell that a picture carries or shows."""
    job = await services.interrogation.start(picture)
    ended = job if job.status.is_final else await services.generation.wait(job.id)
    if ended.spell_id is None:
        raise error_of(ended.problem)
    version = await services.library.get(ended.spell_id, ended.spell_version)
    return Answer(version.note, version)
