"""The unmodified PyPI client `webuiapi` on a running server, call by call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import webuiapi
from PIL import Image

from prompts.metadata import parse_infotext
from service.testing import RunningServer, quiet_settings, running_server


@pytest.fixture
def api(door: RunningServer) -> Iterator[webuiapi.WebUIApi]:
    place = urlsplit(door.url)
    client = webuiapi.WebUIApi(host=place.hostname, port=place.port, sampler="Euler a", steps=4)
    with client.session:
        yield client


@pytest.fixture
def picture() -> Image.Image:
    return Image.linear_gradient("L").convert("RGB").resize((96, 64))


def test_txt2img_with_everything_the_client_sends(api: webuiapi.WebUIApi) -> None:
    result = api.txt2img(
        prompt="a red heart", negative_prompt="blurry", seed=11, width=64, height=64, batch_size=2, styles=["ink"]
    )
    assert [picture.size for picture in result.images] == [(64, 64)] * 2
    assert result.info["all_seeds"] == [11, 12]
    assert result.info["notes"][0].startswith("Test pattern")
    assert result.parameters["batch_size"] == 2
    spell = parse_infotext(result.image.info["parameters"])
    assert (spell.prompt, spell.params.sampler) == ("a red heart, ink drawing", "Euler a")


def test_txt2img_with_hires_fix(api: webuiapi.WebUIApi) -> None:
    result = api.txt2img(
        prompt="a red heart",
        seed=1,
        width=64,
        height=64,
        enable_hr=True,
        hr_scale=2,
        hr_upscaler=webuiapi.HiResUpscaler.Latent,
        hr_second_pass_steps=2,
        denoising_strength=0.5,
    )
    assert result.image.size == (128, 128)
    assert result.info["denoising_strength"] == 0.5


def test_img2img_and_inpainting(api: webuiapi.WebUIApi, picture: Image.Image) -> None:
    first = api.img2img(images=[picture], prompt="a star", seed=5, width=64, height=64, denoising_strength=0.6)
    assert first.image.size == (64, 64)
    mask = Image.new("L", picture.size, 255)
    again = api.img2img(
        images=[first.image], mask_image=mask.resize((64, 64)), prompt="a star", seed=5, width=64, height=64
    )
    assert again.image.size == (64, 64)


def test_extras_upscale_one_and_many(api: webuiapi.WebUIApi, picture: Image.Image) -> None:
    one = api.extra_single_image(image=picture, upscaler_1=webuiapi.Upscaler.Lanczos, upscaling_resize=1.5)
    assert one.image.size == (144, 96)
    many = api.extra_batch_images(images=[picture, picture], upscaler_1=webuiapi.Upscaler.Nearest, upscaling_resize=2)
    assert [p.size for p in many.images] == [(192, 128)] * 2


def test_png_info_and_interrogate(api: webuiapi.WebUIApi, picture: Image.Image) -> None:
    drawn = api.txt2img(prompt="a cat", seed=3, width=64, height=64).image
    assert api.png_info(drawn).info.startswith("a cat\n")
    assert api.interrogate(image=drawn).info == "a cat"
    assert api.interrogate(image=picture, model="deepdanbooru").info


def test_options_and_model(api: webuiapi.WebUIApi) -> None:
    options = api.get_options()
    assert api.set_options({"sd_model_checkpoint": options["sd_model_checkpoint"]}) is None
    api.util_set_model("painterly")
    assert api.util_get_current_model() == "painterly"
    api.util_set_model("demo")
    assert api.util_get_current_model() == "demo"


def test_interrupt_skip_progress_and_ready(api: webuiapi.WebUIApi) -> None:
    assert api.interrupt() == {}
    assert api.skip() is None
    assert api.get_progress()["state"]["job_count"] == 0
    api.util_wait_for_ready(check_interval=0.1)


LISTS = [
    "get_samplers",
    "get_schedulers",
    "get_sd_vae",
    "get_upscalers",
    "get_latent_upscale_modes",
    "get_loras",
    "get_sd_models",
    "get_hypernetworks",
    "get_face_restorers",
    "get_realesrgan_models",
    "get_prompt_styles",
    "get_artist_categories",
    "get_artists",
]


@pytest.mark.parametrize("name", LISTS)
def test_every_listing_is_a_list_of_named_rows(api: webuiapi.WebUIApi, name: str) -> None:
    rows: list[dict[str, Any]] = getattr(api, name)()
    assert isinstance(rows, list)
    assert all("name" in row or "title" in row for row in rows)


def test_the_other_calls_answer(api: webuiapi.WebUIApi) -> None:
    assert api.refresh_checkpoints() is None
    assert set(api.get_scripts()) == {"txt2img", "img2img"}
    assert api.get_cmd_flags()["api"]
    assert set(api.get_embeddings()) == {"loaded", "skipped"}
    assert set(api.get_memory()) == {"ram", "cuda"}
    assert "DPM++ SDE" in api.util_get_sampler_names()
    assert "karras" in api.util_get_scheduler_names()
    assert api.util_get_model_names() == ["demo", "painterly"]


def test_an_error_is_the_clients_runtime_error_with_our_sentence(api: webuiapi.WebUIApi) -> None:
    with pytest.raises(RuntimeError) as refused:
        api.txt2img(prompt="x", override_settings={"sd_model_checkpoint": "nowhere"})
    assert refused.value.args[0] == 422
    assert "nowhere" in refused.value.args[1]


def test_adetailer_units_are_accepted(api: webuiapi.WebUIApi) -> None:
    detail = webuiapi.ADetailer(ad_model="hand_yolov8n.pt")
    result = api.txt2img(prompt="a waving hand", width=64, height=64, adetailer=[detail], alwayson_scripts={})
    assert any("spellwright models add hands" in note for note in result.info["notes"])


def test_a_key_is_the_clients_password_and_desks_are_not_shared(tmp_path: Path) -> None:
    with running_server(quiet_settings(tmp_path)) as server:
        tokens = []
        for tenant in ("one", "two"):
            head = {"authorization": f"Bearer {tokens[0]}"} if tokens else {}
            body = {"name": tenant, "tenant": tenant, "scopes": ["read", "generate", "admin"]}
            made = httpx.post(f"{server.url}/api/keys", json=body, headers=head)
            assert made.status_code == 201, made.text
            tokens.append(made.json()["key"])
        place = urlsplit(server.url)
        wrong = webuiapi.WebUIApi(host=place.hostname, port=place.port, username="u", password="guess")
        answer = wrong.session.get(f"{wrong.baseurl}/options")
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Basic")
        assert set(answer.json()) >= {"error", "detail", "body", "errors"}
        one, two = (
            webuiapi.WebUIApi(host=place.hostname, port=place.port, username="u", password=token, steps=2)
            for token in tokens
        )
        one.set_options({"CLIP_stop_at_last_layers": 2})
        assert one.get_options()["CLIP_stop_at_last_layers"] == 2
        assert two.get_options()["CLIP_stop_at_last_layers"] == 1
        drawn = one.txt2img(prompt="a heart", width=64, height=64)
        job = drawn.info["job_id"]
        status = [api.session.get(f"{server.url}/api/jobs/{job}").status_code for api in (one, two)]
        assert status == [200, 404]
        for api in (wrong, one, two):
            api.session.close()
