"""A font that can write a label: Pillow's own for Latin letters, one of the system's for Chinese."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_NAMES = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansSC-Regular.otf",
    "SourceHanSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "msyh.ttc",
    "simsun.ttc",
)
"""Files of fonts with Chinese, as Linux, macOS and Windows name them; the first that is there is taken."""
_LATIN_END = 0x0590  # Latin, Greek and Cyrillic lie below: Pillow's own font has them


def font_folders() -> tuple[Path, ...]:
    """Where systems keep their fonts."""
    return (
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        Path.home() / ".local" / "share" / "fonts",
        Path("/System/Library/Fonts"),
        Path("/Library/Fonts"),
        Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts",
    )


def label_font(texts: Iterable[str], size: int, folders: Sequence[Path] | None = None) -> tuple[Font, bool]:
    """A font of `size` pixels for all the texts, and whether it can write them.

    Args:
        texts: What will be written.
        size: Pixels.
        folders: Where fonts are looked for; the system's folders by default.
    """
    if all(ord(c) < _LATIN_END for text in texts for c in text):
        return ImageFont.load_default(size), True
    for folder in font_folders() if folders is None else folders:
        for name in _NAMES:
            for path in sorted(folder.rglob(name)) if folder.is_dir() else ():
                try:
                    # Its bytes, because Pillow looks for a path that it cannot read elsewhere.
                    return ImageFont.truetype(io.BytesIO(path.read_bytes()), size), True
                except OSError:
                    continue
    return ImageFont.load_default(size), False


def escaped(text: str) -> str:
    """`text` in letters that any font has: 猫 becomes `U+732B`."""
    return "".join(c if ord(c) < _LATIN_END else f"U+{ord(c):04X} " for c in text).strip()
