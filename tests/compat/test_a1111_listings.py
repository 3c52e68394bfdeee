from __future__ import annotations

import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from prompts.metadata import write_infotext
from prompts.vocabulary import SAMPLERS, SCHEDULE_TYPES
from service.provenance.marks import Mark, mark_of, with_mark

INFOTEXT = "a cat\nNegative prompt: dog\nSteps: 9, Sampler: Euler, CFG scale: 7, Seed: 5, Size: 64x64"


def carrying(infotext: str) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((40, 30)).save(out, "PNG")
    return write_infotext(out.getvalue(), infotext)


def as_url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


EMPTY = ("sd-vae", "sd-modules", "hypernetworks", "face-restorers", "realesrgan-models", "artists", "artist-categories")


@pytest.mark.parametrize("name", EMPTY)
def test_what_is_not_here_is_an_empty_list(web: httpx.Client, name: str) -> None:
    answer = web.get(f"/sdapi/v1/{name}")
    assert (answer.status_code, answer.json()) == (200, [])


def test_samplers_and_schedule_types_have_a1111s_shapes(web: httpx.Client) -> None:
    rows = web.get("/sdapi/v1/samplers").json()
    assert [row["name"] for row in rows] == [s.name for s in SAMPLERS]
    assert all(isinstance(v, str) for row in rows for v in row["options"].values())
    types = {row["label"]: row for row in web.get("/sdapi/v1/schedulers").json()}
    assert list(types) == [label for label, _ in SCHEDULE_TYPES]
    assert types["Karras"] == {
        "name": "karras",
        "label": "Karras",
        "aliases": None,
        "default_rho": 7.0,
        "need_inner_model": False,
    }


def test_models_are_listed_by_title_without_the_servers_paths(web: httpx.Client) -> None:
    rows = web.get("/sdapi/v1/sd-models").json()
    assert {row["model_name"] for row in rows} == {"demo", "painterly"}
    assert all(set(row) == {"title", "model_name", "hash", "sha256", "filename", "config"} for row in rows)
    assert not any("/" in row["filename"] for row in rows)


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("upscalers", {"name", "model_name", "model_path", "model_url", "scale"}),
        ("latent-upscale-modes", {"name"}),
        ("prompt-styles", {"name", "prompt", "negative_prompt"}),
        ("extensions", {"name", "remote", "branch", "commit_hash", "version", "commit_date", "enabled"}),
    ],
)
def test_lists_have_a1111s_keys(web: httpx.Client, path: str, keys: set[str]) -> None:
    rows = web.get(f"/sdapi/v1/{path}").json()
    assert rows
    assert all(set(row) == keys for row in rows)


def test_the_other_lists_have_their_shape(web: httpx.Client) -> None:
    assert web.get("/sdapi/v1/embeddings").json() == {"loaded": {}, "skipped": {}}
    assert set(web.get("/sdapi/v1/scripts").json()) == {"txt2img", "img2img"}
    assert web.get("/sdapi/v1/script-info").status_code == 200
    assert web.get("/sdapi/v1/loras").json() == []
    assert web.get("/sdapi/v1/cmd-flags").json()["api"] is True


def test_memory_is_told_in_bytes(web: httpx.Client) -> None:
    told = web.get("/sdapi/v1/memory").json()
    assert told["ram"].get("total", 2**30) >= 2**30
    assert "error" in told["cuda"] or told["cuda"]["system"]["total"] > 0


@pytest.mark.parametrize("path", ["refresh-checkpoints", "refresh-loras", "refresh-vae", "refresh-embeddings"])
def test_refreshing_answers_null(web: httpx.Client, path: str) -> None:
    answer = web.post(f"/sdapi/v1/{path}")
    assert (answer.status_code, answer.json()) == (200, None)


@pytest.mark.parametrize("path", ["unload-checkpoint", "reload-checkpoint"])
def test_loading_and_unloading_answer_an_empty_object(web: httpx.Client, path: str) -> None:
    assert web.post(f"/sdapi/v1/{path}").json() == {}


def test_training_is_501_with_json(web: httpx.Client) -> None:
    answer = web.post("/sdapi/v1/train/embedding", json={})
    assert answer.status_code == 501
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "path", ["ping", "pending-tasks", "sysinfo", "sysinfo-download", "profile-startup", "quicksettings-hint"]
)
def test_the_internal_routes_answer(web: httpx.Client, path: str) -> None:
    assert web.get(f"/internal/{path}").status_code == 200


def test_png_info_gives_the_infotext_and_its_parts(web: httpx.Client) -> None:
    told = web.post("/sdapi/v1/png-info", json={"image": as_url(carrying(INFOTEXT))}).json()
    assert told["info"] == INFOTEXT
    assert told["items"]["parameters"] == INFOTEXT
    assert told["parameters"]["Prompt"] == "a cat"
    assert (told["parameters"]["Steps"], told["parameters"]["Seed"]) == ("9", "5")


def test_png_info_of_no_picture_is_empty_not_a_crash(web: httpx.Client) -> None:
    answer = web.post("/sdapi/v1/png-info", json={"image": ""})
    assert (answer.status_code, answer.json()) == (200, {"info": "", "items": {}, "parameters": {}})


def test_interrogate_gives_a_caption(web: httpx.Client, photo64: str) -> None:
    answer = web.post("/sdapi/v1/interrogate", json={"image": photo64, "model": "clip"})
    assert answer.status_code == 200
    assert answer.json()["caption"]
    exact = web.post("/sdapi/v1/interrogate", json={"image": as_url(carrying(INFOTEXT))}).json()
    assert exact == {"caption": "a cat"}


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"image": ""}, 404, "Image not found"),
        ({"image": "aGVsbG8=", "model": "gpt"}, 404, "Model not found"),
        ({"image": "http://127.0.0.1/x.png"}, 422, "Requests not allowed"),
        ({"image": "@@@"}, 400, "base64"),
        ({"image": "aGVsbG8="}, 415, "PNG"),
    ],
)
def test_interrogate_fails_as_an_error_never_as_a_caption(
    web: httpx.Client, body: dict[str, str], status: int, detail: str
) -> None:
    answer = web.post("/sdapi/v1/interrogate", json=body)
    assert answer.status_code == status, answer.text
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"upscaling_resize": 2.5, "upscaler_1": "Lanczos"}, (100, 75)),
        ({"upscaling_resize": 3, "upscaler_1": "None"}, (40, 30)),
        (
            {"resize_mode": 1, "upscaling_resize_w": 64, "upscaling_resize_h": 64, "upscaler_1": "Nearest"},
            (64, 64),
        ),
        (
            {
                "resize_mode": 1,
                "upscaling_resize_w": 80,
                "upscaling_resize_h": 80,
                "upscaling_crop": False,
                "upscaler_1": "Lanczos",
            },
            (80, 60),
        ),
    ],
)
def test_a_picture_is_made_larger_and_keeps_what_it_says(
    web: httpx.Client, fields: dict[str, Any], size: tuple[int, int]
) -> None:
    source = with_mark(carrying(INFOTEXT), Mark.GENERATED)
    answer = web.post("/sdapi/v1/extra-single-image", json={"image": as_url(source), **fields})
    assert answer.status_code == 200, answer.text
    made = base64.b64decode(answer.json()["image"], validate=True)
    with Image.open(io.BytesIO(made)) as picture:
        assert picture.size == size
        assert picture.info["parameters"].startswith(INFOTEXT)
    assert mark_of(made) is Mark.GENERATED


def test_a_batch_of_pictures_is_made_larger(web: httpx.Client, photo64: str) -> None:
    body = {"imageList": [{"data": photo64, "name": "a"}] * 2, "upscaler_1": "Lanczos"}
    assert len(web.post("/sdapi/v1/extra-batch-images", json=body).json()["images"]) == 2


@pytest.mark.parametrize(("name", "status"), [("R-ESRGAN 4x+", 422), ("Lanczos", 422)])
def test_a_missing_upscaler_or_too_large_a_picture_is_refused(
    web: httpx.Client, photo64: str, name: str, status: int
) -> None:
    body = {"image": photo64, "upscaler_1": name, "upscaling_resize": 1000}
    assert web.post("/sdapi/v1/extra-single-image", json=body).status_code == status
