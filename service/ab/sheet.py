"""A comparison as one picture: a row for each side, a column for each seed."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from service.ab.study import Outcome, Side

CELL = 128  # pixels of a thumbnail's longer side
_LABEL = 150
_LINE = 14
_GAP = 4
_INK, _PAPER = (20, 20, 20), (255, 255, 255)


def sheet(outcome: Outcome) -> Image.Image:
    """Every picture, small, with its side's name before it and its seed above it."""
    rows = [side for sides in outcome.sides for side in sides]
    width = _LABEL + (CELL + _GAP) * len(outcome.order.seeds)
    made = Image.new("RGB", (width, _LINE + _GAP + (CELL + _GAP) * len(rows)), _PAPER)
    draw, font = ImageDraw.Draw(made), ImageFont.load_default()
    for place, seed in enumerate(outcome.order.seeds):
        draw.text((_LABEL + place * (CELL + _GAP), 2), f"seed {seed}", _INK, font)
    for number, side in enumerate(rows):
        top = _LINE + _GAP + number * (CELL + _GAP)
        _label(draw, font, side, top)
        for place, picture in enumerate(side.pictures):
            made.paste(small(picture), (_LABEL + place * (CELL + _GAP), top))
    return made


def small(picture: Image.Image) -> Image.Image:
    """A copy that fits a cell."""
    copy = picture.copy()
    copy.thumbnail((CELL, CELL), Image.Resampling.LANCZOS)
    return copy


def _label(draw: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, side: Side, top: int) -> None:
    said = [side.spell.prompt[:22], *_wrapped(side.name), *(f"{name} {value:.3f}" for name, value in _means(side))]
    for line, text in enumerate(said[:9]):
        draw.text((4, top + line * _LINE), text.encode("latin-1", "replace").decode("latin-1"), _INK, font)


def _wrapped(text: str) -> list[str]:
    return [text[at : at + 22] for at in range(0, min(len(text), 66), 22)]


def _means(side: Side) -> list[tuple[str, float]]:
    names = list(side.scores[0]) if side.scores else []
    return [(name, sum(s[name] for s in side.scores) / len(side.scores)) for name in names]
