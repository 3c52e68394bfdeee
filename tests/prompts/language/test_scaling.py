"""Twice the text takes about twice the time: no shape of input makes a reader quadratic."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator

import pytest

from prompts import Spell
from prompts.errors import SpellwrightError
from prompts.language import (
    attention,
    budget,
    chunk,
    convert,
    lift_loras,
    lint,
    parse,
    schedule,
    split_and,
    strip_comments,
    unparse,
)
from prompts.language.dynamic import parse_template
from prompts.metadata import format_infotext, parse_infotext

SHAPES = [
    "(", "[", ")", "([", "(a", "[a:", "[a|", "|", ": ", "a:1.2)", "((a:1.5)", "(]", "\\", "#\n", "<a:", "<lora:x:1>",
    " ", "\n", ", ", "BREAK ", "a AND", "{a|", "__a", "{2$$", "（", "猫", 'a: "', 'a: ["', "Steps: 1,", "1", "a++ ",
    "[a:b:0.5] ", "\nNegative prompt: a",
]  # fmt: skip


def tokens(text: str) -> list[int]:
    return [1] * len(text.split())


READERS: dict[str, Callable[[str], object]] = {
    "attention": attention,
    "schedule": lambda text: schedule(text, 2),
    "and": split_and,
    "comments": strip_comments,
    "loras": lift_loras,
    "parse": lambda text: unparse(parse(text)),
    "lint": lambda text: lint(Spell(text, text).evolve(steps=20), ["x"], tokens),
    "chunk": lambda text: chunk(text, tokens, 1),
    "budget": lambda text: budget(text, tokens, 1),
    "template": parse_template,
    "comfyui": lambda text: convert(text, "comfyui", "a1111"),
    "compel": lambda text: convert(text, "compel", "a1111"),
    "novelai": lambda text: convert(text, "novelai", "a1111"),
    "to compel": lambda text: convert(text, "a1111", "compel"),
    "infotext": lambda text: format_infotext(parse_infotext(text)),
}
LENGTH = 4_000  # characters; the product takes prompts of 8,000
RATIO = 2.5
JUDGED_SECONDS = 0.004  # below, the clock says nothing


@pytest.fixture
def no_collection() -> Iterator[None]:
    """The garbage collector runs when it likes; it is no part of the readers."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def seconds(reader: Callable[[str], object], text: str) -> float:
    best = 9.0
    for _ in range(2):
        start = time.process_time()
        with contextlib.suppress(SpellwrightError):  # refused by rule is an answer, too
            reader(text)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_text_takes_twice_the_time(shape: str) -> None:
    short = shape * (LENGTH // len(shape)) + ")"
    long = shape * (2 * LENGTH // len(shape)) + ")"
    for name, reader in READERS.items():
        for attempt in range(4):  # a busy machine may spoil one measurement, hardly four
            later = seconds(reader, long)
            if later < JUDGED_SECONDS or later / max(seconds(reader, short), 1e-6) <= RATIO:
                break
            assert attempt < 3, f"{name} on {shape!r}"


DEEP = 100_000


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("text", ["(" * DEEP + "a" + ")" * DEEP, "[" * DEEP + "a" + "]" * DEEP, "(" * DEEP, ")" * DEEP])
@pytest.mark.parametrize("name", ["attention", "schedule", "parse"])
def test_a_hundred_thousand_nested_brackets_take_under_50_milliseconds(name: str, text: str) -> None:
    assert min(seconds(READERS[name], text) for _ in range(3)) < 0.05
