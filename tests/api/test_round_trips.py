"""The round trip and the filters of the photo routes, over HTTP."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from service.testing import quiet_settings, running_server


def test_a_photo_is_read_drawn_compared_and_answered_with_typed_edits_in_one_call(
    api: httpx.Client, photo: bytes
) -> None:
    form = {"overrides": json.dumps({"steps": 2, "width": 64, "height": 64, "seed": 5})}
    answer = api.post("/api/round-trips", files={"file": ("p.jpg", photo)}, data=form)
    assert answer.status_code == 200, answer.text
    trip = answer.json()
    assert trip["stage"] == "done" and trip["interrogation"]["status"] == "done" and trip["job"]["status"] == "done"
    assert trip["job"]["images"][0]["width"] == 64
    assert trip["comparison"]["similarity"] is None, "no CLIP here"
    assert trip["comparison"]["palette_distance"] == pytest.approx(1 - trip["comparison"]["palette_overlap"])
    assert trip["proposals"], "the test pattern looks like no photo"
    assert {p["because"]["only_in"] for p in trip["proposals"]} <= {"reference", "drawn"}
    assert all(p["edit"]["kind"] and p["because"]["term"] for p in trip["proposals"])
    assert trip["proposed"]["prompt"] != "" and trip["diff"]["lines"]
    assert trip["applied"] is None and len(api.get(f"/api/spells/{trip['spell']['spell_id']}").json()["versions"]) == 1


def test_the_proposal_is_stored_as_the_next_version_when_asked(api: httpx.Client, photo: bytes) -> None:
    body = {
        "image_base64": base64.b64encode(photo).decode(),
        "overrides": {"steps": 2, "width": 64, "height": 64},
        "apply": True,
    }
    trip = api.post("/api/round-trips", json=body).json()
    assert trip["applied"]["number"] == 2
    assert trip["applied"]["spell"]["prompt"] == trip["proposed"]["prompt"]
    assert trip["applied"]["spell"]["negative_prompt"] == trip["proposed"]["negative_prompt"]


def test_the_same_call_under_the_same_key_draws_once(api: httpx.Client, photo: bytes) -> None:
    form = {"overrides": json.dumps({"steps": 2, "width": 64, "height": 64})}
    first, again = (
        api.post(
            "/api/round-trips", files={"file": ("p.jpg", photo)}, data=form, headers={"Idempotency-Key": "trip-1"}
        ).json()
        for _ in range(2)
    )
    assert first["job"]["id"] == again["job"]["id"]
    assert first["interrogation"]["id"] == again["interrogation"]["id"]
    assert first["comparison"] == again["comparison"]


def test_what_takes_too_long_is_answered_with_how_far_it_came_and_goes_on_under_its_key(
    tmp_path_factory: pytest.TempPathFactory, photo: bytes, brake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.api.round_trips.PATIENCE_SECONDS", 1.0)
    settings = quiet_settings(tmp_path_factory.mktemp("slow"), default_checkpoint="demo")
    with running_server(settings, brake.engine) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        brake.free.clear()

        def call() -> httpx.Response:
            form = {"overrides": json.dumps({"steps": 2, "width": 64, "height": 64})}
            key = {"Idempotency-Key": "slow-1"}
            return client.post("/api/round-trips", files={"file": ("p.jpg", photo)}, data=form, headers=key)

        early = call()
        assert early.status_code == 202
        told = early.json()
        assert told["stage"] in ("reading", "drawing") and told["comparison"] is None and told["proposals"] == []
        assert early.headers["Location"].startswith("/api/jobs/")
        brake.free.set()
        monkeypatch.setattr("service.api.round_trips.PATIENCE_SECONDS", 30.0)
        late = call()
        assert late.status_code == 200 and late.json()["interrogation"]["id"] == told["interrogation"]["id"]


@pytest.mark.parametrize(
    ("fields", "code", "told"),
    [
        ({"target": "sd-xl"}, "target_not_found", "sdxl"),
        ({"mode": "slow"}, "mode_not_found", "classic"),
        ({"max_tokens": "3"}, "request_invalid", "max_tokens"),
        ({"artists": "perhaps"}, "request_invalid", "artists"),
        ({"blocked": "x" * 101}, "request_invalid", "blocked"),
        ({"terms": "/etc"}, "request_invalid", "terms"),
    ],
)
@pytest.mark.parametrize("route", ["/api/interrogations", "/api/round-trips"])
def test_a_wish_that_cannot_be_granted_is_named(
    route: str, fields: dict[str, str], code: str, told: str, api: httpx.Client, photo: bytes
) -> None:
    answer = api.post(route, files={"file": ("p.jpg", photo)}, data=fields)
    assert answer.status_code == 422
    assert answer.json()["code"] == code and told in answer.text


def test_wishes_reach_the_reader_and_are_repeated_in_the_answer(api: httpx.Client, photo: bytes, finished: Any) -> None:
    form = {"target": "prose", "artists": "false", "brands": "false", "blocked": "cat, dog", "max_tokens": "30"}
    job = api.post("/api/interrogations", files={"file": ("p.jpg", photo)}, data=form).json()
    wanted = {
        "target": "prose",
        "artists": False,
        "brands": False,
        "blocked": ["cat", "dog"],
        "lists": [],
        "max_tokens": 30,
    }
    assert job["asked"] == wanted
    finished(api, job["id"])
    done = api.get(f"/api/interrogations/{job['id']}").json()
    assert done["asked"] == wanted and done["interrogation"]["target"] == "prose"
    assert done["version"]["spell"]["prompt"].startswith("The look: ")


def test_another_wish_under_the_same_key_is_another_request(api: httpx.Client, photo: bytes) -> None:
    key = {"Idempotency-Key": "wish-1"}
    first = api.post("/api/interrogations", files={"file": ("p.jpg", photo)}, headers=key)
    other = api.post("/api/interrogations", files={"file": ("p.jpg", photo)}, data={"target": "prose"}, headers=key)
    assert first.status_code in (200, 202) and other.json()["code"] == "idempotency_reused"


def test_a_file_that_is_no_picture_ends_the_round_trip_before_it_begins(api: httpx.Client) -> None:
    answer = api.post("/api/round-trips", files={"file": ("p.jpg", b"no picture")})
    assert answer.status_code == 415 and answer.json()["code"] == "image_format_not_allowed"
    assert api.post("/api/round-trips", json={"mode": "fast"}).json()["code"] == "image_missing"
