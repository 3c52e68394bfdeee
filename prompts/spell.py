"""The spell: everything that makes a picture. One frozen type for every door, store and engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

LATENT_CELL = 8  # pixels per latent cell of SD1.5 and SDXL


@dataclass(frozen=True, slots=True)
class Lora:
    """One LoRA of a spell; written `<lora:name:weight:unet_weight>` in infotext."""

    name: str
    """File name without suffix, alias, or name from the file's metadata."""
    weight: float = 1.0
    """Strength on the text encoder, and on the UNet unless `unet_weight` is given."""
    unet_weight: float | None = None
    """Strength on the UNet; `None` means the same as `weight` (A1111's rule)."""

    @property
    def unet(self) -> float:
        """The strength that reaches the UNet."""
        return self.weight if self.unet_weight is None else self.unet_weight


@dataclass(frozen=True, slots=True)
class HiresFix:
    """The second pass: upscale the first picture, then denoise again at the larger size.

    `None` in the optional names means "as in the first pass".
    """

    upscale_by: float = 2.0
    """Factor on width and height; ignored when `resize_to` is given."""
    resize_to: tuple[int, int] | None = None
    """Target (width, height) in pixels; a 0 keeps the ratio."""
    steps: int = 0
    """Denoising steps of the second pass; 0 means as many as in the first."""
    denoising_strength: float = 0.7
    """0 keeps the upscaled picture, 1 draws a new one."""
    upscaler: str = "Latent"
    """A1111's name, see `prompts.vocabulary.UPSCALERS`."""
    sampler: str | None = None
    schedule_type: str | None = None
    prompt: str | None = None
    negative_prompt: str | None = None
    checkpoint: str | None = None

    def target_size(self, width: int, height: int) -> tuple[int, int]:
        """The second pass's (width, height) in pixels for a first pass of `width` x `height`.

        A1111's rule: truncate, never round; a zero side of `resize_to` follows the ratio.
        """
        if self.resize_to is None or self.resize_to == (0, 0):
            return int(width * self.upscale_by), int(height * self.upscale_by)
        target_width, target_height = self.resize_to
        if target_height == 0:
            return target_width, target_width * height // width
        if target_width == 0:
            return target_height * width // height, target_height
        return target_width, target_height


@dataclass(frozen=True, slots=True)
class Params:
    """The numbers and names beside the prompt.

    `None` means "not asked for": the default is filled in once, when a job is made (`prompts.resolve`).
    """

    steps: int | None = None
    sampler: str | None = None
    """Canonical A1111 name without schedule suffix, e.g. `DPM++ SDE`."""
    schedule_type: str | None = None
    """A1111 label, e.g. `Karras`; `Automatic` is the sampler's own."""
    cfg_scale: float | None = None
    seed: int | None = None
    """0..2**32-1; `None` or -1 asks for a random one."""
    width: int | None = None
    """Pixels."""
    height: int | None = None
    """Pixels."""
    clip_skip: int | None = None
    """A1111's count: 1 is the last layer, 2 the one before it."""
    checkpoint: str | None = None
    """Name in the catalogue (infotext `Model`)."""
    checkpoint_hash: str | None = None
    """First 10 hex digits of the file's SHA-256 (infotext `Model hash`)."""
    vae: str | None = None
    hires: HiresFix | None = None

    @property
    def is_resolved(self) -> bool:
        """Whether every value an engine needs is concrete."""
        needed = (self.steps, self.sampler, self.schedule_type, self.cfg_scale, self.seed, self.width, self.height)
        return all(v is not None for v in needed) and self.seed != -1 and self.checkpoint is not None


@dataclass(frozen=True, slots=True)
class Spell:
    """Prompt, negative prompt, LoRAs and parameters: what to draw, never how it went.

    LoRA tags are lifted out of the prompt text into `loras` on the way in and written back only by
    infotext, so that an edit of the text cannot lose one.
    """

    prompt: str = ""
    negative_prompt: str = ""
    loras: tuple[Lora, ...] = ()
    params: Params = field(default_factory=Params)
    extra: tuple[tuple[str, str], ...] = ()
    """Infotext pairs this product does not interpret, in the order they were written; kept, never lost."""
    written: str = field(default="", compare=False, repr=False)
    """The infotext this spell was read from, so that what did not change is written back byte for byte."""

    def evolve(self, **changes: Any) -> Spell:
        """A copy with fields changed; names of `Params` fields go to the parameters.

        Raises:
            TypeError: A name that neither `Spell` nor `Params` has.
        """
        own = {k: changes.pop(k) for k in list(changes) if k in Spell.__slots__}
        if changes:
            own["params"] = replace(own.get("params", self.params), **changes)
        return replace(self, **own)
