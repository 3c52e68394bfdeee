"""Chat turns as people type them, in seven languages, each with its effect."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from prompts.expansion.chat_model import Message
from prompts.expansion.data_files import load_toml
from prompts.expansion.families import SD15
from prompts.expansion.offline.suggesting import suggestions_for
from prompts.expansion.refine import Refinement, TurnContext, refine


def checks_of_the_bench() -> ModuleType:
    path = Path(__file__).parents[4] / "bench" / "expansion_checks.py"
    spec = importlib.util.spec_from_file_location("expansion_checks", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECKS = checks_of_the_bench()


def turn(message: str, last_reply: str = "", undo_to: int | None = CHECKS.UNDO_TO) -> Refinement:
    context = TurnContext(versions=CHECKS.VERSIONS, undo_to=undo_to)
    said = (Message("assistant", last_reply),) if last_reply else ()
    return asyncio.run(refine(CHECKS.DRAFT, message, SD15, transcript=said, context=context))


@pytest.mark.parametrize(("message", "wanted"), CHECKS.everyday_turns())
def test_an_everyday_turn_does_what_was_asked(message: str, wanted: str) -> None:
    made = turn(message)
    assert CHECKS.unmet(made, wanted) == [], (made.diff.lines(), made.reply)


@pytest.mark.parametrize(("draft", "message", "wanted"), CHECKS.turns_on_drafts())
def test_a_turn_on_another_draft_does_what_was_asked(draft: str, message: str, wanted: str) -> None:
    spell = CHECKS.DRAFTS[draft]
    made = asyncio.run(refine(spell, message, SD15))
    assert CHECKS.unmet(made, wanted, spell) == [], (made.diff.lines(), made.reply)


@pytest.mark.parametrize(("draft", "message", "wanted"), CHECKS.turns_on_tags())
def test_a_turn_on_a_tag_prompt_does_what_was_asked(draft: str, message: str, wanted: str) -> None:
    spell = CHECKS.DRAFTS_OF_TAGS[draft]
    made = asyncio.run(refine(spell, message, SD15))
    assert CHECKS.unmet(made, wanted, spell) == [], (made.diff.lines(), made.reply)


def test_there_are_many_everyday_turns() -> None:
    assert len(CHECKS.everyday_turns()) >= 200


@pytest.mark.parametrize(
    "answer", ["2", "the second one", "number 2", "I'll take 2", "2)", "选2", "第二个", "要第二个"]
)
def test_a_numbered_suggestion_can_be_picked(answer: str) -> None:
    asked = turn("change the pose")
    assert asked.understood and "2) standing with crossed arms" in asked.reply
    assert "standing with crossed arms" in turn(answer, asked.reply).spell.prompt


def test_a_suggestion_shown_in_chinese_means_the_same_wish() -> None:
    asked = turn("换个天气")
    assert "2) 下雪" in asked.reply
    assert "in the snow" in turn("2", asked.reply).spell.prompt
    assert "in the snow" in turn("第二个", asked.reply).spell.prompt


def test_without_suggestions_a_number_picks_nothing_and_the_second_one_is_a_version() -> None:
    assert turn("2").spell == CHECKS.DRAFT
    assert turn("the second one").base_version == 1
    assert turn("the ninth one", "Which? 1) a; 2) b").spell == CHECKS.DRAFT


@pytest.mark.parametrize(
    "wish",
    [
        option.get("wish", option["en"])
        for row in load_toml("data", "suggestions.toml").values()
        for option in row["options"]
    ],
)
def test_every_suggestion_is_a_wish_that_the_rules_understand(wish: str) -> None:
    made = turn(wish)
    assert made.understood and (made.spell != CHECKS.DRAFT or "already" in made.reply), made.reply


def test_undo_at_the_first_version_says_so() -> None:
    made = turn("undo", undo_to=None)
    assert made.spell == CHECKS.DRAFT and made.understood and "first version" in made.reply


@pytest.mark.parametrize(("topic", "language"), [("pose", "en"), ("the light", "en"), ("姿势", "zh"), ("画风", "zh")])
def test_topics_have_suggestions_and_other_words_have_none(topic: str, language: str) -> None:
    assert len(suggestions_for(topic, language)) == 4
    assert suggestions_for("xyzzy", language) == ()
