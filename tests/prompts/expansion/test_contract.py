"""One suite for every assistant: the offline rules, and a language model behind the loopback server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from prompts.expansion.applying import apply
from prompts.expansion.edit_json import edits_from_json, edits_to_json
from prompts.expansion.expand import Expansion, expand
from prompts.expansion.families import SD15
from prompts.expansion.refine import Refinement, TurnContext, refine
from prompts.limits import check_spell
from prompts.spell import Lora, Spell

IDEA = "（红色帽子：1.3）的女孩 BREAK 雨中的东京 <lora:myStyle:0.66>"
DRAFT = Spell(prompt="a girl, (neon lights:1.2) BREAK [rain:snow:0.5], at sunset", loras=(Lora("kept", 0.66),)).evolve(
    steps=20
)

SPELL_REPLY = {
    "prompt": "(red hat:1.3), a girl BREAK Tokyo in the rain",
    "negative_prompt": "blurry",
    "loras": [],
    "orientation": "square",
    "notes": [],
}
NIGHT_REPLY = {
    "reply": "It is night now.",
    "understood": True,
    "base_version": None,
    "edits": [{"kind": "replace_phrase", "old": "at sunset", "new": "at night"}],
}
LOST_REPLY = {"reply": "What do you mean?", "understood": False, "base_version": None, "edits": []}

Run = Callable[[Callable[[Any], Any], dict[str, Any]], Any]


@pytest.fixture(params=["offline", "loopback"])
def run(request: pytest.FixtureRequest, llm: Any, chat_with: Any) -> Run:
    """Call with a function of a chat model (or `None`) and what the loopback model answers."""

    def call(ask: Callable[[Any], Any], answer: dict[str, Any]) -> Any:
        async def work() -> Any:
            chat = chat_with() if request.param == "loopback" else None
            llm.answers[:] = []
            llm.say(answer)
            try:
                return await ask(chat)
            finally:
                if chat is not None:
                    await chat.close()

        return asyncio.run(work())

    return call


def expanded(run: Run) -> Expansion:
    made: Expansion = run(lambda chat: expand(IDEA, SD15, chat, seed=4, on_failure="raise"), SPELL_REPLY)
    return made


def turned(run: Run, message: str, answer: dict[str, Any], context: TurnContext | None = None) -> Refinement:
    made: Refinement = run(lambda chat: refine(DRAFT, message, SD15, chat, context=context), answer)
    return made


def test_an_expansion_keeps_the_idea_word_for_word_and_names_who_wrote_it(run: Run) -> None:
    made = expanded(run)
    assert made.idea == IDEA and made.by in ("offline", "test-model") and made.language == "zh" and made.seed == 4


def test_an_expansion_is_a_usable_english_spell_with_the_idea_s_syntax_and_loras(run: Run) -> None:
    spell = expanded(run).spell
    check_spell(spell)
    assert "red hat:1.3)" in spell.prompt and "BREAK" in spell.prompt and spell.prompt.isascii()
    assert spell.loras == (Lora("myStyle", 0.66),)
    assert (spell.params.sampler, spell.params.width) == ("DPM++ SDE", 512)


def test_an_expansion_can_be_made_again(run: Run) -> None:
    assert expanded(run) == expanded(run)


def test_a_turn_changes_what_was_asked_and_nothing_else(run: Run) -> None:
    made = turned(run, "make it night", NIGHT_REPLY)
    assert made.understood and made.reply
    assert made.spell == DRAFT.evolve(prompt="a girl, (neon lights:1.2) BREAK [rain:snow:0.5], at night")
    assert made.diff.lines() == ["- at sunset", "+ at night"]


def test_the_stored_edits_make_the_same_spell_again(run: Run) -> None:
    made = turned(run, "make it night", NIGHT_REPLY)
    stored = json.loads(json.dumps(edits_to_json(made.edits)))
    assert apply(DRAFT, edits_from_json(stored)) == made.spell


def test_a_turn_that_is_not_understood_changes_nothing_and_says_something(run: Run) -> None:
    made = turned(run, "flibber the wobbulator", LOST_REPLY)
    assert made.spell == DRAFT and made.edits == () and not made.understood and made.reply


def test_the_reply_can_be_read_along(run: Run) -> None:
    pieces: list[str] = []
    made = turned(run, "make it night", NIGHT_REPLY, TurnContext(on_text=pieces.append))
    assert "".join(pieces) == made.reply


def test_locked_phrases_are_locked_after_the_turn_as_well(run: Run) -> None:
    made = turned(run, "make it night", NIGHT_REPLY, TurnContext(locked=("neon lights",)))
    assert made.locked == ("neon lights",) and "(neon lights:1.2)" in made.spell.prompt
