"""`grid`: one spell along axes, or a prompt matrix, with a contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.draw import report_pictures, save, wanted_spell
from service.cli.run import run, watch
from service.grids import GridOrder, Grids
from service.jobs import ImageRecord
from service.services import Services

AXIS = 'For example "Steps: 10, 20", "Seed: 1-4", "CFG Scale: 3-9 (+2)", "Prompt S/R: cat, dog".'


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command("grid")(grid)


def grid(
    prompt: Annotated[str, typer.Argument(help="A prompt, or a spell's id, JSON, infotext or picture.")],
    x: Annotated[str, typer.Option(help=AXIS)] = "",
    y: Annotated[str, typer.Option(help="As --x, from top to bottom.")] = "",
    z: Annotated[str, typer.Option(help="As --x, one sheet below the other.")] = "",
    matrix: Annotated[bool, typer.Option(help="Parts of the prompt after | on and off, instead of axes.")] = False,
    seed: Annotated[int | None, typer.Option(help="Of all pictures; random when left out.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures and sheet.png.")] = Path("out"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Draw one spell in every combination of some values, and put the pictures on one sheet."""

    async def work(services: Services) -> list[tuple[Path, ImageRecord]]:
        given = {name: value for name, value in (("seed", seed), ("steps", steps)) if value is not None}
        spell = (await wanted_spell(services, prompt)).evolve(**given)
        grids = Grids(services.generation, services.gallery)
        planned, jobs = await grids.submit(GridOrder(spell, (x, y, z), matrix))
        saved = []
        for number, job in enumerate(jobs.values(), 1):
            await watch(services, job, f"{number} of {len(jobs)}", quiet=as_json)
            saved += await save(services, job.id, out)
        axes = (planned.x, planned.y, planned.z)
        (out / "sheet.png").write_bytes(await grids.sheet(axes, {place: job.id for place, job in jobs.items()}))
        return saved

    report_pictures(run(work), as_json=as_json)
    if not as_json:
        typer.echo(str(out / "sheet.png"))
