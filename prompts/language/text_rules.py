"""Lint rules about the syntax of one prompt text. Every rule takes linear time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from prompts.language.composition import cut_weight
from prompts.language.examined import Examined
from prompts.language.finding import ERROR, HINT, WARNING, Finding
from prompts.language.networks import LORA_KINDS, Tag, lora_tag
from prompts.language.scheduling import parse_schedule
from prompts.language.weights import BREAK

FULL_WIDTH = dict(zip("（）［］【】｛｝＜＞：，、｜；", "()[][]{}<>:,,|;", strict=True))
"""Full-width signs of Chinese and Japanese input, which mean nothing to the parser, and what was meant."""
USEFUL_WEIGHT = (0.2, 1.8)
"""Outside this range pictures usually fall apart or the words stop counting."""

_FULL_WIDTH = re.compile(f"[{''.join(FULL_WIDTH)}]")
_HASH = re.compile(r"#[^\n]*")
_COLOUR = re.compile(r"#([0-9a-fA-F]{8}|[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
_AND = re.compile(r"\bAND\b")
_BRACKET = re.compile(r"[()\[\]]")
_BAD_NUMBER = re.compile(r":\s*([+-]?\d+,\d+|[+-]?[.\d]*\.[.\d]*)\s*\)")
_EMPTY = re.compile(r"[(\[]\s*[)\]]")
_PART = re.compile(r"\\.|[()\[\]|\\]", re.DOTALL)

Rule = Callable[[Examined], Iterator[Finding]]


def full_width(it: Examined) -> Iterator[Finding]:
    """Full-width brackets, colons and commas are read as plain words."""
    for mark in _FULL_WIDTH.finditer(it.text):
        meant = FULL_WIDTH[mark.group()]
        is_comma = meant in ",;"
        what = "does not separate phrases for the model" if is_comma else "is read as a letter, not as syntax"
        message = f"Full-width {mark.group()} {what}; write {meant}"
        level = HINT if is_comma else WARNING
        yield Finding("full_width", it.field, *mark.span(), message, meant + " " * is_comma, level)


def unbalanced(it: Examined) -> Iterator[Finding]:
    """Brackets without a partner."""
    for at, end in _stretches(it.stray, it.text):
        sign = it.text[at]
        is_smiley = it.text[max(0, at - 1) : at] in (":", ";", "=")
        if sign in ")]":
            message = f"This {sign} closes nothing; the model reads it as a letter."
        else:
            strength = "stronger" if sign == "(" else "weaker"
            message = f"This {sign} is never closed: everything from here to the end becomes {strength}."
        fix = ("\\" + sign) * (end - at) if sign in ")]" or is_smiley else ""
        yield Finding("bracket_unbalanced", it.field, at, end, message, fix)


def _stretches(places: list[int], text: str) -> Iterator[tuple[int, int]]:
    """Equal signs side by side as one stretch."""
    start = end = -1
    for place in places:
        if place == end and text[place] == text[start]:
            end += 1
            continue
        if start >= 0:
            yield start, end
        start, end = place, place + 1
    if start >= 0:
        yield start, end


def empty_brackets(it: Examined) -> Iterator[Finding]:
    """Brackets around nothing."""
    for mark in _EMPTY.finditer(it.text):
        is_pair = mark.group()[0] + mark.group()[-1] in ("()", "[]")
        if is_pair and it.text[max(0, mark.start() - 1) : mark.start()] != "\\":
            yield Finding("bracket_empty", it.field, *mark.span(), "There is nothing in these brackets.", "", HINT)


def break_in_weights(it: Examined) -> Iterator[Finding]:
    """`BREAK` inside weighted brackets is encoded as a word."""
    for piece in it.fragments:
        if piece.text == BREAK and piece.weight != -1:
            message = "BREAK inside brackets starts no new chunk: the word itself is encoded. Close the brackets first."
            fix = _joint(it.text, piece.start, piece.end)
            yield Finding("break_in_weights", it.field, piece.start, piece.end, message, fix, ERROR)


def and_in_brackets(it: Examined) -> Iterator[Finding]:
    """`AND` inside brackets cuts them in two."""
    marks = list(_AND.finditer(it.text)) if "AND" in it.text else []
    for mark, is_inside in zip(marks, it.is_bracketed([mark.start() for mark in marks]), strict=True):
        if is_inside:
            message = "AND inside brackets cuts them in two: neither half closes. Close the brackets before AND."
            fix = _joint(it.text, *mark.span())
            yield Finding("and_in_brackets", it.field, *mark.span(), message, fix, ERROR)


def _joint(text: str, start: int, end: int) -> str:
    """What to put in place of `start..end` so that its neighbours stay apart, with no double comma."""
    before, after = text[max(0, start - 20) : start].rstrip(), text[end : end + 20].lstrip()
    return "" if before.endswith((",", "(", "[")) or after.startswith((",", ")", "]", ":")) else ","


def eaten_weight(it: Examined) -> Iterator[Finding]:
    """A trailing `:1.2` is taken as a weight of `AND`, and disappears."""
    bare, weight = cut_weight(it.text)
    end = len(it.text.rstrip())
    if it.field == "negative_prompt" or len(bare) == end or _AND.search(it.text):
        return
    found = [phrase.start for phrase in it.phrases if phrase.start <= len(bare)]
    start = found[-1] if found else 0
    words = bare[start:]
    fix = f"({words}:{weight:g})" if words and not _BRACKET.search(words) else None
    message = "A number after a colon at the end is taken as the weight of an AND part and has no effect on the words."
    yield Finding("weight_eaten", it.field, start, end, message, fix)


def eaten_comment(it: Examined) -> Iterator[Finding]:
    """Everything from `#` to the end of the line is a comment."""
    for mark in _HASH.finditer(it.text):
        colour = _COLOUR.match(it.text, mark.start())
        line_start = it.text.rfind("\n", 0, mark.start()) + 1
        if colour is None and not it.text[line_start : mark.start()].strip():
            continue  # a comment line, as meant
        end = colour.end() if colour else mark.start() + 1
        what = "This colour" if colour else "Everything after #"
        message = (
            f"{what} is taken as a comment: `{mark.group()[:40]}` is lost. Name the colour, or write it without #."
        )
        yield Finding("comment_eaten", it.field, mark.start(), end, message, colour[1] if colour else "")


def networks(it: Examined) -> Iterator[Finding]:
    """Tags that load nothing."""
    for tag in it.tags:
        written = it.text[tag.start : tag.end]
        span = (tag.start, tag.end)
        if it.field in ("negative_prompt", "hires_negative_prompt"):
            message = f"{written} in the negative prompt loads nothing; its letters are encoded. Put it in the prompt."
            yield Finding("network_in_negative", it.field, *span, message, "", ERROR)
        elif tag.kind in LORA_KINDS and tag.lora() is None:
            message = f"{written} is no LoRA tag: write <lora:name:0.8>."
            yield Finding("lora_unreadable", it.field, *span, message, _readable(tag), ERROR)
        elif tag.kind in LORA_KINDS and (len(tag.positional) > 3 or "dyn" in tag.named):
            message = f"{written}: a dynamic rank is not supported; the whole LoRA is used."
            fix = written if (lora := tag.lora()) is None else lora_tag(lora)
            yield Finding("lora_dyn", it.field, *span, message, fix)
        elif tag.kind == "hypernet":
            yield Finding("hypernet_ignored", it.field, *span, f"{written}: hypernetworks are not used here.", "")
        elif tag.kind not in LORA_KINDS:
            message = f"{written}: there is no extra network of the kind {tag.kind!r}; the tag is dropped."
            yield Finding("network_unknown", it.field, *span, message, "")


def _readable(tag: Tag) -> str:
    name = tag.positional[0] if tag.positional else ""
    return f"<lora:{name}:1>" if name else ""


def weights(it: Examined) -> Iterator[Finding]:
    """Weights nobody gets a good picture from."""
    low, high = USEFUL_WEIGHT
    for piece in it.fragments:
        if low <= piece.weight <= high or piece.text == BREAK or not piece.text.strip():
            continue
        if piece.weight < 0:
            message = f"Weight {piece.weight:g} is negative: use the negative prompt instead."
            yield Finding("weight_negative", it.field, piece.start, piece.end, message)
        else:
            message = f"The effective weight here is {piece.weight:.3g}; useful weights are {low:g} to {high:g}."
            yield Finding("weight_extreme", it.field, piece.start, piece.end, message, None, HINT)


def bad_numbers(it: Examined) -> Iterator[Finding]:
    """Numbers that A1111 does not read as a weight."""
    for mark in _BAD_NUMBER.finditer(it.text):
        digits = mark[1].replace(",", ".")
        if digits == mark[1] and _is_float(digits):
            continue
        fix = digits if _is_float(digits) else None
        message = f"{mark[1]} is no weight; it is read as words. Use a point: (word:1.2)."
        yield Finding("weight_unreadable", it.field, *mark.span(1), message, fix)


def _is_float(digits: str) -> bool:
    try:
        float(digits)
    except ValueError:
        return False
    return True


def lost_schedule(it: Examined) -> Iterator[Finding]:
    """A sign outside the grammar switches all scheduling of the prompt off."""
    if "[" not in it.text or ("|" not in it.text and "\\" not in it.text) or parse_schedule(it.text) is not None:
        return
    at = _culprit(it.text)
    sign = it.text[at]
    message = f"This {sign} makes A1111 take the whole prompt literally: no [a:b:0.5] and no [a|b] in it works."
    yield Finding("schedule_lost", it.field, at, at + 1, message, None, ERROR)


def _culprit(text: str) -> int:
    """Where the first sign stands that does it: a `|` outside square brackets, or a backslash before nothing."""
    depth: list[str] = []
    for mark in _PART.finditer(text):
        sign = mark.group()
        if sign in "([":
            depth.append(sign)
        elif sign in ")]":
            del depth[-1:]
        elif sign in ("\\", "\\\n") or (sign == "|" and (not depth or depth[-1] == "(")):
            return mark.start()
    return max(text.find("|"), 0)


RULES: tuple[Rule, ...] = (
    full_width,
    unbalanced,
    empty_brackets,
    break_in_weights,
    and_in_brackets,
    eaten_weight,
    eaten_comment,
    networks,
    weights,
    bad_numbers,
    lost_schedule,
)
