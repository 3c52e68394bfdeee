"""What a LoRA changes of one weight: low rank, Hadamard (LoHa), Kronecker (LoKr) or whole, with or without DoRA.

Every kind gives the same thing, the change of a pristine weight in float32, so that `generator.models.lora` rebuilds
weights without knowing kinds. Formulas: arXiv:2106.09685 (LoRA), arXiv:2108.06098 (LoHa), arXiv:2309.14859 (LyCORIS:
LoKr and the decomposed kernels), arXiv:2402.09353 (DoRA).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from generator.models.lora_keys import Role

Parameter = Literal["weight", "bias"]
Tensors = Mapping[Role, Tensor]


class Change(Protocol):
    """The change of one weight before scale and strength."""

    def matrix(self, shape: torch.Size, device: torch.device) -> Tensor:
        """float32, with as many numbers as `shape`; any shape that reshapes to it."""
        ...


@dataclass(frozen=True)
class LoraDelta:
    """The change of one parameter of one module."""

    module: str
    """As `named_modules()` of its network gives it."""
    change: Change
    scale: float
    """alpha / rank; 1 where the kind has none."""
    magnitude: Tensor | None = None
    """DoRA: the norms that the changed weight is given, `(out, 1, …)` or `(1, in, …)`."""
    parameter: Parameter = "weight"

    def of(self, pristine: Tensor) -> Tensor:
        """The change at strength 1 of the float32 weight `pristine`, shaped like it."""
        change = self.change.matrix(pristine.shape, pristine.device).reshape(pristine.shape) * self.scale
        if self.magnitude is None:
            return change
        return _decomposed(pristine + change, self.magnitude) - pristine


@dataclass(frozen=True)
class LowRank:
    """up @ down, with LoCon's core between them where the kernel is decomposed too."""

    down: Tensor
    """`(rank, in)` or `(rank, in, kh, kw)`."""
    up: Tensor
    """`(out, rank)` or `(out, rank, 1, 1)`."""
    mid: Tensor | None = None
    """`(rank, rank, kh, kw)`."""

    def matrix(self, shape: torch.Size, device: torch.device) -> Tensor:
        """See `Change`."""
        del shape
        up, down = _ready(self.up, device).flatten(1), _ready(self.down, device).flatten(1)
        if self.mid is None:
            return up @ down
        return torch.einsum("om,mnhw,ni->oihw", up, _ready(self.mid, device), down)


@dataclass(frozen=True)
class Hadamard:
    """LoHa: (w1a @ w1b) * (w2a @ w2b), each with a core where the kernel is decomposed."""

    halves: tuple[tuple[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor, Tensor | None]]
    """Twice (a, b, core)."""

    def matrix(self, shape: torch.Size, device: torch.device) -> Tensor:
        """See `Change`."""
        del shape
        first, second = (_product(*half, device) for half in self.halves)
        return first * second


@dataclass(frozen=True)
class Kronecker:
    """LoKr: the Kronecker product of a small and a large factor, each whole or of low rank."""

    small: Tensor | tuple[Tensor, Tensor]
    large: Tensor | tuple[Tensor, Tensor, Tensor | None]

    def matrix(self, shape: torch.Size, device: torch.device) -> Tensor:
        """See `Change`."""
        del shape
        small = _ready(self.small, device) if isinstance(self.small, Tensor) else _product(*self.small, None, device)
        large = _ready(self.large, device) if isinstance(self.large, Tensor) else _product(*self.large, device)
        if large.dim() == 4:
            small = small[:, :, None, None]
        return torch.kron(small, large)


@dataclass(frozen=True)
class Whole:
    """The change itself (`diff`), as full fine-tunes are cut out."""

    diff: Tensor

    def matrix(self, shape: torch.Size, device: torch.device) -> Tensor:
        """See `Change`."""
        del shape
        return _ready(self.diff, device)


def change_of(tensors: Tensors) -> tuple[Change, int | None] | None:
    """The change that these tensors describe and its rank (`None`: it has none to divide alpha by).

    Returns:
        `None` when a part of it is missing.
    """
    if "down" in tensors or "up" in tensors:
        if "down" not in tensors or "up" not in tensors:
            return None
        return LowRank(tensors["down"], tensors["up"], tensors.get("mid")), int(tensors["down"].shape[0])
    if any(role.startswith("hada_") for role in tensors):
        return _hadamard(tensors)
    if any(role.startswith("lokr_") for role in tensors):
        return _kronecker(tensors)
    return (Whole(tensors["diff"]), None) if "diff" in tensors else None


def _hadamard(tensors: Tensors) -> tuple[Change, int | None] | None:
    if not {"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"} <= tensors.keys():
        return None
    first = (tensors["hada_w1_a"], tensors["hada_w1_b"], tensors.get("hada_t1"))
    second = (tensors["hada_w2_a"], tensors["hada_w2_b"], tensors.get("hada_t2"))
    return Hadamard((first, second)), int(tensors["hada_w1_b"].shape[0])


def _kronecker(tensors: Tensors) -> tuple[Change, int | None] | None:
    rank: int | None = None
    small: Tensor | tuple[Tensor, Tensor]
    large: Tensor | tuple[Tensor, Tensor, Tensor | None]
    if "lokr_w1" in tensors:
        small = tensors["lokr_w1"]
    elif {"lokr_w1_a", "lokr_w1_b"} <= tensors.keys():
        small, rank = (tensors["lokr_w1_a"], tensors["lokr_w1_b"]), int(tensors["lokr_w1_b"].shape[0])
    else:
        return None
    if "lokr_w2" in tensors:
        large = tensors["lokr_w2"]
    elif {"lokr_w2_a", "lokr_w2_b"} <= tensors.keys():
        large = (tensors["lokr_w2_a"], tensors["lokr_w2_b"], tensors.get("lokr_t2"))
        rank = int(tensors["lokr_w2_b"].shape[0])
    else:
        return None
    return Kronecker(small, large), rank


def _ready(tensor: Tensor, device: torch.device) -> Tensor:
    return tensor.to(device, torch.float32)


def _product(a: Tensor, b: Tensor, core: Tensor | None, device: torch.device) -> Tensor:
    """The product of a and b; with LyCORIS's core `(i, j, kh, kw)`: a is `(i, out)`, b `(j, in)`."""
    if core is None:
        return _ready(a, device).flatten(1) @ _ready(b, device).flatten(1)
    return torch.einsum("ijhw,jc,io->ochw", _ready(core, device), _ready(b, device), _ready(a, device))


def _decomposed(merged: Tensor, magnitude: Tensor) -> Tensor:
    """DoRA: every row (or column, as the magnitude's shape says) of the changed weight, at the magnitude's length."""
    wanted = _ready(magnitude, merged.device)
    if wanted.dim() == 1:  # peft's
        wanted = wanted.reshape(-1, *(1 for _ in merged.shape[1:]))
    wanted = wanted.reshape(*wanted.shape, *(1 for _ in range(merged.dim() - wanted.dim())))
    is_per_output = wanted.shape[0] == merged.shape[0]
    axes = tuple(range(1, merged.dim())) if is_per_output else (0, *range(2, merged.dim()))
    lengths = torch.linalg.vector_norm(merged, dim=axes, keepdim=True)
    return torch.as_tensor(merged * (wanted / lengths))
