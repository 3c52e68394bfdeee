from __future__ import annotations

import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from prompts.metadata import read_spell


def _png(size: tuple[int, int]) -> str:
    encoded = io.BytesIO()
    Image.new("RGB", size, "green").save(encoded, "PNG")
    return base64.b64encode(encoded.getvalue()).decode()


def test_a_drawn_picture_is_enlarged_and_keeps_its_spell(api: httpx.Client, finished: Any) -> None:
    spell = {"prompt": "a cat", "params": {"steps": 2, "seed": 7, "width": 64, "height": 96}}
    first = finished(api, api.post("/api/jobs", json={"spell": spell}).json()["id"])
    body = {"source": {"image_id": first["images"][0]["id"]}, "upscaler": "Lanczos", "by": 3}
    answer = api.post("/api/upscales", json=body)
    assert answer.status_code == 202, answer.text
    job = finished(api, answer.json()["id"])
    assert (job["kind"], job["status"]) == ("upscale", "done"), job["problem"]
    image = job["images"][0]
    assert (image["width"], image["height"]) == (192, 288)
    told = read_spell(api.get(image["url"]).content)
    assert told is not None
    assert (told.prompt, told.params.seed) == ("a cat", 7)
    assert dict(told.extra)["Postprocess upscale by"] == "3"
    assert dict(told.extra)["Postprocess upscaler"] == "Lanczos"


def test_a_photo_without_a_spell_gets_none(api: httpx.Client, finished: Any) -> None:
    body = {"source": {"image_base64": _png((50, 40))}, "upscaler": "Nearest", "width": 100, "height": 100}
    job = finished(api, api.post("/api/upscales", json=body).json()["id"])
    image = job["images"][0]
    assert (image["width"], image["height"]) == (100, 100)
    told = read_spell(api.get(image["url"]).content)
    assert told is not None and told.prompt == "" and told.params.steps is None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"source": {}}, 422, "request_invalid"),
        ({"source": {"image_id": "0" * 26}}, 404, "not_found"),
        ({"source": {"image_base64": _png((2000, 2000))}, "by": 8}, 422, "spell_out_of_range"),
        ({"source": {"image_base64": _png((64, 64))}, "by": 9}, 422, "request_invalid"),
    ],
)
def test_what_cannot_be_enlarged_is_refused_at_once(
    api: httpx.Client, body: dict[str, Any], status: int, code: str
) -> None:
    refused = api.post("/api/upscales", json=body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


def test_an_upscaler_that_is_not_here_fails_the_job_by_name(api: httpx.Client, finished: Any) -> None:
    body = {"source": {"image_base64": _png((64, 64))}, "upscaler": "R-ESRGAN 4x+"}
    job = finished(api, api.post("/api/upscales", json=body).json()["id"])
    assert job["status"] == "failed"
    assert job["problem"]["code"] == "upscaler_not_found"
    assert "R-ESRGAN 4x+" in job["problem"]["detail"]
