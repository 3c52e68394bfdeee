"""From a model's flat record to a typed edit."""

from __future__ import annotations

import pytest

from prompts.errors import EditError
from prompts.expansion.edit_json import EDIT_KINDS
from prompts.expansion.edits import AddPhrase, SetParam, UseLora
from prompts.expansion.proposals import EditProposal, TurnProposal


def test_every_kind_of_edit_can_be_proposed() -> None:
    full = {"phrase": "a", "old": "a", "new": "b", "text": "t", "name": "steps", "value": 3, "weight": 1.1}
    made = [EditProposal(kind=kind, **full).to_edit() for kind in EDIT_KINDS]
    assert len({type(edit) for edit in made}) == len(EDIT_KINDS)


@pytest.mark.parametrize(
    ("record", "edit"),
    [
        ({"kind": "add_phrase", "phrase": "rain", "old": "noise"}, AddPhrase("rain")),
        ({"kind": "use_lora", "name": "ink"}, UseLora("ink", 1.0)),
        ({"kind": "set_param", "name": "steps", "value": "30"}, SetParam("steps", 30)),
        ({"kind": "set_param", "name": "cfg_scale", "value": "5.5"}, SetParam("cfg_scale", 5.5)),
        ({"kind": "set_param", "name": "sampler", "value": "Euler a"}, SetParam("sampler", "Euler a")),
        ({"kind": "set_param", "name": "steps", "value": 30.0}, SetParam("steps", 30)),
        ({"kind": "set_param", "name": "hires", "value": True}, SetParam("hires", True)),
        ({"kind": "set_param", "name": "seed"}, SetParam("seed", None)),
    ],
)
def test_only_the_fields_of_its_kind_are_read(record: dict[str, object], edit: object) -> None:
    made = EditProposal.model_validate(record).to_edit()
    assert made == edit and repr(made) == repr(edit)


@pytest.mark.parametrize("record", [{"kind": "add_phrase"}, {"kind": "nonsense"}, {"kind": "reweight", "phrase": "a"}])
def test_a_record_without_what_its_kind_needs_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(EditError):
        EditProposal.model_validate(record).to_edit()


def test_the_lists_of_a_turn_are_bounded() -> None:
    with pytest.raises(ValueError, match="at most 40"):
        TurnProposal.model_validate({"edits": [{"kind": "add_phrase", "phrase": "x"}] * 41})
