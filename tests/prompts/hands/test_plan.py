"""The plan against broken hands."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.expansion.applying import apply
from prompts.expansion.edits import AddPhrase, RemoveNegative, ReplacePhrase, Reweight
from prompts.expansion.families import DEMO, FAMILIES, SD15, SDXL, FamilyProfile
from prompts.hands import RECORD, apply_edits, apply_plan, plan_hands, take_out
from prompts.spell import Lora, Spell

PROMPTS = [
    "",
    "a mountain landscape",
    "a girl waving",
    "a knight",
    "close-up portrait of a king",
    "一个女孩撑着伞",
    "a cat",
    "a dancer, full body",
    "(a girl holding a cup:1.2) BREAK rain",
]


def spell(prompt: str, negative: str = "blurry") -> Spell:
    return Spell(prompt=prompt, negative_prompt=negative, loras=(Lora("x"),), extra=(("Key", "kept"),))


def kinds(prompt: str, family: FamilyProfile = SD15) -> dict[str, bool]:
    return {action.kind: action.is_on for action in plan_hands(spell(prompt), family).actions}


@pytest.mark.parametrize("prompt", ["", "a mountain landscape", "a cat on a chair", "a red heart", "山水画"])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_a_picture_without_people_gets_no_words_about_hands(prompt: str, family: FamilyProfile) -> None:
    plan = plan_hands(spell(prompt), family)
    assert apply_plan(spell(prompt), plan) == spell(prompt)
    assert not plan.hands_in_frame and [a.kind for a in plan.actions] == ["negatives"]


def test_negatives_depend_on_the_family() -> None:
    added = {
        f.name: apply_plan(spell("a girl waving", ""), plan_hands(spell("a girl waving", ""), f)) for f in FAMILIES
    }
    assert "(bad hands:1.2)" in added["sd15"].negative_prompt
    assert added["sdxl"].negative_prompt == "deformed hands"
    assert added["demo"].negative_prompt == "" and added["demo"].prompt == "a girl waving"


def test_a_close_up_of_a_face_gets_no_negatives_about_hands() -> None:
    planned = apply_plan(spell("close-up portrait of a king"), plan_hands(spell("close-up portrait of a king"), SD15))
    assert "hand" not in planned.negative_prompt and "finger" not in planned.negative_prompt


def test_what_is_done_by_default_depends_on_what_the_hands_do() -> None:
    assert kinds("a girl waving") == {"negatives": True, "pose": True, "seeds": False, "repair": False}
    standing = {"negatives": True, "pose": False, "hide": False, "seeds": False, "repair": False}
    assert kinds("a dancer, full body") == standing
    assert kinds("a girl waving", DEMO) == {"negatives": False, "seeds": False, "repair": False}


def test_every_action_can_be_chosen_or_left_out() -> None:
    base = spell("a dancer, full body")
    plan = plan_hands(base, SD15)
    assert apply_plan(base, plan, kinds=[]) == base
    hidden = apply_plan(base, plan, kinds=["hide"])
    assert hidden.prompt.endswith("hands behind back") and hidden.negative_prompt == "blurry"
    assert not plan_hands(Spell(prompt=hidden.prompt), SD15).hands_in_frame


def test_an_installed_negative_embedding_is_used_by_its_real_name_and_only_then() -> None:
    base = spell("a girl waving")
    with_it = apply_plan(base, plan_hands(base, SD15, embeddings=["BadHandV4", "other"]))
    assert "BadHandV4" in with_it.negative_prompt and "bad hands" not in with_it.negative_prompt
    assert "badhand" not in apply_plan(base, plan_hands(base, SD15, ["other"])).negative_prompt.casefold()


def test_what_the_negative_prompt_holds_already_is_not_added_twice() -> None:
    base = spell("a girl waving", "bad hands, blurry")
    assert apply_plan(base, plan_hands(base, SD15)).negative_prompt.count("bad hands") == 1


@given(st.sampled_from(PROMPTS), st.sampled_from(FAMILIES), st.sampled_from(["", "blurry", "bad hands, (text:1.2)"]))
def test_taking_the_plan_out_gives_the_very_spell_back_and_twice_is_once(
    prompt: str, family: FamilyProfile, negative: str
) -> None:
    base = spell(prompt, negative)
    once = apply_plan(base, plan_hands(base, family))
    assert take_out(once) == base
    assert apply_plan(once, plan_hands(once, family)) == once
    assert once.loras == base.loras


def test_what_a_person_changed_since_stays_changed_when_the_plan_is_taken_out() -> None:
    base = spell("a girl waving")
    planned = apply_plan(base, plan_hands(base, SD15))
    changed = apply(planned, [RemoveNegative("bad hands"), AddPhrase("rain")])
    assert take_out(changed) == base.evolve(prompt="a girl waving, rain")


def test_the_record_is_one_extra_pair_that_survives_json() -> None:
    planned = apply_plan(spell("a girl waving"), plan_hands(spell("a girl waving"), SD15))
    record = json.loads(dict(planned.extra)[RECORD])
    assert "bad hands" in record["negative"] and "five fingers per hand" in record["prompt"]
    assert planned.extra[0] == ("Key", "kept")


@pytest.mark.parametrize(
    "record", ["", "{", "[]", "5", '{"prompt": 5}', '{"prompt": [], "negative": [{}]}', "[" * 9999]
)
def test_a_record_that_somebody_else_wrote_is_dropped_without_harm(record: str) -> None:
    base = spell("a girl waving")
    assert take_out(base.evolve(extra=(*base.extra, (RECORD, record)))) == base


def test_the_explanation_says_the_verdict_each_action_and_its_words() -> None:
    lines = plan_hands(spell("a girl waving"), SDXL).explanation
    assert lines[0].startswith("Hands will be in frame (95%)") and "waving" in lines[0]
    assert any(line.startswith("[on] negatives: adds “deformed hands”") for line in lines)
    assert json.loads(json.dumps(plan_hands(spell("a cat"), SD15).to_json()))["hands_in_frame"] is False


def test_what_stands_stays_where_it_is_with_the_weight_a_person_gave_it() -> None:
    base = spell("a girl waving")
    planned = apply_plan(base, plan_hands(base, SD15))
    changed = apply(planned, [Reweight("five fingers per hand", 1.4), AddPhrase("rain")])
    again = apply_plan(changed, plan_hands(changed, SD15))
    assert again == changed and "(five fingers per hand:1.4)" in again.prompt


def test_what_a_person_took_out_is_declined_and_comes_back_only_by_choice() -> None:
    base = spell("a girl waving")
    planned = apply_plan(base, plan_hands(base, SD15))
    changed = apply(planned, [RemoveNegative("bad hands")])
    again = apply_plan(changed, plan_hands(changed, SD15))
    assert "bad hands" not in again.negative_prompt and "extra fingers" in again.negative_prompt
    assert json.loads(dict(again.extra)[RECORD])["declined"] == ["bad hands"]
    out = apply_plan(again, plan_hands(again, SD15), kinds=())
    assert out == base
    assert "bad hands" in apply_plan(out, plan_hands(out, SD15)).negative_prompt


def test_a_plan_that_no_longer_fits_is_taken_out_but_for_what_is_locked() -> None:
    base = spell("a girl waving")
    planned = apply_plan(base, plan_hands(base, SD15))
    alone = apply(planned, [ReplacePhrase("a girl waving", "a lake")])
    plan = plan_hands(alone, SD15)
    assert apply_plan(alone, plan) == spell("a lake")
    kept = apply_plan(alone, plan, locked=("five fingers per hand",))
    assert kept.prompt == "a lake, five fingers per hand" and kept.negative_prompt == "blurry"


def test_the_edits_of_a_plan_make_the_same_texts_again() -> None:
    base = spell("a girl waving")
    planned, edits = apply_edits(base, plan_hands(base, SD15))
    made = apply(base, edits)
    assert (made.prompt, made.negative_prompt) == (planned.prompt, planned.negative_prompt)


def test_the_plan_is_told_in_english_and_chinese_under_keys_that_do_not_change() -> None:
    told = plan_hands(spell("a girl waving"), SD15).to_json()
    assert told["texts"]["zh"]["explanation"][0].startswith("画面里会出现手（95%）")
    assert told["actions"][0]["key"] == "hands.negatives.sd15"
    assert told["actions"][0]["texts"]["zh"]["name"] == "反向词"
    assert told["texts"]["en"]["explanation"] == told["explanation"]
