"""NovelAI's metadata: PNG text `Comment`, or the same as JSON hidden in the alpha channel."""

from __future__ import annotations

from collections.abc import Mapping

from prompts.language.dialects import convert
from prompts.metadata.json_values import Json, leftovers, object_in, parse_object, real, seed, string, whole
from prompts.metadata.names import sampler_of, schedule_of
from prompts.metadata.reading import Reading
from prompts.spell import Params, Spell

TOOL = "NovelAI"
_USED = ("prompt", "uc", "steps", "sampler", "scale", "seed", "width", "height", "noise_schedule")
_DEFAULTS = "NovelAI writes no clip skip and no ENSD; A1111 reads such pictures with clip skip 2 and ENSD 31337."


def read_novelai(texts: Mapping[str, str]) -> Reading | None:
    """The reading of a PNG's `texts` (or of hidden JSON with the same keys); `None` when it is not NovelAI's."""
    comment = texts.get("Comment", "")
    values = parse_object(comment)
    is_novelai = texts.get("Software") == TOOL or (values is not None and {"uc", "scale", "sampler"} <= values.keys())
    if values is None or not is_novelai:
        return None
    prompt = convert(_prompt(values, texts.get("Description", "")), "novelai", "a1111")
    negative = convert(_negative(values), "novelai", "a1111")
    sampler, schedule = sampler_of(values.get("sampler"))
    given = schedule_of(values.get("noise_schedule"))
    params = Params(
        steps=whole(values, "steps"),
        sampler=sampler or "Euler a",
        schedule_type=schedule if given in (None, "native") else given,
        cfg_scale=real(values, "scale"),
        seed=seed(values, "seed"),
        width=whole(values, "width"),
        height=whole(values, "height"),
        clip_skip=2,
    )
    source = texts.get("Source", "")
    extra = (("ENSD", "31337"), *leftovers(values, _USED), *((("Source", source),) if source else ()))
    spell = Spell(prompt.text, negative.text, (), params, tuple(extra))
    return Reading(TOOL, spell, comment, prompt.losses + negative.losses, (_DEFAULTS,))


def _prompt(values: Json, description: str) -> str:
    caption = string(object_in(object_in(values, "v4_prompt"), "caption"), "base_caption")
    return caption or string(values, "prompt") or description


def _negative(values: Json) -> str:
    caption = string(object_in(object_in(values, "v4_negative_prompt"), "caption"), "base_caption")
    return caption or string(values, "uc") or ""
