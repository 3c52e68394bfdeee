"""The whole job once, offline: what `make demo` shows. Every stage is the product's own use case."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from prompts.expansion.diff import diff
from prompts.expansion.families import DEMO, SD15, FamilyProfile
from prompts.hands import apply_plan, plan_hands
from prompts.metadata import format_infotext, read_spell
from prompts.spell import HiresFix, Lora, Spell
from service.assembly import build
from service.cli.draw import save
from service.cli.run import watch
from service.cli.show import lines, spell_lines
from service.errors import ServiceError
from service.generation import PictureOrder
from service.services import Services
from service.settings import Settings, load_settings
from service.shelves import DEMO_CHECKPOINT
from service.spells import SpellVersion

PHOTO = "cat.jpg"
IDEA = "a pine tree on a yellow background"
CHINESE_IDEA = "一个女孩在雨中的东京街头挥手，夜景，霓虹灯"
MESSAGE = "make the background white, 25 steps"
LORA_WEIGHT = 0.66
HIRES = HiresFix(upscale_by=2.0, steps=15, denoising_strength=0.5, upscaler="Latent (bicubic antialiased)")
STAGES = 7


class DemoBroken(ServiceError):
    """The demo's own check failed: what was read back is not what was drawn."""

    code = "demo_broken"


@dataclass(slots=True)
class _Clock:
    """Numbers the stages and times them."""

    stage: int = 0

    @contextmanager
    def timed(self, title: str) -> Iterator[None]:
        """Print the stage's title, and its seconds after it."""
        self.stage += 1
        typer.secho(f"\n[{self.stage}/{STAGES}] {title}", bold=True)
        start = time.perf_counter()
        yield
        typer.secho(f"  {time.perf_counter() - start:.1f} s", dim=True)


def run_demo(out: Path, seed: int, settings: Settings | None = None) -> list[Path]:
    """Run every stage, print it with its time, and return the pictures' paths.

    Args:
        out: Folder for the pictures; made when missing.
        seed: Of the picture.
        settings: The user's own by default.

    Raises:
        DemoBroken: The picture's metadata does not give back its spell.
    """
    start = time.perf_counter()
    paths = asyncio.run(_run(out, seed, settings or load_settings()))
    typer.secho(f"\nDone in {time.perf_counter() - start:.1f} s. The pictures:", bold=True)
    for path in paths:
        typer.echo(f"  {path.resolve()}")
    typer.echo("Next: `make serve` opens the page, `.venv/bin/spellwright doctor` says what would make it better.")
    return paths


async def _run(out: Path, seed: int, settings: Settings) -> list[Path]:
    clock = _Clock()
    async with build(settings, own_only=True) as services:
        with clock.timed(f"Photo to spell: {PHOTO}"):
            await _photo(services, out)
        with clock.timed(f"Idea to spell: {IDEA!r}"):
            version = await services.expansion.create(IDEA, checkpoint=DEMO_CHECKPOINT, offline=not settings.has_llm)
            _show(version)
        with clock.timed(f"Idea to spell, in Chinese, for an SD1.5 checkpoint: {CHINESE_IDEA!r}"):
            expansion = await services.expansion.expand(CHINESE_IDEA, "sd15")
            lines(f"by {expansion.by}", spell_lines(expansion.spell))
        with clock.timed(f"Chat: {MESSAGE!r}"):
            turn = await services.chat.turn(version.spell_id, MESSAGE)
            lines(f"{turn.turn.by}: {turn.turn.reply}", turn.diff.lines())
        with clock.timed("Hand plan"):
            _with_hand_plan(expansion.spell, SD15)
            spell = _with_hand_plan(turn.version.spell, DEMO)
        with clock.timed("Spell to picture: DPM++ SDE Karras; then with a LoRA at 0.66 and hires fix x2"):
            drawn = await _draw(services, spell, seed, out)
        with clock.timed("Read back: what the file says is what was drawn"):
            for path, wanted in drawn:
                _check(path, wanted)
        return [path for path, _ in drawn]


async def _photo(services: Services, out: Path) -> None:
    data = (Path(__file__).parent / "sample" / PHOTO).read_bytes()
    out.mkdir(parents=True, exist_ok=True)
    (out / PHOTO).write_bytes(data)
    job = await watch(services, await services.interrogation.start(data), "reading")
    _show(await services.library.get(job.spell_id or "", job.spell_version))


def _show(version: SpellVersion) -> None:
    lines(version.note, spell_lines(version.spell))
    notice = version.details.get("notice")
    lines("notes", [*version.details.get("notes", ()), *([notice] if notice else [])])


def _with_hand_plan(spell: Spell, family: FamilyProfile) -> Spell:
    plan = plan_hands(spell, family)
    planned = apply_plan(spell, plan)
    changes = diff(spell, planned).lines() or ["nothing to add"]
    lines(f"for {family.name}: {spell.prompt[:60]}", [*plan.explanation, *changes])
    return planned


async def _draw(services: Services, spell: Spell, seed: int, out: Path) -> list[tuple[Path, Spell]]:
    loras = [lora.name for lora in await services.catalogue.loras() if lora.is_usable]
    plain = spell.evolve(checkpoint=DEMO_CHECKPOINT, seed=seed, sampler="DPM++ SDE", schedule_type="Karras")
    full = plain.evolve(hires=HIRES, loras=(Lora(loras[0], LORA_WEIGHT),))
    drawn = []
    for wanted in (plain, full):
        job = await services.generation.submit(PictureOrder(spell=wanted))
        if job.spell is not None:
            lines("spell", spell_lines(job.spell))
        job = await watch(services, job, "drawing")
        drawn += [(path, record.spell) for path, record in await save(services, job.id, out)]
    info = await services.catalogue.checkpoint(DEMO_CHECKPOINT)
    lines("about the pictures", [info.notice])
    return drawn


def _check(path: Path, wanted: Spell) -> None:
    found = read_spell(path.read_bytes())
    if found != wanted:
        raise DemoBroken(f"{path.name} gives back another spell than the one that was drawn.", file=path.name)
    lines(f"{path.name}: equal", format_infotext(wanted).splitlines())
