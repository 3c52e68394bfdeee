"""What Civitai adds: JSON of its own generator, and resources listed in an infotext."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prompts.language.networks import lift_loras
from prompts.metadata.comfyui import read_comfyui
from prompts.metadata.json_values import (
    Json,
    leftovers,
    object_in,
    objects_in,
    parse_object,
    real,
    seed,
    string,
    whole,
)
from prompts.metadata.names import sampler_of, schedule_of
from prompts.metadata.pairs import split_pairs
from prompts.metadata.reading import Reading
from prompts.spell import Params, Spell

TOOL = "Civitai"
_USED = ("prompt", "negativePrompt", "steps", "cfgScale", "sampler", "scheduler", "seed", "width", "height", "clipSkip")
_KINDS = {"checkpoint": "checkpoint", "model": "checkpoint", "lora": "lora", "lycoris": "lora", "locon": "lora"}


@dataclass(frozen=True, slots=True)
class Resource:
    """One file that a picture says it was made with."""

    kind: str
    """`checkpoint`, `lora`, `embedding`, `vae` or what the picture calls it."""
    name: str | None = None
    hash: str | None = None
    """As written: 8 to 64 hex digits; which kind of hash depends on `kind` (see `docs/metadata.md`)."""
    weight: float | None = None
    version_id: int | None = None
    """Civitai's model version."""
    air: str | None = None
    """Civitai's uniform resource name, `urn:air:…`."""


def read_civitai(texts: Mapping[str, str], comment: str) -> Reading | None:
    """The reading of the JSON that Civitai's own generator leaves in the UserComment; `None` for anything else."""
    values = parse_object(comment)
    if values is None:
        return None
    meta = parse_object(string(values, "extraMetadata") or "") or object_in(values, "extraMetadata")
    if not meta:
        graph = read_comfyui({"prompt": comment})
        return graph
    prompt, loras = lift_loras(string(meta, "prompt") or "")
    sampler, schedule = sampler_of(meta.get("sampler"))
    params = Params(
        steps=whole(meta, "steps"),
        sampler=sampler,
        schedule_type=schedule or schedule_of(meta.get("scheduler")),
        cfg_scale=real(meta, "cfgScale"),
        seed=seed(meta, "seed"),
        width=whole(meta, "width"),
        height=whole(meta, "height"),
        clip_skip=whole(meta, "clipSkip"),
    )
    renamed = dict(meta)
    if "resources" in renamed:
        renamed["Civitai resources"] = renamed.pop("resources")
    spell = Spell(prompt, string(meta, "negativePrompt") or "", loras, params, leftovers(renamed, _USED))
    return Reading(TOOL, spell, comment)


def resources(spell: Spell) -> tuple[Resource, ...]:
    """Every file that `spell` names by hash or id in its uninterpreted pairs, each once per place it is named.

    Read are `Lora hashes`, `LoRA hashes`, `TI hashes`, `VAE hash`, `Hashes` and `Civitai resources`.
    """
    found: list[Resource] = []
    for key, value in spell.extra:
        if key in ("Lora hashes", "TI hashes"):
            kind = "lora" if key == "Lora hashes" else "embedding"
            found += [Resource(kind, pair.key, pair.value) for pair in split_pairs(value) if pair.key != pair.value]
        elif key == "LoRA hashes":
            found += [Resource("lora", None, part.strip()) for part in value.split(",") if part.strip()]
        elif key == "VAE hash":
            found.append(Resource("vae", spell.params.vae, value))
        elif key == "Hashes":
            found += _from_hashes(parse_object(value) or {})
        elif key == "Civitai resources":
            found += [_from_resource(entry) for entry in objects_in(parse_object(f'{{"r":{value}}}') or {}, "r")]
    return tuple(found)


def _from_hashes(values: Json) -> list[Resource]:
    """`{"model": "…", "lora:name": "…", "embed:name": "…", "vae": "…"}`."""
    found = []
    for key, value in values.items():
        if not isinstance(value, str):
            continue
        kind, _, name = key.partition(":")
        kind = {"model": "checkpoint", "embed": "embedding"}.get(kind, kind)
        found.append(Resource(kind, name or None, value))
    return found


def _from_resource(entry: Json) -> Resource:
    written = (string(entry, "type") or "").casefold()
    kind = {"embed": "embedding", "textualinversion": "embedding"}.get(written) or _KINDS.get(written, written)
    return Resource(
        kind,
        string(entry, "modelName", "name"),
        string(entry, "hash"),
        real(entry, "weight", "strength"),
        whole(entry, "modelVersionId"),
        string(entry, "air"),
    )
