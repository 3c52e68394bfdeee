"""What this machine can draw a picture again with: its model files and their hashes, for the reproduction doctor.

Hashing reads whole files, so only as much is hashed as a recipe needs: first the file of the same name, then
the others until every wanted hash is found. The shelf remembers hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from generator.models.catalogue import Catalogue as ModelShelf
from generator.models.catalogue import ModelEntry
from prompts.metadata import Machine, ModelFile, resources
from prompts.metadata.verdicts import bare_name
from prompts.spell import Spell

PATIENCE_BYTES = 4 * 1024**3
"""Once so many bytes of files with other names are hashed for one question, the rest waits for the next one."""

_Hashes = Callable[[ModelEntry], tuple[str, ...]]


def machine_for(spell: Spell, models: ModelShelf, patience_bytes: int | None = None) -> Machine:
    """The files of `models`, with hashes where `spell` asks for one.

    Args:
        spell: The recipe that is to be repeated.
        models: Refreshed first. Refused files are left out: they cannot be drawn with.
        patience_bytes: How much may be hashed of files that do not have the wanted name; `None`: all.
    """
    models.refresh()
    named = resources(spell)
    checkpoints = [r.hash for r in named if r.kind == "checkpoint"] + [spell.params.checkpoint_hash]
    loras = [r.hash for r in named if r.kind == "lora"]
    hashes = {kind: [r.hash for r in named if r.kind == kind] for kind in ("vae", "embedding")}
    names = [r.name for r in named if r.kind == "lora"] + [lora.name for lora in spell.loras]
    patience = _Patience(models, patience_bytes)
    return Machine(
        checkpoints=_files(models.checkpoints(), [spell.params.checkpoint], checkpoints, patience, models.file_hashes),
        loras=_files(models.loras(), names, loras, patience, models.lora_hashes),
        vaes=_files(models.vaes(), [spell.params.vae], hashes["vae"], patience, _sha256(models)),
        embeddings=_files(models.embeddings(), [], hashes["embedding"], patience, _sha256(models)),
        upscalers=tuple(entry.name for entry in models.upscalers() if entry.kind != "refused"),
    )


def _sha256(models: ModelShelf) -> _Hashes:
    return lambda entry: (models.sha256(entry),)


class _Patience:
    """How much may still be hashed."""

    def __init__(self, models: ModelShelf, left: int | None) -> None:
        self._models = models
        self._left = left

    def allows(self, entry: ModelEntry) -> bool:
        """Whether `entry` is hashed already, or may be; counts it."""
        if self._left is None or self._models.is_hashed(entry):
            return True
        if self._left <= 0:
            return False
        self._left -= entry.weights.stat().st_size  # the last one may be larger than what is left
        return True


def _files(
    entries: Iterable[ModelEntry],
    names: Iterable[str | None],
    hashes: Iterable[str | None],
    patience: _Patience,
    hashes_of: _Hashes,
) -> tuple[ModelFile, ...]:
    wanted_names = {bare_name(name) for name in names if name}
    missing = {digits for digits in hashes if digits}
    openable = [entry for entry in entries if entry.kind != "refused" and entry.weights.is_file()]
    namesakes = [e for e in openable if wanted_names & {bare_name(e.name), bare_name(e.alias)}]
    found: list[ModelFile] = []
    for entry in sorted(openable, key=lambda e: e not in namesakes):
        is_hashed = bool(missing) and (entry in namesakes or patience.allows(entry))
        file = ModelFile(entry.name, hashes_of(entry) if is_hashed else ())
        missing = {digits for digits in missing if not file.has_hash(digits)}
        found.append(file)
        if entry.alias and entry.alias != entry.name:
            found.append(ModelFile(entry.alias, file.hashes))
    return tuple(found)
