"""Commands that make something: interrogate, expand, refine, generate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from prompts.errors import PromptError
from prompts.hands import apply_plan, plan_hands
from prompts.language import lift_loras
from prompts.metadata import format_infotext
from prompts.resolve import GENERAL_DEFAULTS
from prompts.spell import HiresFix, Lora, Spell
from service.cli.run import run, watch
from service.cli.show import lines, print_json, spell_lines
from service.cli.spell_io import load_spell
from service.generation import PictureOrder
from service.jobs import ImageRecord
from service.services import Services
from service.spell_json import spell_to_json
from service.spells import Author, SpellVersion

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Offline = Annotated[bool, typer.Option("--offline", help="Do without the language model although one is configured.")]
EVIDENCE_ROWS = 12
_SIZE = re.compile(r"(\d{1,5})[xX×](\d{1,5})")


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command("interrogate")(interrogate)
    app.command("expand")(expand_idea)
    app.command("refine")(refine_spell)
    app.command("generate")(generate)


def interrogate(
    pictures: Annotated[list[Path], typer.Argument(help="PNG, JPEG or WebP files.")],
    mode: Annotated[str, typer.Option(help="fast, classic, best, negative or tags.")] = "fast",
    as_json: Json = False,
) -> None:
    """Turn pictures into spells: exactly, when a picture carries its own; by measurement and CLIP otherwise."""

    async def work(services: Services) -> list[SpellVersion]:
        found = []
        for picture in pictures:
            job = await services.interrogation.start(picture.read_bytes(), mode)
            job = await watch(services, job, picture.name, quiet=as_json)
            found.append(await services.library.get(job.spell_id or "", job.spell_version))
        return found

    versions = run(work)
    if as_json:
        print_json([{"picture": p.name, **_version_json(v)} for p, v in zip(pictures, versions, strict=True)])
        return
    for picture, version in zip(pictures, versions, strict=True):
        lines(f"{picture.name}  ({version.note})", [*spell_lines(version.spell), *_evidence(version)])


def expand_idea(
    idea: Annotated[str, typer.Argument(help="A sentence in any language.")],
    checkpoint: Annotated[str | None, typer.Option(help="Whose family the prompt is written for.")] = None,
    seed: Annotated[int, typer.Option(help="Varies the offline expander's choices.")] = 0,
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """Turn an idea in any language into a spell."""

    async def work(services: Services) -> SpellVersion:
        return await services.expansion.create(idea, checkpoint=checkpoint, seed=seed, offline=offline)

    version = run(work)
    if as_json:
        print_json(_version_json(version))
    else:
        lines(f"spell {version.spell_id}  ({version.note})", spell_lines(version.spell))
        lines("notes", version.details.get("notes", ()))


def refine_spell(
    spell: Annotated[str, typer.Argument(help="A spell's id, JSON, infotext or picture, or - for standard input.")],
    message: Annotated[str, typer.Argument(help="What should change, in any language.")],
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """Change a spell by saying what should change; shows the difference."""

    async def work(services: Services) -> dict[str, object]:
        stored = await _stored(services, spell)
        turn = await services.chat.turn(stored.spell_id, message, offline=offline)
        if not as_json:
            lines(f"{turn.turn.by}: {turn.turn.reply}", turn.diff.lines() or ["nothing changed"])
            lines(f"spell {turn.version.spell_id}, version {turn.version.number}", spell_lines(turn.version.spell))
        return {
            **_version_json(turn.version),
            "reply": turn.turn.reply,
            "by": turn.turn.by,
            "understood": turn.understood,
            "diff": turn.diff.to_json(),
            "edits": turn.edits,
        }

    answer = run(work)
    if as_json:
        print_json(answer)


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
            wanted["width"], wanted["height"] = _size(self.size)
        if self.hires is not None:
            wanted["hires"] = HiresFix(
                upscale_by=self.hires,
                steps=self.hires_steps,
                denoising_strength=self.denoise,
                upscaler=self.upscaler,
            )
        return spell.evolve(**wanted, loras=(*spell.loras, *(_lora(text) for text in self.loras)))


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
    hands: Annotated[bool, typer.Option(help="Apply the hand plan first.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("out"),
    as_json: Json = False,
) -> None:
    """Draw a spell; the pictures carry it in their metadata."""
    params = {"checkpoint": checkpoint, "sampler": sampler, "steps": steps, "cfg_scale": cfg, "seed": seed}
    wishes = _Wishes(
        negative, tuple(lora or ()), size, hires, hires_steps, denoise, upscaler, params | {"clip_skip": clip_skip}
    )

    async def work(services: Services) -> list[tuple[Path, ImageRecord]]:
        spell = wishes.applied_to(await _wanted(services, prompt))
        if hands:
            info = await services.catalogue.checkpoint(spell.params.checkpoint)
            plan = plan_hands(spell, info.profile)
            spell = apply_plan(spell, plan)
            lines("hand plan", [] if as_json else plan.explanation)
        job = await services.generation.submit(PictureOrder(spell=spell, count=count))
        if not as_json and job.spell is not None:
            lines("spell", spell_lines(job.spell))
        await watch(services, job, "drawing", quiet=as_json)
        return await save(services, job.id, out)

    saved = run(work)
    if as_json:
        print_json(
            [
                {
                    "file": str(path),
                    "seed": r.spell.params.seed,
                    "spell": spell_to_json(r.spell),
                    "infotext": format_infotext(r.spell),
                    "notes": r.notes,
                }
                for path, r in saved
            ]
        )
        return
    for path, record in saved:
        typer.echo(f"{path}  {record.width}x{record.height}, seed {record.spell.params.seed}")
        lines("  notes", record.notes)


async def save(services: Services, job_id: str, folder: Path) -> list[tuple[Path, ImageRecord]]:
    """Copy a job's pictures to `folder` as `<job>-<slot>.png` and return where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    for record in await services.generation.images(job_id):
        path = folder / f"{record.job_id}-{record.slot}.png"
        path.write_bytes(await services.gallery.read(record))
        saved.append((path, record))
    return saved


async def _stored(services: Services, source: str) -> SpellVersion:
    if _is_id(source):
        return await services.library.get(source)
    return await services.library.create(load_spell(source), Author.EDIT, note="Given on the command line.")


async def _wanted(services: Services, source: str) -> Spell:
    spell = (await services.library.get(source)).spell if _is_id(source) else load_spell(source)
    text, loras = lift_loras(spell.prompt)
    return spell.evolve(prompt=text, loras=(*spell.loras, *loras))


def _is_id(text: str) -> bool:
    return re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", text) is not None


def _size(text: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        example = f"{GENERAL_DEFAULTS.width}x{GENERAL_DEFAULTS.height}"
        raise PromptError(f"The size {text!r} is not of the form {example}.", field="size", got=text).with_code(
            "size_invalid"
        )
    return int(match[1]), int(match[2])


def _lora(text: str) -> Lora:
    name, colon, weight = text.rpartition(":")
    if not colon:
        return Lora(text)
    try:
        return Lora(name, float(weight))
    except ValueError as wrong:
        raise PromptError(f"The LoRA {text!r} is not of the form name:0.66.", field="lora", got=text).with_code(
            "lora_invalid"
        ) from wrong


def _version_json(version: SpellVersion) -> dict[str, object]:
    return {
        "spell_id": version.spell_id,
        "version": version.number,
        "author": str(version.author),
        "idea": version.idea,
        "details": version.details,
        "spell": spell_to_json(version.spell),
        "infotext": format_infotext(version.spell),
    }


def _evidence(version: SpellVersion) -> list[str]:
    found = version.details.get("interrogation") or {}
    terms = found.get("terms", ())
    counted = [t for t in terms if t["similarity"] is not None]
    believed = [t for t in counted if t["source"] == "measured" or found.get("weights") != "random"]
    rows = [f"evidence  {t['text']}  ({t['category']}, {t['similarity']:.2f})" for t in believed[:EVIDENCE_ROWS]]
    if len(believed) < len(counted):
        rows.append(
            f"evidence  {len(counted) - len(believed)} terms of random CLIP weights are chance: left out, see --json"
        )
    notice = version.details.get("notice")
    return [*rows, f"notice    {notice}"] if notice else rows
