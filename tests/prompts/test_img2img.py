from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.errors import SpellOutOfRange, UnknownName
from prompts.img2img import (
    MASKED_CONTENT,
    PAIR_KEYS,
    Img2Img,
    Inpaint,
    check_img2img,
    read_img2img,
    step_counts,
    with_img2img,
)
from prompts.metadata import format_infotext, parse_infotext
from prompts.spell import Params, Spell

settings = st.builds(
    Img2Img,
    source=st.just(""),
    denoising_strength=st.integers(0, 100).map(lambda n: n / 100),
    inpaint=st.none()
    | st.builds(
        Inpaint,
        mask=st.just(""),
        blur=st.integers(0, 64),
        masked_content=st.sampled_from(MASKED_CONTENT),
        invert=st.booleans(),
        only_masked=st.just(True),
        only_masked_padding=st.integers(0, 256),
    ),
)


@given(settings)
def test_settings_go_through_infotext_and_come_back(wanted: Img2Img) -> None:
    spell = Spell("a cat", params=Params(steps=20, seed=1), extra=with_img2img((("RNG", "CPU"),), wanted))
    read = parse_infotext(format_infotext(spell))
    assert read.params.hires is None
    assert read_img2img(read.extra) == wanted


def test_the_pairs_are_a1111s() -> None:
    inpaint = Inpaint("", blur=8, masked_content="fill", invert=True, only_masked=True, only_masked_padding=64)
    assert with_img2img((), Img2Img("", 0.6, inpaint=inpaint)) == (
        ("Denoising strength", "0.6"),
        ("Mask blur", "8"),
        ("Mask mode", "Inpaint not masked"),
        ("Inpaint area", "Only masked"),
        ("Masked area padding", "64"),
        ("Masked content", "fill"),
    )


def test_pairs_of_another_picture_are_replaced_or_taken_out_and_others_kept() -> None:
    extra = (("Denoising strength", "0.2"), ("Mask blur", "9"), ("Note", "x"))
    assert with_img2img(extra, None) == (("Note", "x"),)
    assert with_img2img(extra, Img2Img("", 0.5)) == (("Denoising strength", "0.5"), ("Note", "x"))


@pytest.mark.parametrize(
    ("extra", "read"),
    [
        ((), None),
        ((("Mask blur", "4"),), None),
        ((("Denoising strength", "lots"),), None),
        ((("Denoising strength", "1.5"),), None),
        ((("Denoising strength", "0.4"),), Img2Img("", 0.4)),
        (
            (("Denoising strength", "0.4"), ("Masked content", "nonsense"), ("Mask blur", "-3")),
            Img2Img("", 0.4, inpaint=Inpaint("")),
        ),
    ],
)
def test_what_pairs_tell(extra: tuple[tuple[str, str], ...], read: Img2Img | None) -> None:
    assert read_img2img(extra) == read


@pytest.mark.parametrize("strength", [-0.1, 1.1, math.nan])
def test_a_strength_outside_its_range_is_refused(strength: float) -> None:
    with pytest.raises(SpellOutOfRange, match="denoising_strength"):
        check_img2img(Img2Img("", strength))


@pytest.mark.parametrize("inpaint", [Inpaint("", blur=65), Inpaint("", only_masked_padding=-1)])
def test_mask_numbers_outside_their_range_are_refused(inpaint: Inpaint) -> None:
    with pytest.raises(SpellOutOfRange):
        check_img2img(Img2Img("", inpaint=inpaint))


def test_names_are_found_whatever_their_case_and_unknown_ones_refused_with_near_ones() -> None:
    checked = check_img2img(Img2Img("", resize_mode="crop and resize", inpaint=Inpaint("", masked_content="FILL")))
    assert (checked.resize_mode, checked.inpaint) == ("Crop and resize", Inpaint("", masked_content="fill"))
    with pytest.raises(UnknownName) as refused:
        check_img2img(Img2Img("", resize_mode="Crop resize"))
    assert "Crop and resize" in refused.value.facts["near"]


@given(st.integers(1, 150), st.floats(0, 1), st.booleans())
def test_at_least_one_step_is_walked_and_never_more_than_the_schedule_has(
    steps: int, strength: float, exact: bool
) -> None:
    length, walked = step_counts(Img2Img("", strength, exact_steps=exact), steps)
    assert 1 <= walked <= length <= 100 * steps
    assert walked == (steps if exact else min(int(min(strength, 0.999) * steps) + 1, steps))


def test_the_keys_are_known_to_each_other() -> None:
    assert len(set(PAIR_KEYS)) == 6
