"""Reading the reply along while the JSON still arrives."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.expansion.reply_text import ReplyText

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)


def read(pieces: list[str]) -> list[str]:
    seen: list[str] = []
    tap = ReplyText(seen.append)
    for piece in pieces:
        tap.feed(piece)
    return seen


@given(ANY_TEXT, st.lists(st.integers(1, 9), min_size=1, max_size=60), st.booleans())
def test_however_the_text_is_cut_the_reply_comes_out_whole_and_in_order(
    reply: str, sizes: list[int], ascii_only: bool
) -> None:
    whole = json.dumps({"understood": True, "reply": reply, "edits": []}, ensure_ascii=ascii_only)
    pieces, position, index = [], 0, 0
    while position < len(whole):
        size = sizes[index % len(sizes)]
        pieces.append(whole[position : position + size])
        position, index = position + size, index + 1
    assert "".join(read(pieces)) == reply
    assert all(read(pieces)) or not reply


@pytest.mark.parametrize("text", ["", "no json", '{"reply": 5}', '{"edits": []}', '{"reply"', '{"reply": "\\'])
def test_without_a_reply_nothing_is_passed_on(text: str) -> None:
    assert read([text]) == []


def test_what_follows_the_reply_is_not_passed_on() -> None:
    assert read(['{"reply": "hi", ', '"reply": "again"}']) == ["hi"]
