"""Edits as JSON: the stored form of a chat turn."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.errors import EditError
from prompts.expansion.edit_json import EDIT_KINDS, edit_from_json, edit_to_json, edits_from_json, edits_to_json
from prompts.expansion.edits import (
    AddNegative,
    AddPhrase,
    DropLora,
    Edit,
    LockSpan,
    RemoveNegative,
    RemovePhrase,
    ReplacePhrase,
    Reweight,
    SetNegative,
    SetParam,
    UnlockSpan,
    UseLora,
)

TEXT = st.text(max_size=20)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
ANY_EDIT = st.one_of(
    st.builds(AddPhrase, TEXT, st.sampled_from(["start", "end"])),
    *(st.builds(kind, TEXT) for kind in (RemovePhrase, SetNegative, AddNegative, RemoveNegative, DropLora, LockSpan)),
    st.builds(UnlockSpan, TEXT),
    st.builds(ReplacePhrase, TEXT, TEXT),
    st.builds(Reweight, TEXT, NUMBER),
    st.builds(UseLora, TEXT, NUMBER),
    st.builds(SetParam, TEXT, st.one_of(st.none(), TEXT, st.integers(), NUMBER, st.booleans())),
)


@given(st.lists(ANY_EDIT, max_size=5))
def test_edits_come_back_from_json_as_they_were(edits: list[Edit]) -> None:
    assert edits_from_json(json.loads(json.dumps(edits_to_json(edits)))) == tuple(edits)


def test_the_kind_is_the_class_name_in_snake_case() -> None:
    assert edit_to_json(AddPhrase("rain")) == {"kind": "add_phrase", "phrase": "rain", "where": "end"}
    assert len(EDIT_KINDS) == 12 and "set_param" in EDIT_KINDS


@pytest.mark.parametrize(
    "value",
    [
        None,
        "add",
        [],
        {},
        {"kind": "explode"},
        {"kind": None},
        {"kind": "add_phrase"},
        {"kind": "add_phrase", "phrase": 5},
        {"kind": "add_phrase", "phrase": "a", "where": "middle"},
        {"kind": "add_phrase", "phrase": "a", "extra": 1},
        {"kind": "reweight", "phrase": "a", "weight": "heavy"},
        {"kind": "reweight", "phrase": "a", "weight": True},
        {"kind": "set_param", "name": "steps", "value": [1]},
        {"kind": "replace_phrase", "old": "a"},
    ],
)
def test_json_that_is_no_edit_is_refused(value: object) -> None:
    with pytest.raises(EditError):
        edit_from_json(value)


def test_edits_that_are_no_array_are_refused() -> None:
    with pytest.raises(EditError):
        edits_from_json({"kind": "add_phrase", "phrase": "a"})
