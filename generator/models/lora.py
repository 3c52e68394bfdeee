"""LoRAs: read and check a file whole, then rebuild the targeted weights from a pristine copy.

For every targeted weight W = W0 + sum(strength * change), always computed from the untouched W0; for a plain LoRA the
change is alpha / rank * up @ down (see `generator.models.lora_delta`). So switching is exact and drift-free: after any
number of switches, dropping all LoRAs gives back bit-equal weights. (Adding and subtracting changes would leave
rounding behind each time.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from generator.batch_key import LoraSet
from generator.errors import LoraIncompatible
from generator.models.catalogue import ModelEntry
from generator.models.ldm_keys import ldm_module_names
from generator.models.lora_delta import LoraDelta, Whole, change_of
from generator.models.lora_keys import FOREIGN, LoraKeyReader, Part, Role, group_keys
from generator.models.weights import read_weights


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
    foreign = next((kind for k in tensors for ending, kind in FOREIGN if k.endswith(ending)), None)
    if foreign is not None:
        raise _incompatible(entry, f"it is of the kind {foreign}, which this engine cannot apply", list(tensors))
    if not groups:
        raise _incompatible(entry, "none of its keys belong to this checkpoint", list(tensors))
    found: dict[Part, list[LoraDelta]] = {"unet": [], "text": [], "text_2": []}
    for (part, module), roles in groups.items():
        found[part] += _deltas(entry, module, roles, tensors, weights[part])
    unet_deltas, *texts = (tuple(found[part]) for part in ("unet", "text", "text_2"))
    return LoraFile(entry.name, file_key(entry), unet_deltas, texts[0], unmatched, texts[1])


def file_key(entry: ModelEntry) -> str:
    """What changes whenever the file does."""
    stat = entry.path.stat()
    return f"{entry.path}|{stat.st_size}|{stat.st_mtime_ns}"


def _weights(network: nn.Module) -> dict[str, Tensor]:
    """What a LoRA can change: the weight of every module that has one, by module name, and its bias under `_bias`."""
    kinds = (nn.Linear, nn.Conv2d, nn.Embedding, nn.LayerNorm, nn.GroupNorm)
    found: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if isinstance(module, kinds) and module.weight is not None:
            found[name] = module.weight
            if getattr(module, "bias", None) is not None:
                found[_bias(name)] = module.bias  # type: ignore[assignment]
    return found


def _bias(module: str) -> str:
    return f"{module}|bias"  # no module's own name


def _deltas(
    entry: ModelEntry,
    module: str,
    roles: Mapping[Role, str],
    tensors: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
) -> Iterator[LoraDelta]:
    """The changes that the file brings for one module: of its weight, of its bias, or of both."""
    keys = list(roles.values())
    parts: dict[Role, Tensor] = {role: tensors[key] for role, key in roles.items()}
    bias = parts.pop("diff_b", None)
    if bias is not None:
        if _bias(module) not in weights or bias.numel() != weights[_bias(module)].numel():
            raise _incompatible(entry, f"{module} has no bias of the shape {tuple(bias.shape)} here", keys)
        yield LoraDelta(module, Whole(bias), 1.0, parameter="bias")
    if bias is not None and not parts:
        return
    made = change_of(parts)
    if made is None:
        raise _incompatible(entry, f"half of the pair for {module} is missing", keys)
    change, rank = made
    delta = LoraDelta(module, change, _scale(entry, module, parts, rank, keys), parts.get("magnitude"))
    _check_shape(entry, delta, weights[module], keys)
    yield delta


def _scale(
    entry: ModelEntry, module: str, parts: Mapping[Role, Tensor], rank: int | None, keys: Sequence[str]
) -> float:
    """What the change is multiplied by: alpha / rank, or 1 without either."""
    if rank is None or "alpha" not in parts:
        return 1.0
    alpha = _scalar(parts["alpha"])
    if not math.isfinite(alpha) or alpha == 0 or rank == 0:
        raise _incompatible(entry, f"its alpha for {module} is {alpha} at rank {rank}", keys)
    return alpha / rank


def _scalar(tensor: Tensor) -> float:
    """The one number of a tensor; NaN when it holds several."""
    return float(tensor) if tensor.numel() == 1 else math.nan


def _check_shape(entry: ModelEntry, delta: LoraDelta, weight: Tensor, keys: Sequence[str]) -> None:
    """Raise unless the change can be computed and has the weight's shape; computes nothing, on the `meta` device."""
    nothing = torch.empty(weight.shape, device="meta", dtype=torch.float32)
    expected = tuple(weight.shape)
    try:
        matrix = delta.change.matrix(weight.shape, nothing.device)
        is_fit = matrix.shape[0] == weight.shape[0] and matrix.numel() == weight.numel()
        if is_fit:
            delta.of(nothing)
    except (RuntimeError, ValueError, IndexError):
        is_fit = False
    if not is_fit:
        raise _incompatible(entry, f"{delta.module} has the shape {expected} here, and the file brings another", keys)


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
                name = delta.module if delta.parameter == "weight" else _bias(delta.module)
                wanted.setdefault(name, []).append((delta, strength))
        for name in self._touched - wanted.keys():
            self._weights[name].copy_(self._pristine[name])
        for name, changes in wanted.items():
            self._rebuild(name, changes)
        self._touched = frozenset(wanted)

    def _rebuild(self, name: str, changes: list[tuple[LoraDelta, float]]) -> None:
        weight = self._weights[name]
        pristine = self._pristine.setdefault(name, weight.clone()).float()
        total = pristine
        for delta, strength in changes:
            total = total + strength * delta.of(pristine)
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
