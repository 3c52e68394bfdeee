"""A contact sheet: the pictures of a grid on one sheet, with the axes' values beside them. Pillow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageDraw

from prompts.grid import Axis, Grid
from prompts.label_font import Font, escaped, label_font

_GAP = 4  # pixels between pictures
_LARGEST_SIDE = 8192  # pixels of a sheet; larger ones are made smaller
_INK, _PAPER = "black", "white"


def contact_sheet(
    grid: Grid, pictures: Mapping[tuple[int, int, int], Image.Image], fonts: Sequence[Path] | None = None
) -> Image.Image:
    """One sheet per value of z, below each other.

    Where no font for a label's script is found, its characters are written as their code points.

    Args:
        grid: Whose axes label it.
        fonts: Folders to look for fonts in; the system's by default.
        pictures: By (x, y, z); a missing one leaves its place white. Every cell is as large as the largest picture.

    Raises:
        ValueError: There are no pictures.
    """
    if not pictures:
        raise ValueError("a sheet needs at least one picture")
    width = max(p.width for p in pictures.values())
    height = max(p.height for p in pictures.values())
    columns, rows, sheets = (len(axis.values) for axis in (grid.x, grid.y, grid.z))
    across, down = _LARGEST_SIDE / columns - _GAP, _LARGEST_SIDE / (rows * sheets) - _GAP
    shrink = min(1.0, across / width, down / height)
    width, height = max(int(width * shrink), 1), max(int(height * shrink), 1)
    texts = [label for axis in (grid.x, grid.y, grid.z) for label in (axis.kind, *axis.values)]
    font, is_written = label_font(texts, max(12, min(width, height) // 14), fonts)
    if not is_written:
        grid = replace(grid, x=_escaped(grid.x), y=_escaped(grid.y), z=_escaped(grid.z))
    left, top = _margin(grid.y, font), _band(grid.x, font)
    band = _band(grid.z, font)
    one = band + top + rows * (height + _GAP)
    sheet = Image.new("RGB", (left + columns * (width + _GAP), sheets * one), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for z, title in enumerate(grid.z.values):
        base = z * one
        draw.text((left, base + 2), _label(grid.z, title), _INK, font)
        for x, text in enumerate(grid.x.values):
            place = (left + x * (width + _GAP) + width // 2, base + band + top // 2)
            draw.text(place, _fitting(_label(grid.x, text), width, font), _INK, font, anchor="mm")
        for y, text in enumerate(grid.y.values):
            place = (left - 6, base + band + top + y * (height + _GAP) + height // 2)
            draw.text(place, _label(grid.y, text), _INK, font, anchor="rm")
            for x in range(columns):
                picture = pictures.get((x, y, z))
                if picture is not None:
                    small = picture.convert("RGB")
                    if shrink < 1:
                        small = small.resize((max(int(small.width * shrink), 1), max(int(small.height * shrink), 1)))
                    corner = (left + x * (width + _GAP), base + band + top + y * (height + _GAP))
                    sheet.paste(small, corner)
    return sheet


def _escaped(axis: Axis) -> Axis:
    return replace(axis, kind=escaped(axis.kind), values=tuple(escaped(value) for value in axis.values))


def _label(axis: Axis, value: str) -> str:
    return f"{axis.kind}: {value}" if axis.kind and value else value


def _band(axis: Axis, font: Font) -> int:
    """Pixels above the pictures for the labels of a horizontal axis; 0 without any."""
    return int(font.getbbox("Ag")[3]) + 8 if any(axis.values) else 0


def _margin(axis: Axis, font: Font) -> int:
    return max((int(font.getlength(_label(axis, value))) for value in axis.values), default=0) + 12 * any(axis.values)


def _fitting(text: str, width: int, font: Font) -> str:
    """`text`, cut with dots where it is wider than a picture."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."
