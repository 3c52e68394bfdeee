"""Writes a demo family to disk, in the formats the rest of the world reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn

from generator.demo.concepts import Concept, read_foreign_words
from generator.demo.networks import library, text_tower
from generator.demo.palette import BACKGROUNDS, HUES
from generator.demo.shape import FamilyShape
from generator.demo.tokenizer import CutVocabulary

TRAIN_STEPS = 1000


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks of one family; `package.py` stores them as they are, in their own dtype."""

    shape: FamilyShape
    unet: nn.Module
    vae: nn.Module
    dual_encoder: nn.Module
    vocabulary: CutVocabulary


def noise_schedule(prediction_type: str = "epsilon") -> dict[str, Any]:
    """Stable Diffusion 1.5's noise schedule, as keyword arguments of any diffusers noise scheduler."""
    return {
        "num_train_timesteps": TRAIN_STEPS,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "prediction_type": prediction_type,
    }


def make_pipeline(networks: Networks, tokenizer_folder: Path, prediction_type: str = "epsilon") -> Any:
    """A plain `StableDiffusionPipeline` of `networks`, its tokenizer read from `tokenizer_folder`."""
    diffusers, transformers = library("diffusers"), library("transformers")
    tower = text_tower(networks.dual_encoder, networks.shape, len(networks.vocabulary.tokens))
    scheduler = diffusers.PNDMScheduler(**noise_schedule(prediction_type), skip_prk_steps=True, steps_offset=1)
    dtype = next(networks.unet.parameters()).dtype
    return diffusers.StableDiffusionPipeline(
        vae=networks.vae,
        text_encoder=tower.to(dtype),
        tokenizer=transformers.CLIPTokenizer.from_pretrained(str(tokenizer_folder)),
        unet=networks.unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def write_checkpoint(folder: Path, networks: Networks, prediction_type: str = "epsilon") -> None:
    """Write the diffusers pipeline folder; weights in float16."""
    networks.vocabulary.write(folder / "tokenizer")
    pipeline = make_pipeline(networks, folder / "tokenizer", prediction_type)
    for network in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        network.half()
    pipeline.save_pretrained(str(folder), safe_serialization=True)
    for network in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        network.float()
    # transformers takes the dtype named in the file, diffusers takes float32: unsaid, a plain load would mix the two.
    _add_to_json(folder / "text_encoder" / "config.json", {"dtype": "float32"})
    # As in Stable Diffusion 1.5's file: unsaid, a DDIM made from it would clip the latents.
    _add_to_json(folder / "scheduler" / "scheduler_config.json", {"clip_sample": False, "set_alpha_to_one": False})
    # transformers 5 saves tokenizer.json alone; older readers want these two beside it.
    networks.vocabulary.write(folder / "tokenizer")


def _add_to_json(file: Path, entries: dict[str, Any]) -> None:
    config = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**config, **entries}, indent=2), encoding="utf-8")


def write_dual_encoder(folder: Path, config: dict[str, Any], dual_encoder: nn.Module, tokenizer: Path) -> None:
    """Write the dual encoder in open_clip's format, float16, with its tokenizer in `tokenizer/` and beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    state = {name: tensor.detach().half().contiguous() for name, tensor in dual_encoder.state_dict().items()}
    save_file(state, str(folder / "open_clip_model.safetensors"))
    for target in (folder / "tokenizer", folder):
        target.mkdir(exist_ok=True)
        for file in sorted(tokenizer.iterdir()):
            (target / file.name).write_bytes(file.read_bytes())


def write_lora(file: Path, state: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a LoRA in kohya's format, float16.

    Args:
        file: Target.
        state: Keys `lora_unet_*` and `lora_te_*`, each with `.alpha`, `.lora_down.weight`, `.lora_up.weight`.
        metadata: Safetensors metadata (`ss_*`).
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().half().contiguous() for k, v in state.items()}, str(file), metadata)


def write_labels(folder: Path, concepts: tuple[Concept, ...]) -> None:
    """Write the dual encoder's term lists, one `.txt` per category."""
    folder.mkdir(parents=True, exist_ok=True)
    lists = {
        "subjects": [c.name for c in concepts],
        "colors": [h.name for h in HUES],
        "backgrounds": [f"{b.name} background" for b in BACKGROUNDS],
        "styles": ["3d render", "ink drawing"],
        "counts": ["one", "two", "three"],
    }
    for name, terms in lists.items():
        (folder / f"{name}.txt").write_text("\n".join(terms) + "\n", encoding="utf-8")


def caption_words(concepts: tuple[Concept, ...]) -> list[str]:
    """Every text whose words the tokenizer must know whole."""
    names = [name for c in concepts for name in (c.name, *c.other_names)]
    kinds = sorted({c.kind for c in concepts if c.kind})
    colours = [*(b.name for b in BACKGROUNDS), *(h.name for h in HUES)]
    grammar = "a an the one two three on at of and in with left right top bottom small big side background style"
    return [*names, *kinds, *colours, grammar, "3d render ink drawing monochrome black white", *read_foreign_words()]
