"""No address that a client writes where a picture belongs is called, whichever door it comes in by (no SSRF)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.testing import quiet_settings, running_server


@dataclass
class Ear:
    """A port that counts who connects."""

    url: str = ""
    heard: list[object] = field(default_factory=list)


@pytest.fixture
def ear() -> Iterator[Ear]:
    made = Ear()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made.url = f"http://127.0.0.1:{listener.getsockname()[1]}/a.png"

        def listen() -> None:
            while True:
                try:
                    wire, address = listener.accept()
                except OSError:
                    return
                made.heard.append(address)
                wire.close()

        threading.Thread(target=listen, daemon=True).start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)


def orders(url: str) -> list[tuple[str, dict[str, Any]]]:
    """Every route that takes a picture in JSON, with an address instead."""
    seen = {"type": "image_url", "image_url": {"url": url}}
    text = {"type": "text", "text": "what is this?"}
    spell = {"prompt": "a cat", "params": {"steps": 1, "width": 64, "height": 64}}
    return [
        ("/v1/chat/completions", {"model": "spellwright", "messages": [{"role": "user", "content": [text, seen]}]}),
        ("/v1/images/edits", {"prompt": "a cat", "images": [{"image_url": url}]}),
        ("/v1/images/variations", {"image": url}),
        ("/sdapi/v1/img2img", {"init_images": [url], "prompt": "a cat"}),
        ("/sdapi/v1/img2img", {"init_images": [url], "mask": url, "prompt": "a cat"}),
        ("/sdapi/v1/png-info", {"image": url}),
        ("/sdapi/v1/interrogate", {"image": url, "model": "clip"}),
        ("/sdapi/v1/extra-single-image", {"image": url, "upscaler_1": "Lanczos"}),
        ("/sdapi/v1/extra-batch-images", {"imageList": [{"data": url, "name": "a.png"}], "upscaler_1": "Lanczos"}),
        ("/sdapi/v1/txt2img", {"prompt": f"<lora:{url}:1> a cat", "steps": 1, "width": 64, "height": 64}),
        ("/api/interrogations", {"image_base64": url}),
        ("/api/inspect", {"image_base64": url}),
        ("/api/uploads", {"image_base64": url}),
        ("/api/upscales", {"source": {"image_base64": url}}),
        ("/api/jobs", {"spell": spell, "img2img": {"source": {"image_base64": url}}}),
        ("/api/jobs", {"spell": {**spell, "params": {**spell["params"], "checkpoint": url}}}),  # type: ignore[dict-item]
        ("/api/jobs", {"spell": spell, "webhook_url": url}),
        ("/api/generate", {"image_base64": url}),
        ("/api/round-trips", {"image_base64": url}),
    ]


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_an_address_in_place_of_a_picture_is_refused_and_nobody_is_called(
    tmp_path: Path, ear: Ear, prefix: str
) -> None:
    with running_server(quiet_settings(tmp_path)) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        for path, body in orders(prefix + ear.url):
            answer = client.post(path, json=body)
            refused = 400 <= answer.status_code < 500
            tells_nothing = path == "/sdapi/v1/png-info" and answer.json().get("info") == ""
            draws_without = path == "/sdapi/v1/txt2img"  # as A1111: a LoRA that is not here is noted
            assert refused or tells_nothing or draws_without, (path, answer.status_code, answer.text[:200])
    assert ear.heard == []
