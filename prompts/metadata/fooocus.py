"""Fooocus's own metadata scheme: JSON under `parameters`, `fooocus_scheme` beside it."""

from __future__ import annotations

import ast
import re
from typing import Any

from prompts.language.dialects import convert
from prompts.metadata.json_values import Json, leftovers, parse_object, real, seed, string, whole
from prompts.metadata.names import sampler_of, schedule_of
from prompts.metadata.reading import Reading
from prompts.spell import Lora, Params, Spell

TOOL = "Fooocus"
_USED = (
    "prompt negative_prompt steps sampler scheduler guidance_scale seed resolution base_model base_model_hash vae "
    "clip_skip loras"
)
_SIZE = re.compile(r"\(?\s*(\d{1,6})\s*[,x×]\s*(\d{1,6})\s*\)?")
_COMBINED = re.compile(r"lora_combined_\d+")


def read_fooocus(text: str) -> Reading | None:
    """The reading of `text`; `None` when it is not Fooocus's JSON."""
    values = parse_object(text)
    if values is None or not ("base_model" in values or "guidance_scale" in values) or "prompt" not in values:
        return None
    prompt = convert(string(values, "prompt") or "", "comfyui", "a1111")
    negative = convert(string(values, "negative_prompt") or "", "comfyui", "a1111")
    sampler, schedule = sampler_of(values.get("sampler"))
    size = _SIZE.fullmatch(string(values, "resolution") or "")
    params = Params(
        steps=whole(values, "steps"),
        sampler=sampler,
        schedule_type=schedule_of(values.get("scheduler")) or schedule,
        cfg_scale=real(values, "guidance_scale"),
        seed=seed(values, "seed"),
        width=int(size[1]) if size else None,
        height=int(size[2]) if size else None,
        clip_skip=whole(values, "clip_skip"),
        checkpoint=string(values, "base_model"),
        checkpoint_hash=string(values, "base_model_hash"),
        vae=string(values, "vae"),
    )
    loras = _loras(values)
    combined = [key for key in values if _COMBINED.fullmatch(key)]
    extra = leftovers(values, [*_USED.split(), *combined])
    notes = ("Fooocus expands prompts and adds style texts: compare `full_prompt`.",)
    return Reading(
        TOOL, Spell(prompt.text, negative.text, loras, params, extra), text, prompt.losses + negative.losses, notes
    )


def _loras(values: Json) -> tuple[Lora, ...]:
    """`loras` as a list of [name, weight, hash]; before 2.2 `lora_combined_1: "name : weight"`."""
    entries: list[Any] = _list(values.get("loras"))
    for key, value in values.items():
        if _COMBINED.fullmatch(key) and isinstance(value, str) and not entries_name(entries, value):
            entries.append(value.rsplit(" : ", 1))
    found = []
    for entry in entries:
        if isinstance(entry, list | tuple) and len(entry) >= 2 and isinstance(entry[0], str):
            weight = real({"weight": entry[1]}, "weight")
            found.append(Lora(entry[0].removesuffix(".safetensors"), 1.0 if weight is None else weight))
    return tuple(found)


def entries_name(entries: list[Any], combined: str) -> bool:
    """Whether the LoRA of a `name : weight` text is already among `entries`."""
    name = combined.rsplit(" : ", 1)[0]
    return any(isinstance(entry, list | tuple) and entry and entry[0] == name for entry in entries)


def _list(value: object) -> list[Any]:
    if isinstance(value, str) and len(value) < 10_000:  # some versions write a Python literal
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return []
    return list(value) if isinstance(value, list | tuple) else []
