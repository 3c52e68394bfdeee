from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from prompts.metadata import format_infotext, parse_infotext, png_with_infotext

INFOTEXT = (
    "a cat, rain <lora:ink-sketch:0.66>\nNegative prompt: blurry\n"
    "Steps: 20, Sampler: DPM++ SDE, Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 64x64"
)


def carrier() -> bytes:
    return png_with_infotext(64, 64, bytes(64 * 64 * 3), INFOTEXT)


def test_a_picture_that_carries_its_spell_is_answered_at_once_and_exactly(api: httpx.Client) -> None:
    answer = api.post("/api/interrogations", files={"file": ("a.png", carrier(), "image/png")})
    body = answer.json()
    assert (answer.status_code, body["status"], body["source"]) == (200, "done", "metadata")
    assert body["version"]["author"] == "metadata"
    assert body["version"]["infotext"] == format_infotext(parse_infotext(INFOTEXT))
    assert api.get(f"/api/interrogations/{body['id']}").json() == body


def test_a_photo_without_metadata_becomes_a_job_with_evidence(api: httpx.Client, photo: bytes, finished: Any) -> None:
    encoded = "data:image/jpeg;base64," + base64.b64encode(photo).decode()
    answer = api.post("/api/interrogations", json={"image_base64": encoded, "mode": "Fast"})
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert answer.headers["location"] == f"/api/interrogations/{answer.json()['id']}"
    assert finished(api, answer.json()["id"])["status"] == "done"
    found = api.get(answer.headers["location"]).json()
    assert found["version"]["author"] == "photo"
    assert found["interrogation"]["terms"] and found["interrogation"]["notice"]


def test_the_same_upload_under_the_same_key_is_the_same_job(api: httpx.Client, photo: bytes) -> None:
    headers = {"Idempotency-Key": "upload-1"}
    ids = {
        api.post("/api/interrogations", files={"file": photo}, headers=headers).json()["id"] for _ in range(3)
    }  # fmt: skip
    assert len(ids) == 1


def test_inspect_tells_what_a_picture_says_and_guesses_nothing(api: httpx.Client, photo: bytes) -> None:
    told = api.post("/api/inspect", files={"file": carrier()}).json()
    assert told["found"] and told["infotext"] == INFOTEXT and told["format"] == "PNG"
    silent = api.post("/api/inspect", files={"file": photo}).json()
    assert (silent["found"], silent["spell"], silent["width"], silent["height"]) == (False, None, 96, 64)


def test_inspect_says_of_each_field_whether_it_can_be_drawn_again_here(api: httpx.Client, photo: bytes) -> None:
    recipe = INFOTEXT.replace("a cat,", "a cat <lora:nowhere-lora:0.8>,") + (
        ', Model hash: 0123456789, Model: nowhere, Lora hashes: "nowhere-lora: 00112233aabb", Version: v1.10.1'
    )
    picture = png_with_infotext(64, 64, bytes(64 * 64 * 3), recipe)
    told = api.post("/api/inspect", files={"file": picture}).json()
    verdicts = {verdict["field"]: verdict for verdict in told["verdicts"]}
    states = {field: verdict["state"] for field, verdict in verdicts.items()}
    assert states["checkpoint"] == states["LoRA nowhere-lora"] == "missing"
    assert "0123456789" in verdicts["checkpoint"]["remedy"]
    assert states["sampler"] == states["schedule type"] == states["Seed"] == "exact"
    assert states["LoRA ink-sketch"] == "approximated"  # the name fits, and no hash says it is the same file
    assert told["tool"] == "A1111"
    assert api.post("/api/inspect", files={"file": photo}).json()["verdicts"] == []


def test_one_call_turns_an_idea_or_a_photo_into_spell_and_pictures(
    api: httpx.Client, photo: bytes, finished: Any
) -> None:
    idea = api.post("/api/generate", json={"idea": "a red bicycle", "count": 2, "overrides": {"steps": 2}})
    assert idea.status_code == 202, idea.text
    assert finished(api, idea.json()["job"]["id"])["status"] == "done"
    assert idea.json()["job"]["spell_id"] == idea.json()["spell"]["spell_id"]
    form = {"overrides": '{"steps": 3}', "count": "1"}
    seen = api.post("/api/generate", files={"file": photo}, data=form).json()
    assert seen["interrogation"]["status"] == "done"
    assert seen["job"]["spell"]["params"]["steps"] == 3
    exact = api.post("/api/generate", files={"file": carrier()}).json()
    assert exact["job"]["spell"]["params"]["seed"] == 5
    assert exact["job"]["spell"]["loras"][0]["name"] == "ink-sketch"


def newest_job(api: httpx.Client) -> list[str]:
    """Its id alone: an earlier job may still be going on."""
    return [job["id"] for job in api.get("/api/jobs", params={"limit": 1}).json()["jobs"]]


def png_header(width: int, height: int) -> bytes:
    import struct
    import zlib

    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize("route", ["/api/interrogations", "/api/inspect", "/api/generate"])
@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "image_empty"),
        (b"%PDF-1.7 hello", 415, "image_format_not_allowed"),
        (b"<svg onload=alert(1)>", 415, "image_format_not_allowed"),
        (png_header(50_000, 50_000), 413, "image_too_many_pixels"),
        (png_header(4, 4), 422, "image_too_small"),
        (png_header(0, 9), 422, "image_empty"),
        (b"\x89PNG\r\n\x1a\n", 422, "image_truncated"),
    ],
)
def test_a_file_that_is_no_usable_picture_is_refused_before_anything_is_stored(
    api: httpx.Client, route: str, data: bytes, status: int, code: str
) -> None:
    before = newest_job(api)
    answer = api.post(route, files={"file": ("x.png", data, "image/png")})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert newest_job(api) == before


@pytest.mark.parametrize(
    ("request_body", "status", "code"),
    [
        ({"json": {}}, 422, "image_missing"),
        ({"json": []}, 400, "json_invalid"),
        ({"json": {"image_base64": 5}}, 422, "request_invalid"),
        ({"json": {"image_base64": "***"}}, 400, "base64_invalid"),
        ({"json": {"image_base64": "AAAA", "mode": "sharp"}}, 422, "mode_not_found"),
        ({"json": {"image_base64": "AAAA"}}, 415, "image_format_not_allowed"),
        ({"data": {"mode": "fast"}, "files": {"other": b"x"}}, 422, "request_invalid"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 422, "multipart_invalid"),
        ({"content": b"--b\r\n", "headers": {"content-type": "multipart/form-data; boundary=b"}}, 422, None),
    ],
)
def test_a_request_without_a_readable_picture_says_what_is_wrong(
    api: httpx.Client, request_body: dict[str, Any], status: int, code: str | None
) -> None:
    answer = api.post("/api/interrogations", **request_body)
    assert answer.status_code == status, answer.text
    assert code is None or answer.json()["code"] == code


def test_an_unknown_mode_names_the_known_ones(api: httpx.Client, photo: bytes) -> None:
    answer = api.post("/api/interrogations", files={"file": photo}, data={"mode": "clasic"}).json()
    assert (answer["code"], answer["near"]) == ("mode_not_found", ["classic"])


@pytest.mark.parametrize("route", ["/api/interrogations", "/api/generate", "/api/round-trips"])
@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"target": "sd51"}, "target_not_found"),
        ({"lists": "flavours"}, "list_not_found"),
        ({"lists": "flavors,tea"}, "list_not_found"),
        ({"max_tokens": "78"}, "request_invalid"),
        ({"max_tokens": "7"}, "request_invalid"),
        ({"max_tokens": "9" * 400}, "request_invalid"),
        ({"blocked": ",".join(["x"] * 201)}, "request_invalid"),
        ({"blocked": "x" * 101}, "request_invalid"),
        ({"artist": "false"}, "request_invalid"),
    ],
)
def test_a_wish_that_cannot_be_granted_is_refused_at_the_door_and_nothing_is_stored(
    api: httpx.Client, photo: bytes, route: str, wish: dict[str, str], code: str
) -> None:
    before = newest_job(api)
    answer = api.post(route, files={"file": photo}, data=wish)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert newest_job(api) == before


def test_an_unknown_list_names_the_near_ones(api: httpx.Client, photo: bytes) -> None:
    told = api.post("/api/interrogations", files={"file": photo}, data={"lists": "flavours"}).json()
    assert told["near"] == ["flavors"] and "trendings" in told["detail"]


def test_one_call_takes_the_same_wishes_for_a_photo_as_an_interrogation(api: httpx.Client, photo: bytes) -> None:
    form = {"target": "sdxl", "artists": "false", "blocked": "red, (a|b)*", "lists": "mediums", "max_tokens": "40"}
    seen = api.post("/api/generate", files={"file": photo}, data={"overrides": '{"steps": 1}', **form})
    assert seen.status_code == 202, seen.text
    told = seen.json()["interrogation"]
    assert told["asked"] == {
        "target": "prose",
        "artists": False,
        "brands": True,
        "blocked": ["(a|b)*", "red"],
        "lists": ["mediums"],
        "max_tokens": 40,
    }
    assert told["interrogation"]["target"] == "prose"


def test_the_same_call_under_the_same_key_is_made_once(api: httpx.Client, photo: bytes) -> None:
    for number, call in enumerate(({"json": {"idea": "a red kite"}}, {"files": {"file": photo}})):
        headers = {"Idempotency-Key": f"generate-{number}"}
        first, second = (api.post("/api/generate", headers=headers, **call).json() for _ in range(2))
        assert first["job"]["id"] == second["job"]["id"]
        assert first["spell"]["spell_id"] == second["spell"]["spell_id"]
    other = api.post("/api/generate", headers=headers, json={"idea": "a blue kite"})
    assert other.json()["code"] == "idempotency_reused"


def test_a_spell_from_another_machine_can_be_worked_on_and_says_at_drawing_what_is_missing(api: httpx.Client) -> None:
    settings = "Steps: 300, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 1000x1504, Model: deliberate_v2"
    data = png_with_infotext(64, 64, bytes(64 * 64 * 3), f"a woman waving, rain\n{settings}")
    found = api.post("/api/interrogations", files={"file": data}).json()
    assert found["version"]["spell"]["params"]["steps"] == 300
    url = f"/api/spells/{found['spell_id']}"
    drawn = api.post("/api/jobs", json={"spell_id": found["spell_id"]})
    assert (drawn.status_code, drawn.json()["code"]) == (422, "checkpoint_not_found")
    drawn = api.post("/api/jobs", json={"spell_id": found["spell_id"], "overrides": {"checkpoint": None}})
    assert (drawn.json()["code"], drawn.json()["field"]) == ("spell_out_of_range", "steps")
    assert api.post(f"{url}/hands", json={}).json()["plan"]["hands_in_frame"]
    turn = api.post(f"{url}/chat", json={"message": "20 steps, make it night"})
    assert turn.status_code == 200 and turn.json()["version"]["spell"]["params"]["steps"] == 20
    good = {"checkpoint": None, "width": 64, "height": 96}
    assert api.post("/api/jobs", json={"spell_id": found["spell_id"], "overrides": good}).status_code == 202


def test_an_interrogation_that_waits_for_the_device_is_cancelled_and_the_next_one_is_done(
    braked: httpx.Client, brake: Any, photo: bytes, finished: Any
) -> None:
    brake.free.clear()
    braked.post("/api/jobs", json={"spell": {"prompt": "a cat"}})
    job = braked.post("/api/interrogations", files={"file": photo}).json()["id"]
    assert braked.delete(f"/api/jobs/{job}").status_code in (200, 202)
    assert finished(braked, job)["status"] == "cancelled"
    brake.free.set()
    following = braked.post("/api/interrogations", files={"file": photo}).json()["id"]
    assert finished(braked, following)["status"] == "done"
