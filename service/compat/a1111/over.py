"""A1111's img2img request as an order to draw over a picture."""

from __future__ import annotations

from dataclasses import dataclass

from prompts.img2img import MASK_BLUR, MASKED_CONTENT, ONLY_MASKED_PADDING, RESIZE_MODES, Img2Img, Inpaint
from service.compat.a1111.options import Options
from service.compat.a1111.readers import picture_of
from service.compat.a1111.schemas import Img2ImgIn
from service.compat.door_route import Refused
from service.sources import Img2ImgOrder, PictureRef


@dataclass(frozen=True, slots=True)
class Over:
    """What is drawn over, and what of the request was not done as it was asked for."""

    order: Img2ImgOrder
    notes: tuple[str, ...]


def over(body: Img2ImgIn, options: Options) -> Over:
    """The pictures and settings of an img2img request.

    Raises:
        Refused: 404 without a picture; an address instead of one.
        PictureError: A picture is no base64.
    """
    if not body.init_images or not body.init_images[0].strip():
        raise Refused(404, "Init image not found")
    settings = Img2Img(
        source="",
        denoising_strength=body.denoising_strength,
        resize_mode=RESIZE_MODES[body.resize_mode],
        inpaint=_inpaint(body) if body.mask.strip() else None,
        exact_steps=options.exact_steps,
    )
    mask = PictureRef(data=picture_of(body.mask)) if body.mask.strip() else None
    source = PictureRef(data=picture_of(body.init_images[0]))
    return Over(Img2ImgOrder(source, settings, mask), tuple(_notes(body)))


def _inpaint(body: Img2ImgIn) -> Inpaint:
    blur = body.mask_blur if body.mask_blur is not None else max(body.mask_blur_x, body.mask_blur_y)
    return Inpaint(
        mask="",
        blur=_inside(blur, MASK_BLUR),
        masked_content=MASKED_CONTENT[body.inpainting_fill],
        invert=bool(body.inpainting_mask_invert),
        only_masked=body.inpaint_full_res,
        only_masked_padding=_inside(body.inpaint_full_res_padding, ONLY_MASKED_PADDING),
    )


def _inside(value: int, limits: tuple[int, int]) -> int:
    return min(max(value, limits[0]), limits[1])


def _notes(body: Img2ImgIn) -> list[str]:
    asked = {
        "initial_noise_multiplier": body.initial_noise_multiplier != 1.0,
        "latent_mask": bool(body.latent_mask),
    }
    notes = [f"{name} is not supported here; it was ignored." for name, is_asked in asked.items() if is_asked]
    if len(body.init_images) > 1:
        notes.append(f"{len(body.init_images)} init_images were sent; the first was used.")
    return notes
