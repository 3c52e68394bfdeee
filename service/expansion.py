"""Use case: an idea in any language becomes version 1 of a spell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prompts.errors import ChatModelBudgetSpent
from prompts.expansion.chat_model import ChatModel
from prompts.expansion.expand import Expansion, expand
from prompts.expansion.families import FamilyProfile, family_named
from prompts.limits import check_idea
from service.catalogue import Catalogue
from service.hand_choice import DETAIL, HandChoice
from service.hand_planning import HandPlanner
from service.language_model import budget_note
from service.library import Library
from service.policy import Policy
from service.spells import Author, SpellVersion


class Expansions:
    """Idea to spell.

    Args:
        chat: The language model; `None` lets the offline expander work.
        planner: Puts the hand plan into what was written; by default as the plan itself has it.
    """

    def __init__(
        self,
        library: Library,
        catalogue: Catalogue,
        policy: Policy,
        chat: ChatModel | None,
        planner: HandPlanner | None = None,
    ) -> None:
        self._library = library
        self._catalogue = catalogue
        self._policy = policy
        self._chat = chat
        self._planner = planner or HandPlanner(catalogue)

    async def create(
        self,
        idea: str,
        *,
        checkpoint: str | None = None,
        seed: int = 0,
        offline: bool = False,
        hands: HandChoice | None = None,
    ) -> SpellVersion:
        """Version 1, with who wrote it, notes, suggestions and the hand plan in its `details`.

        Args:
            idea: A sentence in any language.
            checkpoint: Whose family the prompt is written for; `None` is the default one.
            seed: Varies the offline expander's choices.
            offline: Do without the language model although one is configured.
            hands: What to do about hands; `None` is the operator's default.

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
        planned = await self._planner.apply(spell, hands)
        return await self._library.create(
            planned.spell,
            Author.IDEA,
            note=f"Expanded by {expansion.by}.",
            idea=text,
            details=_details(expansion, info.profile) | {DETAIL: planned.details()},
        )

    async def expand(self, idea: str, family: str, *, seed: int = 0, offline: bool = False) -> Expansion:
        """The expansion alone; nothing is stored, and the offline expander writes it when the tokens are spent.

        Raises as `create`.
        """
        chat = None if offline else self._chat
        cards, profile = await self._catalogue.lora_cards(), family_named(family)
        try:
            # Somebody who configured a language model wants its words, or to know why there are none.
            return await expand(idea, profile, chat, seed=seed, catalogue_loras=cards, on_failure="raise")
        except ChatModelBudgetSpent as spent:
            made = await expand(idea, profile, None, seed=seed, catalogue_loras=cards)
            return replace(made, notes=(budget_note(spent), *made.notes))


def _details(expansion: Expansion, profile: FamilyProfile) -> dict[str, Any]:
    """How the spell came about, and what its model family draws well by."""
    defaults, hires = profile.defaults, profile.hires
    names = ("steps", "sampler", "schedule_type", "cfg_scale", "width", "height", "clip_skip")
    return {
        "by": expansion.by,
        "notes": [str(one) for one in expansion.notes],
        "notes_texts": [one.to_json() for one in expansion.notes],
        "seed": expansion.seed,
        "suggested": {
            **{name: getattr(defaults, name) for name in names},
            "portrait": list(profile.portrait),
            "landscape": list(profile.landscape),
            "hires": {
                "upscale_by": hires.upscale_by,
                "denoising_strength": hires.denoising_strength,
                "upscaler": hires.upscaler,
            },
        },
    }
