"""What other programs send to an A1111 server, in their order and with their bodies."""

from __future__ import annotations

import base64
import io

import httpx
from PIL import Image


def opened(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2] or text)))


def test_open_webui_chooses_a_model_and_draws(web: httpx.Client) -> None:
    """`routers/images.py`: reads options, sends all of them back with another model, lists, draws, decodes."""
    options = web.get("/sdapi/v1/options", headers={"authorization": ""}).json()
    options["sd_model_checkpoint"] = "painterly"
    assert web.post("/sdapi/v1/options", json=options).status_code == 200
    models = web.get("/sdapi/v1/sd-models").json()
    assert {"id": "painterly", "name": "painterly"} in [
        {"id": model["title"], "name": model["model_name"]} for model in models
    ]
    body = {"prompt": "a lighthouse", "batch_size": 2, "width": 64, "height": 64, "steps": 3, "negative_prompt": "fog"}
    answer = web.post("/sdapi/v1/txt2img", json=body).json()
    assert [opened(image).size for image in answer["images"]] == [(64, 64)] * 2
    assert web.get("/sdapi/v1/options").json()["sd_model_checkpoint"] == "painterly"
    web.post("/sdapi/v1/options", json={"sd_model_checkpoint": "demo"})


def test_koboldcpps_page_looks_around_then_draws_and_reads(web: httpx.Client, photo64: str) -> None:
    """KoboldAI Lite with an A1111 back end: models, options, a picture of the scene, and a caption of an upload."""
    models = web.get("/sdapi/v1/sd-models").json()
    assert all(model["title"] and model["model_name"] for model in models)
    assert web.get("/sdapi/v1/options").json()["samples_format"] == "png"
    body = {
        "prompt": "a knight in a tavern, best quality",
        "negative_prompt": "ugly, deformed",
        "cfg_scale": 7,
        "steps": 4,
        "width": 64,
        "height": 64,
        "sampler_name": "Euler a",
        "seed": -1,
        "n_iter": 1,
        "batch_size": 1,
        "do_not_save_samples": True,
        "do_not_save_grid": True,
        "enable_hr": False,
        "eta": 0,
        "s_churn": 0,
        "s_tmax": 0,
        "s_tmin": 0,
        "s_noise": 1,
        "override_settings": {"sd_model_checkpoint": models[0]["title"]},
    }
    answer = web.post("/sdapi/v1/txt2img", json=body).json()
    assert opened(answer["images"][0]).size == (64, 64)
    caption = web.post("/sdapi/v1/interrogate", json={"image": photo64, "model": "clip"}).json()["caption"]
    assert caption
    again = web.post("/sdapi/v1/img2img", json=body | {"init_images": [photo64], "denoising_strength": 0.6}).json()
    assert opened(again["images"][0]).size == (64, 64)


def test_sillytavern_asks_for_everything_before_it_draws(web: httpx.Client) -> None:
    for path in ("options", "samplers", "schedulers", "sd-models", "upscalers", "latent-upscale-modes", "sd-vae"):
        assert web.get(f"/sdapi/v1/{path}").status_code == 200, path
    assert web.post("/sdapi/v1/options", json={"sd_model_checkpoint": "demo"}).status_code == 200
    assert web.get("/sdapi/v1/progress").json()["state"]["job_count"] == 0
    body = {
        "prompt": "portrait",
        "sampler_name": "DPM++ 2M",
        "scheduler": "Karras",
        "steps": 3,
        "width": 64,
        "height": 64,
        "restore_faces": False,
        "enable_hr": True,
        "hr_upscaler": "Latent",
        "hr_scale": 1.5,
        "hr_additional_modules": [],
        "denoising_strength": 0.7,
        "hr_second_pass_steps": 0,
        "override_settings": {"CLIP_stop_at_last_layers": 1, "sd_vae": "Automatic", "forge_additional_modules": []},
        "override_settings_restore_afterwards": True,
        "clip_skip": 1,
        "save_images": True,
        "send_images": True,
        "do_not_save_grid": False,
        "do_not_save_samples": False,
    }
    assert opened(web.post("/sdapi/v1/txt2img", json=body).json()["images"][0]).size == (96, 96)
