"""LoRAs: read and check a file whole, then rebuild the targeted weights from a pristine copy.

For every targeted module W = W0 + sum(strength * alpha / rank * up @ down), always computed from the
untouched W0. So switching is exact and drift-free: after any number of switches, dropping all LoRAs
gives back bit-equal weights. (Adding and subtracting deltas would leave rounding behind each time.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from generator.batch_key import LoraSet
from generator.errors import LoraIncompatible
from generator.models.catalogue import ModelEntry
from generator.models.ldm_keys import ldm_module_names
from generator.models.lora_keys import LoraKeyReader, Part, Role, group_keys
from generator.models.weights import read_weights

_DORA = "dora_scale"


@dataclass(frozen=True)
class LoraDelta:
    """The low-rank change of one module's weight."""

    module: str
    down: Tensor
    """`(rank, in)` or `(rank, in, kh, kw)`."""
    up: Tensor
    """`(out, rank)` or `(out, rank, 1, 1)`."""
    mid: Tensor | None
    """LoCon's core `(rank, rank, kh, kw)`, where the kernel is decomposed too."""
    scale: float
    """alpha / rank."""

    def matrix(self, shape: torch.Size, device: torch.device) -> Tensor:
        """The change, scale * up @ down, in float32 and shaped like the weight."""
        up = self.up.to(device, torch.float32).flatten(1)
        down = self.down.to(device, torch.float32)
        if self.mid is not None:
            core = self.mid.to(device, torch.float32)
            product = torch.einsum("om,mnhw,ni->oihw", up, core, down.flatten(1))
        else:
            product = up @ down.flatten(1)
        return (product * self.scale).reshape(shape)


@dataclass(frozen=True)
class LoraFile:
    """A LoRA that fits its checkpoint."""

    name: str
    key: str
    """Path, size and time of the file: equal keys mean equal contents."""
    unet: tuple[LoraDelta, ...]
    text: tuple[LoraDelta, ...]
    unmatched: tuple[str, ...]
    """Keys that belong to nothing in this checkpoint; usually empty."""
    text_2: tuple[LoraDelta, ...] = ()
    """On SDXL's second text encoder."""

    def on_text(self, tower: int) -> tuple[LoraDelta, ...]:
        """The changes of the text encoder of that number, from 0."""
        return (self.text, self.text_2)[tower]


def read_lora(
    entry: ModelEntry, unet: nn.Module, text_encoder: nn.Module, text_encoder_2: nn.Module | None = None
) -> LoraFile:
    """Read a LoRA file and check every shape against the networks; changes nothing in them.

    Args:
        entry: From the catalogue.
        unet: The checkpoint's.
        text_encoder: The checkpoint's first (or only) one.
        text_encoder_2: SDXL's second one.

    Raises:
        LoraIncompatible: It matches nothing, has wrong shapes, or an alpha of no use; the detail names
            the first three keys.
        ModelRefused: The file is malformed.
    """
    tensors = read_weights(entry.path)
    weights: dict[Part, dict[str, Tensor]] = {
        "unet": _weights(unet),
        "text": _weights(text_encoder),
        "text_2": {} if text_encoder_2 is None else _weights(text_encoder_2),
    }
    config: Any = getattr(unet, "config", None)
    originals = {} if config is None else ldm_module_names(weights["unet"], config)
    reader = LoraKeyReader(weights["unet"], weights["text"], weights["text_2"], originals)
    groups, unmatched = group_keys({k: reader.read(k) for k in tensors})
    if any(k.endswith(_DORA) for k in tensors):
        raise _incompatible(entry, "it is a DoRA, which this engine cannot apply", list(tensors))
    if not groups:
        raise _incompatible(entry, "none of its keys belong to this checkpoint", list(tensors))
    found: dict[Part, list[LoraDelta]] = {"unet": [], "text": [], "text_2": []}
    for (part, module), roles in groups.items():
        found[part].append(_delta(entry, module, roles, tensors, weights[part][module]))
    unet_deltas, *texts = (tuple(found[part]) for part in ("unet", "text", "text_2"))
    return LoraFile(entry.name, file_key(entry), unet_deltas, texts[0], unmatched, texts[1])


def file_key(entry: ModelEntry) -> str:
    """What changes whenever the file does."""
    stat = entry.path.stat()
    return f"{entry.path}|{stat.st_size}|{stat.st_mtime_ns}"


def _weights(network: nn.Module) -> dict[str, Tensor]:
    """The weight of every module that a LoRA can change, by module name."""
    kinds = (nn.Linear, nn.Conv2d, nn.Embedding)
    return {name: m.weight for name, m in network.named_modules() if isinstance(m, kinds)}


def _delta(
    entry: ModelEntry, module: str, roles: Mapping[Role, str], tensors: Mapping[str, Tensor], weight: Tensor
) -> LoraDelta:
    keys = list(roles.values())
    if "down" not in roles or "up" not in roles:
        raise _incompatible(entry, f"half of the pair for {module} is missing", keys)
    down, up = tensors[roles["down"]], tensors[roles["up"]]
    mid = tensors[roles["mid"]] if "mid" in roles else None
    if not _fits(down, up, mid, weight):
        expected, got = tuple(weight.shape), (tuple(up.shape), tuple(down.shape))
        raise _incompatible(entry, f"{module} has the shape {expected} here, and the file brings {got}", keys)
    rank = down.shape[0]
    alpha = _scalar(tensors[roles["alpha"]]) if "alpha" in roles else float(rank)
    if not math.isfinite(alpha) or alpha == 0:
        raise _incompatible(entry, f"its alpha for {module} is {alpha}", keys)
    return LoraDelta(module, down, up, mid, alpha / rank)


def _scalar(tensor: Tensor) -> float:
    """The one number of a tensor; NaN when it holds several."""
    return float(tensor) if tensor.numel() == 1 else math.nan


def _fits(down: Tensor, up: Tensor, mid: Tensor | None, weight: Tensor) -> bool:
    """Whether the product of the factors has the weight's shape."""
    if down.dim() < 2 or up.dim() < 2 or up.flatten(1).shape[1] != down.shape[0] or down.shape[0] == 0:
        return False
    if up.shape[0] != weight.shape[0]:
        return False
    if mid is None:
        return down.flatten(1).shape[1] == weight.flatten(1).shape[1]
    rank, inside = down.shape[0], down.flatten(1).shape[1]
    return mid.shape[:2] == (rank, rank) and (weight.shape[0], inside, *mid.shape[2:]) == tuple(weight.shape)


LoraUses = tuple[tuple[LoraFile, float], ...]
"""LoRAs and their strength on one network, in the spell's order, without those of strength 0."""


def lora_uses(pairs: Iterable[tuple[LoraFile, float]]) -> LoraUses:
    """Without the entries of strength 0."""
    return tuple((file, strength) for file, strength in pairs if strength)


def lora_set(uses: LoraUses) -> LoraSet:
    """The comparable side of `uses`."""
    return tuple((file.key, strength) for file, strength in uses)


class PatchedNetwork:
    """One network whose targeted weights are rebuilt in place; not thread-safe."""

    def __init__(self, network: nn.Module) -> None:
        """`network` must hold its own weights; nobody else may change them."""
        self._weights = _weights(network)
        self._pristine: dict[str, Tensor] = {}
        self._touched: frozenset[str] = frozenset()

    @torch.inference_mode()
    def apply(self, uses: Sequence[tuple[tuple[LoraDelta, ...], float]]) -> None:
        """Make the weights those of the base plus exactly these LoRAs; an empty list gives back the base.

        Args:
            uses: Per LoRA its changes and its strength; the order does not matter up to rounding.
        """
        wanted: dict[str, list[tuple[LoraDelta, float]]] = {}
        for deltas, strength in uses:
            for delta in deltas if strength else ():
                wanted.setdefault(delta.module, []).append((delta, strength))
        for module in self._touched - wanted.keys():
            self._weights[module].copy_(self._pristine[module])
        for module, changes in wanted.items():
            self._rebuild(module, changes)
        self._touched = frozenset(wanted)

    def _rebuild(self, module: str, changes: list[tuple[LoraDelta, float]]) -> None:
        weight = self._weights[module]
        pristine = self._pristine.setdefault(module, weight.clone())
        total = pristine.float()
        for delta, strength in changes:
            total = total + strength * delta.matrix(weight.shape, weight.device)
        weight.copy_(total)


def _incompatible(entry: ModelEntry, reason: str, keys: Sequence[str]) -> LoraIncompatible:
    first = list(keys)[:3]
    return LoraIncompatible(
        f"The LoRA {entry.name!r} does not fit this checkpoint: {reason}. It looks like a LoRA for "
        f"{entry.family if entry.family != 'unknown' else 'another base model'}; first keys: {', '.join(first)}.",
        lora=entry.name,
        found=entry.family,
        keys=first,
    )
