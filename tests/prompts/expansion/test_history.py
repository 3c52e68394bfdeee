"""Versions: a tree of spells that can be undone, branched, compared and replayed exactly."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.errors import EditError, PromptError
from prompts.expansion.edits import AddPhrase, LockSpan, RemovePhrase, Reweight, SetParam, UseLora
from prompts.expansion.expand import expand
from prompts.expansion.families import SD15
from prompts.expansion.history import History, begin, replay, turns_to_json
from prompts.expansion.refine import TurnContext, refine
from prompts.spell import Lora, Spell

FIRST = Spell(prompt="a girl, (red hat:1.2) BREAK rain", loras=(Lora("kept", 0.66),))


def test_each_change_is_a_new_version_with_parent_author_and_note() -> None:
    history = begin(FIRST, "ann").add([AddPhrase("fog")], "bob", "add fog")
    assert history.current.parent == 1 and history.current.author == "bob" and history.head == 2
    assert history.version(1).spell == FIRST and history.current.spell.prompt.endswith("rain, fog")


def test_undo_moves_the_head_and_loses_nothing() -> None:
    history = begin(FIRST).add([AddPhrase("fog")]).undo()
    assert history.current.spell == FIRST and len(history.versions) == 2
    assert history.undo() == history
    assert history.go_to(2).current.spell.prompt.endswith("fog")


def test_a_change_from_an_older_version_is_a_branch() -> None:
    history = begin(FIRST).add([AddPhrase("fog")]).add([AddPhrase("snow")], parent=1)
    assert [v.number for v in history.children(1)] == [2, 3]
    assert [v.number for v in history.lineage()] == [1, 3]
    assert "fog" not in history.current.spell.prompt
    assert history.compare(2, 3).lines() == ["- fog", "+ snow"]


def test_a_version_that_does_not_exist_is_said_so() -> None:
    with pytest.raises(EditError, match="no version 7"):
        begin(FIRST).go_to(7)
    with pytest.raises(EditError):
        begin(FIRST).add([], parent=0)


def test_locks_belong_to_a_version_and_go_on_to_its_children() -> None:
    history = begin(FIRST).add([LockSpan("red hat")])
    with pytest.raises(EditError, match="locked"):
        history.add([RemovePhrase("red hat")])
    assert "red hat" not in history.add([RemovePhrase("red hat")], parent=1).current.spell.prompt


@pytest.mark.parametrize(
    "turn", [{}, {"parent": "1", "edits": []}, {"parent": 1}, {"parent": 1, "edits": [{}]}, {"parent": 9, "edits": []}]
)
def test_a_stored_turn_that_is_none_is_refused(turn: dict[str, Any]) -> None:
    with pytest.raises(EditError):
        replay(begin(FIRST).current, [turn])


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [AddPhrase("fog"), RemovePhrase("rain"), Reweight("red hat", 0.9), SetParam("steps", 30), UseLora("x", 0.5)]
        ),
        st.integers(1, 12),
    ),
    max_size=12,
)


@given(STEPS)
def test_every_history_is_rebuilt_exactly_from_its_first_version_and_stored_edits(steps: list[tuple[Any, int]]) -> None:
    history = begin(FIRST, "ann")
    for edit, parent in steps:
        try:
            history = history.add([edit], "bob", "note", min(parent, len(history.versions)))
        except PromptError:
            continue
    stored = json.loads(json.dumps(turns_to_json(history)))
    assert replay(history.version(1), stored, history.head) == history


TALK = [
    "make it night", "add a black cat", "30 steps", "保留 女孩", "less neon lights", "in watercolour", "undo",
    "换成下雪", "不要猫", "cfg 5.5", "branch 2", "give her an umbrella", "use lora Ink at 0.7", "make it brighter",
    "尺寸改成 768x512", "更多雪", "replace the umbrella with a lantern", "gibberish xyzzy", "seed 42", "branch 5",
    "油画风格", "no text", "higher resolution", "drop lora Ink", "add fireworks", "use the second one but at sunset",
    "亮一点", "remove the cat and make it foggy", "clip skip 2", "加上一把红色的伞",
]  # fmt: skip


def test_a_conversation_of_two_people_over_thirty_turns_with_branches_is_replayed_exactly() -> None:
    async def talk() -> History:
        made = await expand("一个女孩在雨中的东京街头，夜景，霓虹灯", SD15, seed=5)
        history = begin(made.spell, "ann", made.idea)
        for number, message in enumerate(TALK):
            author = ("ann", "bob")[number % 2]
            if message == "undo":
                history = history.undo()
            elif message.startswith("branch"):
                history = history.go_to(int(message.split()[1]))
            else:
                history = await said(history, author, message)
        return history

    async def said(history: History, author: str, message: str) -> History:
        now = history.current
        context = TurnContext(locked=now.locked, versions=tuple(v.spell for v in history.versions))
        turn = await refine(now.spell, message, SD15, context=context)
        parent = now.number if turn.base_version is None else turn.base_version + 1
        return history.add(turn.edits, author, message, parent)

    assert len(TALK) == 30
    history = asyncio.run(talk())
    stored = json.loads(json.dumps(turns_to_json(history)))
    again = replay(history.version(1), stored, history.head)
    assert again == history and asyncio.run(talk()) == history
    assert len(history.children(2)) >= 2 and {v.author for v in history.versions} == {"ann", "bob"}
    assert all(v.spell.prompt.startswith("a girl") for v in history.versions)
