"""Contact sheets: pictures on a grid, with or without captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from generator.demo.train.pictures import Pixels

_LINE = 14  # pixels of one caption line


def save_sheet(file: Path, pictures: Sequence[Pixels], columns: int, captions: Sequence[str] = ()) -> None:
    """Save pictures of one size (uint8 [h, w, 3]) as a PNG grid; `captions` may be empty."""
    height, width = pictures[0].shape[:2]
    line = _LINE if captions else 0
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width, rows * (height + line)), "white")
    pen = ImageDraw.Draw(sheet)
    for i, picture in enumerate(pictures):
        x, y = (i % columns) * width, (i // columns) * (height + line)
        sheet.paste(Image.fromarray(picture), (x, y))
        if captions:
            pen.text((x + 2, y + height + 1), captions[i][: width // 6], fill="black")
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file)
