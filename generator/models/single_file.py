"""Read a single-file `.safetensors` checkpoint, fully offline.

A single file holds weights only. The configuration is the shipped one of its family; the tokenizer is
built from the byte-pair table that open_clip carries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from generator.demo.tokenizer import END, START, cut_vocabulary
from generator.errors import ModelRefused, UnsupportedSpell
from generator.models.checkpoint import CheckpointParts
from generator.models.ldm_keys import (
    UNET_PREFIX,
    open_clip_to_transformers,
    text_to_diffusers,
    unet_to_diffusers,
    vae_to_diffusers,
)
from generator.models.safetensors_header import read_header
from generator.models.text_tower import TextParts
from generator.models.weights import read_weights
from prompts.torch_guard import ensure_torchvision

CONFIGS = Path(__file__).parent / "configs"
_ALL_MERGES = 10**6
_FAMILIES = ("sd15", "sdxl")
_V_NAMES = ("v", "v_prediction", "v-prediction")
_SIDECAR_BYTES = 200_000
_OPEN_CLIP_PADDING = "!"  # token 0


def read_single_file(path: Path, family: str, configs: Path = CONFIGS) -> CheckpointParts:
    """Configuration, weights and tokenizers of a single-file SD1.x or SDXL checkpoint.

    Args:
        path: The file, in the original (LDM) layout.
        family: From the catalogue.
        configs: Folder with one folder per family.

    Raises:
        UnsupportedSpell: Another family, or an inpainting checkpoint.
        ModelRefused: The file is malformed.
    """
    if family not in _FAMILIES:
        raise UnsupportedSpell(
            f"{path.name} is of the family {family!r}; this engine draws with Stable Diffusion 1.x and SDXL.",
            field="checkpoint",
            found=family,
        )
    tensors = read_weights(path)
    folder = configs / family
    unet_config, vae_config = _json(folder / "unet.json"), _json(folder / "vae.json")
    _refuse_inpainting(path, tensors.get(f"{UNET_PREFIX}input_blocks.0.0.weight"))
    return CheckpointParts(
        unet_config=unet_config,
        vae_config=vae_config,
        noise_config=_json(folder / "noise.json") | _prediction(path, tensors),
        unet=unet_to_diffusers(tensors, unet_config),
        vae=vae_to_diffusers(tensors, vae_config),
        texts=_texts(tensors, folder, family),
    )


def _texts(tensors: Mapping[str, Tensor], folder: Path, family: str) -> tuple[TextParts, ...]:
    """The text encoders; SDXL's second one pads with token 0 where the first repeats the end token."""
    first = TextParts(_json(folder / "text_encoder.json"), text_to_diffusers(tensors), clip_tokenizer())
    if family == "sd15":
        return (first,)
    config = _json(folder / "text_encoder_2.json")
    return first, TextParts(config, open_clip_to_transformers(tensors), clip_tokenizer(_OPEN_CLIP_PADDING))


def _prediction(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, object]:
    """What the file says of the network's output; empty when it says nothing (then it is the noise).

    Trainers of v-prediction models put the empty tensors `v_pred` and `ztsnr` into the file, or the metadata
    `modelspec.prediction_type`; for the web UI a `.yaml` of the same name lies beside it.
    """
    said = read_header(path).metadata.get("modelspec.prediction_type", "").casefold()
    if "v_pred" not in tensors and said not in _V_NAMES and _sidecar_prediction(path) not in _V_NAMES:
        return {}
    return {"prediction_type": "v_prediction", "rescale_betas_zero_snr": "ztsnr" in tensors}


def _sidecar_prediction(path: Path) -> str:
    """`model.params.parameterization` of the `.yaml` beside the file; empty where there is none to read."""
    try:
        with path.with_suffix(".yaml").open("rb") as file:
            text = file.read(_SIDECAR_BYTES)
        found: Any = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return ""
    for key in ("model", "params", "parameterization"):
        found = found.get(key) if isinstance(found, dict) else None
    return str(found).casefold() if found is not None else ""


def clip_tokenizer(padding: str = END) -> Any:
    """CLIP's tokenizer (49,408 tokens) as a transformers `CLIPTokenizer` that pads with the token `padding`.

    Raises:
        FileNotFoundError: open_clip, which carries the byte-pair table, is not installed.
    """
    ensure_torchvision()
    from transformers import CLIPTokenizer  # noqa: PLC0415 - seconds of import

    vocabulary = cut_vocabulary((), common=_ALL_MERGES)
    ids = {token: index for index, token in enumerate(vocabulary.tokens)}
    return CLIPTokenizer(
        vocab=ids, merges=list(vocabulary.merges), bos_token=START, eos_token=END, pad_token=padding, unk_token=END
    )


def _refuse_inpainting(path: Path, first: Any) -> None:
    channels = None if first is None else int(first.shape[1])
    if channels is not None and channels != 4:
        raise UnsupportedSpell(
            f"{path.name} takes {channels} input channels (an inpainting or edit checkpoint); use its plain version.",
            field="checkpoint",
            got=channels,
        )


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ModelRefused(f"The configuration {path.name} is no JSON object.")
    return found
