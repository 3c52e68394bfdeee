"""Servers behind the doors of other programs, with the engine's double; an engine that can be held still."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from generator.testing import FakeEngine, write_pipeline_folder
from service.testing import RunningServer, quiet_settings, running_server

STYLES = 'name,prompt,negative_prompt\nink,"{prompt}, ink drawing",colourful\nsoft,"soft light",\n'


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with two checkpoints, of which the demo is the default, and two styles."""
    folder = tmp_path_factory.mktemp("door")
    settings = quiet_settings(folder, default_checkpoint="demo")
    write_pipeline_folder(settings.checkpoints_path / "painterly")
    (folder / "styles.csv").write_text(STYLES)
    with running_server(settings) as server:
        yield server


@pytest.fixture
def web(door: RunningServer) -> Iterator[httpx.Client]:
    """A client of that server."""
    with httpx.Client(base_url=door.url, timeout=30) as client:
        yield client


class HeldEngine:
    """The fake engine, which stands still while `go` is not set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.steps = threading.Semaphore(0)

    def build(self) -> FakeEngine:
        return FakeEngine(before_step=self._wait)

    def let(self, steps: int) -> None:
        """Let it take so many steps."""
        for _ in range(steps):
            self.steps.release()

    def _wait(self) -> None:
        while not self.go.is_set():
            if self.steps.acquire(timeout=0.02):
                return


@pytest.fixture
def held() -> HeldEngine:
    return HeldEngine()


@pytest.fixture
def held_door(tmp_path: Path, held: HeldEngine) -> Iterator[RunningServer]:
    """A server whose engine obeys `held`."""
    with running_server(quiet_settings(tmp_path), held.build) as server:
        yield server
        held.go.set()


@pytest.fixture
def held_web(held_door: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=held_door.url, timeout=30) as client:
        yield client


@pytest.fixture
def photo64() -> str:
    """A picture without metadata, as base64."""
    encoded = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((96, 64)).save(encoded, "PNG")
    return base64.b64encode(encoded.getvalue()).decode()
