"""What the reproduction doctor says, and what it has to know of this machine."""

from __future__ import annotations

from dataclasses import dataclass

EXACT = "exact"
"""It will be drawn as it was."""
APPROXIMATED = "approximated"
"""Something near it will be drawn."""
MISSING = "missing"
"""It cannot be drawn here as things are."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One field of a picture's recipe and whether it can be repeated here."""

    field: str
    """`sampler`, `lora ink`, `RNG`, …; several verdicts may share a field."""
    status: str
    """`exact`, `approximated` or `missing`."""
    asked: str
    """What the picture was made with; empty when it does not say."""
    message: str
    """What will happen, for a person."""
    remedy: str = ""
    """What to do about it; empty when there is nothing to do."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One model file of this machine."""

    name: str
    """Without suffix."""
    hashes: tuple[str, ...] = ()
    """Any hashes known of it, hex digits: SHA-256 of the file, of the weights alone (LoRA), A1111's old one."""

    def has_hash(self, wanted: str) -> bool:
        """Whether one of the hashes begins with `wanted`, or `wanted` with it; under 8 digits nothing matches."""
        short = wanted.casefold().removeprefix("0x")
        folded = (known.casefold() for known in self.hashes)
        return len(short) >= 8 and any(k.startswith(short) or (len(k) >= 8 and short.startswith(k)) for k in folded)


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine can draw with."""

    checkpoints: tuple[ModelFile, ...] = ()
    loras: tuple[ModelFile, ...] = ()
    vaes: tuple[ModelFile, ...] = ()
    embeddings: tuple[ModelFile, ...] = ()
    upscalers: tuple[str, ...] = ()
    """Upscaler models beside the built-in ones."""
    honours: frozenset[str] = frozenset(
        ("RNG", "ENSD", "Eta", "Emphasis", "Variation seed", "Variation seed strength", "Seed resize from")
    )
    """Infotext keys outside `Params` that the engine reads."""
    refused_samplers: frozenset[str] = frozenset()
    """Samplers the engine does not have."""
    near_samplers: frozenset[str] = frozenset(("UniPC",))
    """Samplers the engine has in another implementation than the web UI's."""


def by_hash(files: tuple[ModelFile, ...], wanted: str | None) -> ModelFile | None:
    """The file with this hash; `None` without one."""
    return next((file for file in files if wanted and file.has_hash(wanted)), None)


def by_name(files: tuple[ModelFile, ...], wanted: str | None) -> ModelFile | None:
    """The file with this name, ignoring case, folders and suffix; `None` without one."""
    folded = bare_name(wanted or "")
    return next((file for file in files if folded and bare_name(file.name) == folded), None)


def bare_name(name: str) -> str:
    """A file's name without folders and suffix, case folded."""
    stem = name.replace("\\", "/").rsplit("/", 1)[-1].casefold()
    for suffix in (".safetensors", ".ckpt", ".pt", ".bin"):
        stem = stem.removesuffix(suffix)
    return stem
