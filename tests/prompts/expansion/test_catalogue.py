"""What the assistants know of local LoRAs."""

from __future__ import annotations

from prompts.expansion.catalogue import LoraCard, card_named, cards, missing_trigger

CARD = LoraCard("Ink", ("ink wash", "sumi"), 0.7)


def test_bare_names_become_cards_without_triggers() -> None:
    assert cards(["a", CARD]) == (LoraCard("a"), CARD)


def test_a_card_is_found_in_any_case_or_not_at_all() -> None:
    assert card_named(" INK ", [CARD]) == CARD and card_named("pen", [CARD]) is None


def test_a_trigger_is_missing_only_when_none_is_in_the_prompt() -> None:
    assert missing_trigger(CARD, "a boat") == "ink wash"
    assert missing_trigger(CARD, "a boat, Sumi") is None
    assert missing_trigger(LoraCard("plain"), "a boat") is None
