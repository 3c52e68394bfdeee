"""A real server per test module, with the engine's double; an engine that can be held still."""

from __future__ import annotations

import io
import json
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from generator.testing import FakeEngine, write_pipeline_folder
from service.testing import quiet_settings, running_server


@dataclass
class Brake:
    """Holds the engine's steps while it is on."""

    free: threading.Event = field(default_factory=threading.Event)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.free.set()

    def engine(self) -> FakeEngine:
        return FakeEngine(before_step=self._step)

    def _step(self) -> None:
        self.free.wait(30)
        if self.seconds:
            threading.Event().wait(self.seconds)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server that does nothing special."""
    folder = tmp_path_factory.mktemp("api")
    settings = quiet_settings(folder, default_checkpoint="demo")
    write_pipeline_folder(settings.checkpoints_path / "painterly")
    write_lora(settings.loras_path / "ink-sketch.safetensors", "sd_v1")
    write_lora(settings.loras_path / "big-base.safetensors", "sdxl_base_v1-0")
    burnt = settings.loras_path / "burnt.safetensors"
    write_lora(burnt, "sd_v1")
    burnt.write_bytes(burnt.read_bytes()[:-4] + struct.pack("<f", float("nan")))
    (settings.loras_path / "old.ckpt").write_bytes(b"\x80\x02.")
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def write_lora(path: Path, base: str) -> None:
    """A LoRA file with a true header and one tiny tensor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"
    header = {
        "__metadata__": {"ss_base_model_version": base},
        key: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
    }
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\0\0\0\0")


@pytest.fixture
def photo() -> bytes:
    """A picture without metadata."""
    encoded = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((96, 64)).save(encoded, "JPEG")
    return encoded.getvalue()


@pytest.fixture
def follow() -> Callable[..., list[tuple[int | None, str, dict[str, Any]]]]:
    """Read an event stream to its end: (id, event, data) of each, comments left out."""

    def read(
        client: httpx.Client, url: str, until: str | None = None, **headers: str
    ) -> list[tuple[int | None, str, dict[str, Any]]]:
        events = []
        with client.stream("GET", url, headers=headers) as response:
            assert response.status_code == 200, response.read()
            number, kind = None, ""
            for line in response.iter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    number = int(value)
                elif name == "event":
                    kind = value
                elif name == "data":
                    events.append((number, kind, json.loads(value)))
                    if kind == until:
                        break
                    number = None
        return events

    return read


@pytest.fixture
def finished(follow: Any) -> Callable[..., dict[str, Any]]:
    """Wait for a job's end and give it."""

    def wait(client: httpx.Client, job_id: str) -> dict[str, Any]:
        follow(client, f"/api/jobs/{job_id}/events")
        job: dict[str, Any] = client.get(f"/api/jobs/{job_id}").json()
        return job

    return wait


@pytest.fixture
def brake() -> Brake:
    """The brake of a test's own server."""
    return Brake()


@pytest.fixture
def braked(tmp_path: Path, brake: Brake) -> Iterator[httpx.Client]:
    """A client of a server whose engine obeys `brake`."""
    settings = quiet_settings(tmp_path)
    with running_server(settings, brake.engine) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        yield client
        brake.free.set()
