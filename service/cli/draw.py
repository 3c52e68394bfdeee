"""`generate`: draw a spell and put the pictures where the person is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from prompts.errors import PromptError
from prompts.language import lift_loras
from prompts.metadata import format_infotext
from prompts.resolve import GENERAL_DEFAULTS
from prompts.spell import HiresFix, Lora, Spell
from service.cli.hand_notes import HANDS_HELP
from service.cli.make import is_id
from service.cli.run import run, watch
from service.cli.show import lines, print_json, spell_lines
from service.cli.spell_io import load_spell
from service.generation import PictureOrder
from service.hand_choice import HandChoice, choice_from_text
from service.jobs import ImageRecord
from service.services import Services
from service.spell_json import spell_to_json

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
_SIZE = re.compile(r"(\d{1,5})[xX×](\d{1,5})")


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command("generate")(generate)


@dataclass(frozen=True, slots=True)
class _Wishes:
    """The options of `generate` that change the spell; `None` leaves it as it is."""

    negative: str | None
    loras: tuple[str, ...]
    size: str | None
    hires: float | None
    hires_steps: int
    denoise: float
    upscaler: str
    params: Mapping[str, object]

    def applied_to(self, spell: Spell) -> Spell:
        """`spell` with every wish in it."""
        wanted = {name: value for name, value in self.params.items() if value is not None}
        if self.negative is not None:
            wanted["negative_prompt"] = self.negative
        if self.size is not None:
            wanted["width"], wanted["height"] = drawn_size(self.size)
        if self.hires is not None:
            wanted["hires"] = HiresFix(
                upscale_by=self.hires,
                steps=self.hires_steps,
                denoising_strength=self.denoise,
                upscaler=self.upscaler,
            )
        return spell.evolve(**wanted, loras=(*spell.loras, *(parse_lora(text) for text in self.loras)))


@dataclass(frozen=True, slots=True)
class _Order:
    """What one call of `generate` asks for."""

    source: str
    """A prompt, or a spell's id, JSON, infotext or picture."""
    wishes: _Wishes
    count: int
    hands: HandChoice | None
    """`None`: the operator's default for a bare prompt; what was brought along is drawn as it is."""


def generate(
    prompt: Annotated[str, typer.Argument(help="A prompt, or a spell's id, JSON, infotext or picture.")],
    negative: Annotated[str | None, typer.Option(help="Negative prompt.")] = None,
    lora: Annotated[list[str] | None, typer.Option(help="name:0.66; may be given several times.")] = None,
    checkpoint: Annotated[str | None, typer.Option(help="Name in `spellwright models`.")] = None,
    sampler: Annotated[str | None, typer.Option(help='For example "DPM++ SDE Karras".')] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    cfg: Annotated[float | None, typer.Option(help="CFG scale.")] = None,
    seed: Annotated[int | None, typer.Option(help="0 to 4294967295; random when left out.")] = None,
    size: Annotated[str | None, typer.Option(help="Width x height in pixels, for example 512x768.")] = None,
    clip_skip: Annotated[int | None, typer.Option(help="1 is the last layer.")] = None,
    hires: Annotated[float | None, typer.Option(help="Hires fix: factor on width and height.")] = None,
    hires_steps: Annotated[int, typer.Option(help="Steps of the second pass; 0: as many as in the first.")] = 0,
    denoise: Annotated[float, typer.Option(help="Denoising strength of the second pass.")] = 0.5,
    upscaler: Annotated[str, typer.Option(help="Upscaler of the second pass.")] = "Latent (bicubic antialiased)",
    count: Annotated[int, typer.Option(help="Pictures; each has its own seed.")] = 1,
    hands: Annotated[str | None, typer.Option(help=HANDS_HELP)] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("out"),
    as_json: Json = False,
) -> None:
    """Draw a spell; the pictures carry it in their metadata."""
    params = {"checkpoint": checkpoint, "sampler": sampler, "steps": steps, "cfg_scale": cfg, "seed": seed}
    wishes = _Wishes(
        negative, tuple(lora or ()), size, hires, hires_steps, denoise, upscaler, params | {"clip_skip": clip_skip}
    )
    order = _Order(prompt, wishes, count, None if hands is None else choice_from_text(hands))
    saved = run(lambda services: _draw(services, order, out, quiet=as_json))
    report_pictures(saved, as_json=as_json)


async def _draw(services: Services, order: _Order, out: Path, *, quiet: bool) -> list[tuple[Path, ImageRecord]]:
    found = await wanted_spell(services, order.source)
    is_bare = found == Spell(found.prompt, loras=found.loras)
    planned = await services.hands.planner.apply(
        order.wishes.applied_to(found), () if order.hands is None and not is_bare else order.hands
    )
    lines("hand plan", [] if quiet or not planned.edits else planned.plan.explanation)
    stored = await services.library.get(order.source) if order.hands is None and is_id(order.source) else None
    chosen = planned if stored is None else await services.hands.planner.chosen_for(stored) or planned
    # A count that is no count is told, not replaced by the plan's.
    count = max(order.count, chosen.seeds) if order.count > 0 else order.count
    job = await services.generation.submit(PictureOrder(spell=planned.spell, count=count, hand_repair=chosen.repair))
    if job.spell is not None:
        lines("spell", [] if quiet else spell_lines(job.spell))
        _warn_of_another_file(planned.spell, job.spell)
    await watch(services, job, "drawing", quiet=quiet)
    return await save(services, job.id, out)


def _warn_of_another_file(asked: Spell, drawn: Spell) -> None:
    """Say on standard error when the checkpoint of that name is not the file the spell was drawn with."""
    was, now = asked.params.checkpoint_hash, drawn.params.checkpoint_hash
    if was and now and not now.startswith(was.casefold()) and not was.casefold().startswith(now):
        typer.echo(
            f"{drawn.params.checkpoint} is another file here (hash {now} instead of {was}): the picture will differ.",
            err=True,
        )


def report_pictures(saved: list[tuple[Path, ImageRecord]], *, as_json: bool) -> None:
    """Say where the pictures are, for people or for programs."""
    if as_json:
        print_json([_picture_json(path, record) for path, record in saved])
        return
    for path, record in saved:
        typer.echo(f"{path}  {record.width}x{record.height}, seed {record.spell.params.seed}")
        lines("  notes", record.notes)


def _picture_json(path: Path, record: ImageRecord) -> dict[str, object]:
    return {
        "file": str(path),
        "seed": record.spell.params.seed,
        "spell": spell_to_json(record.spell),
        "infotext": format_infotext(record.spell),
        "notes": record.notes,
    }


async def save(services: Services, job_id: str, folder: Path) -> list[tuple[Path, ImageRecord]]:
    """Copy a job's pictures to `folder` as `<job>-<slot>.png` and return where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    for record in await services.generation.images(job_id):
        path = folder / f"{record.job_id}-{record.slot}.png"
        path.write_bytes(await services.gallery.read(record))
        saved.append((path, record))
    return saved


async def wanted_spell(services: Services, source: str) -> Spell:
    """The spell behind a prompt, id, JSON, infotext or picture, with its LoRA tags lifted."""
    spell = (await services.library.get(source)).spell if is_id(source) else load_spell(source)
    text, loras = lift_loras(spell.prompt)
    return spell.evolve(prompt=text, loras=(*spell.loras, *loras))


def drawn_size(text: str) -> tuple[int, int]:
    """(width, height) of `512x768`.

    Raises:
        PromptError: code `size_invalid`.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        example = f"{GENERAL_DEFAULTS.width}x{GENERAL_DEFAULTS.height}"
        raise PromptError(f"The size {text!r} is not of the form {example}.", field="size", got=text).with_code(
            "size_invalid"
        )
    return int(match[1]), int(match[2])


def parse_lora(text: str) -> Lora:
    """The LoRA of `name:0.66`, or of a name alone.

    Raises:
        PromptError: code `lora_invalid`.
    """
    name, colon, weight = text.rpartition(":")
    if not colon:
        return Lora(text)
    try:
        return Lora(name, float(weight))
    except ValueError as wrong:
        raise PromptError(f"The LoRA {text!r} is not of the form name:0.66.", field="lora", got=text).with_code(
            "lora_invalid"
        ) from wrong
