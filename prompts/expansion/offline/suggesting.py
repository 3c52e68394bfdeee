"""Numbered suggestions for a wish that says what to change and not into what, and the answer that picks one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from prompts.expansion.data_files import load_toml
from prompts.expansion.offline.scene import bare

_NUMBERED = re.compile(r"(?:^|[\s：:；;？?])(\d)\) ([^；;。\n]+)")
_PICKED = re.compile(
    r"(?:(?:i(?:'ll| will)? )?(?:use|take|pick|choose|want|like|prefer|try)\s+|选|用|要|就)?"
    r"(?:number |option |no\.? ?|the |#|第)?(?P<digit>\d|[一二三四五六])\)?"
    r"(?: one| option|个|项|种|号)?(?: please|吧)?",
    re.IGNORECASE,
)
_CHINESE_DIGITS = "一二三四五六"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One wish that may be meant."""

    wish: str
    """English, as the rules read it."""
    shown: str
    """In the person's language."""


def suggestions_for(topic: str, language: str) -> tuple[Suggestion, ...]:
    """What `topic` ("pose", "姿势") may be changed to; empty when it is no topic."""
    wanted = bare(topic.strip()).casefold()
    for row in load_toml("data", "suggestions.toml").values():
        if wanted in row["words"]:
            shown = "zh" if language == "zh" else "en"
            return tuple(Suggestion(option.get("wish", option["en"]), option[shown]) for option in row["options"])
    return ()


def numbered(suggestions: Sequence[Suggestion]) -> str:
    """`1) sitting; 2) walking`: as it stands in a reply, and as `picked` reads it back."""
    return "; ".join(f"{number}) {one.shown}" for number, one in enumerate(suggestions, 1))


def picked(clause: str, ordinal: int | None, last_reply: str) -> str | None:
    """The wish that `clause` picks out of the suggestions in the last reply; `None` when it picks none.

    Args:
        clause: What was said: `2`, `the second one`, `选第二个`.
        ordinal: The number that the patterns of versions found in it; -1 is the last.
        last_reply: What the assistant said before.
    """
    offered = [text.strip() for _, text in _NUMBERED.findall(last_reply)]
    match = _PICKED.fullmatch(clause.strip(" .!?。！？"))
    number = ordinal
    if match is not None:
        digit = match["digit"]
        number = int(digit) if digit.isdigit() else _CHINESE_DIGITS.index(digit) + 1
    if number is None or not offered:
        return None
    index = number - 1 if number > 0 else len(offered) + number
    if not 0 <= index < len(offered):
        return None
    wish: str = _wishes().get(offered[index].casefold(), offered[index])
    return wish


@cache
def _wishes() -> dict[str, str]:
    """Shown text -> wish, in every language."""
    rows = load_toml("data", "suggestions.toml").values()
    options = [option for row in rows for option in row["options"]]
    return {option[name].casefold(): option.get("wish", option["en"]) for option in options for name in ("en", "zh")}
