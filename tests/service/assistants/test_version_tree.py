"""Undo, branches, proposals, and a conversation of two people that the store plays again exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from prompts.errors import EditError
from prompts.expansion.edit_json import edits_from_json
from prompts.expansion.edits import AddPhrase, SetParam
from prompts.spell import Spell
from service.chat import TurnOptions
from service.errors import Conflict
from service.services import Services
from service.version_tree import before, replayed, standing_for

TALK = [
    "make it night", "add a black cat", "30 steps", "保留 女孩", "less neon lights", "in watercolour", "undo",
    "换成下雪", "不要猫", "cfg 5.5", ("branch", 2, "make it foggy"), "give her an umbrella", "make her wave",
    "make it brighter", "尺寸改成 768x512", "撤销", "更多雪", "replace the umbrella with a lantern", "gibberish xyzzy",
    "seed 42", ("branch", 5, "add fireworks"), "油画风格", "no text", "higher resolution", "remove bad hands from the "
    "negative prompt", "use the second one but at sunset", "亮一点", "undo", "clip skip 2", "加上一把红色的伞",
]  # fmt: skip


def test_thirty_turns_of_two_people_with_branches_play_again_exactly_from_the_store(with_services: Callable) -> None:
    async def talk(services: Services) -> Any:
        first = await services.expansion.create("一个女孩在雨中的东京街头，夜景，霓虹灯", seed=5)
        for said in TALK:
            base, message = (said[1], said[2]) if isinstance(said, tuple) else (None, said)
            await services.chat.turn(first.spell_id, message, options=TurnOptions(base=base))
        return await services.library.versions(first.spell_id), await services.library.turns(first.spell_id)

    versions, turns = with_services(talk)
    assert len(TALK) == 30 == len(turns)
    assert replayed(versions) == tuple(version.spell for version in versions)
    assert len({v.parent for v in versions}) < len(versions) - 1, "no branches"
    assert any(v.details.get("hands", {}).get("edits") for v in versions[1:]), "the hand plan took no part"
    assert all(version.details.get("edits") is not None for version in versions[1:])


def test_undo_goes_up_the_tree_and_not_back_and_forth(with_services: Callable) -> None:
    async def work(services: Services) -> Any:
        first = await services.expansion.create("a cat")
        for message in ("make it night", "add a hat"):
            await services.chat.turn(first.spell_id, message)
        backs = [await services.chat.go_back(first.spell_id) for _ in range(2)]
        with pytest.raises(EditError, match="nothing to undo"):
            await services.chat.go_back(first.spell_id)
        return await services.library.versions(first.spell_id), backs

    versions, backs = with_services(work)
    assert [v.details["same_as"] for v in backs] == [2, 1]
    assert backs[0].spell == versions[1].spell and backs[1].spell == versions[0].spell
    lost = [versions[0], *(replace(version, spell=Spell("lost")) for version in versions[1:])]
    assert replayed(lost) == tuple(version.spell for version in versions), "more than the edits was needed"
    assert standing_for(versions, 5).number == 1 and before(versions, 4) == 1 and before(versions, 5) is None
    assert replayed(versions) == tuple(version.spell for version in versions)


def test_any_version_can_be_gone_back_to_and_a_stale_look_is_a_conflict(with_services: Callable) -> None:
    async def work(services: Services) -> Any:
        first = await services.expansion.create("a cat")
        await services.chat.turn(first.spell_id, "make it night")
        await services.chat.turn(first.spell_id, "add a hat")
        with pytest.raises(Conflict):
            await services.chat.go_back(first.spell_id, 1, parent=2)
        return first, await services.chat.go_back(first.spell_id, 1, parent=3)

    first, back = with_services(work)
    assert (back.number, back.parent, back.spell, back.author) == (4, 1, first.spell, first.author)


def test_a_proposal_stores_nothing_and_accepting_it_does_the_same(with_services: Callable) -> None:
    async def work(services: Services) -> Any:
        first = await services.expansion.create("a woman at the sea")
        proposal = await services.chat.turn(first.spell_id, "make her wave", options=TurnOptions(is_proposal=True))
        untouched = await services.library.versions(first.spell_id), await services.library.turns(first.spell_id)
        accepted = await services.chat.accept(first.spell_id, edits_from_json(proposal.edits), 1, note="yes")
        return proposal, untouched, accepted

    proposal, (versions, turns), accepted = with_services(work)
    assert proposal.is_proposal and (len(versions), len(turns)) == (1, 0)
    assert accepted.version.spell == proposal.version.spell and accepted.version.number == 2
    assert accepted.version.note == "yes" and not accepted.is_proposal


def test_edits_that_do_not_fit_are_refused_and_nothing_is_stored(with_services: Callable) -> None:
    async def work(services: Services) -> int:
        first = await services.expansion.create("a cat")
        for edits, parent, error in (
            ([SetParam("steps", 10**9)], 1, Exception),
            ([AddPhrase("<lora:x:1>")], 1, EditError),
            ([AddPhrase("a hat")], 7, Conflict),
        ):
            with pytest.raises(error):
                await services.chat.accept(first.spell_id, edits, parent)
        return len(await services.library.versions(first.spell_id))

    assert with_services(work) == 1


def test_a_branch_starts_at_the_version_that_was_named(with_services: Callable) -> None:
    async def work(services: Services) -> Any:
        first = await services.expansion.create("a cat")
        await services.chat.turn(first.spell_id, "make it night")
        branch = await services.chat.turn(first.spell_id, "add a hat", options=TurnOptions(base=1))
        lost = await services.chat.turn(first.spell_id, "zxqv blorp", options=TurnOptions(base=1))
        return branch.version, lost.version

    branch, lost = with_services(work)
    assert (branch.number, branch.parent) == (3, 1) and "night" not in branch.spell.prompt
    assert lost.number == 3
