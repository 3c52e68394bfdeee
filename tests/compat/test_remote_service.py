"""A whole Spellwright without a model of its own, in front of another one."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from generator.testing import write_pipeline_folder
from prompts.metadata import parse_infotext, read_infotext
from service.app import create_app
from service.errors import SettingsError
from service.provenance.marks import Mark, mark_of
from service.testing import RunningServer, quiet_settings, running_server


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The one without a model."""
    far_settings = quiet_settings(tmp_path_factory.mktemp("far"))
    write_pipeline_folder(far_settings.checkpoints_path / "painterly")
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
    app = create_app(settings)

    async def start() -> None:
        async with app.router.lifespan_context(app):
            pass

    with pytest.raises(SettingsError) as refused:
        asyncio.run(start())
    assert refused.value.facts["key"] == "remote_engine_url"


WITHOUT_TORCH = """
import asyncio, io, json, sys
from pathlib import Path

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "diffusers", "transformers", "open_clip", "safetensors"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
for name in ("torch", "torchvision", "diffusers", "transformers", "open_clip"):
    sys.modules[name] = None

from PIL import Image
from prompts.spell import Params, Spell
from service.assembly import build
from service.generation import PictureOrder
from service.testing import quiet_settings

async def main():
    settings = quiet_settings(Path(sys.argv[1]), engine="remote", remote_engine_url=sys.argv[2])
    async with build(settings) as services:
        spell = Spell("a boat", params=Params(steps=2, sampler="Euler", seed=3, width=64, height=64))
        job = await services.generation.wait((await services.generation.submit(PictureOrder(spell=spell))).id)
        (image,) = await services.generation.images(job.id)
        photo = io.BytesIO()
        Image.linear_gradient("L").convert("RGB").resize((96, 64)).save(photo, "PNG")
        read = await services.generation.wait((await services.interrogation.start(photo.getvalue())).id)
        print(json.dumps({"job": str(job.status), "width": image.width, "photo": str(read.status)}))

asyncio.run(main())
"""


def test_a_machine_without_torch_draws_over_there_and_reads_photos_here(tmp_path: Path) -> None:
    with running_server(quiet_settings(tmp_path / "far")) as far:
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_TORCH, str(tmp_path / "near"), far.url],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=Path(__file__).parents[2],
        )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {"job": "done", "width": 64, "photo": "done"}
