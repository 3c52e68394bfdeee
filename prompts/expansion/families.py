"""Model families: how each wants to be spoken to, and what it draws well by default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prompts.errors import UnknownName, near_hint, near_names
from prompts.spell import HiresFix, Params

PromptStyle = Literal["tags", "prose", "caption"]
"""Short comma-separated phrases; sentences; one plain caption of few words."""


@dataclass(frozen=True, slots=True)
class FamilyProfile:
    """What is known about a model family before a particular checkpoint is looked at."""

    name: str
    style: PromptStyle
    defaults: Params
    """Sampler, steps, CFG scale and size for a square picture."""
    portrait: tuple[int, int]
    """(width, height) in pixels of an upright picture."""
    landscape: tuple[int, int]
    """(width, height) in pixels of a wide picture."""
    hires: HiresFix
    """The second pass that suits the family; used when somebody asks for a larger picture."""
    quality: tuple[str, ...] = ()
    """Phrases that lift the picture in general."""
    negatives: tuple[str, ...] = ()
    """Default negative phrases; hands are the business of `prompts.hands`."""
    max_tokens: int = 75
    """CLIP tokens of one chunk without start and end."""


SD15 = FamilyProfile(
    name="sd15",
    style="tags",
    defaults=Params(
        steps=20, sampler="DPM++ SDE", schedule_type="Karras", cfg_scale=7.0, width=512, height=512, clip_skip=1
    ),
    portrait=(512, 768),
    landscape=(768, 512),
    hires=HiresFix(upscale_by=2.0, denoising_strength=0.5, upscaler="Latent (bicubic antialiased)"),
    quality=("highly detailed", "sharp focus"),
    negatives=("lowres", "blurry", "jpeg artifacts", "watermark", "text", "worst quality"),
)

SDXL = FamilyProfile(
    name="sdxl",
    style="prose",
    defaults=Params(
        steps=28, sampler="DPM++ 2M", schedule_type="Karras", cfg_scale=6.0, width=1024, height=1024, clip_skip=1
    ),
    portrait=(832, 1216),
    landscape=(1216, 832),
    hires=HiresFix(upscale_by=1.5, denoising_strength=0.4, upscaler="Latent (bicubic antialiased)"),
    quality=("finely detailed",),
    negatives=("blurry", "watermark", "text"),
)

DEMO = FamilyProfile(
    name="demo",
    style="caption",
    defaults=Params(
        steps=20, sampler="DPM++ SDE", schedule_type="Karras", cfg_scale=5.0, width=128, height=128, clip_skip=1
    ),
    portrait=(128, 128),
    landscape=(128, 128),
    hires=HiresFix(upscale_by=2.0, denoising_strength=0.5, upscaler="Latent (bicubic antialiased)"),
)

FAMILIES: tuple[FamilyProfile, ...] = (SD15, SDXL, DEMO)


def family_named(name: str) -> FamilyProfile:
    """The profile called `name` (any case).

    Raises:
        UnknownName: code `family_not_found`, with near names.
    """
    for family in FAMILIES:
        if family.name == name.strip().casefold():
            return family
    near = near_names(name, [family.name for family in FAMILIES])
    error = UnknownName(
        f"There is no model family called {name[:40]!r}.{near_hint(near)}",
        field="family",
        got=name[:40],
        near=list(near),
    )
    error.with_code("family_not_found")
    raise error
