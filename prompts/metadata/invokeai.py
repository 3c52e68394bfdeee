"""InvokeAI's metadata: `invokeai_metadata`, and the older `sd-metadata` and `Dream`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from prompts.language.dialects import convert
from prompts.metadata.json_values import Json, leftovers, object_in, objects_in, parse_object, real, seed, string, whole
from prompts.metadata.names import sampler_of
from prompts.metadata.reading import Reading
from prompts.spell import HiresFix, Lora, Params, Spell

TOOL = "InvokeAI"
_USED = (
    "positive_prompt negative_prompt width height seed cfg_scale steps scheduler clip_skip model loras vae "
    "hrf_enabled hrf_strength hrf_method"
)
_NEGATIVE = re.compile(r"(?<!\\)\[([^\[\]]*)\]")
_FLAGS = {"-s": "steps", "-S": "seed", "-W": "width", "-H": "height", "-C": "cfg_scale", "-A": "sampler"}


def read_invokeai(texts: Mapping[str, str]) -> Reading | None:
    """The reading of a PNG's `texts`; `None` when InvokeAI wrote none of them."""
    for key, read in (("invokeai_metadata", _modern), ("sd-metadata", _legacy)):
        values = parse_object(texts.get(key, ""))
        if values is not None:
            return read(values, texts[key])
    return _dream(texts["Dream"]) if texts.get("Dream") else None


def _modern(values: Json, text: str) -> Reading:
    prompt = convert(string(values, "positive_prompt") or "", "compel", "a1111")
    negative = convert(string(values, "negative_prompt") or "", "compel", "a1111")
    sampler, schedule = sampler_of(values.get("scheduler"))
    model = object_in(values, "model")
    skipped = whole(values, "clip_skip")
    params = Params(
        steps=whole(values, "steps"),
        sampler=sampler,
        schedule_type=schedule,
        cfg_scale=real(values, "cfg_scale"),
        seed=seed(values, "seed"),
        width=whole(values, "width"),
        height=whole(values, "height"),
        clip_skip=None if skipped is None else skipped + 1,  # InvokeAI counts the layers left out
        checkpoint=string(model, "name", "model_name"),
        vae=string(object_in(values, "vae"), "name", "model_name"),
        hires=_hires(values),
    )
    model_hash = string(model, "hash")
    extra = leftovers(values, _USED.split()) + ((("InvokeAI model hash", model_hash),) if model_hash else ())
    spell = Spell(prompt.text, negative.text, _loras(values), params, extra)
    return Reading(TOOL, spell, text, prompt.losses + negative.losses)


def _hires(values: Json) -> HiresFix | None:
    if values.get("hrf_enabled") is not True:
        return None
    strength = real(values, "hrf_strength")
    return HiresFix(denoising_strength=0.45 if strength is None else strength)


def _loras(values: Json) -> tuple[Lora, ...]:
    found = []
    for entry in objects_in(values, "loras"):
        model = object_in(entry, "model") or object_in(entry, "lora")
        name = string(model, "name", "model_name")
        weight = real(entry, "weight")
        if name:
            found.append(Lora(name, 1.0 if weight is None else weight))
    return tuple(found)


def _legacy(values: Json, text: str) -> Reading:
    image = object_in(values, "image")
    prompts = objects_in(image, "prompt")
    written = string(prompts[0], "prompt") if prompts else string(image, "prompt")
    positive, negative = _split_negative(written or "")
    prompt, against = convert(positive, "compel", "a1111"), convert(negative, "compel", "a1111")
    sampler, schedule = sampler_of(image.get("sampler"))
    params = Params(
        steps=whole(image, "steps"),
        sampler=sampler,
        schedule_type=schedule,
        cfg_scale=real(image, "cfg_scale"),
        seed=seed(image, "seed"),
        width=whole(image, "width"),
        height=whole(image, "height"),
        checkpoint=string(values, "model_weights"),
    )
    used = ("prompt", "steps", "sampler", "cfg_scale", "seed", "width", "height")
    extra = leftovers(values, ("image", "model_weights")) + leftovers(image, used)
    return Reading(TOOL, Spell(prompt.text, against.text, (), params, extra), text, prompt.losses + against.losses)


def _split_negative(text: str) -> tuple[str, str]:
    """Older prompts carry their negative words in square brackets."""
    negative = ", ".join(match.strip() for match in _NEGATIVE.findall(text))
    return _NEGATIVE.sub("", text).strip(), negative


def _dream(text: str) -> Reading | None:
    """`"a cat" -s 50 -S 42 -W 512 -H 512 -C 7.5 -A k_lms`."""
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    if not words:
        return None
    flags: dict[str, object] = {}
    extra: list[tuple[str, str]] = []
    for flag, value in zip(words[1::2], words[2::2], strict=False):
        if flag in _FLAGS:
            flags[_FLAGS[flag]] = value
        else:
            extra.append((flag, value))
    positive, negative = _split_negative(words[0])
    sampler, schedule = sampler_of(flags.get("sampler"))
    params = Params(
        steps=whole(flags, "steps"),
        sampler=sampler,
        schedule_type=schedule,
        cfg_scale=real(flags, "cfg_scale"),
        seed=seed(flags, "seed"),
        width=whole(flags, "width"),
        height=whole(flags, "height"),
    )
    prompt = convert(positive, "compel", "a1111")
    return Reading(TOOL, Spell(prompt.text, negative, (), params, tuple(extra)), text, prompt.losses)
