"""Spells and findings as lines for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import typer

from prompts.spell import HiresFix, Params, Spell


def print_json(value: Any) -> None:
    """One JSON document on standard output, for a program to read."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def lines(heading: str, rows: Iterable[str]) -> None:
    """A heading and its indented rows; an empty list prints nothing."""
    rows = list(rows)
    if rows:
        typer.echo(heading)
        for row in rows:
            typer.echo(f"  {row}")


def spell_lines(spell: Spell) -> list[str]:
    """The spell, one thing per line, in the order people read it."""
    rows = [f"prompt    {spell.prompt}"]
    if spell.negative_prompt:
        rows.append(f"negative  {spell.negative_prompt}")
    rows += [f"LoRA      {lora.name} at {lora.weight:g}" for lora in spell.loras]
    rows += [f"params    {text}" for text in _params(spell.params)]
    if spell.params.hires is not None:
        rows.append(f"hires     {_hires(spell.params.hires)}")
    return rows


def _params(params: Params) -> list[str]:
    sampler = " ".join(filter(None, (params.sampler, params.schedule_type)))
    size = f"{params.width}x{params.height}" if params.width and params.height else ""
    parts = [
        f"{params.steps} steps" if params.steps is not None else "",
        sampler,
        f"CFG {params.cfg_scale:g}" if params.cfg_scale is not None else "",
        size,
        f"seed {params.seed}" if params.seed is not None else "",
        f"clip skip {params.clip_skip}" if params.clip_skip not in (None, 1) else "",
        params.checkpoint or "",
    ]
    text = ", ".join(p for p in parts if p)
    return [text] if text else []


def _hires(hires: HiresFix) -> str:
    target = f"to {hires.resize_to[0]}x{hires.resize_to[1]}" if hires.resize_to else f"x{hires.upscale_by:g}"
    steps = f"{hires.steps} steps" if hires.steps else "as many steps"
    return f"{target}, {hires.upscaler}, {steps}, denoising strength {hires.denoising_strength:g}"
