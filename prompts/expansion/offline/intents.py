"""What a chat message asks for, before it is known which phrases of the spell that concerns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from prompts.expansion.data_files import load_toml
from prompts.expansion.offline.glossary import words_of
from prompts.expansion.offline.samplers import is_like_sampler

_SPACE_BY_IDEOGRAPH = re.compile(r"(?<=[\u4e00-\u9fff])\s+|\s+(?=[\u4e00-\u9fff])")

_MARKS = re.compile(r"[\n；;]|[，。！？](?![^(（]*[)）])|,(?!\d)(?![^()]*\))|(?<!\d),(?![^()]*\))|[!?](?=\s)")
"""What ends a clause in every language; a comma within brackets or within a number does not."""
_WORN_WITH = re.compile(r"穿[^，,、；\n]{1,8}?(?=戴|打领|系领|系着|拿着|披着|[站坐躺跪走跑][在着])")
"""`穿西装打领带` are two wishes."""
_ALL_BUT = re.compile(r"\b(everything|all|anything|nothing) but\b", re.IGNORECASE)
"""Elsewhere `but` begins another wish."""
_NUMBER_WISH = (
    r"\d{1,3} ?(?:sampling )?(?:steps?\b|步)|(?:cfg|seed|clip skip|种子|步数)\b ?[\d:=]|\d{2,4} ?[x×] ?\d{2,4}"
)
_BEFORE_NUMBERS = re.compile(
    rf"\s+(?:with|and|at|using|in)\s+(?={_NUMBER_WISH}|(?:dpm|euler|ddim|unipc|plms|heun|lms)\b)"
    r"|(?<=\d)\s+(?=(?:cfg(?: scale)?|seed|clip ?skip|(?:sampling )?steps?|denoising|步数|种子)[ :=]*\d)"
    rf"|(?<=[\u4e00-\u9fff])(?<!步数)(?<!尺寸)(?<!大小)(?<!率)(?<![成为用到是])\s+(?={_NUMBER_WISH})",
    re.IGNORECASE,
)
"""Where a wish about numbers begins without a comma: `make it night with 30 steps`, `换成夜晚 30步`."""

KINDS: tuple[str, ...] = (
    "size",
    "width",
    "height",
    "ratio",
    "more_steps",
    "less_steps",
    "more_cfg",
    "less_cfg",
    "undo",
    "talk",
    "forbid",
    "unforbid",
    "clear_negative",
    "opinion",
    "flaw",
    "only",
    "behind",
    "beside",
    "left",
    "right",
    "hold",
    "be",
    "somewhere",
    "steps",
    "cfg",
    "seed",
    "random_seed",
    "clip_skip",
    "denoise",
    "sampler",
    "sampler_like",
    "lora_weight",
    "lora_at",
    "more_lora",
    "less_lora",
    "drop_loras",
    "clear_loras",
    "drop_lora",
    "lora",
    "no_hires",
    "hires_by",
    "hires",
    "smaller",
    "portrait_size",
    "landscape_size",
    "square_size",
    "weight",
    "years",
    "version_but",
    "lock",
    "unlock",
    "heavier",
    "vague",
    "replace",
    "look_of_thing",
    "less",
    "more",
    "no",
    "become",
    "add",
)
"""In the order in which they are tried: the narrow ones first."""

_ORDINALS = {
    "en": "(first|second|third|fourth|fifth|last|previous|1st|2nd|3rd|4th|5th|version \\d+|v\\d+|original)",
    "zh": "(第[一二三四五六七八九十\\d]+|上一|最初|原来的?|最后一)",
    "es": "(primer[ao]?|segund[ao]|tercer[ao]?|últim[ao]|anterior|versión \\d+)",
    "fr": "(premi[eè]re?|deuxième|seconde?|troisième|dernière?|précédente?|version \\d+)",
    "de": "(erste[nrs]?|zweite[nrs]?|dritte[nrs]?|letzte[nrs]?|vorige[nrs]?|version \\d+)",
}
_ORDINAL_WORDS = {
    "first": 1, "1st": 1, "original": 1, "最初": 1, "原来": 1, "原来的": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3,
    "fourth": 4, "4th": 4, "fifth": 5, "5th": 5, "一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8,
    "九": 9, "十": 10, "last": -1, "最后一": -1, "previous": -2, "上一": -2,
    "prime": 1, "premi": 1, "erste": 1, "segun": 2, "deuxi": 2, "secon": 2, "zweit": 2, "terce": 3, "trois": 3,
    "dritt": 3, "últim": -1, "derni": -1, "letzt": -1, "anter": -2, "précé": -2, "vorig": -2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Intent:
    """One wish: its kind and the words or numbers it speaks of."""

    kind: str
    x: str = ""
    y: str = ""
    numbers: tuple[float, ...] = ()
    ordinal: int | None = None
    """1-based version, or -1 for the last, -2 for the one before it."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """The compiled patterns of one language."""

    polite: tuple[str, ...]
    trailing: tuple[str, ...]
    split: re.Pattern[str]
    patterns: tuple[tuple[str, re.Pattern[str]], ...]


@cache
def grammar(language: str) -> Grammar:
    """The patterns of `data/turns.toml` for one language.

    Raises:
        KeyError: No such language in the table.
    """
    table = load_toml("data", "turns.toml")[language]
    return Grammar(
        tuple(sorted(table["polite"], key=len, reverse=True)),
        tuple(sorted(table["trailing"], key=len, reverse=True)),
        re.compile("|".join(re.escape(mark) for mark in sorted(table["split"], key=len, reverse=True))),
        tuple(
            (kind, _compiled(_unfolded(pattern, table.get("short", {})), language))
            for kind in KINDS
            for pattern in table.get(kind, ())
        ),
    )


def read_clause(clause: str, language: str) -> Intent | None:
    """The likeliest wish of one clause; `None` when no pattern fits it."""
    return next(readings(clause, language), None)


def readings(clause: str, language: str) -> Iterator[Intent]:
    """Every wish that the clause may be, the narrow patterns first."""
    rules = grammar(language)
    text = strip_polite(clause, rules)
    for kind, pattern in rules.patterns:
        match = pattern.fullmatch(text)
        if match is not None and (kind != "sampler_like" or is_like_sampler(match["x"])):
            yield _intent(kind, match.groupdict())


def said_otherwise(clause: str, language: str) -> str | None:
    """The English wish that a whole clause stands for (`近一点`: `zoom in`); empty for no wish, or `None`."""
    found = load_toml("data", "turns.toml")[language].get("said", {}).get(strip_polite(clause, grammar(language)))
    return None if found is None else str(found)


def clauses(message: str, language: str) -> list[str]:
    """The clauses of a message, none of them empty."""
    message = _ALL_BUT.sub(r"\1 except", message)
    spaced = _WORN_WITH.sub(r"\g<0>\n", _BEFORE_NUMBERS.sub("\n", message.strip().rstrip(".!。！")))
    parts = [part for whole in _MARKS.split(spaced) for part in grammar(language).split.split(whole)]
    return [part.strip() for part in parts if part and part.strip()]


def strip_polite(clause: str, rules: Grammar) -> str:
    """`clause` in lower case without the words that only make it polite."""
    text = _SPACE_BY_IDEOGRAPH.sub("", " ".join(clause.casefold().split())).strip(" .!?,，。！？")
    changed = True
    while changed:
        changed = False
        for word in rules.polite:
            glue = "" if ord(word[-1]) > 0x2E80 else " "
            if text.startswith(word + glue) and len(text) > len(word) + len(glue):
                text, changed = text[len(word) :].lstrip(" ,，"), True
        for word in rules.trailing:
            glue = "" if ord(word[-1]) > 0x2E80 else " "
            if text.endswith(glue + word) and len(text) > len(word) + len(glue) and not _is_within_word(text, word):
                text, changed = text[: -len(word)].rstrip(" ,，"), True
    return text


def _is_within_word(text: str, ending: str) -> bool:
    """Whether the ending belongs to a word of the glossary: the `吧` of `酒吧`."""
    return ending == "吧" and any(text[-length:] in words_of("zh") for length in (2, 3))


def _unfolded(pattern: str, short: dict[str, str]) -> str:
    """`pattern` with the choices that its language writes short: `{set}`."""
    for name, choices in short.items():
        pattern = pattern.replace(f"{{{name}}}", f"({choices})")
    return pattern


def _compiled(pattern: str, language: str) -> re.Pattern[str]:
    number = r"(?P<{}>\d{{1,12}}(?:\.\d{{1,6}})?)"
    body = pattern.replace("(", "(?:")
    body = body.replace("{n}", number.format("n")).replace("{m}", number.format("m"))
    body = body.replace("{x}", "(?P<x>.{1,300}?)").replace("{y}", "(?P<y>.{1,300}?)")
    body = body.replace("{ordinal}", f"(?P<ordinal>{_ORDINALS.get(language, '')})")
    return re.compile(body, re.IGNORECASE | re.DOTALL)


def _intent(kind: str, groups: dict[str, Any]) -> Intent:
    numbers = tuple(float(groups[name]) for name in ("n", "m") if groups.get(name))
    return Intent(
        kind, (groups.get("x") or "").strip(), (groups.get("y") or "").strip(), numbers, _ordinal(groups.get("ordinal"))
    )


def _ordinal(text: str | None) -> int | None:
    if not text:
        return None
    digits = re.search(r"\d+", text)
    if text in _ORDINAL_WORDS:
        return _ORDINAL_WORDS[text]
    if digits:
        return int(digits.group()[:6])
    return _ORDINAL_WORDS.get(text.removeprefix("第")) or _ORDINAL_WORDS.get(text[:5])
