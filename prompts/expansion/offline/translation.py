"""An idea in another language -> English prompt text, with the prompt syntax left standing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prompts.expansion.language import Language
from prompts.expansion.offline.linear import translate_linear
from prompts.expansion.offline.prenominal import translate_prenominal
from prompts.expansion.offline.words import plural

_WIDE = str.maketrans(
    {
        "（": "(",
        "）": ")",
        "［": "[",
        "］": "]",
        "｛": "{",
        "｝": "}",
        "：": ":",
        "｜": "|",
        "＜": "<",
        "＞": ">",
        "，": ",",
        "、": ",",
        "。": ",",
        "；": ",",
        ";": ",",
        "！": ",",
        "？": ",",
        "\u3000": " ",
    }
)
_SYNTAX = re.compile(
    r"<\w+:[^<>]*>"  # extra network
    r"|(?<!\w)(?:BREAK|AND)(?!\w)"
    r"|(?<=:)\s*[-+]?(?:\d+\.?\d*|\.\d+)\s*(?=[\])])"  # weight or time of a schedule
    r"|[()\[\]{}|:\\\n]"
)
_COLLECTIVE = re.compile(r"\b(?P<head>full of|covered with|surrounded by) an? (?P<noun>(?:[a-z]+ )??[a-z]+)(?=$| )")
_FULL_WIDTH_NUMBER = re.compile(r"[０-９．]+")


@dataclass(frozen=True, slots=True)
class Translation:
    """English prompt text made from another language."""

    text: str
    negatives: tuple[str, ...] = ()
    """What the idea says must not be there (`without people`)."""
    unknown: tuple[str, ...] = ()
    """Words that the glossary does not know; they are left out of `text`."""
    has_subject: bool = True
    """Whether somebody or something is shown, not only a place, a style or a light."""


def translate(text: str, language: Language) -> Translation:
    """`text` in English; brackets, weights, schedules, `BREAK` and tags stay where they were.

    Full-width punctuation becomes the ASCII that the prompt language reads. A text of which no word
    is known comes back with an empty `text` and its words as `unknown`. English comes back as it is.
    """
    plain = normalise(text)
    if language == "en":
        return Translation(plain)
    out: list[str] = []
    negatives: list[str] = []
    unknown: list[str] = []
    has_subject = False
    last = 0
    for match in [*_SYNTAX.finditer(plain), None]:
        run = plain[last : match.start() if match else len(plain)]
        part = _translate_run(run, language)
        out.append(part.text)
        negatives += part.negatives
        unknown += part.unknown
        has_subject = has_subject or part.has_subject
        if match:
            out.append(f" {match.group()} " if match.group()[0] in "<BA" else match.group())
            last = match.end()
    return Translation(_tidy("".join(out)), tuple(negatives), tuple(dict.fromkeys(unknown)), has_subject)


def normalise(text: str) -> str:
    """`text` with the ASCII punctuation and digits that the prompt language reads."""
    ascii_digits = _FULL_WIDTH_NUMBER.sub(lambda m: m.group().translate(_DIGITS), text)
    return ascii_digits.translate(_WIDE)


_DIGITS = str.maketrans("０１２３４５６７８９．", "0123456789.")


def _translate_run(run: str, language: Language) -> Translation:
    phrases: list[str] = []
    negatives: list[str] = []
    unknown: list[str] = []
    has_subject = False
    for clause in run.split(","):
        if not clause.strip():
            continue
        read = translate_prenominal if language in ("zh", "ja", "ko") else translate_linear
        translated = read(clause, language)
        if translated.has_subject and not has_subject:
            # `水墨画，小船`: the subject goes before the style that the writer named first.
            phrases[:0] = translated.phrases
            has_subject = True
        else:
            phrases += translated.phrases
        negatives += translated.negatives
        unknown += translated.unknown
    text = ", ".join(polished(phrase) for phrase in dict.fromkeys(phrases))
    if text and run.lstrip().startswith(","):
        text = ", " + text
    if text and run.rstrip().endswith(","):
        text += ", "
    elif not text and "," in run:
        text = ", "
    return Translation(text, tuple(negatives), tuple(unknown), has_subject)


def polished(phrase: str) -> str:
    """`full of a book` -> `full of books`."""
    return _COLLECTIVE.sub(lambda m: f"{m['head']} {plural(m['noun'])}", phrase)


def _tidy(text: str) -> str:
    """Commas and white space as a person writes them."""
    text = re.sub(r"(?<![\w)\]>])\s*,\s*(?=,)", "", text)
    text = re.sub(r"\s*,(?:\s*,)+\s*", ", ", text)
    text = re.sub(r"([(\[{|:])\s*,\s*", r"\1", text)
    text = re.sub(r"\s*,\s*([)\]}|:])", r"\1", text)
    return re.sub(r" {2,}", " ", text).strip(" ,")
