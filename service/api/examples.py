"""An example body for every route that takes one, put into the OpenAPI description. Tests send them all."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAAAAAA6mKC9AAAAEUlEQVR42mM8wYAKmBhGtAAA5cgA6C0e9MkAAAAASUVORK5CYII="
"""A grey square of 16 pixels."""
SPELL = MappingProxyType(
    {
        "prompt": "a red heart on a white background",
        "negative_prompt": "blurry",
        "params": {"steps": 20, "sampler": "DPM++ SDE Karras", "seed": 7},
    }
)
_SOURCE = {"image_base64": PICTURE}
_PROMPT = {"prompt": "a (red:1.2) heart, [plain:striped:0.5] background, <lora:demo-style:0.7>"}
_DRAW = {"prompt": "a red heart", "steps": 8, "seed": 7, "sampler_name": "Euler a", "batch_size": 2}
_AXIS = {"kind": "", "values": [""]}
_CELL = {"x": 0, "y": 0, "z": 0, "job_id": "01M8000000000000000000000"}

BODIES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "/api/spells": {"idea": "a lighthouse in a storm, at night"},
        "/api/spells/{id}/versions": {"spell": dict(SPELL), "parent": 1, "note": "calmer words"},
        "/api/spells/{id}/hands": {"apply": True},
        "/api/spells/{id}/chat": {"message": "make it night, and less crowded"},
        "/api/spells/{id}/accept": {"parent": 1, "edits": [{"kind": "add_phrase", "phrase": "at dusk"}]},
        "/api/spells/{id}/back": {"to": 1},
        "/api/prompts/parse": _PROMPT,
        "/api/prompts/lint": _PROMPT | {"fix": True},
        "/api/prompts/explain": _PROMPT | {"steps": 20},
        "/api/prompts/convert": {"prompt": "a ((red)) heart", "source": "a1111", "target": "comfyui"},
        "/api/prompts/expand": {"prompt": "a {red|blue} heart", "pictures": 3},
        "/api/prompts/write": {"spell": dict(SPELL), "target": "a1111"},
        "/api/prompts/read": {"text": "a red heart\nSteps: 20, Sampler: Euler, Seed: 7"},
        "/api/interrogations": {"image_base64": PICTURE, "mode": "fast"},
        "/api/inspect": _SOURCE,
        "/api/round-trips": {"image_base64": PICTURE, "mode": "fast"},
        "/api/generate": {"idea": "a penguin on a green background", "count": 2},
        "/api/uploads": _SOURCE,
        "/api/jobs": {"spell": dict(SPELL), "count": 2},
        "/api/upscales": {"source": _SOURCE, "upscaler": "Lanczos", "by": 2.0},
        "/api/images/{id}/repair-hands": {"denoising_strength": 0.4, "tries": 2},
        "/api/grids": {"spell": dict(SPELL), "x": "Steps: 4, 8", "y": "CFG Scale: 5, 7"},
        "/api/grids/sheet": {"x": _AXIS, "y": _AXIS, "z": _AXIS, "cells": [_CELL]},
        "/api/keys": {"name": "phone", "tenant": "ann", "scopes": ["read", "generate"]},
        "/internal/progress": {"id_task": "task(my-picture)", "id_live_preview": -1},
        "/sdapi/v1/txt2img": _DRAW,
        "/sdapi/v1/img2img": _DRAW | {"init_images": [PICTURE], "denoising_strength": 0.6, "width": 64, "height": 64},
        "/sdapi/v1/options": {"sd_model_checkpoint": "demo", "CLIP_stop_at_last_layers": 1},
        "/sdapi/v1/png-info": {"image": PICTURE},
        "/sdapi/v1/interrogate": {"image": PICTURE, "model": "clip"},
        "/sdapi/v1/extra-single-image": {"image": PICTURE, "upscaler_1": "Lanczos", "upscaling_resize": 2},
        "/sdapi/v1/extra-batch-images": {"imageList": [{"data": PICTURE, "name": "a.png"}], "upscaler_1": "Lanczos"},
        "/v1/images/generations": {"prompt": "a penguin on a green background", "n": 1, "size": "auto"},
        "/v1/images/edits": {"prompt": "a heart at sunset", "n": 1},
        "/v1/images/variations": {"n": 2},
        "/v1/chat/completions": {
            "model": "spellwright",
            "messages": [{"role": "user", "content": "a cat on a roof"}],
        },
    }
)
"""Path -> the example body of its POST; of a form the fields beside its files."""


def with_examples(description: dict[str, Any]) -> dict[str, Any]:
    """The description with the examples in it; done twice it is the same."""
    for path, body in BODIES.items():
        route = description.get("paths", {}).get(path, {}).get("post", {})
        for content in route.get("requestBody", {}).get("content", {}).values():
            content.setdefault("example", dict(body))
    return description
