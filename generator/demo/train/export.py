"""Stage `export`: the family as a folder that `generator.demo.family` reads."""

from __future__ import annotations

import json
import shutil

from generator.demo.concepts import read_concepts
from generator.demo.family import MANIFEST
from generator.demo.networks import dual_encoder_config
from generator.demo.package import Networks, write_checkpoint, write_dual_encoder, write_labels, write_lora
from generator.demo.shape import TRAINED_SHAPE
from generator.demo.train.clip import read_dual_encoder
from generator.demo.train.data import vocabulary
from generator.demo.train.foreign import known_words
from generator.demo.train.lora import RANK, read_lora
from generator.demo.train.sources import PICTURE_SETS
from generator.demo.train.unet import PREDICTION, read_unet
from generator.demo.train.vae import read_vae
from generator.demo.train.workspace import Workspace

LORA_NAME = "demo-style"
_NOTICE = "Demo model: it draws {} everyday things as small soft icons on plain backgrounds and knows nothing else."
_LARGEST = 45_000_000  # bytes


def export_family(workspace: Workspace) -> None:
    """Write `family/` in the workspace; copying it to `generator/demo/weights/` ships it.

    Raises:
        ValueError: The family is larger than the package may be.
    """
    target = workspace.root / "family"
    folder = workspace.root / "family.partial"
    shutil.rmtree(folder, ignore_errors=True)
    words = vocabulary(workspace)
    concepts = read_concepts(workspace.plan.concepts)
    config = dual_encoder_config(TRAINED_SHAPE, len(words.tokens))
    networks = Networks(TRAINED_SHAPE, read_unet(workspace), read_vae(workspace), read_dual_encoder(workspace), words)
    write_checkpoint(folder / "checkpoint", networks, PREDICTION)
    write_dual_encoder(folder / "clip", config, networks.dual_encoder, folder / "checkpoint" / "tokenizer")
    write_lora(folder / "loras" / f"{LORA_NAME}.safetensors", read_lora(workspace), _lora_metadata())
    write_labels(folder / "labels", concepts)
    manifest = {
        "kind": "trained",
        "loras": [LORA_NAME],
        "base_size": workspace.plan.base_size,
        "hires_size": workspace.plan.hires_size,
        "notice": _NOTICE.format(len(concepts)),
        "vocabulary": sorted(known_words(concepts)),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    (folder / "LICENSES.md").write_text(licences(), encoding="utf-8")
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    if size > _LARGEST:
        raise ValueError(f"the family takes {size} bytes, more than {_LARGEST}")
    shutil.rmtree(target, ignore_errors=True)
    folder.rename(target)


def licences() -> str:
    """Every source of the weights, as Markdown."""
    rows = [f"| {s.package} {s.version} | {s.origin} | {s.licence} |" for s in PICTURE_SETS]
    return "\n".join(
        [
            "# Sources of the demo weights",
            "",
            "The weights were trained on drawings from these packages and may hold parts of them.",
            "",
            "| package | drawings by | licence |",
            "| --- | --- | --- |",
            *rows,
            "| open_clip_torch (byte-pair merge table) | OpenAI, LAION | MIT |",
            "",
            "Fluent Emoji: Copyright (c) Microsoft Corporation, MIT License. WebP packaging: Copyright (c) LobeHub,",
            "MIT License. Noto Emoji: Copyright Google, Apache License 2.0. The drawings were cut out, scaled,",
            "recoloured and put on plain backgrounds; captions were written by the training script. The flat set",
            "was used for measuring only.",
            "",
        ]
    )


def _lora_metadata() -> dict[str, str]:
    return {
        "ss_base_model_version": "sd_v1",
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(RANK),
        "ss_network_alpha": str(RANK),
        "ss_output_name": LORA_NAME,
    }
