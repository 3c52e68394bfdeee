"""What comes out: the views of models of the native API."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from service.catalogue import CheckpointInfo, LoraInfo, PartInfo

HIRES_KEYS = ("upscale_by", "steps", "denoising_strength", "upscaler")


class CheckpointView(BaseModel):
    """One checkpoint."""

    name: str
    family: str
    is_demo: bool
    is_usable: bool
    is_default: bool
    notice: str
    defaults: dict[str, Any]
    """Its own where its author or example pictures say, its family's otherwise."""
    hires: dict[str, Any]
    """The second pass that suits it."""
    triggers: list[str]
    """Words its author wants in the prompt."""
    about: str

    @classmethod
    def of(cls, info: CheckpointInfo, *, is_default: bool) -> CheckpointView:
        """The view of a checkpoint with the values it draws well by."""
        defaults = info.profile.defaults
        names = ("steps", "sampler", "schedule_type", "cfg_scale", "width", "height", "clip_skip")
        return cls(
            name=info.name,
            family=info.family,
            is_demo=info.is_demo,
            is_usable=info.is_usable,
            is_default=is_default,
            notice=info.notice,
            defaults={name: getattr(defaults, name) for name in names},
            hires={name: getattr(info.profile.hires, name) for name in HIRES_KEYS},
            triggers=list(info.own.triggers),
            about=info.own.about,
        )


class LoraView(BaseModel):
    """One LoRA."""

    name: str
    family: str
    alias: str
    is_usable: bool
    notice: str
    triggers: list[str]
    """Words that the prompt needs."""
    weight: float | None
    """The strength its author suggests."""
    about: str

    @classmethod
    def of(cls, info: LoraInfo) -> LoraView:
        """The view of a LoRA."""
        return cls(
            name=info.name,
            family=info.family,
            alias=info.alias,
            is_usable=info.is_usable,
            notice=info.notice,
            triggers=list(info.triggers),
            weight=info.weight,
            about=info.about,
        )


class PartView(BaseModel):
    """A textual inversion or VAE."""

    name: str
    """What prompts (of an embedding) or `params.vae` say."""
    family: str
    is_usable: bool
    notice: str

    @classmethod
    def of(cls, info: PartInfo) -> PartView:
        """The view of a part."""
        return cls(name=info.name, family=info.family, is_usable=info.is_usable, notice=info.notice)


class CatalogueView(BaseModel):
    """Everything that can be asked for."""

    checkpoints: list[CheckpointView]
    loras: list[LoraView]
    embeddings: list[PartView]
    vaes: list[PartView]
    samplers: list[str]
    schedule_types: list[str]
    upscalers: list[str]
    interrogation_modes: list[str]
    limits: dict[str, Any]
    llm: str | None
    """The language model's name; `null`: the offline expander works."""
