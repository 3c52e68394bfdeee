"""Use case: an idea in any language becomes version 1 of a spell."""

from __future__ import annotations

from prompts.expansion.catalogue import LoraCard
from prompts.expansion.chat_model import ChatModel
from prompts.expansion.expand import Expansion, expand
from prompts.expansion.families import family_named
from prompts.limits import check_idea
from service.catalogue import Catalogue
from service.library import Library
from service.policy import Policy
from service.spells import Author, SpellVersion


class Expansions:
    """Idea to spell.

    Args:
        chat: The language model; `None` lets the offline expander work.
    """

    def __init__(self, library: Library, catalogue: Catalogue, policy: Policy, chat: ChatModel | None) -> None:
        self._library = library
        self._catalogue = catalogue
        self._policy = policy
        self._chat = chat

    async def create(
        self, idea: str, *, checkpoint: str | None = None, seed: int = 0, offline: bool = False
    ) -> SpellVersion:
        """Version 1, with who wrote it and notes in its `details`.

        Args:
            idea: A sentence in any language.
            checkpoint: Whose family the prompt is written for; `None` is the default one.
            seed: Varies the offline expander's choices.
            offline: Do without the language model although one is configured.

        Raises:
            PromptEmpty, PromptTooLong: The idea.
            CheckpointNotFound: The checkpoint.
            PolicyBlocked: The screen refuses it.
            ChatModelError: The language model failed; nothing is stored.
        """
        text = check_idea(idea)
        self._policy.check_text(text)
        info = await self._catalogue.checkpoint(checkpoint)
        expansion = await self.expand(text, info.profile.name, seed=seed, offline=offline)
        spell = expansion.spell if checkpoint is None else expansion.spell.evolve(checkpoint=info.name)
        return await self._library.create(
            spell,
            Author.IDEA,
            note=f"Expanded by {expansion.by}.",
            idea=text,
            details={"by": expansion.by, "notes": list(expansion.notes)},
        )

    async def expand(self, idea: str, family: str, *, seed: int = 0, offline: bool = False) -> Expansion:
        """The expansion alone; nothing is stored. Raises as `create`."""
        chat = None if offline else self._chat
        cards = tuple(LoraCard(lora.name) for lora in await self._catalogue.loras() if lora.is_usable)
        # Somebody who configured a language model wants its words, or to know why there are none.
        return await expand(idea, family_named(family), chat, seed=seed, catalogue_loras=cards, on_failure="raise")
