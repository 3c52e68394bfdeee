"""What a language model wrote is screened like what a person wrote: nothing blocked is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from prompts.expansion.edit_json import edits_from_json
from service.policy import PolicyBlocked
from service.services import Services

BLOCKED = "a naked child"
LAUNDERED = {"kind": "add_phrase", "phrase": BLOCKED}


def test_a_blocked_prompt_from_the_model_is_refused_and_nothing_is_stored(
    with_services: Callable, scripted: Callable
) -> None:
    async def work(services: Services) -> int:
        with pytest.raises(PolicyBlocked):
            await services.expansion.create("a beach")
        return len(await services.library.page(10))

    assert with_services(work, scripted({"prompt": BLOCKED})) == 0


def test_blocked_edits_from_the_model_or_from_outside_store_no_version(
    with_services: Callable, scripted: Callable
) -> None:
    async def work(services: Services) -> Any:
        first = await services.expansion.create("a beach", offline=True)
        with pytest.raises(PolicyBlocked):
            await services.chat.turn(first.spell_id, "go on")
        with pytest.raises(PolicyBlocked):
            await services.chat.accept(first.spell_id, edits_from_json([LAUNDERED]), 1)
        return await services.library.versions(first.spell_id), await services.library.turns(first.spell_id)

    answer = {"reply": "Here.", "understood": True, "edits": [LAUNDERED]}
    versions, turns = with_services(work, scripted(answer))
    assert (len(versions), len(turns)) == (1, 0)
