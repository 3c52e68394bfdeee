"""The compatibility views against an independent writing of A1111's rules."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest

from prompts.language import attention, schedule, split_and

PIECES = ["(", ")", "[", "]", ":", "|", "a", "b", "0.5", "3", "1.2", "\\", ",", "BREAK", "AND", ":1.3)", "-", "é", "（"]
PIECES += ["：", "\\(", "\\]", "[a:", "|b]", ":0.5]", ":.25)", ":-1)", "1e1", "+2", ".", "(x", "(y:1.4", ":2.]", "::3]"]
PIECES += ["{c}", "#d", "<lora:e:1>"]
PIECES += [" ", "  ", "\n", " BREAK ", " AND ", "x y", ": ", " :0.3 ", "[m:n:0.4]", "[o|p]", "(q)"]
COUNT = 24_000


@pytest.fixture(scope="module")
def oracle() -> ModuleType:
    path = Path(__file__).with_name("a1111_oracle.py")
    spec = importlib.util.spec_from_file_location("a1111_oracle", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def random_prompts(seed: int, longest: int, count: int = COUNT) -> list[str]:
    source = random.Random(seed)
    return ["".join(source.choices(PIECES, k=source.randint(0, longest))) for _ in range(count)]


def test_attention_equals_the_oracle_to_the_last_bit(oracle: ModuleType) -> None:
    refused = 0
    for text in random_prompts(1, 16):
        try:
            expected = oracle.oracle_attention(text)
        except ValueError:  # A1111 fails on these; ours must not
            refused += 1
            attention(text)
            continue
        assert attention(text) == expected, text
    assert refused < COUNT / 20


def test_schedules_equal_the_oracle(oracle: ModuleType) -> None:
    source = random.Random(2)
    scheduled = 0
    for text in random_prompts(3, 11):
        hires = source.choice((None, None, 7, 12))
        expected = oracle.oracle_schedule(text, 10, hires)
        scheduled += len(expected) > 1
        assert schedule(text, 10, hires) == expected, (text, hires)
    assert scheduled > COUNT / 10


def test_and_equals_the_oracle(oracle: ModuleType) -> None:
    for text in random_prompts(4, 8):
        assert split_and(text) == oracle.oracle_and(text), text
