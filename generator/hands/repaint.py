"""From a hand to the request that paints it again: a box of white in a mask, drawn at full size. Pure."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from generator.events import Picture
from generator.hands.hand import Box, Hand
from generator.request import GenerationRequest, SourcePicture
from prompts.hands.repair import HandRepair
from prompts.img2img import Img2Img, Inpaint


def repaint_request(
    request: GenerationRequest, picture: Picture, box: Box, repair: HandRepair, attempt: int
) -> GenerationRequest:
    """The request that paints `box` of `picture` again.

    Args:
        request: What drew the picture; prompt, size, sampler and checkpoint are kept, hires fix is not.
        picture: The finished picture.
        box: Where the hand is.
        repair: How.
        attempt: From 0; each has its own seed.
    """
    params = request.spell.params
    spell = request.spell.evolve(
        prompt=repair.prompt or request.spell.prompt,
        negative_prompt=repair.negative_prompt or request.spell.negative_prompt,
        hires=None,
        seed=((params.seed or 0) + attempt) % 2**32,
    )
    inpaint = Inpaint(mask="", blur=repair.mask_blur, only_masked=True, only_masked_padding=repair.padding)
    settings = Img2Img(source="", denoising_strength=repair.denoising_strength, inpaint=inpaint)
    source = SourcePicture(settings, picture, hand_mask(picture, box, repair.dilate))
    name = f"{request.request_id}/hand-{box.left:.0f}-{box.top:.0f}-{attempt}"
    return replace(request, request_id=name, spell=spell, source=source, preview_every=0)


def hand_mask(picture: Picture, box: Box, dilate: int) -> Picture:
    """Black of the picture's size, white in the box grown by `dilate` pixels, cut at the edges."""
    mask = Image.new("RGB", (picture.width, picture.height))
    left, top = max(0, round(box.left) - dilate), max(0, round(box.top) - dilate)
    right, bottom = min(picture.width, round(box.right) + dilate), min(picture.height, round(box.bottom) + dilate)
    mask.paste((255, 255, 255), (left, top, max(left, right), max(top, bottom)))
    return Picture(picture.width, picture.height, mask.tobytes())


def same_hand(hands: tuple[Hand, ...], box: Box) -> Hand | None:
    """The hand whose middle lies inside `box`, the best of several; `None` when there is none."""
    inside = [hand for hand in hands if _middle_inside(hand.box, box)]
    return max(inside, key=lambda hand: hand.score, default=None)


def _middle_inside(inner: Box, outer: Box) -> bool:
    x, y = (inner.left + inner.right) / 2, (inner.top + inner.bottom) / 2
    return outer.left <= x <= outer.right and outer.top <= y <= outer.bottom
