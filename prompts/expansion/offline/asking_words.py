"""Words that speak to the assistant and not about the picture, and words that say what must not be there."""

from __future__ import annotations

import re

_REQUEST = re.compile(
    r"^\s*(?:(?:please|hi|hello|hey)[ ,]+)*"
    r"(?:(?:can|could|would) you (?:please )?)?"
    r"(?:(?:i(?:'d| would)? (?:want|like|need|wish)(?: to see| to have)?|give me|show me|let me see)\s+)?"
    r"(?:(?:draw|create|generate|imagine)(?: me| us)?\s+"
    r"|(?:paint|make|render|design|produce)(?: me| us)?\s+(?=(?:an?|the|some|one|two|three|my)\b))?"
    r"(?:(?:an?|the|some)\s+(?:picture|image|pic|prompt|artwork)s?\s+(?:of|showing|with|for)\s+)?",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"(?:^|(?<=[,.;])|\s)\s*(?:but\s+)?(?:without|with no|no|not any|avoid|excluding|and no)\s+(?:any\s+)?"
    r"(?P<what>[^,.;()\[\]{}<>|:]+?)(?=$|[,.;)\]]|\s+(?:but|in|on|at|with|under)\s)",
    re.IGNORECASE,
)
_JOINERS = re.compile(r"\s*(?:,|\band\b|\bor\b)\s*(?:no\s+|any\s+)?", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:an?|the|any|some)\s+", re.IGNORECASE)


def strip_request(text: str) -> str:
    """`text` without "please draw me a picture of"; a text that is nothing else stays as it is."""
    stripped = text[_REQUEST.match(text).end() :] if _REQUEST.match(text) else text  # type: ignore[union-attr]
    return stripped.strip() or text.strip()


def take_negations(text: str) -> tuple[str, tuple[str, ...]]:
    """(`text` without its "no …" and "without …", what they forbade).

    A text that consists of nothing else keeps its words.
    """
    forbidden: list[str] = []
    for match in _NEGATION.finditer(text):
        parts = (_ARTICLE.sub("", part.strip()) for part in _JOINERS.split(match["what"]))
        forbidden += [part for part in parts if part]
    if not forbidden:
        return text, ()
    left = _NEGATION.sub("", text)
    left = re.sub(r"\s+,", ",", re.sub(r",(?:\s*,)+", ",", left)).strip(" ,")
    return (left, tuple(forbidden)) if left else (text, ())
