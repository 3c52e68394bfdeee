"""Where in an infotext the prompt, the negative prompt and the parameters stand, however it was pasted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prompts.metadata.fields import interpret
from prompts.metadata.labels import KNOWN, TECHNICAL
from prompts.metadata.pairs import Pair, split_pairs

NEGATIVE = "Negative prompt:"
AFTER = "Text after parameters"
"""Key under which text behind the parameters line is kept when it has no label of its own."""
_STEPS_LINE = re.compile(r"^[^\S\n]*Steps: ?\d+[^\S\n]*(?:,|$)", re.MULTILINE)
_STEPS_INLINE = re.compile(r"(?:^|[\s,.])(Steps: ?\d+, ?\w[\w \-/]*:)")
_NEGATIVE_INLINE = re.compile(r"(?:^|\s)(Negative prompt:)(?=\s|$)")
_TEMPLATE = re.compile(r"^[^\S\n]*((?:Negative )?Template):[^\S\n]?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """An infotext taken apart; nothing is interpreted yet."""

    prompt: str
    """Lines stripped one by one, as A1111's reader does; tags still in it."""
    negative_prompt: str
    pairs: tuple[Pair, ...]
    prompt_as_written: str
    negative_as_written: str
    parameters_as_written: str
    """The parameters line and anything behind it."""
    is_standard: bool
    """Whether it stands as A1111 writes it, line by line, so that it may be written back whole."""


def take_apart(text: str) -> Document:
    """`text` as a `Document`; never fails, empty text is an empty one. Linear time.

    The parameters are the last line that begins with `Steps: <number>` (Civitai's rule); else the last line when
    it has three pairs or only known keys (A1111's rule, made safer); else, in a paste that lost its line breaks, all
    from `Steps: <number>, <Key>:` on.
    """
    body = text.strip().replace("\r\n", "\n")
    start, is_line = _parameters_start(body)
    upper, parameters = body[:start], body[start:]
    first_line, _, rest = parameters.partition("\n")
    pairs = split_pairs(first_line) + _pairs_behind(rest)
    prompt_raw, negative_raw, has_line = _halves(upper, inline=True)
    prompt, negative = _stripped(prompt_raw, negative_raw)
    return Document(
        prompt=prompt,
        negative_prompt=negative,
        pairs=pairs,
        prompt_as_written=prompt_raw,
        negative_as_written=negative_raw,
        parameters_as_written=parameters,
        is_standard=is_line and has_line,
    )


def _parameters_start(body: str) -> tuple[int, bool]:
    """Where the parameters begin (the length when there are none), and whether at a line's start."""
    lines = [match.start() for match in _STEPS_LINE.finditer(body)]
    if lines:
        return lines[-1], True
    last = body.rfind("\n") + 1
    line = body[last:]
    if line.split(":", 1)[0].strip() in KNOWN and _is_parameters(line):
        return last, True
    inline = _STEPS_INLINE.search(body)
    if inline is not None:
        return inline.start(1), False
    return (last, True) if _is_parameters(line) else (len(body), True)


def _is_parameters(line: str) -> bool:
    """Three pairs with a known key; or fewer, all known, that say what no prompt would (`Size: large` is none)."""
    pairs = [pair for pair in split_pairs(line) if ":" in pair.raw]
    known = sum(pair.key in KNOWN for pair in pairs)
    if len(pairs) >= 3 or known < len(pairs):
        return known > 0 and len(pairs) >= 3
    params = interpret(pairs).params
    says = (params.steps, params.seed, params.cfg_scale, params.width, params.clip_skip, params.sampler, params.hires)
    return any(value is not None for value in says) or any(pair.key in TECHNICAL for pair in pairs)


def _pairs_behind(rest: str) -> tuple[Pair, ...]:
    """What follows the parameters line: dynamic prompts' templates, or text kept under `AFTER`."""
    pairs: list[Pair] = []
    marks = list(_TEMPLATE.finditer(rest))
    before = rest[: marks[0].start() if marks else len(rest)].strip()
    if before:
        pairs.append(Pair(AFTER, before, before))
    ends = [*(mark.start() for mark in marks[1:]), len(rest)]
    for mark, end in zip(marks, ends, strict=False):  # without marks there is one end and nothing to do
        pairs.append(Pair(mark[1], rest[mark.end() : end].strip(), rest[mark.start() : end].strip()))
    return tuple(pairs)


def _halves(upper: str, *, inline: bool) -> tuple[str, str, bool]:
    """Prompt and negative prompt as they stand, and whether line breaks separate them."""
    at = 0
    for line in upper.split("\n"):
        if line.lstrip().startswith(NEGATIVE):
            label = at + line.index(NEGATIVE)
            return upper[:at].removesuffix("\n"), _tail(upper[label + len(NEGATIVE) :]), True
        at += len(line) + 1
    found = _NEGATIVE_INLINE.search(upper) if inline else None
    if found is not None:
        return upper[: found.start(1)].rstrip(), _tail(upper[found.end(1) :]), False
    return upper.removesuffix("\n"), "", True


def _tail(text: str) -> str:
    return text.removesuffix("\n").removeprefix(" ")


def _stripped(prompt: str, negative: str) -> tuple[str, str]:
    """Both texts with every line stripped; a repeated `Negative prompt:` label is dropped."""
    negatives = [line.strip() for line in negative.split("\n")]
    negatives = [line[len(NEGATIVE) :].strip() if line.startswith(NEGATIVE) else line for line in negatives]
    prompts = [line.strip() for line in prompt.split("\n")]
    return "\n".join(prompts).lstrip("\n"), "\n".join(negatives).lstrip("\n")
