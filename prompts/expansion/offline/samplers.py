"""Sampler names as people type them in a chat: `dpm++ 2m karras`, `euler ancestral`, `dpmpp sde`."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache

from prompts.vocabulary import SAMPLERS, SCHEDULE_TYPES

_BEGINNING = re.compile(r"(?:k[_ ])?(?:dpm|eul|uni ?pc|ddim|plms|lcm|lms|heun)", re.IGNORECASE)
_NOT_A_WISH = frozenset(("restart",))
"""Samplers whose name is an everyday word: alone, without `sampler`, it may mean something else."""

_LIKENESS = 0.6


def sampler_spoken(text: str) -> tuple[str, str | None] | None:
    """(sampler, schedule type or `None`) that `text` names; `None` when it names none.

    Case, spaces and hyphens do not count; `pp` is read as `++`, `ancestral` as `a`.
    """
    return _names().get(_key(text))


def near_samplers(text: str) -> tuple[str, ...]:
    """At most three names close to `text`, best first, with the schedule type where `text` has one."""
    close = get_close_matches(_key(text), _names(), n=12, cutoff=_LIKENESS)
    spoken = (" ".join(part for part in _names()[key] if part) for key in close)
    return tuple(dict.fromkeys(spoken))[:3]


def is_like_sampler(text: str) -> bool:
    """Whether `text`, without the word `sampler` beside it, can only mean a sampler, be it misspelt."""
    key = _key(text)
    if key in _names():
        return key not in _NOT_A_WISH
    return _BEGINNING.match(text) is not None and bool(near_samplers(text))


def _key(text: str) -> str:
    folded = text.casefold().replace("plus plus", "++").replace("dpmpp", "dpm++").replace("ancestral", "a")
    return re.sub(r"[^a-z0-9+]", "", folded)


@cache
def _names() -> dict[str, tuple[str, str | None]]:
    """Every writing of every sampler, alone and with each schedule type behind it."""
    table: dict[str, tuple[str, str | None]] = {}
    written = [(alias, sampler.name) for sampler in SAMPLERS for alias in (sampler.name, *sampler.aliases)]
    for alias, name in written:
        table.setdefault(_key(alias), (name, None))
    for alias, name in written:
        for label, others in SCHEDULE_TYPES:
            for suffix in (label, *others):
                table.setdefault(_key(f"{alias} {suffix}"), (name, label))
    return table
