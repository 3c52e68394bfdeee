"""Use case: draw the same seeds with and without each change, and score both sides."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from PIL import Image

from prompts.language.phrases import plain
from prompts.spell import Spell
from service.ab.figures import Paired, paired
from service.ab.scoring import Looking, PictureScorer, Scores
from service.ab.variants import Variant, changed, difference
from service.generation import PictureOrder
from service.jobs import Job
from service.services import Services
from service.spell_json import spell_to_json

Watch = Callable[[Job, str], Awaitable[Job]]
"""Waits for a job's end; raises what made it fail."""
PLAIN = "as it is"


@dataclass(frozen=True, slots=True)
class Order:
    """What to compare."""

    spells: tuple[Spell, ...]
    """Each is drawn as it is and with every change."""
    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    """Consecutive: `seed`, `seed + 1`, …"""
    style: str | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One spell drawn with every seed."""

    name: str
    """`as it is`, or the variant's text."""
    spell: Spell
    """Resolved, with the first seed."""
    changes: tuple[str, ...]
    """Against the spell as it is; empty on that side, and where a change does nothing."""
    pictures: tuple[Image.Image, ...] = field(repr=False)
    scores: tuple[Scores, ...]
    likeness: tuple[float, ...] = ()
    """Cosine of each picture to the plain one of its seed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the comparison."""

    order: Order
    sides: tuple[tuple[Side, ...], ...]
    """For each spell its sides, the plain one first."""
    notices: tuple[str, ...]

    def figures(self) -> dict[str, tuple[Paired, ...]]:
        """The measures of each variant over all spells and seeds."""
        tables = {}
        for place, change in enumerate(self.order.variants, 1):
            before = [s for sides in self.sides for s in sides[0].scores]
            after = [s for sides in self.sides for s in sides[place].scores]
            names = [n for n in before[0] if all(n in s for s in (*before, *after))] if before else []
            tables[change.text] = tuple(paired(n, [s[n] for s in before], [s[n] for s in after]) for n in names)
        return tables

    def likeness(self, place: int) -> float | None:
        """Mean likeness of a variant's pictures to the plain ones; `None` where nothing compared them."""
        values = [value for sides in self.sides for value in sides[place].likeness]
        return fmean(values) if values else None

    def to_json(self) -> dict[str, Any]:
        """All but the pictures, JSON-able."""
        return {
            "seeds": list(self.order.seeds),
            "notices": list(self.notices),
            "figures": {
                name: {
                    "likeness": self.likeness(place),
                    "measures": [
                        {
                            "name": f.name,
                            "before": f.before,
                            "after": f.after,
                            "difference": f.difference,
                            "interval": [f.low, f.high],
                            "better": f.better,
                            "worse": f.worse,
                            "pairs": f.pairs,
                            "verdict": f.verdict,
                        }
                        for f in measures
                    ],
                }
                for place, (name, measures) in enumerate(self.figures().items(), 1)
            },
            "sides": [
                [
                    {
                        "name": s.name,
                        "spell": spell_to_json(s.spell),
                        "changes": list(s.changes),
                        "scores": list(s.scores),
                    }
                    for s in sides
                ]
                for sides in self.sides
            ],
        }


async def compare(services: Services, scorer: PictureScorer, order: Order, watch: Watch) -> Outcome:
    """Draw and score everything; the pictures stay in the gallery like any other.

    Raises:
        PromptError: A change that does not fit its spell.
        SpellwrightError: What kept a picture from being drawn.
    """
    sides = [await _sides(services, scorer, order, spell, watch) for spell in order.spells]
    checkpoint = await services.catalogue.checkpoint(order.spells[0].params.checkpoint)
    notices = (*((checkpoint.notice,) if checkpoint.notice else ()), *scorer.notices)
    return Outcome(order, tuple(sides), notices)


async def _sides(
    services: Services, scorer: PictureScorer, order: Order, spell: Spell, watch: Watch
) -> tuple[Side, ...]:
    info = await services.catalogue.checkpoint(spell.params.checkpoint)
    seeded = spell.evolve(seed=order.seeds[0])
    looking = Looking(plain(spell.prompt), order.style)
    first = await _side(services, scorer, (PLAIN, seeded, ()), looking, len(order.seeds), watch)
    sides = [first]
    for change in order.variants:
        other = await changed(seeded, change, info.profile)
        lines = tuple(difference(seeded, other))
        if not lines:
            sides.append(Side(change.text, first.spell, (), first.pictures, first.scores, (1.0,) * len(order.seeds)))
            continue
        side = await _side(services, scorer, (change.text, other, lines), looking, len(order.seeds), watch)
        likeness = await scorer.likeness(first.pictures, side.pictures)
        sides.append(Side(side.name, side.spell, lines, side.pictures, side.scores, tuple(likeness)))
    return tuple(sides)


async def _side(
    services: Services,
    scorer: PictureScorer,
    wanted: tuple[str, Spell, tuple[str, ...]],
    looking: Looking,
    count: int,
    watch: Watch,
) -> Side:
    name, spell, lines = wanted
    job = await services.generation.submit(PictureOrder(spell=spell, count=count))
    await watch(job, name)
    records = await services.generation.images(job.id)
    pictures = [_opened(await services.gallery.read(record)) for record in records]
    scores = await scorer.scores(pictures, looking)
    return Side(name, job.spell or spell, lines, tuple(pictures), tuple(scores))


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def seeds_from(first: int, count: int) -> Sequence[int]:
    """`count` consecutive seeds, wrapping at 2**32."""
    return [(first + place) % 2**32 for place in range(count)]
