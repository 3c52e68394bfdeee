from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from service.testing import quiet_settings, running_server


class Rubbish(BaseHTTPRequestHandler):
    """A server that answers everything with something else."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>It works!</html>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Helpful(BaseHTTPRequestHandler):
    """Speaks the OpenAI protocol: streams a spell for an idea, and edits for a turn."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        schema = asked["response_format"]["json_schema"]["schema"]
        edit = {"kind": "set_param", "name": "steps", "value": 30}
        wanted = (
            {"reply": "Thirty steps it is.", "understood": True, "edits": [edit]}
            if "edits" in schema["properties"]
            else {"prompt": "1girl, lighthouse, storm", "negative_prompt": "blurry", "orientation": "portrait"}
        )
        text = json.dumps(wanted)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for start in range(0, len(text), 9):
            self._event({"content": text[start : start + 9]}, None)
        self._event({}, "stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, delta: dict[str, str], reason: str | None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()


@contextmanager
def rubbish() -> Iterator[str]:
    with answering(Rubbish) as address:
        yield address


@contextmanager
def nobody() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1"


@pytest.mark.parametrize("model", [nobody, rubbish])
def test_a_language_model_that_is_down_or_talks_rubbish_is_told_and_nothing_is_lost(
    model: object, tmp_path: Path
) -> None:
    assert callable(model)
    with model() as address:
        settings = quiet_settings(tmp_path, llm_base_url=address, llm_api_key="sk-canary", llm_timeout_seconds=10)
        with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
            refused = client.post("/api/spells", json={"idea": "a cat"})
            assert refused.status_code == 502 and refused.json()["code"].startswith("llm_")
            assert "canary" not in refused.text
            assert client.get("/api/spells").json()["spells"] == []
            made = client.post("/api/spells", json={"idea": "a cat", "offline": True})
            assert made.status_code == 201
            url = f"/api/spells/{made.json()['spell_id']}/chat"
            assert client.post(url, json={"message": "make it night"}).status_code == 502
            whole = client.get(f"/api/spells/{made.json()['spell_id']}").json()
            assert (whole["head"]["number"], whole["turns"]) == (1, [])
            assert client.post(url, json={"message": "make it night", "offline": True}).status_code == 200
            assert client.get("/api/catalogue").json()["llm"] == settings.llm_model


def test_a_language_model_writes_the_spell_and_its_edits_are_applied_streamed_or_not(tmp_path: Path) -> None:
    with answering(Helpful) as address:
        settings = quiet_settings(tmp_path, llm_base_url=address, llm_model="tiny", llm_timeout_seconds=10)
        with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
            made = client.post("/api/spells", json={"idea": "暴风雨中的灯塔"}).json()
            assert made["spell"]["prompt"].startswith("1girl, lighthouse, storm")
            assert made["details"]["by"] == "tiny" and made["idea"] == "暴风雨中的灯塔"
            chat = f"/api/spells/{made['spell_id']}/chat"
            plain = client.post(chat, json={"message": "thirty steps please"}).json()
            assert plain["turn"]["reply"] == "Thirty steps it is."
            assert plain["version"]["spell"]["params"]["steps"] == 30
            stream = client.post(chat, json={"message": "again"}, headers={"Accept": "text/event-stream"}).text
            assert "event: delta" in stream and "event: version" in stream
            assert "event: problem" not in stream


class Listed(Helpful):
    """The same, and it lists its models as Ollama does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"data": [{"id": "qwen3:4b"}]}')


def test_a_server_found_on_this_machine_writes_spells(tmp_path: Path) -> None:
    with answering(Listed) as address:
        port = int(address.rsplit(":", 1)[1].split("/")[0])
        settings = quiet_settings(tmp_path, llm_discover=True, llm_discover_ports=(port,))
        with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
            assert client.get("/api/catalogue").json()["llm"] == "qwen3:4b"
            made = client.post("/api/spells", json={"idea": "暴风雨中的灯塔"}).json()
            assert made["details"]["by"] == "qwen3:4b"


def test_a_spent_budget_goes_on_offline_and_says_so_in_both_languages(tmp_path: Path) -> None:
    with answering(Helpful) as address:
        settings = quiet_settings(tmp_path, llm_base_url=address, llm_model="tiny", llm_request_tokens=10)
        with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
            made = client.post("/api/spells", json={"idea": "a lighthouse in a storm"}).json()
            assert made["details"]["by"] == "offline" and made["details"]["notes_texts"][0]["key"] == "llm.budget_spent"
            turn = client.post(f"/api/spells/{made['spell_id']}/chat", json={"message": "make it night"}).json()
            assert turn["turn"]["by"] == "offline" and "budget" in turn["turn"]["reply"]
