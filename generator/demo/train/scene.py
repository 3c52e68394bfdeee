"""What a training picture shows, as words: drawn by `compose.py`, told by `caption.py`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from generator.demo.palette import BACKGROUNDS, HUES
from generator.demo.train.sprites import Sprite, name_hue

Layout = Literal["single", "small", "two", "three", "different"]
SIDES = ("left", "right", "top", "bottom")


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture's content."""

    style: str
    name: str
    layout: Layout
    background: str
    colour: str | None = None
    """The hue the object is painted in; `None` for its natural colours."""
    natural_colour: str | None = None
    """The name of its own dominant hue, where it has one."""
    side: str | None = None
    """Where a `small` one stands."""
    second: str | None = None
    """The right one of two `different` things."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON line."""
        return asdict(self)


def random_scene(rng: np.random.Generator, sprites: dict[str, Sprite], style: str, *, single: bool = False) -> Scene:
    """A scene of evenly drawn things.

    Args:
        rng: Source of chance.
        sprites: What can be shown.
        style: Of the drawings.
        single: Only one large thing, as for evaluation.
    """
    names = sorted(sprites)
    name = names[int(rng.integers(len(names)))]
    layout = "single" if single else _random_layout(rng)
    second = None
    if layout == "different" and len(names) > 1:
        second = names[(names.index(name) + int(rng.integers(1, len(names)))) % len(names)]
    dominant = sprites[name].dominant
    natural = None if dominant is None else name_hue(dominant).name
    colour = None
    if natural is not None and second is None and rng.random() < 0.45:
        colour = str(rng.choice([h.name for h in HUES if h.name != natural]))
    return Scene(
        style=style,
        name=name,
        layout=layout if layout != "different" or second else "single",
        background=_random_background(rng),
        colour=colour,
        natural_colour=natural,
        side=str(rng.choice(SIDES)) if layout == "small" else None,
        second=second,
    )


def _random_layout(rng: np.random.Generator) -> Layout:
    layouts: tuple[Layout, ...] = ("single", "small", "two", "three", "different")
    return layouts[int(rng.choice(5, p=(0.65, 0.07, 0.09, 0.05, 0.14)))]


def _random_background(rng: np.random.Generator) -> str:
    if rng.random() < 0.38:
        return "white"
    return str(rng.choice([b.name for b in BACKGROUNDS]))
