"""A spell's names of models, made those of this machine's files, with the hashes that infotext names them by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from generator.models.catalogue import Catalogue as ModelShelf
from generator.models.catalogue import ModelEntry, check_lora_fits
from generator.models.inversion_names import InversionNames
from prompts.language.chunks import Tokenize
from prompts.spell import HiresFix, Params, Spell

_OWN_VAE = ("", "automatic", "none")
_WRITTEN_HERE = ("Lora hashes", "TI hashes", "VAE hash")
"""Infotext keys whose values are those of this machine's files, whatever the pasted text said."""


def fit_names(models: ModelShelf, spell: Spell, checkpoint_name: str, tokenize: Tokenize | None) -> Spell:
    """`spell` with canonical names of checkpoint, LoRAs, VAE and upscaler, and their hashes.

    Args:
        models: Reads and hashes files.
        spell: Its names may be aliases, file names or hashes.
        checkpoint_name: Canonical.
        tokenize: The checkpoint's, to find embeddings in the prompts; `None` finds none.

    Raises:
        LoraNotFound, LoraIncompatible, VaeNotFound, CheckpointNotFound, ModelRefused: See the catalogue.
    """
    checkpoint = models.checkpoint(checkpoint_name)
    entries = [models.lora(lora.name) for lora in spell.loras]
    for entry in dict.fromkeys(entries):
        check_lora_fits(entry, checkpoint)
        models.check_numbers(entry)
    loras = tuple(replace(lora, name=entry.name) for lora, entry in zip(spell.loras, entries, strict=True))
    vae = _vae(models, spell.params)
    short_hash = models.short_hash(checkpoint) if checkpoint.weights.is_file() else None
    named = _named(models, spell, checkpoint, tokenize)
    for part in (checkpoint, *named, *(() if vae is None else (vae,))):
        models.check_numbers(part)
    pairs = {
        "VAE hash": "" if vae is None else models.short_hash(vae),
        "Lora hashes": _listed((e.path.stem, models.lora_hash(e)) for e in dict.fromkeys(entries)),
        "TI hashes": _listed((e.path.stem, models.embedding_hash(e)) for e in named),
    }
    kept = [pair for pair in spell.extra if pair[0] not in _WRITTEN_HERE]
    return spell.evolve(
        loras=loras,
        checkpoint=checkpoint.name,
        checkpoint_hash=short_hash,
        vae=spell.params.vae if vae is None else vae.path.name,
        hires=_hires(models, spell.params.hires),
        extra=(*kept, *((key, value) for key, value in pairs.items() if value)),
    )


def _vae(models: ModelShelf, params: Params) -> ModelEntry | None:
    if params.vae is None or params.vae.strip().casefold() in _OWN_VAE:
        return None
    return models.vae(params.vae)


def _hires(models: ModelShelf, hires: HiresFix | None) -> HiresFix | None:
    if hires is None:
        return None
    if hires.checkpoint is not None:
        hires = replace(hires, checkpoint=models.checkpoint(hires.checkpoint).name)
    network = models.upscaler(hires.upscaler)
    return hires if network is None else replace(hires, upscaler=network.name)


def _named(
    models: ModelShelf, spell: Spell, checkpoint: ModelEntry, tokenize: Tokenize | None
) -> tuple[ModelEntry, ...]:
    """The embeddings of the checkpoint's family that the prompts name."""
    usable = [e for e in models.embeddings() if e.kind != "refused" and e.family == checkpoint.family]
    if not usable or tokenize is None:
        return ()
    hires = spell.params.hires or HiresFix()
    texts = (spell.prompt, spell.negative_prompt, hires.prompt or "", hires.negative_prompt or "")
    return InversionNames(usable, tokenize).named_in(" , ".join(texts))


def _listed(hashes: Iterable[tuple[str, str]]) -> str:
    """`a: 0123456789ab, b: …`, as the web UI writes it."""
    return ", ".join(f"{name}: {digits}" for name, digits in hashes)
