"""Use case: a grid of pictures. Every cell is a job of its own; the sheet is put together from what is finished."""

from __future__ import annotations

import asyncio
import hashlib
import io
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from prompts.canvas import png_of
from prompts.contact_sheet import contact_sheet
from prompts.errors import SpellwrightError
from prompts.grid import Axis, Cell, Grid, plan_grid, plan_matrix, read_axis
from prompts.limits import SEED
from prompts.spell import Spell
from service.errors import RequestInvalid
from service.gallery import Gallery
from service.generation import Generations, PictureOrder
from service.jobs import Job

Place = tuple[int, int, int]
"""(x, y, z) of a cell."""


@dataclass(frozen=True, slots=True)
class GridOrder:
    """What somebody wants compared."""

    spell: Spell
    axes: tuple[str, ...] = ()
    """x, y and z, each written as `Steps: 10, 20`; an empty text leaves a direction out."""
    is_matrix: bool = False
    """The prompt's parts after `|` on and off in every combination, instead of axes."""


@dataclass(frozen=True, slots=True)
class Grids:
    """Grids of pictures."""

    generation: Generations
    gallery: Gallery

    async def submit(self, order: GridOrder, key: str | None = None) -> tuple[Grid, Mapping[Place, Job]]:
        """Accept every cell as a job; all share one seed unless an axis gives others.

        Raises:
            RequestInvalid: Axes beside a matrix, or neither.
            PromptError: See `plan_grid`, `plan_matrix` and `read_axis`.
            SpellwrightError: A cell that is not accepted; see `Generations.submit`. Those before it are cancelled.
        """
        grid = _planned(order, key)
        jobs: dict[Place, Job] = {}
        try:
            for number, cell in enumerate(grid.cells):
                own = None if key is None else f"{key[:240]}:{number}"
                job = await self.generation.submit(PictureOrder(spell=cell.spell), own)
                jobs[(cell.x, cell.y, cell.z)] = job
        except SpellwrightError:
            for job in jobs.values():
                await self.generation.cancel(job.id)
            raise
        return grid, jobs

    async def sheet(self, axes: Sequence[Axis], jobs: Mapping[Place, str]) -> bytes:
        """The contact sheet as PNG, of the pictures that are finished; places without one stay white.

        Raises:
            RequestInvalid: None is finished yet.
            BlobMissing: A file is gone or damaged.
        """
        pictures: dict[Place, Image.Image] = {}
        for place, job_id in jobs.items():
            for record in (await self.generation.images(job_id))[:1]:
                pictures[place] = await asyncio.to_thread(_opened, await self.gallery.read(record))
        if not pictures:
            raise RequestInvalid("None of these jobs has a picture yet; ask again when one is done.", field="cells")
        cells = tuple(Cell(*place, Spell()) for place in jobs)
        x, y, z = axes
        return await asyncio.to_thread(lambda: png_of(contact_sheet(Grid(x, y, z, cells), pictures)))


def _planned(order: GridOrder, key: str | None) -> Grid:
    given = [text for text in order.axes if text.strip()]
    if bool(given) == order.is_matrix:
        raise RequestInvalid("Give axes, or ask for the prompt matrix: one of them.", field="x")
    params = order.spell.params
    spell = order.spell
    if params.seed in (None, -1):
        spell = spell.evolve(seed=_seed(key))
    return plan_matrix(spell) if order.is_matrix else plan_grid(spell, *(read_axis(text) for text in given))


def _seed(key: str | None) -> int:
    """Any seed; under one idempotency key always the same, so that the same order names the same jobs."""
    if key is None:
        return secrets.randbelow(SEED[1] + 1)
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % (SEED[1] + 1)


def _opened(data: bytes) -> Image.Image:
    """Our own picture, decoded."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        return image.convert("RGB")
