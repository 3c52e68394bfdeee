from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from prompts.spell import Lora, Params, Spell
from service.errors import Conflict, NotFound, ServiceError
from service.ids import IdFactory, utc_now
from service.spells import Author, ChatTurn, SpellVersion

new_id = IdFactory()


def version(spell_id: str | None = None, prompt: str = "a cat", parent: int | None = None) -> SpellVersion:
    spell = Spell(prompt, loras=(Lora("x", 0.5),), params=Params(seed=2**32 - 1))
    details = {"by": "offline", "notes": ["猫"]}
    return SpellVersion(
        spell_id or new_id(), 1, parent, Author.IDEA, spell, utc_now(), "note", "雨夜的猫", details
    )  # fmt: skip


def turn(spell_id: str, message: str = "night") -> ChatTurn:
    return ChatTurn(spell_id, 0, message, "Done.", "offline", 1, utc_now())


def test_a_new_spell_reads_back_equal_as_its_own_head(stores: Any) -> None:
    made = stores.spells.create(version())
    assert stores.spells.head(made.spell_id) == made
    assert stores.spells.version(made.spell_id, 1) == made
    assert stores.spells.versions(made.spell_id) == [made]
    assert stores.spells.turns(made.spell_id) == []


def test_an_unknown_spell_is_none_or_empty_and_cannot_be_appended_to(stores: Any) -> None:
    assert stores.spells.head("0" * 26) is None
    assert stores.spells.version("0" * 26, 1) is None
    assert stores.spells.versions("0" * 26) == []
    with pytest.raises(NotFound):
        stores.spells.append(version("0" * 26, parent=1), 1)
    with pytest.raises(NotFound):
        stores.spells.add_turn(turn("0" * 26))


def test_a_version_and_its_chat_turn_are_stored_together(stores: Any) -> None:
    made = stores.spells.create(version())
    second = stores.spells.append(version(made.spell_id, "a dog", 1), 1, turn(made.spell_id))
    assert second.number == 2
    assert stores.spells.head(made.spell_id) == second
    assert [(t.number, t.version, t.message) for t in stores.spells.turns(made.spell_id)] == [(1, 2, "night")]


def test_a_branch_may_start_at_an_older_version(stores: Any) -> None:
    made = stores.spells.create(version())
    stores.spells.append(version(made.spell_id, "a dog", 1), 1)
    branch = stores.spells.append(version(made.spell_id, "a bird", 1), 2)
    assert (branch.number, branch.parent) == (3, 1)


def test_a_change_to_anything_but_the_newest_version_is_refused_with_the_newest_number(stores: Any) -> None:
    made = stores.spells.create(version())
    stores.spells.append(version(made.spell_id, "a dog", 1), 1)
    with pytest.raises(Conflict) as conflict:
        stores.spells.append(version(made.spell_id, "a bird", 1), 1, turn(made.spell_id))
    assert conflict.value.facts["head"] == 2
    assert stores.spells.turns(made.spell_id) == []


def test_of_many_changes_at_once_exactly_one_wins(stores: Any) -> None:
    made = stores.spells.create(version())

    def change(at: int) -> int | None:
        try:
            stored: SpellVersion = stores.spells.append(version(made.spell_id, f"v{at}", 1), 1, turn(made.spell_id))
        except ServiceError as refused:
            assert isinstance(refused, Conflict)
            return None
        return stored.number

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(change, range(16)))
    assert [r for r in results if r is not None] == [2]
    assert len(stores.spells.turns(made.spell_id)) == 1


def test_turns_that_change_nothing_are_kept_in_order(stores: Any) -> None:
    made = stores.spells.create(version())
    for message in ("a", "b"):
        stores.spells.add_turn(turn(made.spell_id, message))
    assert [(t.number, t.message) for t in stores.spells.turns(made.spell_id)] == [(1, "a"), (2, "b")]


def test_the_list_shows_the_idea_cut_to_one_line_newest_first(stores: Any) -> None:
    old = stores.spells.create(version())
    new = stores.spells.create(replace(version(), idea="a\n" * 300))
    page = stores.spells.page(9)
    assert [s.spell_id for s in page] == [new.spell_id, old.spell_id]
    assert page[1].title == "雨夜的猫"
    assert len(page[0].title) == 120 and "\n" not in page[0].title
    assert [s.spell_id for s in stores.spells.page(9, new.spell_id)] == [old.spell_id]
