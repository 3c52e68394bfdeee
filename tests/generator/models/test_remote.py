"""Models by reference, against loopback servers that answer as Hugging Face and Civitai do."""

from __future__ import annotations

import hashlib
import json
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from generator.config import ModelFolders
from generator.errors import DownloadFailed, ModelMissing, ModelRefused
from generator.models.adding import AddRules, add_remote
from generator.models.catalogue import Catalogue
from generator.models.finite import check_finite
from generator.models.guarded import Guard
from generator.models.remote import Hubs, RemoteModel, find_remote, is_remote


def safetensors(tensors: dict[str, np.ndarray], dtype: str = "F16") -> bytes:
    header, data = {}, b""
    for name, array in tensors.items():
        raw = array.tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


LORA = safetensors({"lora_unet_x.lora_down.weight": np.zeros((2, 300_000), np.float16)})
DIGEST = hashlib.sha256(LORA).hexdigest()


class Hub(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, bytes | str] = {}
        self.seen: list[tuple[str, str | None, str | None]] = []
        self.sent: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        path = self.path.split("?", 1)[0] if self.path.split("?")[0] in self.server.answers else self.path
        self.server.seen.append((self.path, self.headers.get("Range"), self.headers.get("Authorization")))
        body = self.server.answers.get(path)
        if body is None:
            self.send_error(404)
            return
        if isinstance(body, str):
            self.send_response(302)
            self.send_header("Location", body)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        end = len(body) if self.server.sent is None else self.server.sent
        self.wfile.write(body[start:end])

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def civitai(hub: Hub) -> Hub:
    """A version with a pickle and a safetensors file, whose download leads elsewhere."""
    version = {
        "id": 77,
        "trainedWords": ["ink wash"],
        "baseModel": "SD 1.5",
        "files": [
            {"name": "ink.ckpt", "downloadUrl": f"{hub.url}/api/download/models/77?type=pickle"},
            {
                "name": "ink.safetensors",
                "primary": True,
                "sizeKB": len(LORA) / 1024,
                "hashes": {"SHA256": DIGEST.upper(), "AutoV2": DIGEST[:10]},
                "downloadUrl": f"{hub.url}/api/download/models/77",
            },
        ],
    }
    hub.answers |= {
        "/api/v1/model-versions/77": json.dumps(version).encode(),
        f"/api/v1/model-versions/by-hash/{DIGEST[:10].upper()}": json.dumps(version).encode(),
        "/api/v1/models/5": json.dumps({"modelVersions": [{"id": 77}, {"id": 60}]}).encode(),
        "/api/download/models/77": f"{hub.url}/storage/signed",
        "/storage/signed": LORA,
    }
    return hub


@pytest.fixture
def rules(tmp_path: Path) -> AddRules:
    root = tmp_path / "models"
    folders = ModelFolders(root / "checkpoints", root / "loras", embeddings=root / "e", vaes=root / "v")
    return AddRules(folders, root / "incoming")


Find = Callable[[str], RemoteModel]


@pytest.fixture
def find(hub: Hub) -> Find:
    return lambda text: find_remote(text, Hubs(hub.url, hub.url), Guard(hub.url, {hub.url: "secret"}))


def add(model: RemoteModel, rules: AddRules, hub: Hub) -> tuple[str, Path]:
    return add_remote(model, rules, lambda _: Guard(hub.url, {hub.url: "secret"}))


@pytest.mark.parametrize(
    "text",
    [
        "urn:air:sd1:lora:civitai:5@77",
        "urn:air:sdxl:checkpoint:civitai:5@77.safetensors",
        DIGEST[:10],
        "https://civitai.com/models/5/ink?modelVersionId=77",
        "https://civitai.com/models/5/ink",
        "https://civitai.com/api/download/models/77?type=Model&format=SafeTensor",
    ],
)
def test_every_way_to_name_a_civitai_version_finds_its_safetensors(civitai: Hub, find: Find, text: str) -> None:
    model = find(text)
    assert (model.name, model.files[0].known.sha256) == ("ink.safetensors", DIGEST)


def test_a_civitai_lora_arrives_checked_with_its_words_beside_it(civitai: Hub, find: Find, rules: AddRules) -> None:
    kind, path = add(find("urn:air:sd1:lora:civitai:5@77"), rules, civitai)
    assert (kind, path.read_bytes()) == ("LoRA", LORA)
    (entry,) = Catalogue(rules.folders).loras()
    assert entry.notes.triggers == ("ink wash",)


def test_a_catalogue_that_is_open_finds_what_was_added_meanwhile(civitai: Hub, find: Find, rules: AddRules) -> None:
    shelf = Catalogue(rules.folders)
    assert shelf.loras() == ()
    add(find(DIGEST[:10]), rules, civitai)
    shelf.refresh()
    assert shelf.lora("ink").path.is_file()


def test_the_wrong_bytes_are_thrown_away(civitai: Hub, find: Find, rules: AddRules) -> None:
    civitai.answers["/storage/signed"] = LORA[:-1] + b"x"
    with pytest.raises(DownloadFailed) as wrong:
        add(find("urn:air:sd1:lora:civitai:5@77"), rules, civitai)
    assert wrong.value.stable_code == "download_hash_mismatch"
    assert not list(rules.incoming.glob("*"))


def test_a_download_that_broke_off_goes_on_where_it_stopped(civitai: Hub, find: Find, rules: AddRules) -> None:
    civitai.sent = 1_100_000
    model = find("urn:air:sd1:lora:civitai:5@77")
    with pytest.raises(DownloadFailed):
        add(model, rules, civitai)
    there = (rules.incoming / "ink.safetensors.part").stat().st_size
    assert there > 0
    civitai.sent = None
    add(model, rules, civitai)
    assert ("/storage/signed", f"bytes={there}-", "Bearer secret") in civitai.seen


def test_more_than_the_quota_is_refused_before_a_byte_is_fetched(civitai: Hub, find: Find, rules: AddRules) -> None:
    model = find("urn:air:sd1:lora:civitai:5@77")
    asked = len(civitai.seen)
    small = AddRules(rules.folders, rules.incoming, quota_bytes=500_000)
    with pytest.raises(DownloadFailed) as exceeded:
        add(model, small, civitai)
    assert exceeded.value.stable_code == "quota_exceeded"
    assert len(civitai.seen) == asked


def test_a_version_of_pickles_alone_is_refused(hub: Hub, find: Find) -> None:
    hub.answers["/api/v1/model-versions/9"] = json.dumps({"files": [{"name": "a.ckpt", "downloadUrl": "x"}]}).encode()
    with pytest.raises(ModelRefused, match="ckpt") as refused:
        find("urn:air:sd1:lora:civitai:1@9")
    assert refused.value.stable_code == "pickle_refused"


def a_repository(hub: Hub, *files: str, content: bytes = LORA) -> None:
    listed = [{"type": "directory", "path": "unet"}]
    for path in files:
        large = {"lfs": {"oid": hashlib.sha256(content).hexdigest()}} if path.endswith(".safetensors") else {}
        listed.append({"type": "file", "path": path, "size": len(content), **large})
        hub.answers[f"/me/thing/resolve/main/{path}"] = content if large else b"{}"
    hub.answers["/api/models/me/thing/tree/main"] = json.dumps(listed).encode()


@pytest.mark.parametrize(
    "text",
    [
        "me/thing",
        "hf:me/thing",
        "hf:me/thing/ink.safetensors",
        "https://huggingface.co/me/thing/blob/main/ink.safetensors",
        "https://huggingface.co/me/thing/resolve/main/ink.safetensors?download=true",
        "https://hf-mirror.com/me/thing",
    ],
)
def test_every_way_to_name_a_file_of_the_hub_fetches_it(hub: Hub, find: Find, rules: AddRules, text: str) -> None:
    a_repository(hub, "ink.safetensors", "README.md")
    assert add(find(text), rules, hub)[1].read_bytes() == LORA


def test_a_repository_of_several_files_asks_which(hub: Hub, find: Find) -> None:
    a_repository(hub, "a.safetensors", "b.safetensors")
    with pytest.raises(ModelMissing, match="hf:me/thing/FILE") as which:
        find("me/thing")
    assert which.value.facts["near"] == ["a.safetensors", "b.safetensors"]


FOLDER = (
    "model_index.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.bin",
    "tokenizer/merges.txt",
    "tokenizer/vocab.json",
    "big-single-file.safetensors",
)


def test_a_pipeline_folder_is_fetched_without_pickles_and_in_one_precision(
    hub: Hub, find: Find, rules: AddRules
) -> None:
    a_repository(hub, *FOLDER)
    hub.answers["/me/thing/resolve/main/model_index.json"] = b'{"_class_name": "StableDiffusionPipeline"}'
    kind, path = add(find("me/thing"), rules, hub)
    found = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
    assert kind == "checkpoint"
    assert found == sorted([FOLDER[0], FOLDER[1], FOLDER[3], FOLDER[5], FOLDER[6]])
    (listed,) = Catalogue(rules.folders).checkpoints()  # with what this small repository lacks
    assert (listed.name, listed.refusal_code) == ("thing", "model_incomplete") and "vae/config" in listed.refusal


def test_a_folder_that_holds_code_is_refused_before_a_byte_is_fetched(hub: Hub, find: Find) -> None:
    a_repository(hub, *FOLDER, "pipeline.py")
    with pytest.raises(ModelRefused) as refused:
        find("me/thing")
    assert refused.value.stable_code == "model_code_refused"


@pytest.mark.parametrize("text", ["hf:me/thing/x.ckpt", "hf:me/thing/none.safetensors", "hf:nobody/nothing", "hf:x"])
def test_what_is_not_there_or_no_safetensors_is_told(hub: Hub, find: Find, text: str) -> None:
    a_repository(hub, "ink.safetensors")
    with pytest.raises((ModelMissing, ModelRefused)):
        find(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("me/thing", True),
        ("0123456789", True),
        ("urn:air:sd1:lora:civitai:5@77", True),
        ("./me/thing", False),
        ("./thing", False),
        ("models/x.safetensors", False),
        ("model.safetensors", False),
        ("/models/x.safetensors", False),
        ("a b", False),
    ],
)
def test_a_reference_is_told_from_a_path(text: str, expected: bool) -> None:
    assert is_remote(text) is expected


@pytest.mark.parametrize(
    "url",
    [
        "http://huggingface.co/x",
        "https://huggingface.co:8443/x",
        "https://me@huggingface.co/x",
        "https://huggingface.co\\@evil/x",
        "https://a b/x",
        "file:///etc/passwd",
        "https:///x",
        "http://127.0.0.1/x",
    ],
)
def test_only_plain_https_addresses_are_called(url: str) -> None:
    with pytest.raises(DownloadFailed) as refused, Guard("https://huggingface.co").stream(url):
        pass
    assert refused.value.stable_code == "url_not_allowed"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "64:ff9b::7f00:1", "fd00::1"])
def test_a_name_that_leads_inside_is_not_called(address: str) -> None:
    guard = Guard("https://hub.example", resolve=lambda *_: ["93.184.216.34", address])
    with pytest.raises(DownloadFailed) as refused:
        guard.json("https://hub.example/x")
    assert refused.value.stable_code == "url_not_allowed"


def test_a_key_goes_to_its_own_origin_alone(civitai: Hub, find: Find, rules: AddRules) -> None:
    other = Hub()
    thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        other.answers["/signed"] = LORA
        civitai.answers["/api/download/models/77"] = f"{other.url}/signed"
        add(find("urn:air:sd1:lora:civitai:5@77"), rules, civitai)
    finally:
        other.shutdown()
        other.server_close()
        thread.join()
    assert {key for _, _, key in civitai.seen} == {"Bearer secret"}
    assert [key for _, _, key in other.seen] == [None]


@pytest.mark.parametrize(
    ("dtype", "kind", "bits"),
    [("F16", np.uint16, 0x7E00), ("BF16", np.uint16, 0x7F80), ("F32", np.uint32, 0xFF800000)],
)
def test_weights_that_are_not_numbers_are_found_by_their_bits(
    tmp_path: Path, dtype: str, kind: type, bits: int
) -> None:
    good = np.arange(6, dtype=kind)
    (tmp_path / "good.safetensors").write_bytes(safetensors({"a": good, "b": good}, dtype))
    check_finite(tmp_path / "good.safetensors")
    bad = good.copy()
    bad[3] = bits
    (tmp_path / "bad.safetensors").write_bytes(safetensors({"a": good, "b": bad}, dtype))
    with pytest.raises(ModelRefused, match="first: b") as refused:
        check_finite(tmp_path / "bad.safetensors")
    assert refused.value.stable_code == "model_not_finite"
