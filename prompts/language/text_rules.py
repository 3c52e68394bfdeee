"""Lint rules about the syntax of one prompt text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from prompts.language.brackets import Brackets, brackets
from prompts.language.composition import cut_weight
from prompts.language.finding import ERROR, HINT, WARNING, Finding
from prompts.language.networks import LORA_KINDS, tags
from prompts.language.phrases import phrases
from prompts.language.scheduling import parse_schedule
from prompts.language.weights import SQUARE, fragments, merged

FULL_WIDTH = dict(zip("（）［］【】｛｝＜＞：，、｜；", "()[][]{}<>:,,|;", strict=True))
"""Full-width signs of Chinese and Japanese input, which mean nothing to the parser, and what was meant."""
USEFUL_WEIGHT = (0.2, 1.8)
"""Outside this range pictures usually fall apart or the words stop counting."""

_COLOUR = re.compile(r"#([0-9a-fA-F]{8}|[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
_BREAK = re.compile(r"\bBREAK\b")
_COMPEL_NUMBER = re.compile(r"\)(\d*\.\d+|\d+)(?=[\s,]|$)")
_COMPEL_SIGNS = re.compile(r"(?<=[\w)\"'])([+]+|--+)(?=[\s,]|$)")
_SQUARE_NUMBER = re.compile(r"\[([^\[\]:|\\]+):\s*([+-]?\d*\.?\d+)\s*\]")
_BAD_NUMBER = re.compile(r":\s*([+-]?\d+,\d+|[+-]?[.\d]*\.[.\d]*)\s*\)")
_EMBEDDING = re.compile(r"\bembedding:(\S+?)(?=[\s,:)]|$)")
_SCHEDULE_LIKE = re.compile(r"\[[^\[\]]*(?::\s*[\d.]+\s*|\|[^\[\]]*)\]")

Rule = Callable[[str, str], Iterator[Finding]]
"""`rule(field, text)`."""


def full_width(field: str, text: str) -> Iterator[Finding]:
    """Full-width brackets, colons and commas are read as plain words."""
    for i, character in enumerate(text):
        meant = FULL_WIDTH.get(character)
        if meant is not None:
            is_comma = meant in ",;"
            what = "does not separate phrases for the model" if is_comma else "is read as a letter, not as syntax"
            message = f"Full-width {character} {what}; write {meant}"
            yield Finding("full_width", field, i, i + 1, message, meant + " " * is_comma, HINT if is_comma else WARNING)


def unbalanced(field: str, text: str) -> Iterator[Finding]:
    """Brackets without a partner."""
    for at in brackets(text).stray:
        sign = text[at]
        is_smiley = text[at - 1 : at] in (":", ";", "=")
        if sign in ")]":
            message = f"This {sign} closes nothing; the model reads it as a letter."
        else:
            strength = "stronger" if sign == "(" else "weaker"
            message = f"This {sign} is never closed: everything from here to the end becomes {strength}."
        fix = "\\" + sign if sign in ")]" or is_smiley else ""
        yield Finding("bracket_unbalanced", field, at, at + 1, message, fix)


def break_in_weights(field: str, text: str) -> Iterator[Finding]:
    """`BREAK` inside weighted brackets is encoded as a word."""
    pairs = brackets(text).pairs
    for mark in _BREAK.finditer(text):
        if any(pair.start < mark.start() < pair.end for pair in pairs):
            message = "BREAK inside brackets starts no new chunk: the word itself is encoded. Close the brackets first."
            yield Finding("break_in_weights", field, *mark.span(), message, _without_break(text, mark), ERROR)


def _without_break(text: str, mark: re.Match[str]) -> str:
    before, after = text[: mark.start()].rstrip(), text[mark.end() :].lstrip()
    return "" if before.endswith((",", "(", "[")) or after.startswith((",", ")", "]", ":")) else ","


def eaten_weight(field: str, text: str) -> Iterator[Finding]:
    """A trailing `:1.2` is taken as a weight of `AND`, and disappears."""
    bare, weight = cut_weight(text)
    if field != "prompt" or bare == text.rstrip() or re.search(r"\bAND\b", text):
        return
    found = [phrase for phrase in phrases(text) if phrase.start <= len(bare)]
    start = found[-1].start if found else 0
    end = len(text.rstrip())
    fix = f"({bare[start:]}:{weight:g})" if bare[start:] and not re.search(r"[()\[\]]", bare[start:]) else None
    message = "A number after a colon at the end is taken as the weight of an AND part and has no effect on the words."
    yield Finding("weight_eaten", field, start, end, message, fix)


def eaten_comment(field: str, text: str) -> Iterator[Finding]:
    """Everything from `#` to the end of the line is a comment."""
    for mark in re.finditer(r"#[^\n]*", text):
        colour = _COLOUR.match(text, mark.start())
        line_start = text.rfind("\n", 0, mark.start()) + 1
        if colour is None and not text[line_start : mark.start()].strip():
            continue  # a comment line, as meant
        end = colour.end() if colour else mark.start() + 1
        lost = mark.group()[:40]
        what = "This colour" if colour else "Everything after #"
        message = f"{what} is taken as a comment: `{lost}` is lost. Name the colour, or write it without #."
        yield Finding("comment_eaten", field, mark.start(), end, message, colour[1] if colour else "")


def networks(field: str, text: str) -> Iterator[Finding]:
    """Tags that load nothing."""
    for tag in tags(text):
        span = (tag.start, tag.end)
        written = text[tag.start : tag.end]
        if field == "negative_prompt":
            message = f"{written} in the negative prompt loads nothing; its letters are encoded. Put it in the prompt."
            yield Finding("network_in_negative", field, *span, message, "", ERROR)
        elif tag.kind in LORA_KINDS and tag.lora() is None:
            message = f"{written} is no LoRA tag: write <lora:name:0.8>."
            name = tag.positional[0] if tag.positional else ""
            yield Finding("lora_unreadable", field, *span, message, f"<lora:{name}:1>" if name else "", ERROR)
        elif tag.kind == "hypernet":
            yield Finding("hypernet_ignored", field, *span, f"{written}: hypernetworks are not used here.", "")
        elif tag.kind not in LORA_KINDS:
            message = f"{written}: there is no extra network of the kind {tag.kind!r}; the tag is dropped."
            yield Finding("network_unknown", field, *span, message, "")


def weights(field: str, text: str) -> Iterator[Finding]:
    """Weights nobody gets a good picture from."""
    low, high = USEFUL_WEIGHT
    for piece in merged(fragments(text)):
        if piece.is_break or not piece.text.strip() or low <= piece.weight <= high or piece.weight <= 0:
            if not piece.is_break and piece.weight < 0 and piece.text.strip():
                message = f"Weight {piece.weight:g} is negative: use the negative prompt instead."
                yield Finding("weight_negative", field, piece.start, piece.end, message)
            continue
        message = f"The effective weight here is {piece.weight:.3g}; useful weights are {low:g} to {high:g}."
        yield Finding("weight_extreme", field, piece.start, piece.end, message)


def bad_numbers(field: str, text: str) -> Iterator[Finding]:
    """Numbers that A1111 does not read as a weight."""
    for mark in _BAD_NUMBER.finditer(text):
        digits = mark[1].replace(",", ".")
        if digits == mark[1] and _is_float(digits):
            continue
        fix = digits if _is_float(digits) else None
        message = f"{mark[1]} is no weight; it is read as words. Use a point: (word:1.2)."
        yield Finding("weight_unreadable", field, *mark.span(1), message, fix)
    for mark in _SQUARE_NUMBER.finditer(text):
        words, digits = mark[1], mark[2]
        message = f"[{words}:{digits}] takes no weight: it is scheduling, {words!r} appears only after step {digits}."
        if "." in digits and float(digits) > 1:
            yield Finding("square_number", field, *mark.span(), message, f"({words}:{_lighter(digits)})")


def _lighter(digits: str) -> str:
    return f"{SQUARE if float(digits) == 1.1 else 1 / float(digits):.2g}"


def _is_float(digits: str) -> bool:
    try:
        float(digits)
    except ValueError:
        return False
    return True


def other_dialects(field: str, text: str) -> Iterator[Finding]:
    """Compel's and ComfyUI's syntax in an A1111 prompt."""
    pairs = {pair.end: pair for pair in brackets(text).pairs if pair.opener == "(" and pair.number is None}
    for mark in _COMPEL_NUMBER.finditer(text):
        pair = pairs.get(mark.start() + 1)
        if pair is not None:
            inner = text[pair.start + 1 : pair.end - 1]
            message = f"The number {mark[1]} behind the bracket is compel's way; here it is encoded as a word."
            yield Finding("compel_syntax", field, pair.start, mark.end(), message, f"({inner}:{mark[1]})")
    for mark in _COMPEL_SIGNS.finditer(text):
        message = f"{mark[1]} is compel's way to weigh a word; here it is encoded as letters. Write (word:1.1)."
        yield Finding("compel_syntax", field, *mark.span(1), message, "")
    for mark in _EMBEDDING.finditer(text):
        message = f"embedding:{mark[1]} is ComfyUI's way; here an embedding is its bare name."
        yield Finding("comfyui_syntax", field, *mark.span(), message, mark[1])


def lost_schedule(field: str, text: str) -> Iterator[Finding]:
    """A sign outside the grammar switches all scheduling of the prompt off."""
    if parse_schedule(text) is not None or not _SCHEDULE_LIKE.search(text):
        return
    at, sign = _culprit(text, brackets(text))
    message = f"This {sign} makes A1111 take the whole prompt literally: no [a:b:0.5] and no [a|b] in it works."
    yield Finding("schedule_lost", field, at, at + 1, message, None, ERROR)


def _culprit(text: str, found: Brackets) -> tuple[int, str]:
    """The first sign that does it: a `|` outside square brackets, or a backslash before nothing."""
    depth: list[str] = []
    for mark in re.finditer(r"\\.|[()\[\]|\\]", text):
        sign = mark.group()
        if sign in "([":
            depth.append(sign)
        elif sign in ")]" and depth:
            depth.pop()
        elif sign == "\\" or (sign == "|" and (not depth or depth[-1] == "(")):
            return mark.start(), sign
    at = text.find("|")
    return (at, "|") if at >= 0 else (found.stray[0] if found.stray else 0, "sign")


RULES: tuple[Rule, ...] = (
    full_width,
    unbalanced,
    break_in_weights,
    eaten_weight,
    eaten_comment,
    networks,
    weights,
    bad_numbers,
    other_dialects,
    lost_schedule,
)
