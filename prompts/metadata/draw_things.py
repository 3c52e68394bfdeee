"""Draw Things' metadata: short-keyed JSON in the XMP packet's UserComment."""

from __future__ import annotations

import html
import re

from prompts.metadata.json_values import leftovers, object_in, objects_in, parse_object, real, seed, string, whole
from prompts.metadata.names import sampler_of, schedule_of
from prompts.metadata.reading import Reading
from prompts.spell import Lora, Params, Spell

TOOL = "Draw Things"
_USED = ("c", "uc", "steps", "sampler", "scale", "seed", "size", "model", "lora", "clip_skip")
_SIZE = re.compile(r"(\d{1,6})x(\d{1,6})")
_OPENING, _CLOSING = "<exif:UserComment", "</exif:UserComment>"


def read_draw_things(xmp: str) -> Reading | None:
    """The reading of an XMP packet; `None` when Draw Things did not write it."""
    start = xmp.find(_OPENING)
    end = xmp.find(_CLOSING, start)
    if start < 0 or end < 0:
        return None
    inner = xmp[xmp.find(">", start) + 1 : end]
    brace, last = inner.find("{"), inner.rfind("}")
    text = html.unescape(inner[brace : last + 1]) if 0 <= brace < last else ""
    values = parse_object(text)
    if values is None or "c" not in values:
        return None
    sampler, schedule = sampler_of(values.get("sampler"))
    size = _SIZE.fullmatch(string(values, "size") or "")
    details = object_in(values, "v2")
    params = Params(
        steps=whole(values, "steps"),
        sampler=sampler,
        schedule_type=schedule or schedule_of(details.get("scheduler")),
        cfg_scale=real(values, "scale"),
        seed=seed(values, "seed"),
        width=int(size[1]) if size else None,
        height=int(size[2]) if size else None,
        clip_skip=whole(values, "clip_skip") or whole(details, "clipSkip"),
        checkpoint=string(values, "model"),
    )
    loras = tuple(
        Lora(string(entry, "model", "file") or "", 1.0 if (weight := real(entry, "weight")) is None else weight)
        for entry in objects_in(values, "lora")
        if string(entry, "model", "file")
    )
    extra = leftovers(values, _USED)
    return Reading(TOOL, Spell(string(values, "c") or "", string(values, "uc") or "", loras, params, extra), text)
