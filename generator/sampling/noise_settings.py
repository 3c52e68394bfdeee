"""How a picture's noise is drawn, read from the infotext pairs that the web UI writes for it. No torch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from generator.errors import UnsupportedSpell

Source = Literal["cpu", "nv"]
SOURCES: tuple[Source, ...] = ("cpu", "nv")

_SIZE = re.compile(r"(\d{1,5})\s*x\s*(\d{1,5})")
_SEEDS = 2**32
_ETA = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class NoiseSettings:
    """Everything beside seed and shape that decides the noise."""

    source: Source = "nv"
    """`nv` is what a CUDA card draws (the web UI's default), `cpu` is torch's CPU generator."""
    later_seed_shift: int = 0
    """ENSD: added to the seed for all draws after the first."""
    variation_seed: int = 0
    variation_strength: float = 0.0
    """0 is the seed's own noise, 1 the variation seed's."""
    resize_from: tuple[int, int] | None = None
    """(width, height) in pixels whose noise is put into the middle of this picture's."""
    eta: float = 1.0
    """How much fresh noise ancestral and SDE samplers add: 1 is theirs, 0 none."""
    not_understood: tuple[str, ...] = field(default=(), compare=False)
    """Pairs with a value that says nothing, as `key: value`."""


def read_noise_settings(extra: Iterable[tuple[str, str]], default: str = "nv") -> NoiseSettings:
    """The settings in a spell's extra infotext pairs; what is not there keeps its default.

    Args:
        extra: `Spell.extra`. Read are RNG, ENSD, Variation seed, Variation seed strength, Seed resize
            from and Eta.
        default: The source when the pairs name none.

    Raises:
        UnsupportedSpell: `default` is no known source.
    """
    if default not in SOURCES:
        raise UnsupportedSpell(f"The noise source {default!r} is unknown; use cpu or nv.", got=default)
    pairs = {key.strip().casefold(): value.strip() for key, value in extra}
    odd: list[str] = []

    def number(key: str, low: float, high: float, otherwise: float = 0.0) -> float:
        if key not in pairs:
            return otherwise
        try:
            value = float(pairs[key])
        except ValueError:
            value = high + 1
        if not low <= value <= high:
            odd.append(f"{key}: {pairs[key]}")
            return otherwise
        return value

    source: Source = "cpu" if default == "cpu" else "nv"
    named = pairs.get("rng", "").casefold()
    if named in ("cpu", "nv", "gpu"):
        source = "cpu" if named == "cpu" else "nv"
    elif named:
        odd.append(f"rng: {pairs['rng']}")
    size = _SIZE.fullmatch(pairs.get("seed resize from", ""))
    resize = (int(size.group(1)), int(size.group(2))) if size else None
    return NoiseSettings(
        source=source,
        later_seed_shift=int(number("ensd", -_SEEDS, _SEEDS)),
        variation_seed=int(number("variation seed", 0, _SEEDS)),
        variation_strength=number("variation seed strength", 0.0, 1.0),
        resize_from=resize if resize and 0 not in resize else None,
        eta=number("eta", *_ETA, otherwise=1.0),
        not_understood=tuple(odd),
    )
