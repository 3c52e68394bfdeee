"""Bodies and views of looking at hands and painting them again."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from generator.hands.hand import Hand, hands_score
from prompts.hands.repair import BELOW, DILATE, TRIES, HandRepair
from prompts.img2img import MASK_BLUR, ONLY_MASKED_PADDING


class HandRepairIn(BaseModel):
    """How hands are painted again; all fields have ADetailer's defaults where it has them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    denoising_strength: float = Field(default=0.4, ge=0, le=1)
    mask_blur: int = Field(default=4, ge=MASK_BLUR[0], le=MASK_BLUR[1], description="Pixels.")
    padding: int = Field(default=32, ge=ONLY_MASKED_PADDING[0], le=ONLY_MASKED_PADDING[1], description="Pixels.")
    dilate: int = Field(default=4, ge=DILATE[0], le=DILATE[1], description="Pixels the box grows first.")
    below: float = Field(
        default=0.9, ge=BELOW[0], le=BELOW[1], description="Hands that score lower are painted again; 1: every hand."
    )
    tries: int = Field(default=2, ge=TRIES[0], le=TRIES[1], description="Seeds tried a hand; the best is kept.")
    prompt: str = Field(default="", description="What is painted there; empty: the picture's prompt.")
    negative_prompt: str = Field(default="", description="Empty: the picture's own.")

    def to_domain(self) -> HandRepair:
        """The domain's `HandRepair`."""
        return HandRepair(**self.model_dump())


class HandView(BaseModel):
    """One hand that was found."""

    box: tuple[int, int, int, int] = Field(description="left, top, right, bottom in pixels.")
    score: float = Field(description="presence x anatomy; 0 to 1. A ranking aid, not a count of fingers.")
    presence: float
    anatomy: float
    is_right: bool

    @classmethod
    def of(cls, hand: Hand) -> HandView:
        """The view of `hand`."""
        left, top, right, bottom = (round(s) for s in (hand.box.left, hand.box.top, hand.box.right, hand.box.bottom))
        return cls(
            box=(left, top, right, bottom),
            score=round(hand.score, 3),
            presence=round(hand.presence, 3),
            anatomy=round(hand.anatomy, 3),
            is_right=hand.is_right,
        )


class HandsSeen(BaseModel):
    """The hands of one picture, the largest first."""

    image_id: str
    score: float = Field(description="Mean of the hands' scores; 0 without a hand.")
    hands: list[HandView]

    @classmethod
    def of(cls, image_id: str, hands: tuple[Hand, ...]) -> HandsSeen:
        """The view of what was found in a picture."""
        return cls(image_id=image_id, score=round(hands_score(hands), 3), hands=[HandView.of(hand) for hand in hands])


class HandRanking(BaseModel):
    """A job's pictures by their hands, the best first."""

    pictures: list[HandsSeen]
