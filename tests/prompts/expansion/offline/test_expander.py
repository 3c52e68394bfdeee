"""The offline expander on the whole table of ideas."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from prompts.expansion.expand import expand
from prompts.expansion.families import DEMO, FAMILIES, SD15, SDXL
from prompts.expansion.language import detect
from prompts.expansion.offline.expander import expand_offline
from prompts.expansion.offline.tokens import estimate_tokens
from prompts.expansion.offline.words import contains
from prompts.expansion.phrases import is_balanced, split
from prompts.hands import apply_plan, plan_hands
from prompts.language import lint
from prompts.limits import check_spell
from prompts.torch_guard import ensure_torchvision

TABLE = Path(__file__).parents[4] / "bench" / "expansion_ideas.txt"


@pytest.fixture(scope="module")
def count_tokens() -> Callable[[str], int]:
    """The real CLIP tokenizer's count."""
    ensure_torchvision()
    from open_clip.tokenizer import SimpleTokenizer

    tokenizer = SimpleTokenizer()
    return lambda text: len(tokenizer.encode(text))


def rows(table: Path = TABLE) -> list[tuple[str, str, list[str]]]:
    lines = [line for line in table.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    cells = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    return [(language, idea, [word.strip() for word in wanted.split(";")]) for language, idea, wanted in cells]


def holds(text: str, wanted: str) -> bool:
    return any(word in text if set("[(:.") & set(word) else contains(text, word) for word in wanted.split("/"))


def test_the_table_has_two_hundred_ideas_in_four_languages_and_some_in_three_more() -> None:
    counts = {
        language: sum(row[0] == language for row in rows()) for language in ("en", "zh", "ja", "es", "ko", "fr", "de")
    }
    assert sum(counts[language] for language in ("en", "zh", "ja", "es")) >= 200 and min(counts.values()) >= 15


@pytest.mark.parametrize(("language", "idea", "wanted"), rows(), ids=lambda value: str(value)[:24])
def test_an_idea_keeps_its_subject_first_and_everything_it_names(language: str, idea: str, wanted: list[str]) -> None:
    for family in (SD15, SDXL, DEMO):
        spell = asyncio.run(expand(idea, family, seed=3)).spell
        assert [word for word in wanted if not holds(spell.prompt, word)] == []
        assert holds(split(spell.prompt)[0].text, wanted[0])
        assert lint(apply_plan(spell, plan_hands(spell, family)), family=family.name) == ()
        assert is_balanced(spell.prompt) and not any("\u3040" < char < "\uffef" for char in spell.prompt)
        check_spell(spell)


@pytest.mark.parametrize("name", ["expansion_fresh.txt", "expansion_fresh2.txt", "expansion_fresh3.txt"])
def test_ideas_that_the_glossary_was_not_written_for_keep_their_subject_too(name: str) -> None:
    lost, incomplete = [], []
    for _, idea, wanted in rows(TABLE.with_name(name)):
        spell = asyncio.run(expand(idea, SD15, seed=3)).spell
        lost += [] if holds(spell.prompt, wanted[0]) else [idea]
        incomplete += [] if all(holds(spell.prompt, word) for word in wanted) else [idea]
        assert lint(apply_plan(spell, plan_hands(spell, SD15)), family="sd15") == ()
        assert estimate_tokens(spell.prompt) <= 75 and not any("\u3040" < char < "\uffef" for char in spell.prompt)
    assert lost == [] and len(incomplete) <= 5, incomplete


def test_the_language_of_every_idea_is_recognised() -> None:
    assert [(language, idea) for language, idea, _ in rows() if detect(idea) != language] == []


def test_every_prompt_fits_75_real_clip_tokens_with_room_for_the_hand_plan(
    count_tokens: Callable[[str], int],
) -> None:
    for _, idea, _ in rows():
        for family in FAMILIES:
            prompt = asyncio.run(expand(idea, family, seed=1)).spell.prompt
            real = count_tokens(prompt)
            assert real <= 60, prompt
            assert estimate_tokens(prompt) >= real - 3, prompt


def test_the_estimate_is_never_below_the_real_count_for_words_of_many_kinds(count_tokens: Callable[[str], int]) -> None:
    texts = [
        "",
        "a",
        "photograph of a cat",
        "(red hat:1.25)",
        "1girl, 8k, 35mm",
        "霓虹灯",
        "straße",
        "😀",
        "BREAK",
        "x" * 30,
    ]
    for text in texts:
        assert estimate_tokens(text) >= count_tokens(text), text


@pytest.mark.parametrize(
    ("idea", "beginning"),
    [
        ("(masterpiece:1.2), 1girl, <lora:foo:0.66>, silver hair", "(masterpiece:1.2), 1girl, silver hair, "),
        ("<lora:foo:0.66>, 1girl", "1girl, "),
        ("1girl, <lora:foo:0.66>,", "1girl, "),
        ("(<lora:foo:0.66>, 1girl:1.1)", "(1girl:1.1), "),
    ],
)
def test_no_empty_phrase_stays_where_a_lora_tag_was_lifted_out(idea: str, beginning: str) -> None:
    spell = expand_offline(idea, SD15, "en", 0, ()).spell
    assert spell.prompt.startswith(beginning) and [lora.name for lora in spell.loras] == ["foo"]


def test_an_idea_of_nothing_but_a_lora_is_drawn_by_its_name() -> None:
    spell = expand_offline("<lora:inkStyle:0.5>", SD15, "en", 0, ()).spell
    assert spell.prompt.startswith("inkStyle") and spell.loras[0].weight == 0.5
