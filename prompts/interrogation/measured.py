"""Facts about a photo that need no model: colours, light, contrast, saturation, sharpness, shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from prompts.interrogation.colours import colour_names, name_at, palette, srgb_to_oklab
from prompts.interrogation.result import Swatch, Term

_SAMPLE_SIDE = 96  # pixels; colour and light do not change below that
_DETAIL_SIDE = 512  # pixels; sharpness is judged at one scale so that pictures compare

_DARK, _BRIGHT = 0.40, 0.82  # mean OKLab lightness
_HIGH_CONTRAST, _LOW_CONTRAST = 0.66, 0.22  # 95th minus 5th percentile of lightness
_GREY, _MUTED, _VIVID = 0.018, 0.05, 0.13  # OKLab chroma
_TONE_SHARE = 0.10  # of the pixels, to be called a tone of the whole picture
_WARM_SHARE = 0.70  # of the chroma
_PLAIN_BACKGROUND = 0.85  # of the border pixels
_SOFT, _SHARP = 0.012, 0.055  # 99th percentile of the Laplacian, over the contrast of the picture

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Everything measured on one picture."""

    terms: tuple[Term, ...]
    """Facts as prompt phrases, most telling first; `similarity` is the strength 0..1."""
    palette: tuple[Swatch, ...]


def measure(picture: Image.Image) -> Measurement:
    """The facts of `picture` (mode RGB, any size from 1 x 1); the same pixels give the same facts."""
    sample = _reduced(picture, _SAMPLE_SIDE)
    lab = srgb_to_oklab(sample)
    swatches = palette(sample)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    facts = [
        *_background(sample),
        *_palette_terms(swatches, chroma),
        *_light(lab[..., 0]),
        *_saturation(chroma),
        *_warmth(lab, chroma),
        *_focus(picture),
        *_shape(picture.size),
    ]
    return Measurement(tuple(facts), swatches)


def _fact(text: str, category: str, strength: float) -> Term:
    return Term(text, category, similarity=min(1.0, max(0.0, float(strength))), source="measured")


def _reduced(picture: Image.Image, side: int) -> npt.NDArray[np.uint8]:
    """(h, w, 3) with neither side over `side`; box-averaged, so that noise does not make colours."""
    width, height = picture.size
    factor = min(1.0, side / max(width, height))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BOX))


def _background(sample: npt.NDArray[np.uint8]) -> list[Term]:
    """A plain ground: nearly all of the border has one colour name, and the middle does not."""
    if min(sample.shape[:2]) < 8:
        return []
    names = colour_names(sample)
    rim = max(1, min(names.shape) // 16)
    inner = names[rim:-rim, rim:-rim]
    edge = np.ones(names.shape, dtype=bool)
    edge[rim:-rim, rim:-rim] = False
    border = names[edge]
    counts = np.bincount(border)
    most = int(counts.argmax())
    share = float(counts[most]) / border.size
    if share < _PLAIN_BACKGROUND or float((inner == most).mean()) > 0.97:
        return []
    return [_fact(f"{name_at(most)} background", "background", share)]


def _palette_terms(swatches: tuple[Swatch, ...], chroma: FloatArray) -> list[Term]:
    """The two largest colours that are colours; greys speak through `light` and `saturation`."""
    if float(np.quantile(chroma, 0.95)) < _GREY:
        return []
    grey = {"black", "dark gray", "gray", "light gray", "white"}
    coloured = [s for s in swatches if s.name not in grey and s.share >= _TONE_SHARE][:2]
    return [_fact(f"{s.name} tones", "palette", s.share) for s in coloured]


def _light(lightness: FloatArray) -> list[Term]:
    mean = float(lightness.mean())
    low, high = (float(q) for q in np.quantile(lightness, (0.05, 0.95)))
    facts = []
    if mean < _DARK:
        facts.append(_fact("low-key lighting", "light", 1 - mean / _DARK * 0.5))
    elif mean > _BRIGHT:
        facts.append(_fact("high-key lighting", "light", mean))
    if high - low > _HIGH_CONTRAST:
        facts.append(_fact("high contrast", "light", high - low))
    elif high - low < _LOW_CONTRAST:
        facts.append(_fact("low contrast", "light", 1 - (high - low)))
    return facts


def _saturation(chroma: FloatArray) -> list[Term]:
    if float(np.quantile(chroma, 0.95)) < _GREY:
        return [_fact("monochrome", "saturation", 1.0)]
    mean = float(chroma.mean())
    if mean < _MUTED:
        return [_fact("muted colors", "saturation", 1 - mean / _MUTED * 0.5)]
    if mean > _VIVID:
        return [_fact("vivid colors", "saturation", mean / (2 * _VIVID))]
    return []


def _warmth(lab: FloatArray, chroma: FloatArray) -> list[Term]:
    """Warm is red to yellow, cool is green-blue to violet; weighted by chroma, greys do not count."""
    total = float(chroma.sum())
    if total / chroma.size < _GREY:
        return []
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360
    warm = float(chroma[(hue < 110) | (hue > 350)].sum()) / total
    cool = float(chroma[(hue > 165) & (hue < 320)].sum()) / total
    if warm > _WARM_SHARE:
        return [_fact("warm colors", "temperature", warm)]
    if cool > _WARM_SHARE:
        return [_fact("cool colors", "temperature", cool)]
    return []


def _focus(picture: Image.Image) -> list[Term]:
    """Sharp or soft by the strongest edges; flat and small pictures tell nothing."""
    if min(picture.size) < 128:
        return []
    grey = _reduced(picture, _DETAIL_SIDE).astype(np.float64).mean(axis=-1) / 255.0
    contrast = float(np.quantile(grey, 0.95) - np.quantile(grey, 0.05))
    if contrast < 0.08:
        return []
    middle = grey[1:-1, 1:-1]
    laplacian = np.abs(grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle)
    edge = float(np.quantile(laplacian, 0.99)) / contrast
    if edge < _SOFT * 4:
        return [_fact("soft focus", "focus", 1 - edge / (_SOFT * 4))]
    if edge > _SHARP * 8:
        return [_fact("sharp focus", "focus", edge / (_SHARP * 16))]
    return []


def _shape(size: tuple[int, int]) -> list[Term]:
    width, height = size
    ratio = width / height
    # Never "landscape" or "portrait": a diffusion model reads those as what to paint.
    for least, text in (
        (2.0, "very wide format"),
        (1.1, "wide format"),
        (1 / 1.1, "square format"),
        (0.5, "tall format"),
    ):
        if ratio >= least:
            return [_fact(text, "format", 1.0)]
    return [_fact("very tall format", "format", 1.0)]
