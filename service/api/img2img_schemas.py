"""What goes in for img2img, inpainting and outpainting: the part of a job's body about the picture to draw over."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from prompts.canvas import MARGIN, Alpha, Margins
from prompts.img2img import MASK_BLUR, ONLY_MASKED_PADDING, Img2Img, Inpaint
from prompts.pictures import base64_picture
from service.sources import Img2ImgOrder, PictureRef


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PictureIn(_Body):
    """A picture, named in one way."""

    image_id: str | None = Field(default=None, max_length=26, description="A picture that was drawn here.")
    upload_id: str | None = Field(default=None, max_length=26, description="One sent to `/api/uploads`.")
    image_base64: str | None = Field(default=None, description="Base64 or data URL of a PNG, JPEG or WebP.")

    def to_ref(self) -> PictureRef:
        """The reference, with the bytes decoded.

        Raises:
            PictureError: code `base64_invalid`.
        """
        data = None if self.image_base64 is None else base64_picture(self.image_base64)
        return PictureRef(self.image_id, self.upload_id, data)


class InpaintIn(_Body):
    """Draw only a part anew. Pixels where the mask is black stay exactly as they are."""

    mask: PictureIn | None = Field(
        default=None, description="White is drawn anew. Unset: the transparent part of the source is."
    )
    mask_alpha: Alpha = Field(
        default="auto",
        description="What the mask's alpha channel says. auto: opaque is drawn anew (A1111); transparent: the "
        "transparent part is (OpenAI); ignore: only brightness counts.",
    )
    blur: int = Field(default=4, ge=MASK_BLUR[0], le=MASK_BLUR[1], description="Softens the mask's edge; pixels.")
    masked_content: Literal["fill", "original", "latent noise", "latent nothing"] = "original"
    invert: bool = Field(default=False, description="Draw what is black instead.")
    only_masked: bool = Field(
        default=False, description="Draw the mask's box at the spell's full size and paste it back into the source."
    )
    only_masked_padding: int = Field(
        default=32, ge=ONLY_MASKED_PADDING[0], le=ONLY_MASKED_PADDING[1], description="Pixels around that box."
    )


class OutpaintIn(_Body):
    """Extend the canvas by so many pixels and draw what is there; `inpaint` may set blur and masked content."""

    left: int = Field(default=0, ge=MARGIN[0], le=MARGIN[1])
    right: int = Field(default=0, ge=MARGIN[0], le=MARGIN[1])
    top: int = Field(default=0, ge=MARGIN[0], le=MARGIN[1])
    bottom: int = Field(default=0, ge=MARGIN[0], le=MARGIN[1])


class Img2ImgIn(_Body):
    """Draw over a picture. Without a width and height in the spell the picture's own shape is kept."""

    source: PictureIn
    denoising_strength: float = Field(
        default=0.75, ge=0, le=1, allow_inf_nan=False, description="0 keeps the source, 1 draws a new picture."
    )
    resize_mode: Literal["Just resize", "Crop and resize", "Resize and fill", "Just resize (latent upscale)"] = (
        "Just resize"
    )
    exact_steps: bool = Field(
        default=False, description="Walk all steps of the spell instead of the share that the strength gives."
    )
    inpaint: InpaintIn | None = None
    outpaint: OutpaintIn | None = None

    def to_order(self) -> Img2ImgOrder:
        """The use case's order.

        Raises:
            PictureError: code `base64_invalid`.
        """
        part = self.inpaint
        inpaint = None
        if part is not None:
            inpaint = Inpaint("", **part.model_dump(exclude={"mask", "mask_alpha"}))
        settings = Img2Img("", self.denoising_strength, self.resize_mode, inpaint, self.exact_steps)
        return Img2ImgOrder(
            self.source.to_ref(),
            settings,
            mask=None if part is None or part.mask is None else part.mask.to_ref(),
            mask_alpha="auto" if part is None else part.mask_alpha,
            outpaint=None if self.outpaint is None else Margins(**self.outpaint.model_dump()),
        )
