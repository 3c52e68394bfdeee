"""The error tree of the generator.

SpellwrightError
└── GeneratorError               generation_failed
    ├── CheckpointNotFound       checkpoint_not_found
    ├── LoraNotFound             lora_not_found
    ├── VaeNotFound              vae_not_found
    ├── LoraIncompatible         lora_incompatible
    ├── ModelRefused             safetensors_invalid, pickle_refused, model_not_finite, …
    ├── ModelMissing             model_missing (known, but its files are not on this machine)
    ├── UnsupportedSpell         spell_unsupported (a sampler or option this engine lacks)
    ├── OutOfMemory              out_of_memory
    ├── QueueFull                queue_full
    └── DownloadFailed           download_failed, download_hash_mismatch
"""

from __future__ import annotations

from prompts.errors import SpellwrightError


class GeneratorError(SpellwrightError):
    """A picture could not be made."""

    code = "generation_failed"


class CheckpointNotFound(GeneratorError):
    """No checkpoint of that name in the catalogue; `near` holds close names."""

    code = "checkpoint_not_found"


class LoraNotFound(GeneratorError):
    """No LoRA of that name in the catalogue; `near` holds close names."""

    code = "lora_not_found"


class VaeNotFound(GeneratorError):
    """No VAE of that name in the catalogue; `near` holds close names."""

    code = "vae_not_found"


class LoraIncompatible(GeneratorError):
    """The LoRA was trained for another base, or its keys do not fit; the base model is unchanged."""

    code = "lora_incompatible"


class ModelRefused(GeneratorError):
    """A model file that will not be opened: a pickle, a malformed header, weights that are not finite."""

    code = "model_refused"


class ModelMissing(GeneratorError):
    """A model's files are not on this machine; the detail names them and the folder they go to."""

    code = "model_missing"


class UnsupportedSpell(GeneratorError):
    """The spell asks for something this engine does not do; the detail names it."""

    code = "spell_unsupported"


class OutOfMemory(GeneratorError):
    """The device has too little memory; the detail names a size that would fit."""

    code = "out_of_memory"


class QueueFull(GeneratorError):
    """The engine has as many pictures waiting as it accepts."""

    code = "queue_full"


class DownloadFailed(GeneratorError):
    """A model could not be fetched; what arrived is kept for the next try."""

    code = "download_failed"
