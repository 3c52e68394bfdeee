"""The same order many times at the same moment under one key: one piece of work, whatever the door (fault F12)."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from PIL import Image

from service.testing import RunningServer, quiet_settings, running_server

AT_ONCE = 25
OPEN_SPELL = {"prompt": "a cat", "params": {"steps": 2, "width": 64, "height": 64}}  # its seed is drawn when it is sent


def png() -> bytes:
    encoded = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").resize((96, 64)).save(encoded, "PNG")
    return encoded.getvalue()


def upload(client: httpx.Client, path: str, headers: dict[str, str]) -> httpx.Response:
    return client.post(path, files={"file": ("a.png", png(), "image/png")}, headers=headers)


DOORS: dict[str, tuple[Callable[[httpx.Client, dict[str, str]], httpx.Response], int]] = {
    "jobs": (lambda c, h: c.post("/api/jobs", json={"spell": OPEN_SPELL, "count": 2}, headers=h), 1),
    "interrogations": (lambda c, h: upload(c, "/api/interrogations", h), 1),
    "generate": (lambda c, h: c.post("/api/generate", json={"idea": "a cat in the rain"}, headers=h), 1),
    "upscales": (
        lambda c, h: c.post(
            "/api/upscales", json={"source": {"image_base64": base64.b64encode(png()).decode()}}, headers=h
        ),
        1,
    ),
    "grids": (lambda c, h: c.post("/api/grids", json={"spell": OPEN_SPELL, "x": "Steps: 2, 3"}, headers=h), 2),
}


def seen_in(answer: dict[str, Any]) -> str:
    """What an answer calls the work it began: everything in it but what moves while the work goes on."""
    if "spell" in answer and "job" in answer:
        assert answer["spell"]["spell_id"] == answer["job"]["spell_id"]
        return str((answer["spell"]["spell_id"], answer["job"]["id"]))
    return str(answer.get("cells") or answer["id"])


@pytest.fixture(scope="module")
def stormy(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running_server(quiet_settings(tmp_path_factory.mktemp("storm"))) as server:
        yield server


def _is_idle(client: httpx.Client) -> bool:
    return all(job["status"] == "done" for job in client.get("/api/jobs?limit=100").json()["jobs"])


@pytest.mark.parametrize("door", DOORS)
def test_one_order_sent_many_times_at_once_is_worked_on_once(stormy: RunningServer, door: str) -> None:
    send, jobs = DOORS[door]
    all_there = threading.Barrier(AT_ONCE)

    def one(_: int) -> httpx.Response:
        with httpx.Client(base_url=stormy.url, timeout=60) as client:
            all_there.wait(30)
            return send(client, {"Idempotency-Key": f"storm at {door}"})

    with httpx.Client(base_url=stormy.url, timeout=60) as client:
        while not _is_idle(client):  # an interrogation stores its spell when it is done
            time.sleep(0.02)
        before = {job["id"] for job in client.get("/api/jobs?limit=100").json()["jobs"]}
        spells = len(client.get("/api/spells?limit=100").json()["spells"])
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(one, range(AT_ONCE)))
        assert {answer.status_code for answer in answers} <= {200, 201, 202}, [a.text for a in answers][:2]
        assert len({seen_in(answer.json()) for answer in answers}) == 1
        made = [job for job in client.get("/api/jobs?limit=100").json()["jobs"] if job["id"] not in before]
        assert len(made) == jobs
        seeds = {job["spell"]["params"]["seed"] for job in made if job["spell"] and door == "grids"}
        assert len(seeds) <= 1, "the cells of one grid were drawn for different orders"
        kept = len(client.get("/api/spells?limit=100").json()["spells"]) - spells
        assert kept <= 1, "spells were stored for orders that were the same"
