from __future__ import annotations

import base64
import http.client
import io
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from service.testing import RunningServer

DRAW = {"prompt": "a red heart", "steps": 12, "width": 64, "height": 64, "seed": 7}
PATIENCE_SECONDS = 15.0


class Call(threading.Thread):
    """A txt2img call in the background."""

    def __init__(self, server: RunningServer, **fields: Any) -> None:
        super().__init__(daemon=True)
        self._url, self._body = server.url, {**DRAW, **fields}
        self.answer: httpx.Response | None = None
        self.start()

    def run(self) -> None:
        self.answer = httpx.post(f"{self._url}/sdapi/v1/txt2img", json=self._body, timeout=60)

    def end(self) -> dict[str, Any]:
        self.join(PATIENCE_SECONDS)
        assert self.answer is not None
        assert self.answer.status_code == 200, self.answer.text
        return {**self.answer.json(), "info": json.loads(self.answer.json()["info"])}


def until(look: Callable[[], Any]) -> Any:
    """What `look` gives once it is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def progress(client: httpx.Client) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/sdapi/v1/progress").json()
    return answer


def jobs(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/jobs").json()["jobs"]
    return found


def test_nothing_to_do_is_told_as_a1111_tells_it(held_web: httpx.Client) -> None:
    idle = progress(held_web)
    assert (idle["progress"], idle["eta_relative"], idle["current_image"]) == (0.0, 0.0, None)
    assert idle["state"]["job_count"] == 0
    assert held_web.post("/sdapi/v1/interrupt").json() == {}
    assert held_web.post("/sdapi/v1/skip").json() is None


def test_progress_tells_steps_and_shows_a_preview(held_door: RunningServer, held_web: httpx.Client, held: Any) -> None:
    call = Call(held_door, steps=140, sampler_name="Euler")

    def steps_done() -> Any:
        held.let(1)  # progress is told five times a second at most, so it takes more than one step to see it
        now = progress(held_web)
        return now if now["state"]["sampling_step"] >= 6 and now["current_image"] else None

    now = until(steps_done)
    assert now["state"]["sampling_steps"] == 140
    assert now["progress"] == pytest.approx(0.01 + now["state"]["sampling_step"] / 140, abs=1e-3)
    assert now["eta_relative"] > 0
    shown = now["current_image"]
    assert Image.open(io.BytesIO(base64.b64decode(shown, validate=True))).size == (8, 8)
    assert held_web.get("/sdapi/v1/progress?skip_current_image=true").json()["current_image"] is None
    held.go.set()
    assert len(call.end()["images"]) == 1
    assert progress(held_web)["progress"] == 0.0


def test_interrupt_ends_the_oldest_call_with_what_is_finished(
    held_door: RunningServer, held_web: httpx.Client, held: Any
) -> None:
    call = Call(held_door)
    until(lambda: progress(held_web)["state"]["job_count"])
    held.let(3)
    held_web.post("/sdapi/v1/interrupt")
    held.go.set()
    answer = call.end()
    assert answer["images"] == []
    assert any("interrupted" in note for note in answer["info"]["notes"])


def test_skip_passes_over_the_picture_being_drawn_and_the_others_of_the_call_go_on(
    held_door: RunningServer, held_web: httpx.Client, held: Any
) -> None:
    call = Call(held_door, batch_size=4)
    job = until(lambda: next((job for job in jobs(held_web) if job["status"] == "running"), None))["id"]
    held.let(3)
    for _ in range(2):
        assert held_web.post("/sdapi/v1/skip").json() is None
    state = progress(held_web)["state"]
    assert (state["skipped"], state["interrupted"], state["stopping_generation"]) == (True, False, False)
    held.go.set()
    answer = call.end()
    assert (len(answer["images"]), answer["info"]["all_seeds"]) == (2, [9, 10])
    assert any(note.startswith("2 of the pictures were skipped") for note in answer["info"]["notes"])
    with held_web.stream("GET", f"/api/jobs/{job}/events?after=0") as stream:
        events = [line for line in stream.iter_lines() if line.startswith(("event", "data", "id"))]
    kinds = [line.removeprefix("event: ") for line in events if line.startswith("event")]
    assert kinds.count("skipped") == 2 and kinds.count("image") == 2 and kinds[-1] == "done"
    ended = held_web.get(f"/api/jobs/{job}").json()
    assert (ended["status"], [image["slot"] for image in ended["images"]]) == ("done", [2, 3])


def test_skip_of_the_only_picture_ends_the_call_with_none(
    held_door: RunningServer, held_web: httpx.Client, held: Any
) -> None:
    call = Call(held_door)
    until(lambda: any(job["status"] == "running" for job in jobs(held_web)))
    held_web.post("/sdapi/v1/skip")
    held.go.set()
    assert call.end()["images"] == []
    assert jobs(held_web)[0]["status"] == "done"
    assert held_web.post("/sdapi/v1/skip").json() is None


def test_a_client_that_leaves_cancels_its_job(held_door: RunningServer, held_web: httpx.Client) -> None:
    leaving = http.client.HTTPConnection(held_door.url.removeprefix("http://"))
    leaving.request("POST", "/sdapi/v1/txt2img", json.dumps(DRAW), {"content-type": "application/json"})
    until(lambda: jobs(held_web))
    leaving.close()
    until(lambda: jobs(held_web)[0]["status"] in ("cancelled", "cancelling"))


def test_a_named_call_outlives_its_connection_and_is_fetched_by_calling_again(
    held_door: RunningServer, held_web: httpx.Client, held: Any
) -> None:
    body = DRAW | {"force_task_id": "task(one)", "seed": -1, "steps": 140}
    with pytest.raises(httpx.ReadTimeout):
        held_web.post("/sdapi/v1/txt2img", json=body, timeout=0.5)
    ask = {"id_task": "task(one)", "id_live_preview": -1}

    def preview() -> Any:
        held.let(1)
        now = held_web.post("/internal/progress", json=ask).json()
        return now if now["live_preview"] else None

    now = until(preview)
    assert now["active"]
    assert now["live_preview"].startswith("data:image/png;base64,")
    assert now["id_live_preview"] >= 0
    held.go.set()
    until(lambda: jobs(held_web)[0]["status"] == "done")
    first = json.loads(held_web.post("/sdapi/v1/txt2img", json=body).json()["info"])
    assert first["job_id"] == jobs(held_web)[0]["id"]
    assert len(jobs(held_web)) == 1
    assert held_web.post("/internal/progress", json=ask).json()["completed"]
    # Its pictures were fetched: the same call is a new wish now.
    second = json.loads(held_web.post("/sdapi/v1/txt2img", json=body).json()["info"])
    assert second["job_id"] != first["job_id"]


def test_a_task_that_nobody_knows_waits(held_web: httpx.Client) -> None:
    answer = held_web.post("/internal/progress", json={"id_task": "task(unknown)"}).json()
    assert (answer["active"], answer["queued"], answer["completed"]) == (False, False, False)
