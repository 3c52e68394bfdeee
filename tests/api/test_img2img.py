from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from prompts.metadata import read_spell

SPELL = {"prompt": "a cat", "params": {"steps": 8, "sampler": "Euler a", "seed": 7}}


def _png(image: Image.Image) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, "PNG")
    return encoded.getvalue()


def _text(image: Image.Image) -> str:
    return base64.b64encode(_png(image)).decode()


PICTURE = Image.linear_gradient("L").convert("RGB").resize((192, 128))
MASK = Image.new("L", (192, 128))
MASK.paste(255, (40, 40, 80, 80))


@pytest.fixture
def redraw(api: httpx.Client, finished: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Submit an img2img job, expect it to be done, and give it."""

    def run(body: dict[str, Any], **more: Any) -> dict[str, Any]:
        response = api.post("/api/jobs", json={"spell": SPELL, "img2img": body} | more)
        assert response.status_code == 202, response.text
        job = finished(api, response.json()["id"])
        assert job["status"] == "done", job["problem"]
        return job

    return run


def test_an_upload_is_drawn_over_and_the_file_says_how(api: httpx.Client, redraw: Any) -> None:
    sent = api.post("/api/uploads", files={"file": ("x.png", _png(PICTURE), "image/png")})
    assert sent.status_code == 201
    upload = sent.json()
    assert (upload["width"], upload["height"], upload["bytes"]) == (192, 128, len(_png(PICTURE)))
    job = redraw({"source": {"upload_id": upload["id"]}, "denoising_strength": 0.4})
    assert job["progress"] is None or job["progress"]["total"] == 4
    assert job["img2img"] == {
        "denoising_strength": 0.4,
        "resize_mode": "Just resize",
        "exact_steps": False,
        "inpaint": None,
    }
    spell = read_spell(api.get(job["images"][0]["url"]).content)
    assert spell is not None
    assert dict(spell.extra)["Denoising strength"] == "0.4"
    assert spell.params.hires is None


def test_a_drawn_picture_is_drawn_over_by_its_id_at_its_own_size(api: httpx.Client, redraw: Any, finished: Any) -> None:
    first = finished(
        api,
        api.post("/api/jobs", json={"spell": SPELL, "overrides": {"width": 128, "height": 192}}).json()["id"],
    )
    job = redraw({"source": {"image_id": first["images"][0]["id"]}})
    assert (job["images"][0]["width"], job["images"][0]["height"]) == (128, 192)


@pytest.mark.parametrize(
    ("size", "asked", "drawn"),
    [
        ((400, 240), {}, (400, 240)),
        ((401, 243), {}, (400, 240)),
        ((100, 50), {"width": 256}, (256, 128)),
        ((100, 50), {"height": 256}, (512, 256)),
        ((100, 50), {"width": 64, "height": 64}, (64, 64)),
        ((2400, 1200), {}, (728, 360)),  # more than four times the usual 512x512: the usual area in its shape
    ],
)
def test_the_drawn_size_follows_the_source_unless_asked_otherwise(
    redraw: Any, size: tuple[int, int], asked: dict[str, int], drawn: tuple[int, int]
) -> None:
    body = {"source": {"image_base64": _text(PICTURE.resize(size))}}
    job = redraw(body, overrides={"checkpoint": "painterly"} | asked)
    image = job["images"][0]
    assert (image["width"], image["height"]) == drawn


def test_inpainting_only_what_is_masked_gives_a_picture_of_the_sources_size(api: httpx.Client, redraw: Any) -> None:
    part = {"mask": {"image_base64": _text(MASK)}, "only_masked": True, "only_masked_padding": 16, "blur": 2}
    job = redraw({"source": {"image_base64": _text(PICTURE)}, "inpaint": part})
    image = job["images"][0]
    assert (image["width"], image["height"]) == (192, 128)
    pairs = dict(read_spell(api.get(image["url"]).content).extra)  # type: ignore[union-attr]
    assert pairs["Inpaint area"] == "Only masked"
    assert pairs["Masked area padding"] == "16"
    assert pairs["Mask blur"] == "2"


def test_outpainting_extends_the_canvas_in_whole_cells(redraw: Any) -> None:
    job = redraw({"source": {"image_base64": _text(PICTURE)}, "outpaint": {"left": 60, "right": 61}})
    image = job["images"][0]
    assert (image["width"], image["height"]) == (320, 128)
    assert job["img2img"]["inpaint"]["masked_content"] == "fill"


def test_a_transparent_part_is_the_mask_when_none_is_sent(redraw: Any) -> None:
    holed = PICTURE.convert("RGBA")
    holed.paste((0, 0, 0, 0), (10, 10, 60, 60))
    job = redraw({"source": {"image_base64": _text(holed)}, "inpaint": {}})
    assert job["img2img"]["inpaint"]["masked_content"] == "original"


def test_every_picture_of_a_job_has_its_own_seed(redraw: Any) -> None:
    job = redraw({"source": {"image_base64": _text(PICTURE)}}, count=3)
    assert [image["seed"] for image in job["images"]] == [7, 8, 9]


def test_hires_fix_is_left_out_and_a_txt2img_job_says_nothing_of_img2img(
    api: httpx.Client, redraw: Any, finished: Any
) -> None:
    job = redraw({"source": {"image_base64": _text(PICTURE)}}, overrides={"hires": {"upscale_by": 2}})
    assert job["spell"]["params"]["hires"] is None
    again = SPELL | {"extra": job["spell"]["extra"]}
    plain = finished(api, api.post("/api/jobs", json={"spell": again}).json()["id"])
    assert plain["img2img"] is None
    assert "Denoising strength" not in dict(plain["spell"]["extra"])


PLAIN = {"image_base64": _text(PICTURE)}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"source": {}}, 422, "request_invalid"),
        ({"source": PLAIN | {"upload_id": "0" * 26}}, 422, "request_invalid"),
        ({"source": {"upload_id": "0" * 26}}, 404, "not_found"),
        ({"source": {"image_id": "0" * 26}}, 404, "not_found"),
        ({"source": {"image_base64": "%%%"}}, 400, "base64_invalid"),
        ({"source": {"image_base64": base64.b64encode(b"not a picture").decode()}}, 415, "image_format_not_allowed"),
        ({"source": PLAIN, "denoising_strength": 1.5}, 422, "request_invalid"),
        ({"source": PLAIN, "resize_mode": "Squash"}, 422, "request_invalid"),
        ({"source": PLAIN, "inpaint": {}}, 422, "mask_missing"),
        ({"source": PLAIN, "outpaint": {}}, 422, "spell_out_of_range"),
        ({"source": PLAIN, "outpaint": {"left": 1000, "right": 1000}}, 422, "spell_out_of_range"),
        ({"source": PLAIN, "outpaint": {"left": 8}, "inpaint": {"mask": PLAIN}}, 422, "request_invalid"),
        ({"source": PLAIN, "strength": 0.4}, 422, "request_invalid"),
    ],
)
def test_what_cannot_be_drawn_over_is_refused_before_a_job_is_made(
    api: httpx.Client, body: dict[str, Any], status: int, code: str
) -> None:
    before = api.get("/api/jobs").json()["jobs"][:1]
    refused = api.post("/api/jobs", json={"spell": SPELL, "img2img": body})
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    assert api.get("/api/jobs").json()["jobs"][:1] == before


def test_the_same_key_with_another_source_is_another_request(api: httpx.Client) -> None:
    def send(image: Image.Image) -> httpx.Response:
        body = {"spell": SPELL, "img2img": {"source": {"image_base64": _text(image)}}}
        return api.post("/api/jobs", json=body, headers={"Idempotency-Key": "img2img"})

    first, same, other = send(PICTURE), send(PICTURE), send(PICTURE.rotate(180))
    assert first.json()["id"] == same.json()["id"]
    assert other.json()["code"] == "idempotency_reused"
