from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from prompts.metadata import read_spell
from service.spell_json import spell_from_json

SPELL = {"prompt": "a cat", "params": {"steps": 4, "sampler": "Euler a"}}


def submit(api: httpx.Client, headers: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
    response = api.post("/api/jobs", json={"spell": SPELL} | body, headers=headers)
    assert response.status_code == 202, response.text
    job: dict[str, Any] = response.json()
    assert response.headers["location"] == f"/api/jobs/{job['id']}"
    return job


def test_a_job_draws_every_picture_with_its_own_seed_and_the_file_says_so(api: httpx.Client, finished: Any) -> None:
    job = submit(api, count=3, overrides={"seed": 2**32 - 2, "width": 64, "height": 96})
    done = finished(api, job["id"])
    assert done["status"] == "done"
    assert [(i["slot"], i["seed"]) for i in done["images"]] == [(0, 2**32 - 2), (1, 2**32 - 1), (2, 0)]
    for image in done["images"]:
        file = api.get(image["url"])
        told = api.get(f"{image['url']}/spell").json()
        assert (image["width"], image["height"], len(file.content)) == (64, 96, image["bytes"])
        assert read_spell(file.content) == spell_from_json(told["spell"])
        assert told["spell"]["params"]["seed"] == image["seed"]


def test_nothing_is_open_in_an_accepted_job_and_the_file_names_who_made_it(api: httpx.Client) -> None:
    spell = submit(api)["spell"]
    params = spell["params"]
    assert params["checkpoint"] == "demo" and 0 <= params["seed"] < 2**32
    assert all(params[name] is not None for name in ("schedule_type", "cfg_scale", "width", "height"))
    assert dict(spell["extra"])["Version"].startswith("Spellwright ")


def test_two_jobs_without_a_seed_get_different_ones(api: httpx.Client) -> None:
    assert submit(api)["spell"]["params"]["seed"] != submit(api)["spell"]["params"]["seed"]


def test_a_stored_spell_is_drawn_by_id_and_version(api: httpx.Client, finished: Any) -> None:
    made = api.post("/api/spells", json={"spell": SPELL}).json()
    response = api.post("/api/jobs", json={"spell_id": made["spell_id"], "overrides": {"steps": 2}})
    job = finished(api, response.json()["id"])
    assert (job["spell_id"], job["spell_version"], job["spell"]["params"]["steps"]) == (made["spell_id"], 1, 2)


def test_the_same_idempotency_key_gives_the_same_job_also_fifty_times_at_once(api: httpx.Client) -> None:
    headers = {"Idempotency-Key": "once"}
    with ThreadPoolExecutor(10) as pool:
        ids = set(pool.map(lambda _: submit(api, headers, overrides={"seed": 1})["id"], range(50)))
    assert len(ids) == 1
    other = api.post("/api/jobs", json={"spell": SPELL, "count": 2}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_reused")


def test_lora_names_are_made_canonical(api: httpx.Client) -> None:
    job = submit(api, spell={"prompt": "a cat <lora:INK-SKETCH:0.66>"})
    assert job["spell"]["loras"] == [{"name": "ink-sketch", "weight": 0.66, "unet_weight": None}]


def test_a_running_job_is_cancelled_at_the_next_step_and_keeps_what_is_finished(
    braked: httpx.Client, brake: Any, finished: Any
) -> None:
    brake.free.clear()
    job = submit(braked, overrides={"steps": 150})
    asked = braked.delete(f"/api/jobs/{job['id']}")
    assert asked.status_code in (200, 202)
    assert asked.json()["status"] in ("cancelling", "cancelled")
    brake.free.set()
    assert finished(braked, job["id"])["status"] == "cancelled"
    again = braked.delete(f"/api/jobs/{job['id']}")
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")
    following = submit(braked)
    assert finished(braked, following["id"])["status"] == "done"


def test_a_job_that_waits_knows_how_many_are_ahead_and_is_cancelled_at_once(braked: httpx.Client, brake: Any) -> None:
    brake.free.clear()
    limit = 8  # max_running_jobs
    jobs = [submit(braked) for _ in range(limit + 2)]
    last = braked.get(f"/api/jobs/{jobs[-1]['id']}").json()
    assert last["status"] == "queued" and last["queue_ahead"] >= 1
    cancelled = braked.delete(f"/api/jobs/{last['id']}")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")


def test_jobs_are_listed_newest_first(api: httpx.Client) -> None:
    ids = [submit(api)["id"] for _ in range(2)]
    listed = api.get("/api/jobs", params={"limit": 2}).json()
    assert [job["id"] for job in listed["jobs"]] == ids[::-1]
    assert listed["next_before"] == ids[0]


def test_a_picture_never_changes_and_is_served_as_nothing_but_a_picture(api: httpx.Client, finished: Any) -> None:
    image = finished(api, submit(api)["id"])["images"][0]
    file = api.get(image["url"])
    assert file.headers["content-type"] == "image/png"
    assert file.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in file.headers["cache-control"]
    unchanged = api.get(image["url"], headers={"If-None-Match": file.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


LORAS_SAID = " ".join("<lora:ink-sketch:0.1>" for _ in range(17))
PARTS_SAID = " AND ".join("a cat" for _ in range(33))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/jobs", lambda text: {"spell": {**SPELL, "prompt": text}}),
        ("/sdapi/v1/txt2img", lambda text: {"prompt": text, "steps": 1}),
    ],
)
@pytest.mark.parametrize(("text", "got"), [(LORAS_SAID, 17), (PARTS_SAID, 33)])
def test_more_loras_or_parts_than_can_be_drawn_are_refused_and_no_job_is_made(
    api: httpx.Client, path: str, body: Any, text: str, got: int
) -> None:
    before = api.get("/api/jobs").json()["jobs"]
    answer = api.post(path, json=body(text))
    assert answer.status_code == 422 and f"{got} " in answer.text, answer.text
    assert api.get("/api/jobs").json()["jobs"] == before


def test_a_lora_whose_weights_are_no_numbers_is_refused_and_no_job_is_made(api: httpx.Client) -> None:
    order = {"spell": {**SPELL, "prompt": "a cat <lora:burnt:0.5>"}}
    before = api.get("/api/jobs").json()["jobs"]
    for _ in range(2):
        answer = api.post("/api/jobs", json=order)
        assert (answer.status_code, answer.json()["code"]) == (422, "model_not_finite"), answer.text
    listed = {lora["name"]: lora for lora in api.get("/api/catalogue").json()["loras"]}
    assert "not numbers" in listed["burnt"]["notice"] and not listed["burnt"]["is_usable"]
    assert api.get("/api/jobs").json()["jobs"] == before
