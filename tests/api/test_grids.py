from __future__ import annotations

import io
from typing import Any

import httpx
import pytest
from PIL import Image

SPELL = {"prompt": "a red cat", "params": {"steps": 2, "sampler": "Euler", "width": 64, "height": 64}}


def test_a_grid_is_a_job_for_every_cell_with_one_seed_and_a_sheet(api: httpx.Client, finished: Any) -> None:
    body = {"spell": SPELL, "x": "Steps: 2, 3", "y": "Prompt S/R: cat, dog"}
    answer = api.post("/api/grids", json=body, headers={"Idempotency-Key": "grid"})
    assert answer.status_code == 202, answer.text
    grid = answer.json()
    assert (grid["x"]["kind"], grid["x"]["values"], grid["y"]["values"]) == ("Steps", ["2", "3"], ["cat", "dog"])
    jobs = {(c["x"], c["y"]): finished(api, c["job_id"]) for c in grid["cells"]}
    assert [job["status"] for job in jobs.values()] == ["done"] * 4
    assert jobs[1, 1]["spell"]["prompt"] == "a red dog" and jobs[1, 1]["spell"]["params"]["steps"] == 3
    assert len({job["spell"]["params"]["seed"] for job in jobs.values()}) == 1
    sheet = api.post("/api/grids/sheet", json=grid)
    assert sheet.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(sheet.content)) as image:
        assert image.width >= 2 * 64 and image.height >= 2 * 64


def test_a_prompt_matrix_is_drawn(api: httpx.Client) -> None:
    grid = api.post("/api/grids", json={"spell": SPELL | {"prompt": "a cat|night|rain"}, "matrix": True}).json()
    assert len(grid["cells"]) == 4
    assert grid["x"]["values"] == ["", "night"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "request_invalid"),
        ({"x": "Steps: 1", "matrix": True}, "request_invalid"),
        ({"x": "Stepps: 1"}, "axis_not_found"),
        ({"x": "Steps: many"}, "axis_invalid"),
        ({"x": "Seed: 1-200"}, "too_many_cells"),
        ({"x": "Steps: 5, 5000"}, "spell_out_of_range"),
    ],
)
def test_a_grid_that_cannot_be_drawn_is_refused(api: httpx.Client, body: dict[str, Any], code: str) -> None:
    refused = api.post("/api/grids", json={"spell": SPELL} | body)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
