from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from prompts.metadata import parse_infotext, read_infotext
from service.provenance.marks import Mark, mark_of

DRAW = {"prompt": "a red heart", "steps": 4, "width": 64, "height": 64, "seed": 7}


def draw(client: httpx.Client, **fields: Any) -> tuple[list[bytes], dict[str, Any], dict[str, Any]]:
    """(pictures, info, parameters) of a txt2img call."""
    response = client.post("/sdapi/v1/txt2img", json={**DRAW, **fields})
    assert response.status_code == 200, response.text
    answer = response.json()
    return [base64.b64decode(text) for text in answer["images"]], json.loads(answer["info"]), answer["parameters"]


def test_txt2img_answers_with_marked_pictures_that_carry_their_infotext(web: httpx.Client) -> None:
    files, info, parameters = draw(web, batch_size=2, n_iter=2, negative_prompt="blurry", sampler_name="Euler a")
    assert len(files) == 4
    assert info["all_seeds"] == [7, 8, 9, 10]
    assert [read_infotext(file) for file in files] == info["infotexts"]
    assert {mark_of(file) for file in files} == {Mark.GENERATED}
    spell = parse_infotext(info["infotexts"][1])
    assert (spell.prompt, spell.negative_prompt) == ("a red heart", "blurry")
    assert (spell.params.sampler, spell.params.steps, spell.params.seed) == ("Euler a", 4, 8)
    assert parameters["n_iter"] == 2
    assert info["index_of_first_image"] == 0
    assert info["sd_model_name"] == "demo"


def test_every_key_that_clients_read_is_in_info(web: httpx.Client) -> None:
    _, info, _ = draw(web)
    wanted = (
        "prompt all_prompts negative_prompt all_negative_prompts seed all_seeds subseed all_subseeds subseed_strength "
        "width height sampler_name cfg_scale steps batch_size restore_faces face_restoration_model sd_model_name "
        "sd_model_hash sd_vae_name sd_vae_hash seed_resize_from_w seed_resize_from_h denoising_strength "
        "extra_generation_params index_of_first_image infotexts styles job_timestamp clip_skip "
        "is_using_inpainting_conditioning version"
    )
    assert set(wanted.split()) <= set(info)


def test_hires_without_a_denoising_strength_does_not_crash_and_says_what_was_used(web: httpx.Client) -> None:
    files, info, _ = draw(web, enable_hr=True, hr_scale=2, denoising_strength=None)
    assert Image.open(io.BytesIO(files[0])).size == (128, 128)
    assert info["denoising_strength"] == 0.7
    assert any("denoising_strength" in note for note in info["notes"])


def test_an_unknown_sampler_is_replaced_but_never_silently(web: httpx.Client) -> None:
    _, info, _ = draw(web, sampler_name="Quantum Leap", scheduler="nonsense")
    assert any("Quantum Leap" in note for note in info["notes"])
    _, info, _ = draw(web, sampler_name="Euler", scheduler="nonsense")
    assert any("nonsense" in note for note in info["notes"])


@pytest.mark.parametrize(
    ("fields", "sampler", "schedule"),
    [
        ({"sampler_name": "DPM++ SDE Karras"}, "DPM++ SDE", "Karras"),
        ({"sampler_index": "k_euler_a"}, "Euler a", "Automatic"),
        ({"sampler_name": "Euler", "scheduler": "sgm_uniform"}, "Euler", "SGM Uniform"),
        ({"sampler_name": "DPM++ 2M", "scheduler": "automatic"}, "DPM++ 2M", "Automatic"),
    ],
)
def test_samplers_go_by_every_name_that_a1111_takes(
    web: httpx.Client, fields: dict[str, str], sampler: str, schedule: str
) -> None:
    _, info, _ = draw(web, **fields)
    assert (info["sampler_name"], info["scheduler"]) == (sampler, schedule)


def test_with_a_variation_all_pictures_share_the_seed_and_count_the_subseed(web: httpx.Client) -> None:
    files, info, _ = draw(web, batch_size=3, subseed=100, subseed_strength=0.4)
    assert info["all_seeds"] == [7, 7, 7]
    assert info["all_subseeds"] == [100, 101, 102]
    assert "Variation seed: 102, Variation seed strength: 0.4" in (read_infotext(files[2]) or "")


def test_override_settings_hold_for_one_call(web: httpx.Client) -> None:
    overrides = {"sd_model_checkpoint": "painterly", "CLIP_stop_at_last_layers": 2, "eta_noise_seed_delta": 31337}
    _, info, _ = draw(web, override_settings={**overrides, "some_unknown_thing": 1})
    assert (info["sd_model_name"], info["clip_skip"]) == ("painterly", 2)
    assert "ENSD: 31337" in info["infotexts"][0]
    assert any("some_unknown_thing" in note for note in info["notes"])
    _, info, _ = draw(web)
    assert (info["sd_model_name"], info["clip_skip"]) == ("demo", 1)


def test_an_unknown_checkpoint_is_an_error_with_near_names(web: httpx.Client) -> None:
    answer = web.post("/sdapi/v1/txt2img", json={**DRAW, "override_settings": {"sd_model_checkpoint": "painterley"}})
    assert answer.status_code == 422
    assert answer.json()["error"] == "CheckpointNotFound"
    assert "painterly" in answer.json()["detail"]


def test_output_folders_cannot_be_set_by_either_way(web: httpx.Client) -> None:
    for key in ("outdir_samples", "outdir_txt2img_samples", "directories_filename_pattern"):
        assert web.post("/sdapi/v1/options", json={key: "/etc"}).status_code == 403
        answer = web.post("/sdapi/v1/txt2img", json={**DRAW, "override_settings": {key: "/etc"}})
        assert answer.status_code == 403
        assert set(answer.json()) >= {"error", "detail", "body", "errors"}


def test_options_are_given_back_whole_and_a_chosen_checkpoint_stays(web: httpx.Client) -> None:
    options = web.get("/sdapi/v1/options").json()
    assert options["sd_model_checkpoint"] == "demo"
    back = web.post("/sdapi/v1/options", json=options | {"sd_model_checkpoint": "painterly"})
    assert (back.status_code, back.json()) == (200, None)
    assert "X-Spellwright-Notes" not in back.headers
    assert web.get("/sdapi/v1/options").json()["sd_model_checkpoint"] == "painterly"
    assert draw(web)[1]["sd_model_name"] == "painterly"
    web.post("/sdapi/v1/options", json={"sd_model_checkpoint": "demo"})
    told = web.post("/sdapi/v1/options", json={"my_option": 1}).headers["X-Spellwright-Notes"]
    assert "my_option" in told


def test_a_hostile_option_name_cannot_write_headers(web: httpx.Client) -> None:
    answer = web.post("/sdapi/v1/options", json={"a\r\nSet-Cookie: x=1\r\n\u4e2d": 1})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "a??Set-Cookie" in answer.headers["X-Spellwright-Notes"]


def test_a_checkpoint_that_is_not_here_cannot_be_chosen(web: httpx.Client) -> None:
    assert web.post("/sdapi/v1/options", json={"sd_model_checkpoint": "nowhere"}).status_code == 422
    assert web.get("/sdapi/v1/options").json()["sd_model_checkpoint"] == "demo"


def test_styles_are_applied_and_unknown_ones_told(web: httpx.Client) -> None:
    _, info, _ = draw(web, styles=["ink", "soft", "gone"])
    assert info["all_prompts"] == ["a red heart, ink drawing, soft light"]
    assert info["negative_prompt"] == ""
    assert info["all_negative_prompts"] == ["colourful"]
    assert any("gone" in note for note in info["notes"])


def test_what_is_not_sent_is_taken_from_the_infotext(web: httpx.Client) -> None:
    text = (
        "a blue star\nNegative prompt: dull\nSteps: 3, Sampler: Heun, CFG scale: 4, Seed: 99, Size: 72x64, Clip skip: 2"
    )
    answer = web.post("/sdapi/v1/txt2img", json={"infotext": text, "steps": 5}).json()
    info = json.loads(answer["info"])
    assert (info["prompt"], info["seed"], info["steps"], info["sampler_name"]) == ("a blue star", 99, 5, "Heun")
    assert (info["width"], info["clip_skip"]) == (72, 2)


def test_the_demo_model_draws_at_its_own_size_and_a_real_one_by_a1111s_defaults(web: httpx.Client) -> None:
    info = json.loads(web.post("/sdapi/v1/txt2img", json={"prompt": "a heart"}).json()["info"])
    assert (info["width"], info["steps"]) == (128, 20)
    overrides = {"sd_model_checkpoint": "painterly"}
    real = web.post("/sdapi/v1/txt2img", json={"prompt": "a heart", "override_settings": overrides}).json()
    info = json.loads(real["info"])
    assert (info["width"], info["steps"], info["sampler_name"], info["cfg_scale"]) == (512, 50, "Euler", 7.0)


def test_pictures_can_be_left_out_or_asked_for_as_jpeg(web: httpx.Client) -> None:
    assert draw(web, send_images=False)[0] == []
    for name, kind in (("jpg", "JPEG"), ("webp", "WEBP")):
        files, info, _ = draw(web, override_settings={"samples_format": name})
        with Image.open(io.BytesIO(files[0])) as picture:
            assert picture.format == kind
        assert read_infotext(files[0]) == info["infotexts"][0]
        assert mark_of(files[0]) is Mark.GENERATED


@pytest.mark.parametrize(
    ("fields", "status", "part"),
    [
        ({"steps": "many"}, 422, "steps"),
        ({"script_name": "x/y/z plot"}, 422, "Script 'x/y/z plot' not found"),
        (
            {"alwayson_scripts": {"ControlNet": {"args": [{"enabled": True, "image": "x"}]}}},
            422,
            "ControlNet not found",
        ),
        ({"prompt": "x" * 9000}, 422, "8000"),
        ({"batch_size": 65}, 422, "64"),
        ({"prompt": "naked child"}, 422, "cannot be made"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a1111s_shape(
    web: httpx.Client, fields: dict[str, Any], status: int, part: str
) -> None:
    answer = web.post("/sdapi/v1/txt2img", json={**DRAW, **fields})
    assert answer.status_code == status, answer.text
    assert part in json.dumps(answer.json()["detail"])


def test_a_bad_field_is_told_as_fastapi_tells_it(web: httpx.Client) -> None:
    detail = web.post("/sdapi/v1/txt2img", json={"steps": "many"}).json()["detail"]
    assert detail[0]["loc"] == ["body", "steps"]
    assert "many" not in json.dumps(detail[0].get("input", ""))


def test_scripts_that_are_switched_off_are_no_reason_to_refuse(web: httpx.Client) -> None:
    scripts = {"ControlNet": {"args": []}, "reactor": {"args": [False]}, "Tiled VAE": {"args": [{"enabled": False}]}}
    draw(web, alwayson_scripts=scripts)


@pytest.mark.parametrize("args", [[True, False, {"ad_model": "hand_yolov8n.pt"}], [{"ad_model": "hand_yolov8n.pt"}]])
def test_adetailer_is_read_by_position_and_by_name(web: httpx.Client, args: list[Any]) -> None:
    _, info, _ = draw(web, alwayson_scripts={"ADetailer": {"args": args}})
    # The networks that find hands are not on this server; that it looked for them shows that it was asked.
    assert any("spellwright models add hands" in note for note in info["notes"])
    assert "Hand repair: " in info["infotexts"][0]


def test_adetailers_settings_are_those_of_the_repair(web: httpx.Client) -> None:
    unit = {"ad_model": "hand_yolov8n.pt", "ad_denoising_strength": 0.55, "ad_mask_blur": 8, "ad_prompt": "a hand"}
    _, info, _ = draw(web, alwayson_scripts={"ADetailer": {"args": [unit]}})
    assert "denoising strength 0.55, below 1, tries 1" in info["infotexts"][0]


def test_a_detector_of_something_else_is_noted_and_left_out(web: httpx.Client) -> None:
    _, info, _ = draw(web, alwayson_scripts={"ADetailer": {"args": [{"ad_model": "face_yolov8n.pt"}]}})
    assert any("face_yolov8n.pt was not run" in note for note in info["notes"])
    assert "Hand repair" not in info["infotexts"][0]


@pytest.mark.parametrize("value", ["much", [1], 1e999])
def test_a_setting_of_adetailer_that_is_no_number_is_refused(web: httpx.Client, value: Any) -> None:
    unit = {"ad_model": "hand_yolov8n.pt", "ad_mask_blur": value}
    text = json.dumps({"prompt": "x", "steps": 2, "alwayson_scripts": {"ADetailer": {"args": [unit]}}})
    refused = web.post("/sdapi/v1/txt2img", content=text, headers={"content-type": "application/json"})
    assert refused.status_code == 422


def test_adetailers_own_prompt_is_screened(web: httpx.Client) -> None:
    unit = {"ad_model": "hand_yolov8n.pt", "ad_prompt": "a nude child"}
    body = {"prompt": "x", "steps": 2, "alwayson_scripts": {"ADetailer": {"args": [unit]}}}
    assert web.post("/sdapi/v1/txt2img", json=body).status_code in (403, 422)


def test_what_is_not_supported_is_noted(web: httpx.Client) -> None:
    _, info, _ = draw(web, tiling=True, restore_faces=True, width=70)
    assert any(note.startswith("tiling") for note in info["notes"])
    assert any(note.startswith("restore_faces") for note in info["notes"])
    assert info["width"] == 64
