from collections.abc import Callable

from PIL import Image

from generator.events import Picture
from generator.hands.hand import Box, Hand
from generator.hands.repaint import hand_mask, repaint_request, same_hand
from generator.request import GenerationRequest
from prompts.hands.repair import HandRepair
from prompts.spell import HiresFix, Params, Spell

PICTURE = Picture(64, 48, bytes(64 * 48 * 3))


def _request(**params: object) -> GenerationRequest:
    values = {
        "steps": 4,
        "sampler": "Euler",
        "schedule_type": "Automatic",
        "cfg_scale": 5.0,
        "seed": 7,
        "width": 64,
        "height": 48,
        "checkpoint": "demo",
    } | params
    return GenerationRequest("job/0", Spell("a person waving", "blurry", params=Params(**values)), 4)  # type: ignore[arg-type]


def test_the_mask_is_white_in_the_grown_box_and_black_elsewhere() -> None:
    mask = hand_mask(PICTURE, Box(10, 12, 20, 30), dilate=4)
    image = Image.frombytes("RGB", (mask.width, mask.height), mask.rgb)
    assert image.getbbox() == (6, 8, 24, 34)
    assert image.getpixel((6, 8)) == (255, 255, 255)


def test_the_mask_is_cut_at_the_pictures_edge() -> None:
    mask = hand_mask(PICTURE, Box(-20, 40, 10, 90), dilate=4)
    assert Image.frombytes("RGB", (64, 48), mask.rgb).getbbox() == (0, 36, 14, 48)


def test_only_the_box_is_painted_with_the_pictures_own_spell_and_without_hires_fix() -> None:
    request = repaint_request(_request(hires=HiresFix()), PICTURE, Box(1, 2, 9, 9), HandRepair(), attempt=1)
    assert request.spell.prompt == "a person waving"
    assert request.spell.params.hires is None
    assert request.spell.params.seed == 8
    assert request.source is not None
    assert request.source.settings.denoising_strength == 0.4
    assert request.source.settings.inpaint is not None
    assert request.source.settings.inpaint.only_masked
    assert request.request_id != _request().request_id


def test_a_prompt_for_hands_replaces_the_pictures() -> None:
    repair = HandRepair(prompt="a hand, five fingers", negative_prompt="extra fingers")
    request = repaint_request(_request(seed=2**32 - 1), PICTURE, Box(1, 2, 9, 9), repair, attempt=1)
    assert (request.spell.prompt, request.spell.negative_prompt) == ("a hand, five fingers", "extra fingers")
    assert request.spell.params.seed == 0


def _hand(box: Box, presence: float) -> Hand:
    return Hand(box, ((0.0, 0.0),) * 21, presence, 1.0, is_right=True)


def test_the_same_hand_is_the_best_whose_middle_lies_in_the_box() -> None:
    box = Box(0, 0, 10, 10)
    far, poor, good = _hand(Box(20, 0, 30, 10), 1.0), _hand(Box(1, 1, 9, 9), 0.6), _hand(Box(2, 2, 9, 9), 0.8)
    assert same_hand((far, poor, good), box) is good
    assert same_hand((far,), box) is None


def test_a_drawn_hand_is_covered_by_its_mask(detector: object, drawn_hand: Callable[..., Picture]) -> None:
    picture = drawn_hand()
    (hand,) = detector.find(picture)  # type: ignore[attr-defined]
    mask = hand_mask(picture, hand.box, 8)
    bounds = Image.frombytes("RGB", (mask.width, mask.height), mask.rgb).getbbox()
    assert bounds is not None
    assert all(bounds[0] <= x <= bounds[2] and bounds[1] <= y <= bounds[3] for x, y in hand.landmarks)
