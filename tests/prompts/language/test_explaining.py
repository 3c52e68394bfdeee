from __future__ import annotations

from prompts import HiresFix, Lora, Params, Spell
from prompts.language import attention, explain
from prompts.language.explaining import encoder_text
from prompts.language.words import Word, budget

COMMA = 0


def pairs_of_letters(text: str) -> list[int]:
    """One token for two letters of a word, one for each comma."""
    tokens: list[int] = []
    for word in text.replace(",", " , ").split():
        tokens += [COMMA] if word == "," else [len(word)] * ((len(word) + 1) // 2)
    return tokens


def test_each_step_says_what_is_drawn() -> None:
    (only,) = explain(Spell("a [b:c:0.5] (d:1.2)", "bad [x|y]", params=Params(steps=4))).passes
    (part,) = only.prompt
    assert [(s.first_step, s.last_step, s.text) for s in part.stretches] == [
        (1, 2, "a b (d:1.2)"),
        (3, 4, "a c (d:1.2)"),
    ]
    assert part.stretches[0].weights == tuple(attention("a b (d:1.2)"))
    assert [s.text for s in only.negative_prompt] == ["bad x", "bad y", "bad x", "bad y"]


def test_steps_that_draw_the_same_are_one_stretch() -> None:
    (only,) = explain(Spell("[a:a:2] [b|b]", params=Params(steps=6))).passes
    assert [(s.first_step, s.last_step) for s in only.prompt[0].stretches] == [(1, 6)]


def test_the_hires_pass_has_its_own_prompts_steps_and_size() -> None:
    params = Params(steps=10, width=512, height=768, hires=HiresFix(1.5, steps=4, prompt="x [a:b:1.5]"))
    first, second = explain(Spell("a", "bad", params=params)).passes
    assert (first.name, first.steps, first.width, first.height) == ("first", 10, 512, 768)
    assert (second.name, second.steps, second.width, second.height) == ("hires", 4, 768, 1152)
    assert [s.text for s in second.prompt[0].stretches] == ["x a", "x b"]
    assert [s.text for s in second.negative_prompt] == ["bad"]


def test_composition_is_told_part_by_part() -> None:
    (only,) = explain(Spell("a :1.2 AND b", params=Params(steps=3))).passes
    assert [(part.weight, part.stretches[0].text) for part in only.prompt] == [(1.2, "a"), (1.0, " b")]


def test_comments_and_tags_never_reach_the_encoder() -> None:
    assert encoder_text("a <hypernet:x:1># c\nb") == "a \nb"
    told = explain(Spell("a # b", loras=(Lora("x", 0.5),)))
    assert told.passes[0].prompt[0].stretches[0].text == "a"
    assert told.loras == (Lora("x", 0.5),)


def test_words_know_their_chunk_weight_and_tokens() -> None:
    found = budget("one (three:1.5) BREAK four", pairs_of_letters, COMMA)
    assert found.words == (
        Word("one", 1.0, 2, 0),
        Word("three", 1.5, 3, 0),
        Word("four", 1.0, 2, 1),
    )
    assert (found.used, found.tokens, found.room) == ((5, 2), 7, 73)


def test_a_word_across_the_border_is_marked() -> None:
    found = budget("ab " * 74 + "abcdef", pairs_of_letters, COMMA)
    assert found.words[-1] == Word("abcdef", 1.0, 3, 0, is_cut=True)
    assert found.used == (75, 2)


def test_empty_text_has_one_empty_chunk() -> None:
    assert budget("", pairs_of_letters, COMMA).used == (0,)


def test_a_tokenizer_that_joins_words_still_adds_up() -> None:
    found = budget("a b c", lambda text: [1] * len(text), 99)
    assert found.words == (Word("a b c", 1.0, 5, 0),)


def test_budgets_are_told_only_with_a_tokenizer() -> None:
    spell = Spell("a cat", params=Params(steps=2))
    assert explain(spell).passes[0].prompt[0].stretches[0].budget is None
    told = explain(spell, pairs_of_letters).passes[0].prompt[0].stretches[0].budget
    assert told is not None
    assert told.used == (3,)
