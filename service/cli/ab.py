"""`ab`: does a change help? The same seeds with and without it, scored, as HTML, PNG and JSON."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Annotated

import typer

from prompts.errors import PromptError
from prompts.language import lift_loras
from prompts.limits import SEED
from prompts.spell import Spell
from service.ab.report import markdown, report
from service.ab.sheet import sheet
from service.ab.study import Order, Outcome, compare, seeds_from
from service.ab.variants import variant
from service.assembly import picture_scorer
from service.cli.make import is_id
from service.cli.run import run, watch
from service.cli.show import lines, print_json
from service.cli.spell_io import load_spell
from service.jobs import Job
from service.services import Services

VARIANT_HELP = (
    "universal (the bad-hands list everybody pastes), hands, hands:pose,negatives, hands@sd15, lora:NAME:WEIGHT, "
    "negative:WORDS, edit:MESSAGE, prompt:WORDS; may be given several times."
)


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command("ab")(compare_changes)


def compare_changes(
    spells: Annotated[list[str], typer.Argument(help="Prompts, or a spell's id, JSON, infotext or picture.")],
    change: Annotated[list[str], typer.Option("--variant", help=VARIANT_HELP)],
    count: Annotated[int, typer.Option(help="Seeds; each is drawn once for every side.")] = 16,
    seed: Annotated[int | None, typer.Option(help="The first seed; random when left out.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    checkpoint: Annotated[str | None, typer.Option(help="Name in `spellwright models`.")] = None,
    style: Annotated[str | None, typer.Option(help="Also score how much the pictures look like this.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for report.html, sheet.png and figures.json.")] = Path("out/ab"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Draw the same seeds with and without a change, score both sides, and say what is clear and what is not."""
    if not 1 <= count <= 64:
        raise PromptError(f"count is {count}; it must be from 1 to 64.", field="count", got=count, limit=[1, 64])
    first = secrets.randbelow(SEED[1] + 1) if seed is None else seed
    variants, wishes = tuple(variant(text) for text in change), {"steps": steps, "checkpoint": checkpoint}

    async def work(services: Services) -> Outcome:
        async def follow(job: Job, label: str) -> Job:
            return await watch(services, job, label[:40], quiet=as_json)

        found = [(await _wanted(services, s)).evolve(**{k: v for k, v in wishes.items() if v}) for s in spells]
        order = Order(tuple(found), variants, tuple(seeds_from(first, count)), style)
        return await compare(services, picture_scorer(services.settings, services.engine), order, follow)

    outcome = run(work)
    paths = _written(outcome, out)
    if as_json:
        print_json(outcome.to_json() | {"files": [str(path) for path in paths]})
        return
    typer.echo(markdown(outcome))
    lines("notes", outcome.notices)
    lines("files", (str(path) for path in paths))


def _written(outcome: Outcome, out: Path) -> list[Path]:
    out.mkdir(parents=True, exist_ok=True)
    html, picture, figures = out / "report.html", out / "sheet.png", out / "figures.json"
    html.write_text(report(outcome, "With and without: " + ", ".join(v.text for v in outcome.order.variants)), "utf-8")
    sheet(outcome).save(picture)
    figures.write_text(json.dumps(outcome.to_json(), ensure_ascii=False, indent=1), "utf-8")
    return [html, picture, figures]


async def _wanted(services: Services, source: str) -> Spell:
    spell = (await services.library.get(source)).spell if is_id(source) else load_spell(source)
    text, loras = lift_loras(spell.prompt)
    return spell.evolve(prompt=text, loras=(*spell.loras, *loras))
