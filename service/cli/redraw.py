"""`img2img`: draw over a picture, all of it, the part a mask marks, or beyond its edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from prompts.canvas import Margins
from prompts.errors import PromptError
from prompts.img2img import Img2Img, Inpaint
from prompts.spell import Spell
from service.cli.draw import drawn_size, parse_lora, report_pictures, save, wanted_spell
from service.cli.run import run, watch
from service.cli.show import lines, spell_lines
from service.generation import PictureOrder
from service.jobs import ImageRecord
from service.services import Services
from service.sources import Img2ImgOrder, PictureRef

_SIDES = ("left", "right", "top", "bottom")


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command("img2img")(img2img)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What one call asks for."""

    prompt: str
    changes: Mapping[str, object]
    loras: tuple[str, ...]
    order: Img2ImgOrder
    count: int

    def spell(self, base: Spell) -> Spell:
        """`base` with every wish in it."""
        given = {name: value for name, value in self.changes.items() if value is not None}
        return base.evolve(**given, loras=(*base.loras, *(parse_lora(text) for text in self.loras)))


def img2img(
    picture: Annotated[Path, typer.Argument(help="The picture to draw over: PNG, JPEG or WebP.")],
    prompt: Annotated[str, typer.Argument(help="A prompt, or a spell's id, JSON, infotext or picture.")],
    negative: Annotated[str | None, typer.Option(help="Negative prompt.")] = None,
    denoise: Annotated[float, typer.Option(help="Denoising strength: 0 keeps the picture, 1 draws a new one.")] = 0.75,
    mask: Annotated[Path | None, typer.Option(help="Inpaint: white is drawn anew, black stays.")] = None,
    invert: Annotated[bool, typer.Option(help="Draw what is black in the mask instead.")] = False,
    only_masked: Annotated[bool, typer.Option(help="Draw the mask's box at full size and paste it back.")] = False,
    padding: Annotated[int, typer.Option(help="Pixels around that box.")] = 32,
    blur: Annotated[int, typer.Option(help="Softens the mask's edge; pixels.")] = 4,
    content: Annotated[
        str | None, typer.Option(help="Under the mask first: fill, original, latent noise, latent nothing.")
    ] = None,
    outpaint: Annotated[str | None, typer.Option(help="Extend the canvas, for example left=64,right=64.")] = None,
    resize: Annotated[str, typer.Option(help="Resize mode.")] = "Just resize",
    exact_steps: Annotated[bool, typer.Option(help="Walk all steps instead of the strength's share.")] = False,
    lora: Annotated[list[str] | None, typer.Option(help="name:0.66; may be given several times.")] = None,
    checkpoint: Annotated[str | None, typer.Option(help="Name in `spellwright models`.")] = None,
    sampler: Annotated[str | None, typer.Option(help='For example "DPM++ 2M Karras".')] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    cfg: Annotated[float | None, typer.Option(help="CFG scale.")] = None,
    seed: Annotated[int | None, typer.Option(help="0 to 4294967295; random when left out.")] = None,
    size: Annotated[str | None, typer.Option(help="Width x height; the picture's own when left out.")] = None,
    count: Annotated[int, typer.Option(help="Pictures; each has its own seed.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("out"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Draw over a picture: all of it, what a mask marks (inpaint), or beyond its edges (outpaint)."""
    inpaint = None
    if mask is not None or outpaint is not None or content is not None:
        inpaint = Inpaint("", blur, content or ("fill" if outpaint else "original"), invert, only_masked, padding)
    order = Img2ImgOrder(
        PictureRef(data=picture.read_bytes()),
        Img2Img("", denoise, resize, inpaint, exact_steps),
        mask=None if mask is None else PictureRef(data=mask.read_bytes()),
        outpaint=None if outpaint is None else _margins(outpaint),
    )
    width, height = (None, None) if size is None else drawn_size(size)
    changes = {"checkpoint": checkpoint, "sampler": sampler, "steps": steps, "cfg_scale": cfg, "seed": seed}
    changes |= {"negative_prompt": negative, "width": width, "height": height}
    wish = _Wish(prompt, changes, tuple(lora or ()), order, count)
    report_pictures(run(lambda services: _redraw(services, wish, out, quiet=as_json)), as_json=as_json)


async def _redraw(services: Services, wish: _Wish, out: Path, *, quiet: bool) -> list[tuple[Path, ImageRecord]]:
    spell = wish.spell(await wanted_spell(services, wish.prompt))
    job = await services.generation.submit(PictureOrder(spell=spell, count=wish.count, img2img=wish.order))
    if not quiet and job.spell is not None:
        lines("spell", spell_lines(job.spell))
    await watch(services, job, "drawing", quiet=quiet)
    return await save(services, job.id, out)


def _margins(text: str) -> Margins:
    """`left=64,right=64` as margins.

    Raises:
        PromptError: code `margins_invalid`.
    """
    sides: dict[str, int] = {}
    for part in text.split(","):
        side, _, pixels = part.strip().partition("=")
        if side not in _SIDES or not pixels.isascii() or not pixels.isdigit():
            raise PromptError(
                f"The margins {text!r} are not of the form left=64,right=64; sides are {', '.join(_SIDES)}.",
                field="outpaint",
                got=text,
            ).with_code("margins_invalid")
        sides[side] = int(pixels)
    return Margins(**sides)
