from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from generator.errors import DownloadFailed, ModelMissing
from generator.models.download import KNOWN_MODELS, KnownFile, fetch_file, fetch_model, known_model

BODY = bytes(range(256)) * 8192  # 2 MiB: several blocks
DIGEST = hashlib.sha256(BODY).hexdigest()


class Hub(ThreadingHTTPServer):
    """A loopback hub whose behaviour a test sets."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body = BODY
        self.sent_bytes = len(BODY)  # less: breaks off
        self.status = 200
        self.content_type = "application/octet-stream"
        self.redirect_to = ""
        self.digest = ""
        self.requests: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        hub, wanted = self.server, self.headers.get("Range")
        hub.requests.append((self.path, wanted))
        if hub.redirect_to and not self.path.startswith("/cdn"):
            self.send_response(302)
            self.send_header("Location", hub.redirect_to)
            if hub.digest:
                self.send_header("X-Linked-Etag", f'"{hub.digest}"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if wanted and start >= len(hub.body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(hub.body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if wanted and hub.status == 200 else hub.status)
        self.send_header("Content-Type", hub.content_type)
        self.send_header("Content-Length", str(len(hub.body) - start))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(hub.body) - 1}/{len(hub.body)}")
        self.end_headers()
        self.wfile.write(hub.body[start : hub.sent_bytes])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


FILE = KnownFile("model.safetensors", 1, DIGEST)


def test_a_file_arrives_whole_under_its_name_with_progress(hub: Hub, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    target = tmp_path / "model.safetensors"
    fetch_file(f"{hub.url}/x", target, FILE, lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == BODY
    assert seen[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert list(tmp_path.iterdir()) == [target]


def test_what_broke_off_is_kept_and_goes_on_from_there(hub: Hub, tmp_path: Path) -> None:
    target = tmp_path / "model.safetensors"
    hub.sent_bytes = 1_500_000
    with pytest.raises(DownloadFailed) as broken:
        fetch_file(f"{hub.url}/x", target, FILE)
    assert broken.value.stable_code == "download_failed"
    assert not target.exists()
    there = (tmp_path / "model.safetensors.part").stat().st_size
    assert there > 0
    hub.sent_bytes = len(BODY)
    fetch_file(f"{hub.url}/x", target, FILE)
    assert target.read_bytes() == BODY
    assert hub.requests[-1][1] == f"bytes={there}-"


def test_a_part_that_is_whole_already_is_only_checked(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.part").write_bytes(BODY)
    fetch_file(f"{hub.url}/x", tmp_path / "model.safetensors", FILE)
    assert (tmp_path / "model.safetensors").read_bytes() == BODY


def test_a_part_longer_than_the_file_is_fetched_again(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.part").write_bytes(BODY + b"more")
    fetch_file(f"{hub.url}/x", tmp_path / "model.safetensors", FILE)
    assert (tmp_path / "model.safetensors").read_bytes() == BODY


def test_wrong_content_is_thrown_away(hub: Hub, tmp_path: Path) -> None:
    hub.body = BODY[::-1]
    with pytest.raises(DownloadFailed) as wrong:
        fetch_file(f"{hub.url}/x", tmp_path / "model.safetensors", FILE)
    assert wrong.value.stable_code == "download_hash_mismatch"
    assert list(tmp_path.iterdir()) == []


def test_the_hash_that_the_hub_names_is_checked_where_none_is_pinned(hub: Hub, tmp_path: Path) -> None:
    hub.redirect_to, hub.digest = "/cdn/x", "0" * 64
    with pytest.raises(DownloadFailed) as wrong:
        fetch_file(f"{hub.url}/x", tmp_path / "a.bin", KnownFile("a.bin"))
    assert wrong.value.stable_code == "download_hash_mismatch"
    hub.digest = DIGEST
    fetch_file(f"{hub.url}/x", tmp_path / "a.bin", KnownFile("a.bin"))
    assert (tmp_path / "a.bin").read_bytes() == BODY


@pytest.mark.parametrize("place", ["http://localhost:1/x", "http://evil.example/x", "//huggingface.co.evil.example/x"])
def test_a_redirect_to_another_host_is_refused(hub: Hub, tmp_path: Path, place: str) -> None:
    hub.redirect_to = place
    with pytest.raises(DownloadFailed, match="another place"):
        fetch_file(f"{hub.url}/x", tmp_path / "a.bin", KnownFile("a.bin"))


def test_redirects_without_end_are_given_up(hub: Hub, tmp_path: Path) -> None:
    hub.redirect_to = "/again"
    with pytest.raises(DownloadFailed, match="without end"):
        fetch_file(f"{hub.url}/x", tmp_path / "a.bin", KnownFile("a.bin"))
    assert len(hub.requests) == 6


def test_a_refusal_and_a_web_page_are_told(hub: Hub, tmp_path: Path) -> None:
    hub.status = 401
    with pytest.raises(DownloadFailed) as refused:
        fetch_file(f"{hub.url}/x", tmp_path / "a.bin", FILE)
    assert refused.value.facts["status"] == 401
    hub.status, hub.content_type = 200, "text/html; charset=utf-8"
    with pytest.raises(DownloadFailed, match="web page"):
        fetch_file(f"{hub.url}/x", tmp_path / "a.bin", FILE)
    assert list(tmp_path.iterdir()) == []


def test_without_a_connection_the_file_and_its_folder_are_named(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(DownloadFailed) as offline:
        fetch_model("sd15", tmp_path, hub=address)
    assert "v1-5-pruned-emaonly.safetensors" in offline.value.detail
    assert "'checkpoints'" in offline.value.detail


def test_a_model_of_several_files_is_completed_and_not_fetched_twice(hub: Hub, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    paths = fetch_model("clip-vit-l-14", tmp_path, lambda *now: seen.append(now), hub.url)
    assert [p.name for p in paths] == ["open_clip_config.json", "open_clip_model.safetensors"]
    assert paths[0].parent == tmp_path / "ViT-L-14-openai"
    assert seen[-1] == (2 * len(BODY), 2 * len(BODY))
    assert hub.requests[0][0] == "/timm/vit_large_patch14_clip_224.openai/resolve/main/open_clip_config.json"
    asked = len(hub.requests)
    assert fetch_model("clip-vit-l-14", tmp_path, hub=hub.url) == paths
    assert len(hub.requests) == asked


def test_an_unknown_model_is_told_with_near_names() -> None:
    with pytest.raises(ModelMissing) as missing:
        known_model("blip-bass")
    assert missing.value.facts["near"][0] == "blip-base"  # type: ignore[index]


def test_too_little_space_is_told_before_anything_is_fetched(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="MB are free"):
        fetch_file(f"{hub.url}/x", tmp_path / "a.bin", KnownFile("a.bin", 10**12))
    assert hub.requests == []


def test_every_known_model_has_a_folder_files_and_a_licence() -> None:
    for model in KNOWN_MODELS:
        assert model.folder and model.files and model.licence and model.megabytes > 0
        assert all("/" not in f.name and ".." not in f.path for f in model.files)
