"""What is known of one model of this machine, as a flat table for people and programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from generator.errors import CheckpointNotFound, LoraNotFound, ModelMissing, ModelRefused, VaeNotFound
from generator.models.catalogue import Catalogue as ModelShelf
from generator.models.catalogue import ModelEntry
from prompts.errors import near_hint, near_names


def model_card(name: str, models: ModelShelf) -> dict[str, Any]:
    """The card of the model meant by a name, alias, file name or hash; hashes are computed where they are not known.

    Raises:
        ModelMissing: With near names.
    """
    entry, kind = _find(name, models)
    card: dict[str, Any] = {"name": entry.name, "kind": kind, "family": entry.family, "file": entry.path.name}
    if entry.kind == "refused":
        return card | {"notice": entry.refusal}
    if entry.weights.is_file():
        card |= {"sha256": models.sha256(entry), "autov2": models.short_hash(entry)}
    if kind == "LoRA":
        card |= {"autov3": models.lora_hash(entry), "alias": entry.alias, "triggers": list(entry.notes.triggers)}
        return card | {"weight": entry.notes.weight, "about": entry.notes.about}
    if kind == "checkpoint":
        profile = entry.profile
        card |= {"triggers": list(profile.triggers), "about": profile.about}
        card |= {"draws well by": {k: v for k, v in asdict(profile.params).items() if v is not None}}
        hires = {} if profile.hires is None else asdict(profile.hires)
        card |= {"hires fix": {k: v for k, v in hires.items() if v is not None}}
    return card


def _find(name: str, models: ModelShelf) -> tuple[ModelEntry, str]:
    finders: tuple[tuple[str, Callable[[str], ModelEntry]], ...] = (
        ("checkpoint", models.checkpoint),
        ("LoRA", models.lora),
        ("VAE", models.vae),
    )
    for kind, find in finders:
        try:
            return find(name), kind
        except ModelRefused:
            entries = {"checkpoint": models.checkpoints, "LoRA": models.loras, "VAE": models.vaes}[kind]()
            return next(e for e in entries if e.kind == "refused" and name.casefold() in e.path.name.casefold()), kind
        except (CheckpointNotFound, LoraNotFound, VaeNotFound):
            continue
    for kind, listed in (("embedding", models.embeddings()), ("upscaler", models.upscalers())):
        for entry in listed:
            if name.casefold() in (entry.name.casefold(), entry.path.name.casefold()):
                return entry, kind
    groups = (models.checkpoints(), models.loras(), models.vaes(), models.embeddings(), models.upscalers())
    near = near_names(name, [entry.name for group in groups for entry in group])
    raise ModelMissing(f"There is no model called {name!r} here.{near_hint(near)}", got=name, near=list(near))
