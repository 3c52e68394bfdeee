"""Safetensors into a network: checked header, finite values, every key accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from generator.device import Compute
from generator.errors import ModelRefused
from generator.models.safetensors_header import read_header


def read_weights(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, on the CPU, as stored.

    Raises:
        ModelRefused: `safetensors_invalid` (malformed), `model_not_finite` (NaN or infinite weights).
    """
    read_header(path)
    try:
        tensors: dict[str, Tensor] = load_file(path, device="cpu")
    except (SafetensorError, OSError) as bad:
        raise _refused("safetensors_invalid", f"{path.name} cannot be read: {bad}.", file=path.name) from bad
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise _refused(
                "model_not_finite",
                f"{path.name} holds weights that are not numbers (first: {name}). Download it again.",
                file=path.name,
                key=name,
            )
    return tensors


def fill(network: nn.Module, tensors: Mapping[str, Tensor], compute: Compute, source: str) -> None:
    """Put `tensors` into a network that was built on the `meta` device; afterwards it computes on `compute`.

    Args:
        network: Its parameters have shapes but no storage yet.
        tensors: By the network's own parameter names; extra ones are ignored.
        compute: Target device and dtype; whole-number tensors keep their dtype.
        source: File name for error messages.

    Raises:
        ModelRefused: code `weights_do_not_fit`; a weight is missing or has another shape.
    """
    own = network.state_dict()
    missing = [k for k in own if k not in tensors]
    wrong = [k for k in own if k in tensors and tensors[k].shape != own[k].shape]
    if missing or wrong:
        raise _refused(
            "weights_do_not_fit",
            f"{source} does not fit its configuration: {len(missing)} weights are missing and {len(wrong)} have "
            f"another shape (first: {(missing + wrong)[0]}).",
            missing=missing[:3],
            wrong=wrong[:3],
        )
    placed = {k: _placed(tensors[k], compute) for k in own}
    network.load_state_dict(placed, strict=True, assign=True)
    _fill_buffers(network, compute.device)
    network.eval().requires_grad_(requires_grad=False)


def _placed(tensor: Tensor, compute: Compute) -> Tensor:
    dtype = compute.dtype if tensor.is_floating_point() else tensor.dtype
    # clone: what safetensors gives may still be the mapped file, and LoRAs write into these weights.
    return tensor.to(compute.device, dtype, copy=True).contiguous()


def _fill_buffers(network: nn.Module, device: torch.device) -> None:
    """Give storage to buffers that are not saved with the weights (CLIP's `position_ids`)."""
    for module in network.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            if not buffer.is_meta:
                continue
            if name != "position_ids":
                raise _refused("weights_do_not_fit", f"The buffer {name!r} has no known content.")
            module.register_buffer(name, torch.arange(buffer.shape[-1], device=device).unsqueeze(0), persistent=False)


def _refused(code: str, sentence: str, **facts: object) -> ModelRefused:
    refused = ModelRefused(sentence, **facts)
    refused.with_code(code)
    return refused
