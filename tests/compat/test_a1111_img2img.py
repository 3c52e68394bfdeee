from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from prompts.metadata import read_infotext
from service.provenance.marks import Mark, mark_of

DRAW = {"prompt": "a red heart", "steps": 4, "seed": 7}


def grey(shade: int, size: tuple[int, int] = (96, 64)) -> str:
    out = io.BytesIO()
    Image.new("L", size, shade).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def over(client: httpx.Client, photo64: str, **fields: Any) -> tuple[bytes, dict[str, Any], dict[str, Any]]:
    """(picture, info, parameters) of an img2img call."""
    response = client.post("/sdapi/v1/img2img", json={**DRAW, "init_images": [photo64], **fields})
    assert response.status_code == 200, response.text
    answer = response.json()
    return base64.b64decode(answer["images"][0]), json.loads(answer["info"]), answer["parameters"]


def test_img2img_draws_over_a_picture_in_its_shape_and_marks_it_as_a_composite(web: httpx.Client, photo64: str) -> None:
    file, info, parameters = over(web, photo64, denoising_strength=0.4)
    assert Image.open(io.BytesIO(file)).size == (96, 64)
    assert info["denoising_strength"] == 0.4
    assert "Denoising strength: 0.4" in (read_infotext(file) or "")
    assert mark_of(file) is Mark.COMPOSITE
    assert parameters["init_images"] is None


def test_what_was_sent_comes_back_only_when_it_is_wanted(web: httpx.Client, photo64: str) -> None:
    assert over(web, photo64, include_init_images=True)[2]["init_images"] == [photo64]


def test_a_size_that_is_sent_goes_before_the_pictures_own(web: httpx.Client, photo64: str) -> None:
    file, _, _ = over(web, photo64, width=64, height=72, resize_mode=1)
    assert Image.open(io.BytesIO(file)).size == (64, 72)


def test_a_mask_makes_it_inpainting_with_a1111s_settings(web: httpx.Client, photo64: str) -> None:
    settings = {"mask_blur": 8, "inpainting_fill": 2, "inpaint_full_res": False, "inpainting_mask_invert": 1}
    file, _, _ = over(web, photo64, mask=grey(255), **settings)
    text = read_infotext(file) or ""
    assert "Mask blur: 8" in text
    assert "Mask mode: Inpaint not masked" in text
    assert "Masked content: latent noise" in text


@pytest.mark.parametrize("pictures", [[], [""], None])
def test_without_a_picture_it_is_404_in_a1111s_words(web: httpx.Client, pictures: Any) -> None:
    answer = web.post("/sdapi/v1/img2img", json={**DRAW, "init_images": pictures})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Init image not found")


@pytest.mark.parametrize(
    ("picture", "status"), [("http://example.com/x.png", 422), ("@@", 400), ("aGVsbG8=", 415), (grey(9, (8, 8)), 422)]
)
def test_an_unusable_picture_is_refused_and_an_address_never_fetched(
    web: httpx.Client, picture: str, status: int
) -> None:
    answer = web.post("/sdapi/v1/img2img", json={**DRAW, "init_images": [picture]})
    assert answer.status_code == status, answer.text


def test_further_pictures_are_told(web: httpx.Client, photo64: str) -> None:
    _, info, _ = over(web, photo64, init_images=[photo64, photo64], initial_noise_multiplier=1.2)
    assert any("the first was used" in note for note in info["notes"])
    assert any("initial_noise_multiplier" in note for note in info["notes"])
