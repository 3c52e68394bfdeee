"""What can be asked for on this machine, and whether a spell asks only for that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from generator.errors import CheckpointNotFound, ModelMissing, ModelRefused, UnsupportedSpell
from generator.models.catalogue import Catalogue as ModelShelf
from generator.models.catalogue import ModelEntry
from generator.models.clip_words import ClipWords, clip_words, folder_words
from generator.models.profile import CheckpointProfile
from prompts.expansion.catalogue import LoraCard
from prompts.expansion.families import SD15, FamilyProfile, family_named
from prompts.language.chunks import Tokenize
from prompts.metadata import Machine
from prompts.spell import Params, Spell
from service.fitting import fit_names
from service.machine import PATIENCE_BYTES, machine_for

DEMO_FAMILY = "demo"
LORA_WEIGHT = 0.8  # suggested where a LoRA's author says nothing
DRAWABLE = ("sd15", "sdxl", DEMO_FAMILY)  # families that the engine draws


@dataclass(frozen=True, slots=True)
class Shelves:
    """The models in the configured folders, and which of them is the demo."""

    models: ModelShelf
    demo_name: str | None = None
    """Name of the built-in checkpoint; `None` when there is none."""
    demo_notice: str = ""
    """One honest sentence about its pictures."""


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """One checkpoint as people see it."""

    name: str
    family: str
    """`demo`, `sd15`, `sdxl` or `unknown`."""
    is_demo: bool = False
    notice: str = ""
    """What users must know about its pictures, or why it cannot be used; empty for an ordinary one."""
    is_usable: bool = True
    file: str = ""
    """Name of its file or folder, without the path."""
    sha256: str = ""
    """Of its weights, once somebody needed it; empty before: hashing reads the whole file."""

    @property
    def title(self) -> str:
        """As A1111 shows it: `name.safetensors [first 10 digits of the hash]`."""
        return f"{self.file or self.name} [{self.sha256[:10]}]" if self.sha256 else self.file or self.name

    own: CheckpointProfile = field(default_factory=CheckpointProfile)
    """What its author or its example pictures say it draws well by."""

    @property
    def profile(self) -> FamilyProfile:
        """How it wants to be spoken to, and its defaults: its own over its family's; unknown ones count as SD1.5."""
        family = family_named("sd15" if self.family == "unknown" else self.family)
        said = {key: value for key in Params.__slots__ if (value := getattr(self.own.params, key)) is not None}
        return replace(family, defaults=replace(family.defaults, **said), hires=self.own.hires or family.hires)


@dataclass(frozen=True, slots=True)
class LoraInfo:
    """One LoRA as people see it."""

    name: str
    family: str
    alias: str = ""
    notice: str = ""
    """Why it cannot be used; empty for an ordinary one."""
    is_usable: bool = True
    file: str = ""
    """Name of its file, without the path."""
    triggers: tuple[str, ...] = ()
    """Words that the prompt needs; empty when nobody says."""
    weight: float | None = None
    """The strength its author suggests."""
    about: str = ""
    """One line from its author."""


@dataclass(frozen=True, slots=True)
class PartInfo:
    """A textual inversion, VAE or upscaling network as people see it."""

    name: str
    family: str
    """`sd15`, `sdxl` or `unknown`."""
    notice: str = ""
    """Why it cannot be used; empty for an ordinary one."""
    is_usable: bool = True
    file: str = ""
    """Name of its file, without the path."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A spell whose names are all on this machine."""

    spell: Spell
    """With canonical names; checkpoint and its hash are filled in."""
    checkpoint: CheckpointInfo
    upscalers: tuple[str, ...] = ()
    """Names of the upscaling networks of this machine."""


@dataclass(frozen=True, slots=True)
class PromptReader:
    """How a checkpoint reads prompts."""

    checkpoint: str | None
    """`None`: it is not on this machine."""
    family: str
    tokenize: Tokenize | None
    """Text to token ids; `None` when open_clip, which carries CLIP's table, is not installed."""


class Catalogue:
    """Checks spells against the model folders.

    Args:
        shelves: Gives the shelves; awaited before every look, because the demo model may still be
            built when the service is already up.
        default_checkpoint: The operator's choice for spells that name none.
    """

    def __init__(self, shelves: Callable[[], Awaitable[Shelves]], default_checkpoint: str | None = None) -> None:
        self._shelves = shelves
        self._default = default_checkpoint
        self._lock = asyncio.Lock()  # the shelf is one thread at a time
        self._words: dict[Path | None, ClipWords] = {}

    async def checkpoints(self) -> tuple[CheckpointInfo, ...]:
        """Every checkpoint; the one used by default first, unusable ones last."""
        async with self._lock:
            shelves = await self._shelves()
            await asyncio.to_thread(shelves.models.refresh)
            found = [_checkpoint_info(entry, shelves) for entry in shelves.models.checkpoints()]
        wanted = (self._default or "").casefold()
        # Somebody who installed a checkpoint wants that one, not the demo.
        return tuple(sorted(found, key=lambda i: (not i.is_usable, i.name.casefold() != wanted, i.is_demo)))

    async def loras(self) -> tuple[LoraInfo, ...]:
        """Every LoRA; unusable ones say why."""
        async with self._lock:
            shelves = await self._shelves()
            await asyncio.to_thread(shelves.models.refresh)
            return tuple(_lora_info(entry) for entry in shelves.models.loras())

    async def embeddings(self) -> tuple[PartInfo, ...]:
        """Every textual inversion, by the name that prompts use; unusable ones say why."""
        return await self._parts(lambda models: models.embeddings())

    async def vaes(self) -> tuple[PartInfo, ...]:
        """Every VAE that a spell may name; unusable ones say why."""
        return await self._parts(lambda models: models.vaes())

    async def upscalers(self) -> tuple[PartInfo, ...]:
        """Every upscaling network; unusable ones say why."""
        return await self._parts(lambda models: models.upscalers())

    async def _parts(self, listed: Callable[[ModelShelf], tuple[ModelEntry, ...]]) -> tuple[PartInfo, ...]:
        async with self._lock:
            shelves = await self._shelves()
            await asyncio.to_thread(shelves.models.refresh)
            return tuple(_part_info(entry) for entry in listed(shelves.models))

    async def lora_cards(self) -> tuple[LoraCard, ...]:
        """The usable LoRAs as the assistants know them: real names, trigger words, suggested strength."""
        return tuple(
            LoraCard(info.name, info.triggers, LORA_WEIGHT if info.weight is None else info.weight, info.about)
            for info in await self.loras()
            if info.is_usable
        )

    async def checkpoint(self, name: str | None = None) -> CheckpointInfo:
        """The checkpoint meant by `name` (name, file name, title or hash); the default one for `None`.

        Raises:
            CheckpointNotFound: With near names.
            ModelRefused: It is there but will not be opened.
            ModelMissing: There is no checkpoint that can be drawn with.
        """
        async with self._lock:
            shelves = await self._shelves()
            if name is not None:
                return _checkpoint_info(await asyncio.to_thread(_find_checkpoint, shelves.models, name), shelves)
        if self._default is not None:
            return await self.checkpoint(self._default)
        usable = [info for info in await self.checkpoints() if info.is_usable]
        if not usable:
            raise ModelMissing("There is no checkpoint on this machine. Add one with: spellwright models add FILE")
        return usable[0]

    async def family_of(self, name: str | None) -> FamilyProfile:
        """How to speak to the checkpoint that a spell names; one that is not here is taken for SD1.5.

        Raises:
            ModelMissing: The spell names none, and there is no checkpoint at all.
        """
        try:
            return (await self.checkpoint(name)).profile
        except (CheckpointNotFound, ModelRefused):
            # Somebody works on the spell of another machine's picture; drawing it asks for a checkpoint later.
            return SD15

    async def lora_names(self) -> frozenset[str]:
        """Every name that a usable LoRA answers to: its own, without folder, and the alias inside the file."""
        usable = [info for info in await self.loras() if info.is_usable]
        names = {name for info in usable for name in (info.name, info.name.rsplit("/", 1)[-1], info.alias)}
        return frozenset(names - {""})

    async def reader(self, name: str | None) -> PromptReader:
        """How the checkpoint meant by `name` (the default one for `None`) reads prompts.

        A checkpoint that is not here, or none at all, is taken for SD1.5 with CLIP's own tokenizer.
        """
        try:
            info = await self.checkpoint(name)
        except (CheckpointNotFound, ModelRefused, ModelMissing):
            return PromptReader(None, SD15.name, await asyncio.to_thread(self._words_of, None))
        async with self._lock:
            shelves = await self._shelves()
            entry = shelves.models.checkpoint(info.name) if info.is_usable else None
        folder = None if entry is None else entry.path / "tokenizer"
        return PromptReader(info.name, info.family, await asyncio.to_thread(self._words_of, folder))

    def _words_of(self, folder: Path | None) -> ClipWords | None:
        if folder not in self._words:
            try:
                own = None if folder is None else folder_words(folder)
                self._words[folder] = own or clip_words()
            except FileNotFoundError:
                return None
        return self._words[folder]

    async def machine(self, spell: Spell) -> Machine:
        """What this machine has of what `spell` was drawn with, for `prompts.metadata.examine`."""
        async with self._lock:
            shelves = await self._shelves()
            return await asyncio.to_thread(machine_for, spell, shelves.models, PATIENCE_BYTES)

    async def fit(self, spell: Spell) -> Fitted:
        """`spell` with the canonical names of things that are here.

        Raises:
            CheckpointNotFound, LoraNotFound, VaeNotFound: Unknown, with near names.
            LoraIncompatible: A LoRA of another base than the checkpoint's.
            ModelRefused, ModelMissing: See `checkpoint`.
            UnsupportedSpell: The checkpoint is of a family that the engine does not draw.
        """
        info = await self.checkpoint(spell.params.checkpoint)
        if not info.is_usable:
            raise UnsupportedSpell(info.notice, field="checkpoint", got=info.name)
        tokenize = (await self.reader(info.name)).tokenize
        async with self._lock:
            shelves = await self._shelves()
            fitted = await asyncio.to_thread(fit_names, shelves.models, spell, info.name, tokenize)
            upscalers = tuple(e.name for e in shelves.models.upscalers() if e.kind != "refused")
        return Fitted(fitted, info, upscalers)


def _find_checkpoint(models: ModelShelf, name: str) -> ModelEntry:
    models.refresh()
    return models.checkpoint(name)


def _checkpoint_info(entry: ModelEntry, shelves: Shelves) -> CheckpointInfo:
    info = _described(entry, shelves)
    is_hashed = info.is_usable and entry.weights.is_file() and shelves.models.is_hashed(entry)
    file = entry.path.name if entry.kind == "file" else entry.name
    own = CheckpointProfile() if info.is_demo else entry.profile
    return replace(info, file=file, sha256=shelves.models.sha256(entry) if is_hashed else "", own=own)


def _described(entry: ModelEntry, shelves: Shelves) -> CheckpointInfo:
    if entry.kind == "refused":
        return CheckpointInfo(entry.name, entry.family, notice=entry.refusal, is_usable=False)
    if entry.name == shelves.demo_name:
        return CheckpointInfo(entry.name, DEMO_FAMILY, is_demo=True, notice=shelves.demo_notice)
    if entry.family not in DRAWABLE:
        spoken = "of a family this product does not know" if entry.family == "unknown" else entry.family.upper()
        notice = f"The checkpoint {entry.name!r} is {spoken}; this version draws SD1.5 and SDXL."
        return CheckpointInfo(entry.name, entry.family, notice=notice, is_usable=False)
    return CheckpointInfo(entry.name, entry.family)


def _part_info(entry: ModelEntry) -> PartInfo:
    return PartInfo(entry.path.stem, entry.family, entry.refusal, entry.kind != "refused", entry.path.name)


def _lora_info(entry: ModelEntry) -> LoraInfo:
    is_usable = entry.kind != "refused"
    notes = entry.notes
    return LoraInfo(
        name=entry.name,
        family=entry.family,
        alias=entry.alias,
        notice=entry.refusal,
        is_usable=is_usable,
        file=entry.path.name,
        triggers=notes.triggers,
        weight=notes.weight,
        about=notes.about,
    )
