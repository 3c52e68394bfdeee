"""The `reply` of a JSON answer, read along while the answer still arrives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

_START = re.compile(r'"reply"\s*:\s*"')


class ReplyText:
    """Passes on the text of the first `"reply"` string as it grows, unescaped.

    Args:
        on_text: Gets each new piece; never an empty one, never half an escape.
    """

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._seen = ""
        self._position: int | None = None
        self._is_done = False

    def feed(self, piece: str) -> None:
        """Take the next piece of raw JSON text."""
        if self._is_done:
            return
        self._seen += piece
        if self._position is None:
            start = _START.search(self._seen)
            if start is None:
                return
            self._position = start.end()
        end, self._is_done = _safe_end(self._seen, self._position)
        raw, self._position = self._seen[self._position : end], end
        text = _unescaped(raw)
        if text:
            self._on_text(text)


def _safe_end(text: str, position: int) -> tuple[int, bool]:
    """(where the complete characters end, whether the string is closed there)."""
    while position < len(text):
        char = text[position]
        if char == '"':
            return position, True
        if char != "\\":
            position += 1
            continue
        length = 6 if text[position + 1 : position + 2] == "u" else 2
        if length == 6 and text[position + 2 : position + 3] in "dD" and text[position + 3 : position + 4] in "89abAB":
            length = 12  # a surrogate pair is one character
        if position + length > len(text):
            return position, False
        position += length
    return position, False


def _unescaped(raw: str) -> str:
    try:
        text = json.loads(f'"{raw}"', strict=False)
    except ValueError:
        return ""
    return str(text).encode("utf-8", "ignore").decode("utf-8")
