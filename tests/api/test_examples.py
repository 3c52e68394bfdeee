"""The examples of the OpenAPI description are complete, and every one of them is taken by its route."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from service.api.examples import BODIES, PICTURE
from service.testing import quiet_settings, running_server

EMPTY_BODIES = {"/sdapi/v1/interrupt", "/sdapi/v1/skip"}
FORMS = {"/v1/images/edits", "/v1/images/variations"}
NOT_THERE = {"/api/grids/sheet"}
"""The example names a job that nobody has."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        running_server(quiet_settings(tmp_path_factory.mktemp("examples"))) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        yield client


def test_every_route_with_a_body_has_an_example(bench: httpx.Client) -> None:
    spec = bench.get("/openapi.json").json()
    silent = [
        path
        for path, methods in spec["paths"].items()
        for route in methods.values()
        for content in route.get("requestBody", {}).get("content", {}).values()
        if "example" not in content
    ]
    assert silent == []
    assert [path for path in BODIES if "post" not in spec["paths"].get(path, {})] == []


def own_things(client: httpx.Client) -> dict[str, str]:
    spell = {"prompt": "a heart", "params": {"steps": 1, "width": 64, "height": 64}}
    made = client.post("/api/spells", json={"spell": spell}).json()["spell_id"]
    job = client.post("/api/jobs", json={"spell": spell}).json()
    with client.stream("GET", job["events_url"]) as events:
        events.read()
    image = client.get("/api/images").json()["images"][0]["id"]
    return {"spells": made, "images": image}


@pytest.mark.parametrize("path", [path for path in BODIES if path != "/api/keys"])
def test_an_example_is_taken_by_its_route(bench: httpx.Client, path: str) -> None:
    body: dict[str, Any] = dict(BODIES[path])
    address = path.replace("{id}", own_things(bench)[path.split("/")[2]]) if "{id}" in path else path
    if path == "/api/prompts/parse":
        assert "<lora:" in body["prompt"]
    if path in FORMS:
        file = ("a.png", base64.b64decode(PICTURE), "image/png")
        answer = bench.post(address, data={k: str(v) for k, v in body.items()}, files={"image": file})
    else:
        answer = bench.post(address, json=body)
    wanted = (404, 422) if path in NOT_THERE else (200, 201, 202)
    assert answer.status_code in wanted, answer.text[:400]
