"""The spell as JSON: the one shape the routes and the store share, and the way there and back."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prompts.spell import HiresFix, Lora, Params, Spell
from service.errors import RequestInvalid

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LoraModel(_Strict):
    """One LoRA: `weight` goes to the text encoder, and to the UNet unless `unet_weight` is given."""

    name: str = Field(min_length=1, max_length=256, examples=["demo-flat-poster"])
    weight: Finite = 1.0
    unet_weight: Finite | None = None


class HiresModel(_Strict):
    """The second pass; `null` in a name means "as in the first pass"."""

    upscale_by: Finite = 2.0
    resize_to: tuple[int, int] | None = None
    steps: int = 0
    denoising_strength: Finite = 0.7
    upscaler: str = Field(default="Latent", max_length=256)
    sampler: str | None = Field(default=None, max_length=256)
    schedule_type: str | None = Field(default=None, max_length=256)
    prompt: str | None = None
    negative_prompt: str | None = None
    checkpoint: str | None = Field(default=None, max_length=256)


class ParamsModel(_Strict):
    """The numbers and names beside the prompt; `null` means "not asked for"."""

    steps: int | None = None
    sampler: str | None = Field(default=None, max_length=256, examples=["DPM++ SDE Karras"])
    schedule_type: str | None = Field(default=None, max_length=256)
    cfg_scale: Finite | None = None
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    clip_skip: int | None = None
    checkpoint: str | None = Field(default=None, max_length=256)
    checkpoint_hash: str | None = Field(default=None, max_length=128)
    vae: str | None = Field(default=None, max_length=256)
    hires: HiresModel | None = None

    def to_domain(self) -> Params:
        """The domain's `Params`."""
        values = {name: getattr(self, name) for name in type(self).model_fields if name != "hires"}
        hires = None if self.hires is None else HiresFix(**self.hires.model_dump())
        return Params(**values, hires=hires)


class SpellModel(_Strict):
    """Prompt, negative prompt, LoRAs and parameters."""

    prompt: str = ""
    negative_prompt: str = ""
    loras: tuple[LoraModel, ...] = ()
    params: ParamsModel = ParamsModel()
    extra: tuple[tuple[str, str], ...] = ()

    def to_domain(self) -> Spell:
        """The domain's `Spell`."""
        return Spell(
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            loras=tuple(Lora(**lora.model_dump()) for lora in self.loras),
            params=self.params.to_domain(),
            extra=self.extra,
        )

    @classmethod
    def from_domain(cls, spell: Spell) -> SpellModel:
        """The JSON shape of `spell`."""
        return cls.model_validate(spell_to_json(spell))


def spell_to_json(spell: Spell) -> dict[str, Any]:
    """`spell` as JSON-able values; every field is written, also the empty ones."""
    params: dict[str, Any] = {name: getattr(spell.params, name) for name in Params.__slots__}
    hires = spell.params.hires
    if hires is not None:
        params["hires"] = {name: getattr(hires, name) for name in HiresFix.__slots__}
        params["hires"]["resize_to"] = None if hires.resize_to is None else list(hires.resize_to)
    return {
        "prompt": spell.prompt,
        "negative_prompt": spell.negative_prompt,
        "loras": [{name: getattr(lora, name) for name in Lora.__slots__} for lora in spell.loras],
        "params": params,
        "extra": [list(pair) for pair in spell.extra],
    }


def spell_from_json(data: object) -> Spell:
    """The inverse of `spell_to_json`; missing fields are "not asked for".

    Raises:
        RequestInvalid: code `spell_invalid`; `field` names the first wrong place.
    """
    try:
        return SpellModel.model_validate(data).to_domain()
    except ValidationError as invalid:
        first = invalid.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "spell"
        error = RequestInvalid(f"The spell's field {field} cannot be used: {first['msg']}.", field=field)
        error.with_code("spell_invalid")
        raise error from invalid
