"""Stage `card`: the model card, from the figures that were measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from generator.demo.concepts import read_concepts
from generator.demo.train.run import read_counts
from generator.demo.train.unet import PREDICTION
from generator.demo.train.workspace import Workspace

_ROWS = (
    ("name_top1", "its names, drawn and recognised (top-1)", "%"),
    ("ceiling_top1", "the same on real drawings (the ceiling)", "%"),
    ("name_on_blue_top1", "names on a blue background (top-1)", "%"),
    ("name_with_foreign_top1", "names among words it does not know (top-1)", "%"),
    ("two_top1", "“two …” (top-1)", "%"),
    ("background_followed", "background colour followed", "%"),
    ("object_colour_followed", "object colour followed", "%"),
    ("red_share_percent", "red pixels of “a heart”, without and with negative “red”", "%"),
    ("lora_style", "ink similarity at LoRA weight 0, 0.5, 1", ""),
    ("lora_name_top1", "names at LoRA weight 0, 0.5, 1 (top-1)", "%"),
    ("sharpness_plain_and_hires", "sharpness at 256 pixels, enlarged and with hires fix", ""),
    ("hires_name_top1", "names after hires fix (top-1)", "%"),
    ("held_out_top5", "interrogation of drawings of another set (top-5)", "%"),
    ("seconds_per_picture", "one picture, 20 steps with CFG, on a machine that was busy", "s"),
    ("peak_gigabytes", "memory", "GB"),
)


def write_card(workspace: Workspace) -> None:
    """Write `CARD.md` in the workspace from `quality.json` (see `bench/demo_quality.py`); none: no figures."""
    measured = workspace.root / "quality.json"
    figures: dict[str, Any] = json.loads(measured.read_text(encoding="utf-8")) if measured.is_file() else {}
    (workspace.root / "CARD.md").write_text(card(workspace, figures), encoding="utf-8")


def card(workspace: Workspace, figures: dict[str, Any]) -> str:
    """The card's text."""
    names = ", ".join(c.name for c in read_concepts(workspace.plan.concepts))
    rows = [f"| {label} | {_shown(figures[key], unit)} |" for key, label, unit in _ROWS if key in figures]
    return "\n".join(
        [
            "# The demo model",
            "",
            "A small Stable Diffusion 1.5-shaped family trained from nothing by `generator/demo/train` on openly",
            "licensed emoji drawings, so that the first picture needs no download. It is a toy: it draws the things",
            "below, one to three of them, on plain backgrounds, as soft icons. It partly memorises its drawings.",
            "",
            f"Base size {workspace.plan.base_size} pixels, prediction type `{PREDICTION}`, Stable Diffusion 1.5's",
            "noise schedule and latents (4 channels, an eighth of the side).",
            "",
            f"It knows: {names}; twelve background colours; seven object colours; small, left, right, top, bottom.",
            "",
            "## Measured",
            "",
            "| what | result |",
            "| --- | --- |",
            *rows,
            "",
            _training(workspace),
            "",
            "## Short of its aims",
            "",
            *_shortfalls(workspace, figures),
            "",
            "The dual encoder judges and interrogates pictures of this domain only. On photographs it is useless.",
            "",
        ]
    )


def _shortfalls(workspace: Workspace, figures: dict[str, Any]) -> list[str]:
    """What the figures leave to be wished for, one list item each."""
    lines = [f"* {workspace.plan.concepts} names; the aim is at least 60."]
    if figures.get("name_with_foreign_top1", 100) < 70:
        lines.append("* Seven words it does not know around a prompt still spoil many names.")
    if min(figures.get("lora_name_top1", [100])) < 80:
        lines.append("* With the LoRA on, fewer than 80 % of the names are recognised.")
    if figures.get("weak_names"):
        lines.append(f"* Not always recognised: {', '.join(figures['weak_names'])}.")
    lines.append("* A negative prompt takes a colour away, not one of two things.")
    return lines


def _shown(value: Any, unit: str) -> str:
    numbers = " / ".join(str(v) for v in value) if isinstance(value, list) else str(value)
    return f"{numbers} {unit}".strip()


def _training(workspace: Workspace) -> str:
    lines = []
    for stage in ("vae", "clip", "unet", "lora"):
        file: Path = workspace.checkpoint(stage)
        if file.is_file():
            counts = read_counts(file)
            lines.append(f"{stage} {counts['samples']:.0f} samples in {counts['seconds'] / 60:.0f} minutes")
    return "Training on a shared two-core CPU: " + "; ".join(lines) + "."
