"""A prompt as comma-separated phrases, without losing a character of the syntax around them.

The chat edits phrases, not text: splitting keeps the exact span of every phrase, so that an edit
touches only its own characters. What is never a phrase, and so can never be edited away: `BREAK`,
`AND`, and extra-network tags such as `<lora:x:0.8>`. A schedule (`[a:b:0.5]`) is one phrase.
`prompts.language.phrases` only looks, and cuts brackets apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

COMMAS = ",，、\n"
"""What ends a phrase outside brackets: Chinese and Japanese writers use their own commas."""

_AFTER_SENTENCE = ("", " ", "\n")
"""A full stop before one of these ends a sentence of a prose prompt; `1.5` and `v1.5` hold together."""

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_KEYWORD = re.compile(r"(?<!\w)(?:BREAK|AND)(?!\w)")
_TAG = re.compile(r"<\w+:[^<>]*>")
_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase of a prompt and where it stands."""

    text: str
    """As written, brackets and weight included."""
    core: str
    """Without the attention brackets that wrap it."""
    weight: float
    """Of its own brackets only; 1.0 without any."""
    start: int
    """First character in the prompt."""
    end: int
    """One past the last character."""

    @property
    def key(self) -> str:
        """What two writings of the same phrase share: case, white space and articles do not count."""
        return phrase_key(self.core)


def phrase_key(text: str) -> str:
    """`text` folded for comparison; empty for white space."""
    words = text.casefold().split()
    if len(words) > 1 and words[0] in {"a", "an", "the"}:
        words = words[1:]
    return " ".join(words)


@lru_cache(maxsize=16)  # a turn asks for the phrases of the same prompt some hundred times
def split(prompt: str) -> tuple[Phrase, ...]:
    """The phrases and sentences of `prompt` in order; a bracketed group with commas inside counts as its members.

    Linear in the length; unbalanced brackets keep the rest of the text as one phrase (A1111 weighs
    it to the end as well). Empty prompt: no phrases.
    """
    found: list[Phrase] = []
    todo = [(0, len(prompt))]
    depth = 0
    while todo and depth < 64:
        spans, todo = todo, []
        for start, end in spans:
            for low, high in _segments(prompt, start, end):
                phrase = unwrap(prompt[low:high], low)
                inside = _group_inside(prompt, phrase)
                if inside is None:
                    found.append(phrase)
                else:
                    todo.append(inside)
        depth += 1
    found += [unwrap(prompt[low:high], low) for low, high in todo]
    return tuple(sorted(found, key=lambda p: p.start))


def unwrap(text: str, start: int = 0) -> Phrase:
    """The phrase written as `text`: `((red hat))` -> core `red hat`, weight 1.21."""
    core, weight = text, 1.0
    for _ in range(64):
        stripped = core.strip()
        if len(stripped) < 2 or stripped[0] not in "([" or _closing(stripped, 0) != len(stripped) - 1:
            break
        inner = stripped[1:-1]
        head, number = _split_number(inner)
        if stripped[0] == "[":
            if _has_top_level(inner, ":|"):
                break
            core, weight = inner, weight / 1.1
        elif number is not None:
            core, weight = head, weight * number
        else:
            core, weight = inner, weight * 1.1
    return Phrase(text, core.strip(), round(weight, 4), start, start + len(text))


def weighted(core: str, weight: float) -> str:
    """`core` written with `weight`; plain at 1."""
    if abs(weight - 1.0) < 0.005:
        return core
    return f"({core}:{format(round(weight, 2), 'g')})"


def is_balanced(text: str) -> bool:
    """Whether every bracket of `text` is closed in order; escaped ones do not count."""
    expected: list[str] = []
    position = 0
    while position < len(text):
        char = text[position]
        if char == "\\":
            position += 2
            continue
        if char in _CLOSERS:
            expected.append(_CLOSERS[char])
        elif char in _CLOSERS.values() and (not expected or expected.pop() != char):
            return False
        position += 1
    return not expected


def has_tag(text: str) -> bool:
    """Whether `text` holds an extra-network tag such as `<lora:x:1>`."""
    return _TAG.search(text) is not None


def _group_inside(prompt: str, phrase: Phrase) -> tuple[int, int] | None:
    """Span of the members of a round-bracket group, or `None` for a single phrase."""
    if phrase.core == phrase.text or not _has_top_level(phrase.core, COMMAS):
        return None
    low = prompt.index(phrase.core, phrase.start, phrase.end)
    return low, low + len(phrase.core)


def _segments(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans between commas, keywords and tags at bracket depth 0, white space trimmed."""
    low = position = start
    while position < end:
        char = text[position]
        gap = _gap_length(text, position)
        if gap:
            yield from _trimmed(text, low, position)
            position += gap
            low = position
        elif char == "\\":
            position += 2
        elif char in _CLOSERS:
            closing = _closing(text, position, end)
            position = end if closing is None else closing + 1
        else:
            position += 1
    yield from _trimmed(text, low, end)


def _gap_length(text: str, position: int) -> int:
    char = text[position]
    if char in COMMAS or (char == "." and text[position + 1 : position + 2] in _AFTER_SENTENCE):
        return 1
    pattern = _TAG if char == "<" else _KEYWORD if char in "BA" else None
    match = pattern.match(text, position) if pattern else None
    return len(match.group()) if match else 0


def _trimmed(text: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    body = text[low:high]
    if body.strip():
        left = low + len(body) - len(body.lstrip())
        yield left, left + len(body.strip())


def _closing(text: str, position: int, end: int | None = None) -> int | None:
    """Index of the bracket that closes the one at `position`, or `None`."""
    opener, depth = text[position], 0
    end = len(text) if end is None else end
    while position < end:
        char = text[position]
        if char == "\\":
            position += 2
            continue
        if char == opener:
            depth += 1
        elif char == _CLOSERS[opener]:
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return None


def _has_top_level(text: str, wanted: str) -> bool:
    position = 0
    while position < len(text):
        char = text[position]
        if char in wanted:
            return True
        if char == "\\":
            position += 2
        elif char in _CLOSERS:
            closing = _closing(text, position)
            position = len(text) if closing is None else closing + 1
        else:
            position += 1
    return False


def _split_number(inner: str) -> tuple[str, float | None]:
    head, colon, tail = inner.rpartition(":")
    if colon and _NUMBER.fullmatch(tail):
        return head, float(tail)
    return inner, None
