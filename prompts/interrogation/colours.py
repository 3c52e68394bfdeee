"""Named colours: every pixel gets the name of the nearest reference in a perceptual space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prompts.interrogation.result import Swatch

FloatArray = npt.NDArray[np.float64]

_REFERENCES: tuple[tuple[str, tuple[int, int, int]], ...] = (
    ("black", (12, 12, 12)),
    ("dark gray", (64, 64, 64)),
    ("gray", (128, 128, 128)),
    ("light gray", (200, 200, 200)),
    ("white", (250, 250, 250)),
    ("red", (220, 30, 35)),
    ("dark red", (125, 12, 20)),
    ("orange", (255, 145, 15)),
    ("brown", (115, 68, 35)),
    ("dark brown", (60, 36, 22)),
    ("tan", (205, 170, 125)),
    ("beige", (240, 225, 195)),
    ("taupe", (145, 120, 102)),
    ("sage green", (145, 165, 130)),
    ("gold", (205, 165, 50)),
    ("yellow", (250, 225, 40)),
    ("olive", (115, 115, 35)),
    ("lime green", (150, 220, 50)),
    ("green", (40, 155, 60)),
    ("dark green", (20, 75, 35)),
    ("light green", (160, 220, 160)),
    ("teal", (20, 128, 128)),
    ("turquoise", (60, 210, 200)),
    ("sky blue", (125, 190, 235)),
    ("blue", (35, 95, 215)),
    ("dark blue", (20, 30, 100)),
    ("light blue", (185, 215, 240)),
    ("slate blue", (100, 120, 150)),
    ("purple", (120, 50, 160)),
    ("dark purple", (60, 20, 80)),
    ("lavender", (200, 180, 230)),
    ("magenta", (215, 40, 150)),
    ("pink", (250, 165, 185)),
    ("salmon", (245, 140, 120)),
)
_SMALLEST_SHARE = 0.06


def srgb_to_oklab(rgb: npt.NDArray[np.generic]) -> FloatArray:
    """Colours in OKLab (Björn Ottosson, "A perceptual color space for image processing", 2020).

    Args:
        rgb: (..., 3), sRGB 0..255.

    Returns:
        (..., 3) float64: lightness 0..1, then green-red and blue-yellow, each about -0.4..0.4.
    """
    encoded = rgb.astype(np.float64) / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    lab: FloatArray = np.cbrt(linear @ to_lms.T) @ to_lab.T
    return lab


def colour_names(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """The index into the reference colours of every pixel; same leading shape as `rgb` (..., 3)."""
    references = srgb_to_oklab(np.array([value for _, value in _REFERENCES]))
    pixels = srgb_to_oklab(rgb)
    # Twice the weight on hue and chroma: a shadow on a red ball is still red.
    scale = np.array([1.0, 2.0, 2.0])
    distance = (((pixels[..., None, :] - references) * scale) ** 2).sum(axis=-1)
    nearest: npt.NDArray[np.intp] = distance.argmin(axis=-1)
    return nearest


def palette(rgb: npt.NDArray[np.uint8], most: int = 6) -> tuple[Swatch, ...]:
    """The named colours of a picture, largest share first.

    Args:
        rgb: (height, width, 3); a few thousand pixels are enough.
        most: How many at most; shares under 6 % are left out, but the largest is always there.
    """
    pixels = rgb.reshape(-1, 3)
    names = colour_names(pixels)
    counts = np.bincount(names, minlength=len(_REFERENCES))
    swatches: list[Swatch] = []
    for index in np.argsort(-counts, kind="stable")[:most]:
        share = float(counts[index]) / len(pixels)
        if share < _SMALLEST_SHARE and swatches:
            break
        mean = np.rint(pixels[names == index].mean(axis=0)).astype(int)
        swatches.append(Swatch(_REFERENCES[index][0], "#{:02x}{:02x}{:02x}".format(*mean), share))
    return tuple(swatches)


def name_at(index: int) -> str:
    """The colour name that `colour_names` means by `index`."""
    return _REFERENCES[index][0]
