from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prompts.language import CHUNK_TOKENS, attention, chunk

COMMA = 0


def word_tokens(text: str) -> list[int]:
    """One token per word, and one for each comma."""
    return [COMMA if word == "," else int(word[1:]) for word in text.replace(",", " , ").split()]


def words(first: int, count: int) -> str:
    return " ".join(f"w{i}" for i in range(first, first + count))


def lengths(text: str, backtrack: int = 20) -> list[int]:
    return [len(c.tokens) for c in chunk(text, word_tokens, COMMA, backtrack)]


def test_empty_text_is_one_empty_chunk() -> None:
    assert [c.tokens for c in chunk("", word_tokens, COMMA)] == [()]


def test_a_chunk_holds_75_tokens() -> None:
    assert lengths(words(1, 75)) == [75]
    assert lengths(words(1, 76)) == [75, 1]


def test_words_behind_a_near_comma_move_to_the_next_chunk() -> None:
    assert lengths(f"{words(1, 60)}, {words(61, 30)}") == [61, 30]


def test_a_comma_farther_than_the_backtrack_moves_nothing() -> None:
    assert lengths(f"{words(1, 50)}, {words(51, 40)}") == [75, 16]
    assert lengths(f"{words(1, 55)}, {words(56, 30)}") == [56, 30]
    assert lengths(f"{words(1, 54)}, {words(55, 30)}") == [75, 10]


def test_no_backtrack_means_no_comma_rule() -> None:
    assert lengths(f"{words(1, 60)}, {words(61, 30)}", backtrack=0) == [75, 16]


def test_a_comma_that_overflows_opens_the_next_chunk() -> None:
    assert lengths(f"{words(1, 75)}, {words(76, 3)}") == [75, 4]


def test_break_closes_a_chunk() -> None:
    assert lengths("w1 w2 BREAK w3") == [2, 1]
    assert lengths("w1 BREAK BREAK w2") == [1, 0, 1]
    assert lengths("w1 BREAK") == [1]


def test_tokens_carry_the_weight_of_their_fragment() -> None:
    (only,) = chunk("w1 (w2 w3:1.5)", word_tokens, COMMA)
    assert only.tokens == (1, 2, 3)
    assert only.weights == (1.0, 1.5, 1.5)
    assert [attention("w1 (w2 w3:1.5)")[i][0] for i in only.fragments] == ["w1 ", "w2 w3", "w2 w3"]


def test_an_infinite_weight_never_reaches_the_engine() -> None:
    (only,) = chunk("(" * 9_000 + "w1" + ")" * 9_000, word_tokens, COMMA)
    assert only.weights == (1.0,)


@given(st.lists(st.sampled_from(["w1", "w2", ",", "(w3)", "[w4]", "BREAK"]), max_size=400), st.integers(0, 80))
def test_no_token_is_lost_or_moved_past_another(parts: list[str], backtrack: int) -> None:
    cut = chunk(" ".join(parts), word_tokens, COMMA, backtrack)
    expected = [COMMA if part == "," else int(part.strip("w()[]")) for part in parts if part != "BREAK"]
    assert [token for one in cut for token in one.tokens] == expected
    assert all(len(one.tokens) <= CHUNK_TOKENS and len(one.tokens) == len(one.weights) for one in cut)
