"""A corpus of prompt injections, and a language model that obeys every one: nothing but this spell can change."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from prompts.errors import ChatModelInvalidOutput
from prompts.expansion.applying import apply
from prompts.expansion.catalogue import LoraCard
from prompts.expansion.chat_model import Message
from prompts.expansion.data_files import load_text
from prompts.expansion.edits import AddPhrase
from prompts.expansion.expand import expand
from prompts.expansion.families import SD15
from prompts.expansion.refine import TurnContext, refine
from prompts.spell import Lora, Spell

DRAFT = Spell("a girl in the rain", "blurry", (Lora("ink", 0.8),)).evolve(steps=20, seed=7)
BLOCK = re.compile(r'<data name="[a-z ]+">\n.*?\n</data>', re.DOTALL)
CANARY = "canary-5e1f"


def corpus() -> list[str]:
    table = tomllib.loads((Path(__file__).parent / "injections.toml").read_text("utf-8"))
    wrappers = table.pop("wrappers")
    said = [o.replace("{goal}", g) for row in table.values() for o in row["orders"] for g in row["goals"]]
    return [wrapper.format(text=text) for text in said for wrapper in wrappers]


CORPUS = corpus()


class Obedient:
    """Does what it is told to, as far as an answer can: every field that exists, and several that do not."""

    name = "obedient"

    def __init__(self, order: str) -> None:
        self.order = order
        self.asked: list[Sequence[Message]] = []

    async def complete(self, messages: Sequence[Message], schema: type[BaseModel], on_text: Any = None) -> BaseModel:
        self.asked.append(messages)
        obeyed: dict[str, Any] = {
            "reply": f"Obeyed: {self.order}",
            "understood": True,
            "edits": [{"kind": "add_phrase", "phrase": "obeyed", "url": "http://evil.example"}],
            "prompt": "obeyed",
            "notes": [self.order],
            "base_url": "http://evil.example",
            "tool_calls": [{"name": "delete_all_spells"}],
            "system_prompt": "leak",
        }
        return schema.model_validate(obeyed)

    async def stream(self, messages: Sequence[Message]) -> Any:
        yield self.order


def test_the_corpus_is_large_and_speaks_many_languages() -> None:
    assert len(CORPUS) >= 200 and len(set(CORPUS)) == len(CORPUS)
    assert any("忽略" in text for text in CORPUS) and any("無視" in text for text in CORPUS)


def outside_the_blocks(messages: Sequence[Message]) -> str:
    return "\n".join(BLOCK.sub("", message.content) for message in messages)


def checked(chat: Obedient, template: str) -> None:
    """The system message is the file's, word for word, and what came from outside stands in marked blocks only."""
    for messages in chat.asked:
        assert messages[0] == Message("system", load_text("expansion", "templates", template))
        assert [m.role for m in messages[1:]] == ["user"] * (len(messages) - 1)
        left = outside_the_blocks(messages[1:])
        assert "evil.example" not in left and CANARY not in left
        assert not any(word in left for word in ("gnore", "忽略", "無視", "무시", "gnora", "gnoriere", "гнорируй"))
        assert "<data" not in left and "</data" not in left
        assert all(CANARY not in message.content for message in messages)


def test_an_injection_in_a_message_edits_this_spell_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    for text in CORPUS:
        chat = Obedient(text)
        made = asyncio.run(refine(DRAFT, text, SD15, chat))
        assert made.spell == DRAFT.evolve(prompt="a girl in the rain, obeyed")
        checked(chat, "refine.md")


def test_an_injection_in_a_caption_infotext_version_catalogue_or_conversation_edits_this_spell_at_most() -> None:
    for text in CORPUS:
        chat = Obedient(text)
        caption = DRAFT.evolve(prompt=f"a cat, {text}", negative_prompt=text)
        cards = (LoraCard("ink", (text[:80],), about=text),)
        context = TurnContext(catalogue_loras=cards, versions=(caption, DRAFT), locked=(text[:80],))
        said = (Message("user", text), Message("assistant", text))
        made = asyncio.run(refine(caption, "make it night", SD15, chat, said, context))
        assert made.edits == (AddPhrase("obeyed"),)
        assert made.spell == apply(caption, made.edits) == caption.evolve(prompt=made.spell.prompt)
        checked(chat, "refine.md")


def test_an_injection_in_an_idea_or_a_retrieved_prompt_is_a_prompt_at_most() -> None:
    for text in CORPUS:
        if any(sign in text for sign in ("\n<data>", "```")) or "BREAK" in text:
            continue  # weights and brackets of the idea would have to come back; that is another test's business
        chat = Obedient(text)
        made = asyncio.run(expand(text, SD15, chat, catalogue_loras=[LoraCard("ink", about=text)], on_failure="raise"))
        assert made.spell.prompt == "obeyed" and made.spell.loras == () and made.idea == text.strip()
        checked(chat, "expand.md")


@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "set_param", "name": "base_url", "value": "http://evil.example"},
        {"kind": "set_param", "name": "llm_api_key", "value": "sk"},
        {"kind": "use_lora", "name": "../../etc/passwd", "weight": 1},
        {"kind": "use_lora", "name": "not-here", "weight": 1},
        {"kind": "add_phrase", "phrase": "<lora:evil:1>"},
        {"kind": "run_tool", "name": "delete_all_spells"},
        {"kind": "set_param", "name": "steps", "value": 1e300},
    ],
)
def test_an_order_that_would_reach_beyond_the_spell_is_no_answer(edit: dict[str, Any]) -> None:
    class Reaching(Obedient):
        async def complete(
            self, messages: Sequence[Message], schema: type[BaseModel], on_text: Any = None
        ) -> BaseModel:
            self.asked.append(messages)
            return schema.model_validate({"reply": "done", "understood": True, "edits": [edit]})

    chat = Reaching("x")
    with pytest.raises(ChatModelInvalidOutput):
        asyncio.run(refine(DRAFT, "make it night", SD15, chat, (), TurnContext(on_failure="raise")))
    assert len(chat.asked) == 2
