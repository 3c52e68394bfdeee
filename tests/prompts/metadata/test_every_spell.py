"""`parse_infotext(format_infotext(s)) == s`, for spells nobody would think of."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from prompts import HiresFix, Lora, Params, Spell
from prompts.metadata import format_infotext, parse_infotext
from prompts.vocabulary import SAMPLERS, SCHEDULE_TYPES

PIECES = [
    "a cat", " ", "\n", "\r\n", ",", ":", '"', "\\", "Negative prompt:", "Steps: 20", ", Sampler: Euler a", "Seed: 1, ",
    "<lora:x:1>", "<lora:y:0.5:1>", "{", "}", "[1, 2]", "猫", "\x00", "\ud800", "Spellwright: ", "Template: b", "x",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=6).map("".join)
keys = st.sampled_from(["Steps", "Version", "Foo", "VAE hash", "Lora hashes", "Spellwright", "Size", ""]) | texts
numbers = st.floats(-1e6, 1e6, allow_nan=False)
loras = st.builds(Lora, texts, numbers, st.none() | numbers)
samplers = st.sampled_from([sampler.name for sampler in SAMPLERS]) | texts
schedules = st.sampled_from([label for label, _ in SCHEDULE_TYPES]) | texts


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


hires = st.builds(
    HiresFix,
    upscale_by=numbers,
    resize_to=maybe(st.tuples(st.integers(0, 4096), st.integers(0, 4096))),
    steps=st.integers(0, 150),
    denoising_strength=numbers,
    upscaler=texts,
    sampler=maybe(samplers),
    schedule_type=maybe(schedules),
    prompt=maybe(texts),
    negative_prompt=maybe(texts),
    checkpoint=maybe(texts),
)
integers = st.integers(-1, 2**40)
params = st.builds(
    Params,
    steps=maybe(integers),
    sampler=maybe(samplers),
    schedule_type=maybe(schedules),
    cfg_scale=maybe(numbers),
    seed=maybe(integers),
    width=maybe(integers),
    height=maybe(integers),
    clip_skip=maybe(integers),
    checkpoint=maybe(texts),
    checkpoint_hash=maybe(texts),
    vae=maybe(texts),
    hires=maybe(hires),
)
extras = st.lists(st.tuples(keys, texts), max_size=4).map(tuple)
spells = st.builds(Spell, texts, texts, st.lists(loras, max_size=3).map(tuple), params, extras)


@settings(max_examples=600, deadline=None)
@given(spells)
@example(Spell("a", extra=(("Spellwright", "x"),)))
@example(Spell('Spellwright: "{}"'))
@example(Spell("Steps: 20\nfoo"))
@example(Spell("a", "Seed: 1, "))
@example(Spell("a", "b, "))
@example(Spell("a\n", "b, ", params=Params(steps=1)))
def test_every_spell_survives_its_infotext(spell: Spell) -> None:
    text = format_infotext(spell)
    assert parse_infotext(text) == spell
    text.encode()  # can be stored in a file


@settings(max_examples=400, deadline=None)
@given(texts, spells)
def test_writing_what_was_read_gives_the_same_spell(text: str, other: Spell) -> None:
    spell = parse_infotext(text)
    assert parse_infotext(format_infotext(spell)) == spell
    changed = spell.evolve(params=other.params, negative_prompt=other.negative_prompt)
    assert parse_infotext(format_infotext(changed)) == changed


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=300) | texts)
def test_any_text_is_read_without_an_error(text: str) -> None:
    parse_infotext(text)
