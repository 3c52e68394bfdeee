"""A whole Spellwright without a model of its own, in front of another one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from prompts.metadata import parse_infotext, read_infotext
from service.errors import SettingsError
from service.provenance.marks import Mark, mark_of
from service.testing import RunningServer, quiet_settings, running_server


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The one without a model."""
    far_settings = quiet_settings(tmp_path_factory.mktemp("far"))
    painterly = far_settings.checkpoints_path / "painterly"
    painterly.mkdir(parents=True)
    (painterly / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    with running_server(far_settings) as far:
        settings = quiet_settings(
            tmp_path_factory.mktemp("near"), engine="remote", remote_engine_url=far.url, remote_engine_parallel=4
        )
        with running_server(settings, engine=None) as server:
            yield server


def test_the_page_draws_over_there_and_keeps_the_pictures_here(near: RunningServer) -> None:
    with httpx.Client(base_url=near.url, timeout=30) as client:
        names = [c["name"] for c in client.get("/api/catalogue").json()["checkpoints"]]
        assert names == ["painterly", "demo"]
        spell = {"prompt": "a boat", "params": {"checkpoint": "painterly", "steps": 3, "seed": 4, "width": 64}}
        spell["params"]["height"] = 64  # type: ignore[index]
        job = client.post("/api/jobs", json={"spell": spell, "count": 2}).json()
        with client.stream("GET", job["events_url"]) as events:
            assert any(line == "event: done" for line in events.iter_lines())
        images = client.get(f"/api/jobs/{job['id']}").json()["images"]
        assert [image["seed"] for image in images] == [4, 5]
        file = client.get(images[0]["url"]).content
        assert mark_of(file) is Mark.GENERATED
        assert parse_infotext(read_infotext(file) or "").params.checkpoint == "painterly"


def test_its_own_a1111_door_draws_over_there_too(near: RunningServer) -> None:
    body = {"prompt": "a boat", "steps": 2, "width": 64, "height": 64}
    answer = httpx.post(f"{near.url}/sdapi/v1/txt2img", json=body, timeout=30).json()
    assert len(base64.b64decode(answer["images"][0])) > 100
    assert any("demo model" in note for note in json.loads(answer["info"])["notes"]) is False


def test_a_remote_engine_without_an_address_stops_the_start(tmp_path: Path) -> None:
    settings = quiet_settings(tmp_path, engine="remote")
    from service.app import create_app

    app = create_app(settings)
    with pytest.raises(SettingsError) as refused:
        import asyncio

        async def start() -> None:
            async with app.router.lifespan_context(app):
                pass

        asyncio.run(start())
    assert refused.value.facts["key"] == "remote_engine_url"
