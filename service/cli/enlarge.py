"""`upscale`: make a picture larger without drawing it again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prompts.upscale import Upscale
from service.cli.draw import drawn_size, report_pictures, save
from service.cli.run import run, watch
from service.jobs import ImageRecord
from service.services import Services
from service.sources import PictureRef


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command("upscale")(upscale)


def upscale(
    picture: Annotated[Path, typer.Argument(help="PNG, JPEG or WebP; a spell in it is kept.")],
    by: Annotated[float, typer.Option(help="Factor on width and height.")] = 2.0,
    to: Annotated[str | None, typer.Option(help="Width x height instead, covered and cut.")] = None,
    upscaler: Annotated[str, typer.Option(help="Lanczos, Nearest or a network in `spellwright models`.")] = "Lanczos",
    out: Annotated[Path, typer.Option(help="Folder for the picture.")] = Path("out"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Make a picture larger without drawing it again."""
    data = picture.read_bytes()
    wanted = Upscale("", upscaler, by, None if to is None else drawn_size(to))

    async def work(services: Services) -> list[tuple[Path, ImageRecord]]:
        job = await services.generation.upscale(PictureRef(data=data), wanted)
        await watch(services, job, "enlarging", quiet=as_json)
        return await save(services, job.id, out)

    report_pictures(run(work), as_json=as_json)
