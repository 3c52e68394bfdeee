import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest

from generator.errors import ModelMissing, OutOfMemory
from generator.events import Event, Failed, ImageReady, Picture, Started
from generator.hands.hand import Box, Hand
from generator.request import GenerationRequest
from prompts.hands.repair import HandRepair
from prompts.spell import Params, Spell
from service.hand_repair import HandRepairs

PARAMS = Params(4, "Euler", "Automatic", 5.0, 7, 8, 8, checkpoint="demo")
REQUEST = GenerationRequest("job/0", Spell("a person waving", params=PARAMS))


def picture(shade: int) -> Picture:
    """A picture of one grey: the detector below knows how good its hand is by the shade."""
    return Picture(8, 8, bytes([shade]) * 8 * 8 * 3)


@dataclass
class ShadeDetector:
    """One hand in every picture, as good as the picture is bright; none in a black one."""

    def find(self, picture: Picture) -> tuple[Hand, ...]:
        shade = picture.rgb[0]
        box = Box(0, 0, 8, 8)
        return (Hand(box, ((1.0, 1.0),) * 21, shade / 255, 1.0, is_right=True),) if shade else ()


@dataclass
class Painter:
    """Answers the requests with these pictures in turn."""

    shades: list[int]
    asked: list[GenerationRequest] = field(default_factory=list)
    fails: bool = False

    async def submit(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        self.asked.append(request)
        yield Started(request.request_id, 1)
        if self.fails:
            yield Failed(request.request_id, OutOfMemory("too large"))
        else:
            yield ImageReady(request.request_id, picture(self.shades[len(self.asked) - 1]))


def mend(painter: Painter, shade: int, repair: HandRepair | None = None, detector: object = None) -> object:
    repairs = HandRepairs(painter, lambda: detector or ShadeDetector())  # type: ignore[arg-type, return-value]
    return asyncio.run(repairs.mend(REQUEST, picture(shade), repair or HandRepair()))


def test_a_good_hand_is_left_alone() -> None:
    painter = Painter([])
    mended = mend(painter, 250)
    assert (mended.picture, mended.notes, painter.asked) == (picture(250), (), [])  # type: ignore[attr-defined]


def test_a_bad_hand_is_painted_again_and_the_better_one_kept() -> None:
    mended = mend(Painter([240]), 100)
    assert mended.picture == picture(240)  # type: ignore[attr-defined]
    assert "from 0.39 to 0.94" in mended.notes[0]  # type: ignore[attr-defined]


def test_every_try_has_its_own_seed_and_the_best_is_kept() -> None:
    painter = Painter([120, 200, 150])
    mended = mend(painter, 100, HandRepair(tries=3))
    assert [r.spell.params.seed for r in painter.asked] == [7, 8, 9]
    assert mended.picture == picture(200)  # type: ignore[attr-defined]


@pytest.mark.parametrize("worse", [[90, 50], [0, 0]])
def test_a_hand_that_gets_no_better_stays_as_it_was(worse: list[int]) -> None:
    mended = mend(Painter(worse), 100)
    assert mended.picture == picture(100)  # type: ignore[attr-defined]
    assert "kept" in mended.notes[0]  # type: ignore[attr-defined]


def test_a_picture_without_hands_is_left_alone() -> None:
    painter = Painter([])
    assert mend(painter, 0).notes == ()  # type: ignore[attr-defined]
    assert painter.asked == []


def test_a_missing_detector_is_a_note_and_the_picture_is_kept() -> None:
    def missing() -> ShadeDetector:
        raise ModelMissing("Hands cannot be looked for.")

    repairs = HandRepairs(Painter([]), missing)  # type: ignore[arg-type]
    mended = asyncio.run(repairs.mend(REQUEST, picture(9), HandRepair()))
    assert (mended.picture, mended.notes) == (picture(9), ("Hands cannot be looked for.",))


def test_an_engine_that_cannot_paint_is_an_error() -> None:
    with pytest.raises(OutOfMemory):
        mend(Painter([], fails=True), 100)
