"""Read a single-file `.safetensors` checkpoint, fully offline.

A single file holds weights only. The configuration is the shipped one of its family; the tokenizer is
built from the byte-pair table that open_clip carries.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from generator.demo.tokenizer import END, START, cut_vocabulary
from generator.errors import ModelRefused, UnsupportedSpell
from generator.models.checkpoint import CheckpointParts
from generator.models.ldm_keys import UNET_PREFIX, text_to_diffusers, unet_to_diffusers, vae_to_diffusers
from generator.models.weights import read_weights
from prompts.torch_guard import ensure_torchvision

CONFIGS = Path(__file__).parent / "configs"
_ALL_MERGES = 10**6


def read_single_file(path: Path, family: str, configs: Path = CONFIGS) -> CheckpointParts:
    """Configuration, weights and tokenizer of a single-file SD1.5 checkpoint.

    Args:
        path: The file, in the original (LDM) layout.
        family: From the catalogue.
        configs: Folder with one folder per family.

    Raises:
        UnsupportedSpell: Another family, or an inpainting checkpoint.
        ModelRefused: The file is malformed.
    """
    if family != "sd15":
        raise UnsupportedSpell(
            f"{path.name} is no Stable Diffusion 1.x checkpoint (found: {family}); this engine draws with SD 1.x.",
            field="checkpoint",
            found=family,
        )
    tensors = read_weights(path)
    folder = configs / family
    unet_config, vae_config = _json(folder / "unet.json"), _json(folder / "vae.json")
    noise_config = _json(folder / "noise.json")
    if "v_pred" in tensors:  # the marker that trainers of v-prediction models put into the file
        noise_config["prediction_type"] = "v_prediction"
        noise_config["rescale_betas_zero_snr"] = "ztsnr" in tensors
    _refuse_inpainting(path, tensors.get(f"{UNET_PREFIX}input_blocks.0.0.weight"))
    return CheckpointParts(
        unet_config=unet_config,
        vae_config=vae_config,
        text_config=_json(folder / "text_encoder.json"),
        noise_config=noise_config,
        unet=unet_to_diffusers(tensors, unet_config),
        vae=vae_to_diffusers(tensors, vae_config),
        text=text_to_diffusers(tensors),
        tokenizer=clip_tokenizer(),
    )


def clip_tokenizer() -> Any:
    """CLIP's tokenizer (49,408 tokens) as a transformers `CLIPTokenizer`.

    Raises:
        FileNotFoundError: open_clip, which carries the byte-pair table, is not installed.
    """
    ensure_torchvision()
    from transformers import CLIPTokenizer  # noqa: PLC0415 - seconds of import

    vocabulary = cut_vocabulary((), common=_ALL_MERGES)
    ids = {token: index for index, token in enumerate(vocabulary.tokens)}
    return CLIPTokenizer(
        vocab=ids, merges=list(vocabulary.merges), bos_token=START, eos_token=END, pad_token=END, unk_token=END
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
