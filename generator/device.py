"""Where and in which precision the engine computes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from generator.errors import GeneratorError

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Compute:
    """A device and the dtype of the networks on it."""

    device: torch.device
    dtype: torch.dtype

    @classmethod
    def resolve(cls, device: str, dtype: str) -> Compute:
        """Turn the configured words (see `EngineConfig`) into a device and dtype.

        Raises:
            GeneratorError: code `device_unavailable`; the device is not on this machine, or a word is unknown.
        """
        chosen = torch.device(_best_device() if device == "auto" else _checked(device))
        if dtype == "auto":
            return cls(chosen, _half(chosen) if chosen.type == "cuda" else torch.float32)
        if dtype not in _DTYPES:
            raise _unavailable(f"The dtype {dtype!r} is unknown; use auto, {', '.join(_DTYPES)}.")
        return cls(chosen, _DTYPES[dtype])


def lay_out(network: nn.Module, compute: Compute, *, is_vae: bool = False) -> None:
    """Put a network's convolutions into the layout that is fastest there: channels last on CUDA, and for a VAE.

    On a CPU the UNet gains nothing by it; the VAE's large convolutions take an eighth less time.
    """
    if compute.device.type == "cuda" or (is_vae and compute.device.type == "cpu"):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _half(device: torch.device) -> torch.dtype:
    """bfloat16 where the card computes in it (Ampere and later, compute capability 8), else float16.

    bfloat16 has float32's range: no VAE, LoRA or SDXL layer overflows to black in it, as they do in float16.
    """
    major, _ = torch.cuda.get_device_capability(device)
    return torch.bfloat16 if major >= 8 else torch.float16


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _checked(device: str) -> str:
    kind = device.split(":", 1)[0]
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind not in available:
        raise _unavailable(f"The device {device!r} is unknown; use auto, cpu, cuda or mps.")
    if not available[kind]:
        raise _unavailable(f"The device {device!r} is configured but not available here; use 'auto' or 'cpu'.")
    return device


def _unavailable(sentence: str) -> GeneratorError:
    error = GeneratorError(sentence)
    error.with_code("device_unavailable")
    return error
