"""X/Y/Z grids and prompt matrices: one spell becomes many, by axes. Pure; nothing is drawn here."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from prompts.errors import PromptError, UnknownName, near_names
from prompts.spell import HiresFix, Spell
from prompts.vocabulary import split_sampler

MOST_CELLS = 100
"""Pictures of one grid."""
MOST_PARTS = 6  # of a matrix: 64 pictures
_RANGE = re.compile(r"\s*([+-]?\s*\d+(?:\.\d+)?)\s*-\s*([+-]?\s*\d+(?:\.\d+)?)\s*(?:\(\s*([+-]\d+(?:\.\d+)?)\s*\))?\s*")
_COUNT = re.compile(
    r"\s*([+-]?\s*\d+(?:\.\d+)?)\s*-\s*([+-]?\s*\d+(?:\.\d+)?)\s*\[\s*(\d{1,4})\s*\]\s*",
)

Change = Callable[[Spell, str], Spell]


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a grid."""

    kind: str
    """A1111's name, see `AXES`; "" for an axis of one value."""
    values: tuple[str, ...]
    """As written; the labels of the rows or columns."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture of a grid."""

    x: int
    y: int
    z: int
    spell: Spell


@dataclass(frozen=True, slots=True)
class Grid:
    """Every picture, in the order they are drawn: z, then rows, then columns."""

    x: Axis
    y: Axis
    z: Axis
    cells: tuple[Cell, ...]


NO_AXIS = Axis("", ("",))


def plan_grid(spell: Spell, x: Axis = NO_AXIS, y: Axis = NO_AXIS, z: Axis = NO_AXIS) -> Grid:
    """Every combination of the axes' values, put into `spell`.

    The seed should be concrete, or every picture gets its own; numbers are not checked here.

    Raises:
        UnknownName: code `axis_not_found`; with near ones.
        PromptError: code `axis_invalid`, a value that is not of its axis; code `too_many_cells`.
    """
    axes = [Axis(axis_named(axis.kind), axis.values) for axis in (x, y, z)]
    count = len(axes[0].values) * len(axes[1].values) * len(axes[2].values)
    if not 1 <= count <= MOST_CELLS:
        raise PromptError(
            f"The grid has {count} pictures; the limit is {MOST_CELLS}. Give fewer values.", got=count, limit=MOST_CELLS
        ).with_code("too_many_cells")
    cells = []
    for places in itertools.product(*(range(len(axis.values)) for axis in reversed(axes))):
        changed = spell
        for axis, place in zip(axes, reversed(places), strict=True):
            changed = _changed(changed, axis, axis.values[place])
        cells.append(Cell(places[2], places[1], places[0], changed))
    return Grid(axes[0], axes[1], axes[2], tuple(cells))


def plan_matrix(spell: Spell) -> Grid:
    """A1111's prompt matrix: parts after `|` are on or off in every combination.

    `a cat|night|rain` is `a cat`, `a cat, night`, `a cat, rain`, `a cat, night, rain`. Half of the parts (the smaller
    half) go across, the others down, as far as they can be told apart.

    Raises:
        PromptError: code `axis_invalid`, no part; code `too_many_cells`, more than 6.
    """
    first, *parts = (part.strip() for part in spell.prompt.split("|"))
    if not parts or len(parts) > MOST_PARTS:
        code = "too_many_cells" if parts else "axis_invalid"
        raise PromptError(
            f"A prompt matrix has 1 to {MOST_PARTS} parts after |, this prompt has {len(parts)}.", got=len(parts)
        ).with_code(code)
    across = len(parts) // 2 or 1
    columns, rows = _subsets(parts[:across]), _subsets(parts[across:])
    cells = tuple(
        Cell(i, j, 0, spell.evolve(prompt=", ".join(filter(None, [first, *column, *row]))))
        for j, row in enumerate(rows)
        for i, column in enumerate(columns)
    )
    return Grid(_matrix_axis(columns), _matrix_axis(rows), NO_AXIS, cells)


def read_axis(text: str) -> Axis:
    """An axis written as `Steps: 10, 20, 30`; A1111's ranges too: `1-9 (+2)`, `0-1 [5]`, quotes around commas.

    Raises:
        UnknownName, PromptError: See `plan_grid`.
    """
    kind, colon, values = text.partition(":")
    if not colon or not values.strip():
        raise PromptError(
            f"The axis {text!r} is not of the form name: value, value. For example Steps: 10, 20.", got=text
        ).with_code("axis_invalid")
    name = axis_named(kind.strip())
    parts = [part.strip() for part in next(csv.reader([values], skipinitialspace=True))]
    is_number = name in _NUMBERS
    found = [value for part in parts for value in (_spread(part, is_whole=_NUMBERS[name]) if is_number else [part])]
    return Axis(name, tuple(found[: MOST_CELLS + 1]))


def axis_named(kind: str) -> str:
    """The canonical name of an axis.

    Raises:
        UnknownName: code `axis_not_found`.
    """
    if not kind:
        return ""
    found = next((name for name in AXES if name.casefold() == kind.casefold()), None)
    if found is None:
        near = near_names(kind, AXES)
        raise UnknownName(f"There is no axis {kind!r}; there are {', '.join(AXES)}.", got=kind, near=near).with_code(
            "axis_not_found"
        )
    return found


def _changed(spell: Spell, axis: Axis, value: str) -> Spell:
    if not axis.kind:
        return spell
    try:
        if axis.kind == "Prompt S/R":
            return _replaced(spell, axis.values[0], value)
        return _CHANGES[axis.kind](spell, value)
    except ValueError as wrong:
        raise PromptError(
            f"The value {value!r} does not fit the axis {axis.kind}.", field=axis.kind, got=value
        ).with_code("axis_invalid") from wrong


def _replaced(spell: Spell, old: str, new: str) -> Spell:
    if old not in spell.prompt and old not in spell.negative_prompt:
        raise PromptError(
            f"Prompt S/R looks for {old!r}, which the prompt does not have.", field="Prompt S/R", got=old
        ).with_code("axis_invalid")
    return spell.evolve(prompt=spell.prompt.replace(old, new), negative_prompt=spell.negative_prompt.replace(old, new))


def _spread(text: str, *, is_whole: bool) -> list[str]:
    """A range as its numbers; anything else as it is."""
    counted, stepped = _COUNT.fullmatch(text), _RANGE.fullmatch(text)
    if counted is not None:
        low, high, count = _float(counted[1]), _float(counted[2]), min(int(counted[3]), MOST_CELLS + 1)
        numbers = [low + (high - low) * i / max(count - 1, 1) for i in range(count)]
    elif stepped is not None:
        low, high = _float(stepped[1]), _float(stepped[2])
        step = float(stepped[3]) if stepped[3] else (1.0 if high >= low else -1.0)
        if step == 0 or (high - low) * step < 0:
            return [text]
        count = min(int((high - low) / step + 1e-9) + 1, MOST_CELLS + 1)
        numbers = [low + i * step for i in range(count)]
    else:
        return [text]
    return [str(int(number)) if is_whole else f"{number:g}" for number in numbers]


def _float(text: str) -> float:
    return float(text.replace(" ", ""))


def _subsets(parts: list[str]) -> list[tuple[str, ...]]:
    """Every choice of parts, in the order of binary counting: none first."""
    return [tuple(p for i, p in enumerate(parts) if number >> i & 1) for number in range(2 ** len(parts))]


def _matrix_axis(choices: list[tuple[str, ...]]) -> Axis:
    return Axis("", tuple(", ".join(choice) for choice in choices))


def _param(name: str, read: Callable[[str], Any]) -> Change:
    return lambda spell, value: spell.evolve(**{name: read(value)})


def _sampler(spell: Spell, value: str) -> Spell:
    sampler, schedule = split_sampler(value)
    return spell.evolve(sampler=sampler, **({"schedule_type": schedule} if schedule else {}))


def _size(spell: Spell, value: str) -> Spell:
    width, _, height = value.casefold().replace("×", "x").partition("x")
    return spell.evolve(width=int(width), height=int(height))


def _hires(name: str, read: Callable[[str], Any]) -> Change:
    def change(spell: Spell, value: str) -> Spell:
        return spell.evolve(hires=replace(spell.params.hires or HiresFix(), **{name: read(value)}))

    return change


_CHANGES: Mapping[str, Change] = MappingProxyType(
    {
        "Seed": _param("seed", int),
        "Steps": _param("steps", int),
        "CFG Scale": _param("cfg_scale", float),
        "Sampler": _sampler,
        "Schedule type": _param("schedule_type", str),
        "Checkpoint name": _param("checkpoint", str),
        "VAE": _param("vae", str),
        "Clip skip": _param("clip_skip", int),
        "Size": _size,
        "Hires upscaler": _hires("upscaler", str),
        "Hires steps": _hires("steps", int),
        "Denoising": _hires("denoising_strength", float),
    }
)
AXES: tuple[str, ...] = ("Prompt S/R", *_CHANGES)
"""A1111's names of the axes."""
_NUMBERS: Mapping[str, bool] = MappingProxyType(
    {"Seed": True, "Steps": True, "Clip skip": True, "Hires steps": True, "CFG Scale": False, "Denoising": False}
)
"""Axes of numbers, and whether they are whole."""
__all__ = ["AXES", "MOST_CELLS", "NO_AXIS", "Axis", "Cell", "Grid", "plan_grid", "plan_matrix", "read_axis"]
