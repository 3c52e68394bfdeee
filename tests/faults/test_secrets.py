"""Canaries in every secret: whatever is asked, refused or broken, none of them comes out anywhere."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

CANARIES = {
    "api_key": "canary-operator-key-1f3a",
    "llm_api_key": "canary-llm-key-77b2",
    "llm_base_url": "http://127.0.0.1:9/canary-path-88c1",
}
TOLD = {"llm_base_url"}
"""An address is no secret by itself; it must still not leave in pictures or figures."""
SPELL = {"prompt": "a cat", "params": {"steps": 1, "sampler": "Euler", "seed": 1, "width": 64, "height": 64}}


@pytest.mark.slow
def test_no_secret_leaves_in_an_answer_a_log_a_figure_or_a_picture(serve: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    server = serve.at(tmp_path / "data", 0.0, {**CANARIES, "log_level": "debug"}, "")
    with log.open("wb") as stream:
        server.stderr = stream
        client = server.start()
        key = {"authorization": f"Bearer {CANARIES['api_key']}"}
        made = client.post("/api/keys", json={"name": "a"}, headers=key).json()["key"]
        answers = everything(client, key, made)
        server.kill()
    secrets = [value.encode() for name, value in CANARIES.items() if name not in TOLD] + [made.encode()]
    for where, found in {**answers, "log": log.read_bytes(), **files(tmp_path / "data")}.items():
        for secret in secrets:
            assert secret not in found, where
            assert secret[-20:] not in found, where


def everything(client: httpx.Client, key: dict[str, str], made: str) -> dict[str, bytes]:
    """Answers of every kind, good and bad."""
    job = client.post("/api/jobs", json={"spell": SPELL}, headers=key).json()["id"]
    with client.stream("GET", f"/api/jobs/{job}/events", headers=key) as events:
        found = {"events": events.read()}
    image = client.get(f"/api/jobs/{job}", headers=key).json()["images"][0]["url"]
    asked = [
        ("GET", image, {}),
        ("GET", "/metrics", {}),
        ("GET", "/api/keys", {}),
        ("GET", "/api/catalogue", {}),
        ("GET", "/api/capabilities", {}),
        ("GET", "/openapi.json", {}),
        ("GET", "/readyz", {}),
        ("GET", "/sdapi/v1/options", {}),
        ("GET", "/sdapi/v1/cmd-flags", {}),
        ("GET", f"/api/jobs?key={made}", {}),
        ("GET", f"/api/nothing/{made[-20:][::-1]}", {}),
        ("POST", "/api/spells", {"json": {"idea": "a cat"}}),  # the language model is not there: 502
        ("POST", "/api/spells", {"json": {"idea": 5}}),
        ("POST", "/api/jobs", {"content": b"{", "headers": {"content-type": "application/json"}}),
    ]
    for method, path, more in asked:
        headers = key | more.pop("headers", {})
        found[f"{method} {path[:30]}"] = client.request(method, path, headers=headers, **more).content
    wrong = {"authorization": f"Bearer {made[:-1]}"}
    found["refused"] = client.get("/api/jobs", headers=wrong).content
    found["twice"] = client.get("/api/jobs", headers=key | {"x-api-key": made}).content
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_settings_hide_their_secrets_when_they_are_shown() -> None:
    code = (
        "from service.settings import load_settings\ns = load_settings()\nprint(repr(s), str(s), s.model_dump_json())"
    )
    env = {"SPELLWRIGHT_API_KEY": "canary-operator-key-1f3a", "DATABASE_URL": "postgresql://u:canary-password@h/d"}
    import os
    import sys

    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | env, capture_output=True, text=True, check=True
    )
    assert "canary" not in done.stdout + done.stderr
