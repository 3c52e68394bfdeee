"""ComfyUI's metadata: the graph that drew the picture, walked back from its samplers to a spell."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from prompts.language.dialects import convert
from prompts.metadata.json_values import Json, parse_object, real, seed, string, whole
from prompts.metadata.names import sampler_of, schedule_of
from prompts.metadata.reading import Reading
from prompts.spell import HiresFix, Lora, Params, Spell

TOOL = "ComfyUI"
NODES = 4_000
"""Nodes of one graph that are looked at."""
SAMPLERS = 16
"""Samplers of one graph that are looked at."""
_TEXTS = ("text", "populated_text", "wildcard_text", "prompt", "string", "value", "text_g", "text_l", "positive")
_BARE_NAN = re.compile(r"(?<=[\s:,\[])(?:NaN|-?Infinity)(?=[\s,\]}])")
_SUFFIX = re.compile(r"\.(?:safetensors|ckpt|pt|sft|gguf)$")


@dataclass(frozen=True, slots=True)
class Graph:
    """ComfyUI's API graph: nodes by id, links as `[id, output]` among the inputs."""

    nodes: Mapping[str, Json]

    def inputs(self, node_id: str) -> Json:
        """The inputs of a node; empty for an unknown one."""
        found = self.nodes.get(node_id, {}).get("inputs")
        return found if isinstance(found, dict) else {}

    def kind(self, node_id: str) -> str:
        """The node's class."""
        return str(self.nodes.get(node_id, {}).get("class_type", ""))

    def source(self, node_id: str, *names: str) -> str | None:
        """The node that feeds the first of `names` that is linked."""
        for name in names:
            link = self.inputs(node_id).get(name)
            if isinstance(link, list) and link and str(link[0]) in self.nodes:
                return str(link[0])
        return None

    def upstream(self, start: str | None, *names: str) -> Iterator[str]:
        """`start` and everything that feeds it, near nodes first, each once; only through `names` when given."""
        todo = deque([start] if start is not None else [])
        seen: set[str] = set()
        while todo:
            node_id = todo.popleft()
            if node_id in seen or len(seen) >= NODES:
                continue
            seen.add(node_id)
            yield node_id
            inputs = self.inputs(node_id)
            for name in names or inputs:
                source = self.source(node_id, name)
                if source is not None:
                    todo.append(source)

    def value(self, node_id: str, name: str) -> Any:
        """An input's value, followed through primitive nodes; `None` when a link leads to no plain value."""
        seen: set[str] = set()
        while node_id not in seen:
            seen.add(node_id)
            value = self.inputs(node_id).get(name)
            if not isinstance(value, list):
                return value
            source = self.source(node_id, name)
            if source is None:
                return None
            node_id = source
            inputs = self.inputs(source)
            name = next((n for n in (name, *_TEXTS, "seed", "noise_seed", "int", "float", "number") if n in inputs), "")
        return None


def read_comfyui(texts: Mapping[str, str]) -> Reading | None:
    """The reading of a graph under `prompt` (a file with only the page's `workflow` has no values to read)."""
    text = texts.get("prompt", "")
    nodes = parse_object(_BARE_NAN.sub("null", text))
    if nodes is None or not any(isinstance(node, dict) and "class_type" in node for node in nodes.values()):
        return None
    graph = Graph({str(key): node for key, node in list(nodes.items())[:NODES] if isinstance(node, dict)})
    samplers = _samplers(graph)
    if not samplers:
        return Reading(TOOL, Spell(), text, (), ("The graph has no sampler that could be recognised.",))
    return _reading(graph, samplers, text)


def _samplers(graph: Graph) -> list[str]:
    """The sampler nodes, first pass first."""
    found = [
        node_id
        for node_id in graph.nodes
        if graph.source(node_id, "latent_image", "latent") is not None
        and ("sampler" in graph.kind(node_id).casefold() or graph.source(node_id, "positive") is not None)
        and (graph.source(node_id, "positive", "guider") is not None)
    ][:SAMPLERS]
    depth = {s: sum(up in found for up in graph.upstream(graph.source(s, "latent_image", "latent"))) for s in found}
    return sorted(found, key=lambda s: depth[s])


def _reading(graph: Graph, samplers: list[str], text: str) -> Reading:
    first = samplers[0]
    guide = graph.source(first, "guider") or first
    prompt = convert(_conditioning(graph, graph.source(guide, "positive", "conditioning")), "comfyui", "a1111")
    negative = convert(_conditioning(graph, graph.source(guide, "negative")), "comfyui", "a1111")
    notes = ["ComfyUI draws its noise on the CPU: A1111 needs RNG: CPU for the same picture."]
    model = graph.source(first, "model") or graph.source(guide, "model")
    params = replace(_sampling(graph, first), **_files(graph, model, guide), **_size(graph, first))
    if len(samplers) > 1:
        params = replace(params, hires=_second_pass(graph, samplers[1], params))
        notes.append("The second sampler is read as hires fix; ComfyUI's own upscaling may differ.")
    extra = (("RNG", "CPU"), *_other_samplers(graph, samplers[2:]))
    spell = Spell(prompt.text, negative.text, _loras(graph, model), params, extra)
    return Reading(TOOL, spell, text, prompt.losses + negative.losses, tuple(notes))


def _sampling(graph: Graph, node_id: str) -> Params:
    """Steps, CFG, seed and names, from one all-in-one node or from the parts of a custom sampler."""
    around = [node_id, *(s for n in ("sampler", "sigmas", "noise", "guider") if (s := graph.source(node_id, n)))]
    values: dict[str, Any] = {}
    for part in around:
        for name in ("steps", "cfg", "seed", "noise_seed", "sampler_name", "scheduler", "denoise", "guidance"):
            if name in graph.inputs(part) and name not in values:
                values[name] = graph.value(part, name)
    sampler, schedule = sampler_of(values.get("sampler_name"))
    return Params(
        steps=whole(values, "steps"),
        sampler=sampler,
        schedule_type=schedule_of(values.get("scheduler")) or schedule,
        cfg_scale=real(values, "cfg", "guidance"),
        seed=seed(values, "seed", "noise_seed"),
    )


def _conditioning(graph: Graph, start: str | None) -> str:
    """The texts that feed a conditioning input; several are joined as BREAK does."""
    found: list[str] = []
    todo = deque([start] if start is not None else [])
    seen: set[str] = set()
    while todo and len(seen) < NODES:
        node_id = todo.popleft()
        if node_id in seen:
            continue
        seen.add(node_id)
        text = _text(graph, node_id)
        if text is not None:
            if text and text not in found:
                found.append(text)
            continue
        inputs = graph.inputs(node_id)
        names = [n for n in inputs if "cond" in n.casefold() or n in ("positive", "negative", "value", "input")]
        todo += [source for name in names if (source := graph.source(node_id, name)) is not None]
    return ", ".join(found)


def _text(graph: Graph, node_id: str) -> str | None:
    """The text of an encoding node; `None` for any other node."""
    if "clip" not in graph.inputs(node_id) and "encode" not in graph.kind(node_id).casefold():
        return None
    for name in _TEXTS:
        if name in graph.inputs(node_id):
            value = graph.value(node_id, name)
            if isinstance(value, str):
                return value
    return None


def _files(graph: Graph, model: str | None, sampler: str) -> dict[str, Any]:
    """Checkpoint, VAE and clip skip."""
    found: dict[str, Any] = {}
    for node_id in graph.upstream(model, "model"):
        name = string(graph.inputs(node_id), "ckpt_name", "unet_name", "model_name")
        if name and "checkpoint" not in found:
            found["checkpoint"] = _stem(name)
    for node_id in graph.nodes:
        name = string(graph.inputs(node_id), "vae_name")
        if name and "vae" not in found:
            found["vae"] = _stem(name, keep_suffix=True)
    encoders = graph.upstream(graph.source(sampler, "positive"))
    clip = next((source for n in encoders if (source := graph.source(n, "clip")) is not None), None)
    for node_id in graph.upstream(clip, "clip"):
        layer = whole(graph.inputs(node_id), "stop_at_clip_layer")
        if layer is not None and "clip_skip" not in found:
            found["clip_skip"] = -layer
    return found


def _loras(graph: Graph, model: str | None) -> tuple[Lora, ...]:
    """The LoRA loaders between checkpoint and sampler, in the order they apply."""
    found: list[Lora] = []
    for node_id in graph.upstream(model, "model", "lora_stack"):
        inputs = graph.inputs(node_id)
        name = string(inputs, "lora_name")
        if name is None:
            continue
        unet = real(inputs, "strength_model", "strength", "lora_wt")
        clip = real(inputs, "strength_clip")
        unet = 1.0 if unet is None else unet
        weight = unet if clip is None else clip
        found.append(Lora(_stem(name), weight, None if weight == unet else unet))
    return tuple(reversed(found))


def _size(graph: Graph, sampler: str) -> dict[str, Any]:
    """Width and height of the empty latent."""
    for node_id in graph.upstream(graph.source(sampler, "latent_image", "latent")):
        width, height = graph.value(node_id, "width"), graph.value(node_id, "height")
        sides = whole({"w": width}, "w"), whole({"h": height}, "h")
        if None not in sides:
            return {"width": sides[0], "height": sides[1]}
    return {}


def _second_pass(graph: Graph, sampler: str, first: Params) -> HiresFix:
    second = _sampling(graph, sampler)
    hires = HiresFix(steps=second.steps or 0, denoising_strength=_denoise(graph, sampler))
    if (second.sampler, second.schedule_type) != (first.sampler, first.schedule_type):
        hires = replace(hires, sampler=second.sampler, schedule_type=second.schedule_type)
    for node_id in graph.upstream(graph.source(sampler, "latent_image", "latent")):
        inputs = graph.inputs(node_id)
        name = string(inputs, "model_name") if "upscale" in graph.kind(node_id).casefold() else None
        if name:
            hires = replace(hires, upscaler=_stem(name))
        factor = real(inputs, "scale_by")
        sides = whole(inputs, "width"), whole(inputs, "height")
        if "upscale" not in graph.kind(node_id).casefold() and "scale" not in graph.kind(node_id).casefold():
            continue
        if factor:
            return replace(hires, upscale_by=factor)
        if sides[0] is not None and sides[1] is not None:
            return replace(hires, resize_to=(sides[0], sides[1]))
    return hires


def _denoise(graph: Graph, sampler: str) -> float:
    for node_id in (sampler, graph.source(sampler, "sigmas")):
        value = None if node_id is None else real({"d": graph.value(node_id, "denoise")}, "d")
        if value is not None:
            return value
    return 1.0


def _other_samplers(graph: Graph, samplers: list[str]) -> tuple[tuple[str, str], ...]:
    """Third and later passes have no words in A1111: kept as JSON."""
    return tuple(
        (f"ComfyUI sampler {i}", json.dumps(graph.inputs(node_id), ensure_ascii=False))
        for i, node_id in enumerate(samplers, 3)
    )


def _stem(path: str, *, keep_suffix: bool = False) -> str:
    """The file's name without folders."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    return name if keep_suffix else _SUFFIX.sub("", name)
