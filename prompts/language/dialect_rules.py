"""Lint rules about syntax of other programs, which an A1111 prompt encodes as words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from prompts.errors import near_hint, near_names
from prompts.language.examined import Examined
from prompts.language.finding import ERROR, Finding
from prompts.language.networks import number

_COMPEL_NUMBER = re.compile(r"\)(\d+(?:\.\d+)?|\.\d+)(?=[\s,]|$)")
_COMPEL_SIGNS = re.compile(r"(?<=[\w)\"'])(\++|--+)(?=[\s,]|$)")
_COMPEL_WORD = re.compile(r"[\w'-]+$")
_SQUARE_NUMBER = re.compile(r"\[([^\[\]:|\\]+):\s*(\d*\.\d+)\s*\]")
_EMBEDDING = re.compile(r"\bembedding:([^\s,:()]+)")
_WILDCARD = re.compile(r"__[\w/*-]+?__")
_CHOICE = re.compile(r"\{[^{}|]*\|[^{}]*\}")
_WORD_CHARACTERS = 60  # how far back the word before `++` is looked for


def compel(it: Examined) -> Iterator[Finding]:
    """Compel's and InvokeAI's weights: `(word)1.3` and `word++`."""
    numbers = list(_COMPEL_NUMBER.finditer(it.text))
    if numbers:
        bare = (run for run in it.runs if run.opener == "(" and run.number is None)
        pairs = {pair.end: pair for run in bare for pair in run.pairs()}
        for mark in numbers:
            pair = pairs.get(mark.start() + 1)
            if pair is not None:
                words = it.text[pair.start + 1 : pair.end - 1]
                message = f"The number {mark[1]} behind the bracket is compel's way; here it is encoded as a word."
                yield Finding("compel_syntax", it.field, pair.start, mark.end(), message, f"({words}:{mark[1]})")
    has_signs = "+" in it.text or "--" in it.text
    for mark in _COMPEL_SIGNS.finditer(it.text) if has_signs else ():
        word = _COMPEL_WORD.search(it.text, max(0, mark.start() - _WORD_CHARACTERS), mark.start())
        count = len(mark[1])
        weight = number(round(1.1**count if mark[1][0] == "+" else 0.9**count, 4))
        start = word.start() if word else mark.start()
        message = f"{mark[1]} is compel's way to weigh a word; here it is encoded as letters."
        fix = f"({word.group()}:{weight})" if word else ""
        yield Finding("compel_syntax", it.field, start, mark.end(), message, fix)


def square_numbers(it: Examined) -> Iterator[Finding]:
    """`[word:1.2]` is scheduling, not a weight."""
    for mark in _SQUARE_NUMBER.finditer(it.text):
        words, digits = mark.groups()
        if float(digits) <= 1:
            continue
        message = f"[{words}:{digits}] takes no weight: it is scheduling, and {words!r} would never appear."
        fix = f"({words}:{number(round(1 / float(digits), 2))})"
        yield Finding("square_number", it.field, *mark.span(), message, fix)


def embeddings(it: Examined, known: Collection[str] | None) -> Iterator[Finding]:
    """ComfyUI's `embedding:name`; with `known` names, the unknown ones."""
    for mark in _EMBEDDING.finditer(it.text):
        name = mark[1]
        if known is not None and name.casefold() not in {other.casefold() for other in known}:
            near = near_names(name, known)
            message = f"There is no embedding called {name!r} here.{near_hint(near)}"
            yield Finding("embedding_unknown", it.field, *mark.span(), message, near[0] if near else None, ERROR)
        else:
            message = f"{mark.group()} is ComfyUI's way; here an embedding is its bare name."
            yield Finding("comfyui_syntax", it.field, *mark.span(), message, name)


def dynamic(it: Examined) -> Iterator[Finding]:
    """Wildcards and choices that nobody has expanded."""
    if "__" in it.text:
        for mark in _WILDCARD.finditer(it.text):
            message = f"{mark.group()} is a wildcard; expand the prompt before drawing it."
            yield Finding("dynamic_unexpanded", it.field, *mark.span(), message)
    if "{" in it.text and "|" in it.text:
        for mark in _CHOICE.finditer(it.text):
            message = "This is a choice of dynamic prompts; expand the prompt before drawing it."
            yield Finding("dynamic_unexpanded", it.field, *mark.span(), message)
