"""`#` comments: from the sign to the end of its line, gone before anything else is read."""

from __future__ import annotations

import re

_LINE = re.compile(r"(?:^|\n)#[^\n]*(?:\n|\Z)")
_TAIL = re.compile(r"#[^\n]*(?:\n|\Z)")


def strip_comments(text: str) -> str:
    """`text` without `#` comments; each leaves one line break behind, as in A1111.

    A1111's rule, quirk included: any `#` counts, so a colour such as `#ff0000` is lost.
    """
    return _TAIL.sub("\n", _LINE.sub("\n", text))
