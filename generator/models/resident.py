"""The checkpoint in memory, with its LoRAs, conditioning and previews; one at a time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from generator.batch_key import LoraSet
from generator.device import Compute
from generator.errors import CheckpointNotFound, LoraNotFound, VaeNotFound
from generator.img2img import SourceEncoder
from generator.models.catalogue import Catalogue, ModelEntry, check_lora_fits
from generator.models.checkpoint import Checkpoint, build_checkpoint
from generator.models.diffusers_folder import read_folder
from generator.models.inversions import Inversions
from generator.models.lora import LoraFile, LoraUses, PatchedNetwork, file_key, lora_set, read_lora
from generator.models.single_file import read_single_file
from generator.models.upscaler_network import UpscalerNetworks
from generator.models.vae_file import read_vae
from generator.preview import Previewer
from generator.sampling.conditioning import Conditioner

_REMEMBERED_LORAS = 16
_REMEMBERED_VAES = 2
NO_VAE = ("", "automatic", "none")
"""What a spell says, in any case, when it wants the checkpoint's own VAE."""


def open_checkpoint(entry: ModelEntry, compute: Compute) -> Checkpoint:
    """Open a checkpoint of the catalogue: a diffusers folder or a single `.safetensors` file.

    Raises:
        ModelMissing, ModelRefused: See the readers.
        CheckpointNotFound: The entry is there only to explain why it is refused.
        UnsupportedSpell: A checkpoint of a family that this engine does not draw with.
    """
    if entry.kind == "folder":
        return build_checkpoint(entry, read_folder(entry.path), compute)
    if entry.kind == "file":
        return build_checkpoint(entry, read_single_file(entry.path, entry.family), compute)
    raise CheckpointNotFound(f"{entry.name} cannot be opened.", got=entry.name)


class Resident:
    """One opened checkpoint and everything that depends on its weights. One thread at a time."""

    def __init__(self, checkpoint: Checkpoint, catalogue: Catalogue) -> None:
        """`checkpoint` belongs to this object from now on."""
        self.checkpoint = checkpoint
        self.inversions = Inversions(checkpoint, catalogue)
        self.upscalers = UpscalerNetworks(catalogue, checkpoint.compute)
        self.conditioner = Conditioner(checkpoint, self.inversions)
        self.previewer = Previewer(checkpoint)
        self.sources = SourceEncoder(checkpoint)
        self._catalogue = catalogue
        self._unet = PatchedNetwork(checkpoint.unet)
        self._texts = [PatchedNetwork(tower.encoder) for tower in checkpoint.towers]
        self._on_unet: LoraSet = ()
        self._on_text: LoraSet = ()
        self._files: OrderedDict[str, LoraFile] = OrderedDict()
        self._with_vae: OrderedDict[str, Checkpoint] = OrderedDict()

    @property
    def name(self) -> str:
        """The checkpoint's name in the catalogue."""
        return self.checkpoint.entry.name

    def lora(self, name: str) -> LoraFile:
        """A LoRA by any of its names, read and checked against this checkpoint.

        Raises:
            LoraNotFound, LoraIncompatible, ModelRefused: The networks are unchanged.
        """
        entry = self.lora_entry(name)
        key = file_key(entry)
        if key not in self._files:
            check_lora_fits(entry, self.checkpoint.entry)
            encoders = [tower.encoder for tower in self.checkpoint.towers]
            self._files[key] = read_lora(entry, self.checkpoint.unet, *encoders)
            if len(self._files) > _REMEMBERED_LORAS:
                self._files.popitem(last=False)
        self._files.move_to_end(key)
        return self._files[key]

    def lora_entry(self, name: str) -> ModelEntry:
        """The catalogue's entry of a LoRA by any of its names.

        Raises:
            LoraNotFound, ModelRefused: See the catalogue.
        """
        try:
            entry = self._catalogue.lora(name)
            if entry.path.is_file():
                return entry
        except LoraNotFound:
            pass
        self._catalogue.refresh()  # it may have come or gone since the last scan
        return self._catalogue.lora(name)

    def with_vae(self, name: str | None) -> Checkpoint:
        """The checkpoint with the VAE of that name; the checkpoint itself for none, `Automatic` and `None`.

        Raises:
            VaeNotFound: With near names.
            ModelRefused: The file does not hold a VAE of this shape.
        """
        if name is None or name.strip().casefold() in NO_VAE:
            return self.checkpoint
        try:
            entry = self._catalogue.vae(name)
        except VaeNotFound:
            self._catalogue.refresh()  # it may have come since the last scan
            entry = self._catalogue.vae(name)
        key = file_key(entry)
        if key not in self._with_vae:
            self._with_vae[key] = replace(self.checkpoint, vae=read_vae(entry, self.checkpoint))
            if len(self._with_vae) > _REMEMBERED_VAES:
                self._with_vae.popitem(last=False)
        self._with_vae.move_to_end(key)
        return self._with_vae[key]

    def sources_with(self, checkpoint: Checkpoint) -> SourceEncoder:
        """What encodes img2img's sources with that checkpoint's VAE (see `with_vae`)."""
        return self.sources if checkpoint is self.checkpoint else SourceEncoder(checkpoint)

    def other_checkpoint(self, name: str | None) -> ModelEntry | None:
        """The checkpoint of that name where it is another than this one; `None` for none and for this one.

        Raises:
            CheckpointNotFound, ModelRefused: See the catalogue.
        """
        if not name:
            return None
        try:
            entry = self._catalogue.checkpoint(name)
        except CheckpointNotFound:
            self._catalogue.refresh()
            entry = self._catalogue.checkpoint(name)
        return None if entry == self.checkpoint.entry else entry

    def set_unet_loras(self, uses: LoraUses) -> None:
        """Make the UNet carry exactly these LoRAs; nothing happens when it does already."""
        if lora_set(uses) != self._on_unet:
            self._unet.apply([(file.unet, strength) for file, strength in uses])
            self._on_unet = lora_set(uses)

    def set_text_loras(self, uses: LoraUses) -> None:
        """Make the text encoders carry exactly these LoRAs; nothing happens when they do already."""
        if lora_set(uses) != self._on_text:
            for number, text in enumerate(self._texts):
                text.apply([(file.on_text(number), strength) for file, strength in uses])
            self._on_text = lora_set(uses)
