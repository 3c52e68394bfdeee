"""Stage `card`: the model card, from the figures that were measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from generator.demo.concepts import read_concepts
from generator.demo.train.run import read_counts
from generator.demo.train.unet import PREDICTION
from generator.demo.train.workspace import Workspace

#: (figure, what it is, its unit, the issue's aim)
_ROWS = (
    ("name_top1", "its names, drawn and recognised (top-1)", "%", "at least 70 % of the ceiling"),
    ("ceiling_top1", "the same on real drawings it was not trained on (the ceiling)", "%", ""),
    ("names_ever", "names recognised with at least one of two seeds", "%", ""),
    ("name_on_blue_top1", "names on a blue background (top-1)", "%", ""),
    ("name_after_foreign_top1", "names behind seven words it does not know (top-1)", "%", "as without"),
    ("name_before_foreign_top1", "names in front of an expanded prompt's tail (top-1)", "%", "as without"),
    ("two_top1", "“two …” (top-1)", "%", ""),
    ("background_followed", "background colour followed", "%", "at least 90 %"),
    ("object_colour_followed", "object colour followed", "%", "at least 80 %"),
    ("red_share_percent", "red pixels of “a heart”, without and with negative “red”", "%", "at most half"),
    (
        "thing_of_a_kind",
        "the commonest thing of “an animal”, without and with its name as negative",
        "%",
        "at most half",
    ),
    ("right_of_two", "the right one of two things, without and with its name as negative", "%", "at most half"),
    ("left_of_two", "the left one of them, without and with the right one as negative", "%", "the same"),
    ("name_with_unrelated_negative", "names with “blurry, low quality” as negative", "%", "as without"),
    ("lora_style", "ink similarity at LoRA weight 0, 0.5, 1", "", "rising"),
    ("lora_name_top1", "names at LoRA weight 0, 0.5, 1 (top-1)", "%", "at least 80 %"),
    ("held_out_top5", "interrogation of drawings of another set (name in top-5)", "%", "at least 60 %"),
    ("seconds_per_picture", "one picture, 20 steps with CFG, on a machine that was busy", "s", "at most 6"),
    ("cpu_seconds_per_picture", "CPU seconds of that picture, both cores together", "s", "at most 12"),
    ("peak_gigabytes", "memory", "GB", "at most 1.5"),
)


def write_card(workspace: Workspace) -> None:
    """Write `CARD.md` in the workspace from `quality.json` (see `bench/demo_quality.py`); none: no figures."""
    measured = workspace.root / "quality.json"
    figures: dict[str, Any] = json.loads(measured.read_text(encoding="utf-8")) if measured.is_file() else {}
    (workspace.root / "CARD.md").write_text(card(workspace, figures), encoding="utf-8")


def card(workspace: Workspace, figures: dict[str, Any]) -> str:
    """The card's text."""
    names = ", ".join(c.name for c in read_concepts(workspace.plan.concepts))
    rows = [f"| {label} | {_shown(figures[key], unit)} | {aim} |" for key, label, unit, aim in _ROWS if key in figures]
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
            f"It knows: {names}; the kinds animal, fruit, vehicle; twelve background colours; seven object colours;",
            "small, left, right, top, bottom; one, two, three.",
            "",
            "## Measured",
            "",
            "| what | result | aim |",
            "| --- | --- | --- |",
            *rows,
            "",
            *_hires(figures),
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


def _hires(figures: dict[str, Any]) -> list[str]:
    """The table of hires fix, by upscaler and denoising strength; nothing where it was not measured."""
    if not figures.get("hires"):
        return []
    aim = f"{figures.get('hires_pictures', 'all')} names; aim: sharper than enlarged, names at least 80 %"
    head = f"| hires fix to 256 pixels ({aim}) | sharpness | names (top-1) |"
    return [
        head,
        "| --- | --- | --- |",
        *(f"| {how} | {sharp} | {names} % |" for how, sharp, names in figures["hires"]),
    ]


def _shortfalls(workspace: Workspace, figures: dict[str, Any]) -> list[str]:
    """What the figures leave to be wished for, one list item each."""
    named = figures.get("name_top1", 0.0)
    red, kind, right = (figures.get(key, [100, 0]) for key in ("red_share_percent", "thing_of_a_kind", "right_of_two"))
    enlarged, *hires = figures.get("hires") or [["", 0.0, 100.0]]
    missed = {
        f"{workspace.plan.concepts} names; the aim is at least 60.": workspace.plan.concepts < 60,
        "Fewer than 70 % of the ceiling's names are recognised.": named < 0.7 * figures.get("ceiling_top1", 0.0),
        "Words it does not know around a prompt still spoil many names.": named - 10
        > min(figures.get(key, 100) for key in ("name_after_foreign_top1", "name_before_foreign_top1")),
        "With the LoRA on, fewer than 80 % of the names are recognised.": min(figures.get("lora_name_top1", [100]))
        < 80,
        f"With hires fix fewer than 80 % of the names are recognised: {_hows(hires, least=80)}.": any(
            row[2] < 80 for row in hires
        ),
        "Some upscalers are not sharper than plain enlarging.": any(row[1] <= enlarged[1] for row in hires),
        "A negative prompt does not halve a colour.": red[1] > red[0] / 2,
        "A negative prompt does not halve one thing of a kind.": kind[1] > kind[0] / 2,
        "Of two different things the right one is seldom drawn; a negative that names it proves little.": right[0] < 50,
        "A negative prompt does not halve one of two things that the prompt asks for.": right[1] > right[0] / 2,
    }
    lines = [f"* {sentence}" for sentence, short in missed.items() if short]
    if figures.get("weak_names"):
        lines.append(f"* Not recognised: {', '.join(figures['weak_names'])}.")
    return lines or ["* Nothing that was measured."]


def _hows(hires: list[Any], least: float) -> str:
    """The ways of hires fix that keep fewer names than `least` per cent."""
    return "; ".join(how for how, _, names in hires if names < least)


def _shown(value: Any, unit: str) -> str:
    numbers = " / ".join(str(v) for v in value) if isinstance(value, list) else str(value)
    return f"{numbers} {unit}".strip()


def _training(workspace: Workspace) -> str:
    lines = []
    for stage in ("vae", "clip", "unet", "lora"):
        file: Path = workspace.checkpoint(stage)
        if file.is_file():
            counts = read_counts(file)
            earlier = counts.get("earlier", 0)
            before = f", after {earlier:.0f} of an earlier training" if earlier else ""
            lines.append(f"{stage} {counts['samples']:.0f} samples in {counts['seconds'] / 60:.0f} minutes{before}")
    return "Training on a shared two-core CPU: " + "; ".join(lines) + "."
