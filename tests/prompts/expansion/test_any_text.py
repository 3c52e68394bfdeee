"""Whatever people write: no crash, nothing lost."""

from __future__ import annotations

import asyncio
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from prompts.errors import PromptEmpty
from prompts.expansion.expand import expand
from prompts.expansion.families import FAMILIES, SD15, FamilyProfile
from prompts.expansion.refine import TurnContext, refine
from prompts.hands import apply_plan, look_for_hands, plan_hands, take_out
from prompts.limits import check_spell
from prompts.spell import Lora, Spell

WORDISH = st.lists(
    st.sampled_from(
        ["make", "it", "night", "no", "hat", "add", "a", "red", "replace", "with", "more", "less", "lora", "x", "at",
         "0.7", "30", "steps", "(", ")", "[", "]", ":", ",", "不要", "把", "换成", "雪", "的", "女孩", "BREAK", "AND",
         "を", "にして", "帽子", "<lora:a:1>", "\\", "{", "|", "}", "512", "keep", "use the second one", "ohne", "Hut"]
    ),
    max_size=14,
).map(" ".join)  # fmt: skip
# A first example pays for reading the tables, on a busy machine more than hypothesis allows.
CALM = settings(max_examples=150, deadline=None)
ANY = st.one_of(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=60), WORDISH)
DRAFT = Spell(
    prompt="a girl in a red hat, (neon lights:1.2) BREAK [rain:snow:0.5], <lora:tag:0.7>",
    negative_prompt="blurry",
    loras=(Lora("kept", 0.66),),
)


@given(ANY, st.sampled_from(FAMILIES))
@CALM
def test_any_idea_becomes_a_usable_spell_or_is_refused_as_empty(idea: str, family: FamilyProfile) -> None:
    try:
        made = asyncio.run(expand(idea, family))
    except PromptEmpty:
        assert not idea.strip()
        return
    check_spell(made.spell)
    assert made.idea == idea.strip() and made.spell.prompt.strip()
    assert made == asyncio.run(expand(idea, family))


@given(ANY)
@CALM
def test_any_message_keeps_syntax_and_locked_phrases_and_never_crashes(message: str) -> None:
    if not message.strip():
        return
    context = TurnContext(locked=("neon lights",), versions=(DRAFT, DRAFT))
    made = asyncio.run(refine(DRAFT, message, SD15, context=context))
    check_spell(made.spell)
    assert "(neon lights:1.2)" in made.spell.prompt
    assert "[rain:snow:0.5]" in made.spell.prompt and "<lora:tag:0.7>" in made.spell.prompt
    assert len(re.findall(r"\bBREAK\b", made.spell.prompt)) == 1
    assert made.understood or (made.spell == DRAFT and made.edits == ())
    assert made.reply


@given(ANY, ANY)
@CALM
def test_any_prompt_gets_a_hand_plan_that_can_be_taken_out(prompt: str, negative: str) -> None:
    spell = Spell(prompt=prompt, negative_prompt=negative)
    assert 0 <= look_for_hands(prompt).likelihood <= 1
    planned = apply_plan(spell, plan_hands(spell, SD15))
    check_spell(planned)
    again = take_out(planned)
    assert again.extra == spell.extra and again.loras == spell.loras
