"""The page's files, and the routes that were made for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.testing import quiet_settings, running_server

INFOTEXT = (
    "a cat\nNegative prompt: bad\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64, Model: nowhere"
)


def test_files_are_compressed_never_change_and_are_not_sent_twice(api: Any) -> None:
    page = api.get("/")
    assert page.headers["cache-control"] == "no-cache"
    address = next(part for part in page.text.split('"') if part.endswith("/app.js"))
    script = api.get(address, headers={"accept-encoding": "gzip"})
    assert "immutable" in script.headers["cache-control"] and script.headers["content-encoding"] == "gzip"
    assert script.headers["vary"] == "Accept-Encoding"
    again = api.get(address, headers={"if-none-match": script.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    assert api.get("/", headers={"if-none-match": f"W/{page.headers['etag']}"}).status_code == 304
    plain = api.get(address, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.text == script.text
    assert api.head("/").status_code == 200
    older = "/static/" + "0" * 12 + "/app.js"
    assert api.get(older).status_code == 200 and api.get(older).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/static/nothing.js", "/static/../pages.py", "/static/%2e%2e/pages.py", "/static/"])
def test_nothing_but_the_page_s_files_is_served(api: Any, path: str) -> None:
    assert api.get(path).status_code == 404


def test_capabilities_name_routes_and_fields(api: Any) -> None:
    told = api.get("/api/capabilities").json()
    assert "POST /api/jobs" in told["routes"] and "count" in told["fields"]["JobIn"]
    spec = api.get("/openapi.json").json()
    assert {route.split(" ")[1] for route in told["routes"]} == set(spec["paths"])


def test_what_cannot_change_while_the_server_runs_is_not_worked_out_for_every_caller(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = api.get("/api/capabilities").json()

    def walk_again(*_: object) -> None:
        pytest.fail("the routes were walked for a request")

    monkeypatch.setattr("service.api.capabilities.iter_route_contexts", walk_again)
    monkeypatch.setattr("service.api.capabilities._models", walk_again)
    assert api.get("/api/capabilities").json() == before


def test_capabilities_tell_whether_hands_can_be_repaired(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert api.get("/api/capabilities").json()["hands"] is False  # the networks are not in a new data folder
    monkeypatch.setattr("service.api.capabilities.is_installed", lambda folder: folder.name == "hands")
    monkeypatch.setattr("service.api.capabilities.find_spec", lambda name: name == "ai_edge_litert" or None)
    assert api.get("/api/capabilities").json()["hands"] is True


def test_a_paste_is_read_with_verdicts_and_a_plain_prompt_is_told_apart(api: Any) -> None:
    told = api.post("/api/prompts/read", json={"text": INFOTEXT}).json()
    assert told["tool"] == "A1111" and told["spell"]["params"]["steps"] == 20 and not told["is_plain"]
    assert {verdict["state"] for verdict in told["verdicts"]} >= {"exact", "missing"}
    assert api.post("/api/prompts/read", json={"text": "a cat"}).json()["is_plain"]
    assert api.post("/api/prompts/read", json={"text": "x" * 2_000_000}).status_code in (413, 422)


def test_a_spell_is_written_for_the_web_ui_and_for_comfyui(api: Any) -> None:
    spell = {"prompt": "a (cat:1.2)", "params": {"steps": 9, "seed": 3}}
    text = api.post("/api/prompts/write", json={"spell": spell, "target": "a1111"}).json()["text"]
    assert text.startswith("a (cat:1.2)\nSteps: 9") and "Seed: 3" in text
    graph = json.loads(api.post("/api/prompts/write", json={"spell": spell, "target": "comfyui"}).json()["text"])
    (sampler,) = [node for node in graph.values() if node["class_type"] == "KSampler"]
    assert sampler["inputs"]["seed"] == 3 and sampler["inputs"]["steps"] == 9
    assert api.post("/api/prompts/write", json={"spell": spell, "target": "x"}).status_code == 422


def test_phrases_are_completed_from_lists_words_and_this_machine_s_files(tmp_path: Path) -> None:
    files = {"wildcards/beasts.txt": "cat\ndog\n", "tags/mine.csv": "zebra_print,0,12,striped\n"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text, "utf-8")
    with running_server(quiet_settings(tmp_path)) as server, httpx.Client(base_url=server.url, timeout=30) as client:

        def texts(query: str, **more: Any) -> list[str]:
            answer = client.get("/api/prompts/complete", params={"q": query, **more}).json()
            return [entry["text"] for entry in answer["completions"]]

        assert texts("lighthouse")[0] == "lighthouse"
        assert texts("灯塔")[0] == "lighthouse"
        assert texts("beas", kind="wildcard") == ["__beasts__"]
        assert "zebra print" in texts("striped") and len(texts("cat", limit=3)) == 3
        assert client.get("/api/prompts/complete", params={"q": "a" * 101}).status_code == 422


def test_a_branch_starts_at_an_older_version_and_phrases_are_locked_by_hand(api: Any) -> None:
    made = api.post("/api/spells", json={"spell": {"prompt": "a cat, rain"}}).json()
    url = f"/api/spells/{made['spell_id']}/versions"
    api.post(url, json={"spell": {"prompt": "a dog, rain"}, "parent": 1})
    branch = api.post(
        url, json={"spell": {"prompt": "a cat, snow"}, "parent": 2, "base": 1, "locked": ["a cat"]}
    ).json()
    assert (branch["number"], branch["parent"], branch["details"]["locked"]) == (3, 1, ["a cat"])
    after = api.post(url, json={"spell": {"prompt": "a cat, sun"}, "parent": 3}).json()
    assert after["details"]["locked"] == ["a cat"]
    assert api.post(url, json={"spell": {"prompt": "x"}, "parent": 2, "base": 1}).json()["head"] == 4
    assert api.post(url, json={"spell": {"prompt": "x"}, "parent": 4, "base": 9}).status_code == 404
    turn = api.post(f"/api/spells/{made['spell_id']}/chat", json={"message": "remove the cat"}).json()
    assert "a cat" in turn["version"]["spell"]["prompt"]
