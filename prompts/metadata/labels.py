"""The keys of A1111's infotext, in the order they are written."""

from __future__ import annotations

ORDER: tuple[str, ...] = (
    "Steps",
    "Sampler",
    "Schedule type",
    "CFG scale",
    "Distilled CFG Scale",
    "Image CFG scale",
    "Seed",
    "Face restoration",
    "Size",
    "First pass size",
    "Model hash",
    "Model",
    "FP8 weight",
    "Cache FP16 weight for LoRA",
    "VAE hash",
    "VAE",
    "Variation seed",
    "Variation seed strength",
    "Seed resize from",
    "Denoising strength",
    "Conditional mask weight",
    "Clip skip",
    "ENSD",
    "Token merging ratio",
    "Token merging ratio hr",
    "Init image hash",
    "RNG",
    "Tiling",
    "Hires resize",
    "Hires upscale",
    "Hires steps",
    "Hires upscaler",
    "Hires checkpoint",
    "Hires sampler",
    "Hires schedule type",
    "Hires prompt",
    "Hires negative prompt",
)
"""A1111's order; keys that are not here stand between these and `LAST`."""
LAST: tuple[str, ...] = ("Version", "User")
OTHERS: tuple[str, ...] = (
    "App",
    "Batch pos",
    "Batch size",
    "Civitai metadata",
    "Civitai resources",
    "Created Date",
    "Emphasis",
    "Eta",
    "Hashes",
    "Hires refiner",
    "Hypernet",
    "Lora hashes",
    "LoRA hashes",
    "Operations",
    "Pad conds",
    "Parser",
    "Refiner",
    "Script",
    "Spellwright",
    "Template",
    "TI hashes",
)
KNOWN = frozenset((*ORDER, *LAST, *OTHERS))
"""Keys that make a line of several pairs a parameters line."""
TECHNICAL = frozenset(
    ("Model hash", "VAE hash", "Lora hashes", "TI hashes", "Hashes", "Civitai resources", "Spellwright", "ENSD")
)
"""Keys that no prompt begins a line with; one alone makes a parameters line."""

_RANKS = {key: i for i, key in enumerate(ORDER)} | {key: len(ORDER) + 1 + i for i, key in enumerate(LAST)}


def rank(key: str) -> int:
    """The place of `key` in the order."""
    return _RANKS.get(key, len(ORDER))
