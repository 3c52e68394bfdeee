"""Models by what people paste: a Hugging Face repository or file, a Civitai page, download link, AIR or hash. No torch.

Every kind of reference is asked about at its hub first; what comes back is a list of files with sizes and, where the
hub knows them, SHA-256 hashes. Nothing is fetched here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from generator.errors import ModelMissing, ModelRefused
from generator.models.convert import PICKLE_SUFFIXES
from generator.models.guarded import Guard
from generator.models.known_models import KnownFile

HUB = "https://huggingface.co"
CIVITAI = "https://civitai.com"
_REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
_AIR = re.compile(r"urn:air:[^:]{1,40}:[^:]{1,40}:civitai:(\d{1,12})@(\d{1,12})(?:\.\w+)?", re.IGNORECASE)
_HASH = re.compile(r"[0-9a-fA-F]{8,64}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_PLAIN_NAME = re.compile(r"[^\w.()+\- ]")
_FOLDER_FILES = (".json", ".txt", ".safetensors")
_CODE = (".py", ".so", ".dll", ".sh")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a remote model."""

    url: str
    path: str
    """Where it goes below the model's folder; a bare name for a single file."""
    known: KnownFile


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """What a reference stands for."""

    name: str
    files: tuple[RemoteFile, ...]
    is_folder: bool = False
    """Whether the files make up a diffusers folder called `name`."""
    note: Mapping[str, Any] = field(default_factory=dict)
    """What Civitai says of it; kept beside the file as `name.civitai.info`."""

    @property
    def megabytes(self) -> int:
        """About how much is fetched."""
        return sum(f.known.megabytes for f in self.files)


@dataclass(frozen=True, slots=True)
class Hubs:
    """Where hubs are asked; mirrors and tests have other addresses."""

    hub: str = HUB
    civitai: str = CIVITAI


def is_remote(text: str) -> bool:
    """Whether `text` looks like a reference rather than a path."""
    bare = text.strip()
    is_link = bare.startswith(("https://", "http://", "urn:air:", "hf:"))
    is_path = bare.startswith((".", "~")) or bare.endswith((".safetensors", *PICKLE_SUFFIXES))
    is_repository = _REPOSITORY.fullmatch(bare) is not None and not is_path
    return is_link or is_repository or _HASH.fullmatch(bare) is not None


def find_remote(text: str, hubs: Hubs, guard: Guard, civitai_guard: Guard | None = None) -> RemoteModel:
    """What `text` stands for, as its hub tells.

    Args:
        text: `owner/repository`, `hf:owner/repository/file`, a page or file link of Hugging Face, a Civitai model page
            (with `modelVersionId` or without: then the newest), a Civitai download link, AIR, version hash.
        hubs: Where to ask.
        guard: For Hugging Face.
        civitai_guard: For Civitai; `guard` by default.

    Raises:
        ModelMissing: Nothing of that name or hash.
        ModelRefused: Only pickles, or a folder that holds code.
        DownloadFailed: The hub cannot be reached or says no.
    """
    bare = text.strip()
    civitai = civitai_guard or guard
    air = _AIR.fullmatch(bare)
    if air is not None:
        return _civitai_version(f"{hubs.civitai}/api/v1/model-versions/{air[2]}", civitai)
    if _HASH.fullmatch(bare):
        return _civitai_version(f"{hubs.civitai}/api/v1/model-versions/by-hash/{bare.upper()}", civitai)
    if bare.startswith("hf:"):
        return _hub_path(bare[3:].strip("/"), hubs, guard)
    if _REPOSITORY.fullmatch(bare):
        return _hub_path(bare, hubs, guard)
    parts = urlsplit(bare)
    if parts.netloc in _hosts(hubs.civitai, "civitai.com", "www.civitai.com"):
        return _civitai_link(bare, hubs, civitai)
    if parts.netloc in _hosts(hubs.hub, "huggingface.co", "hf.co", "hf-mirror.com"):
        return _hub_path(parts.path.strip("/"), hubs, guard)
    raise ModelMissing(
        f"{bare[:200]!r} is no reference this product knows: a path, owner/repository, hf:owner/repository/file, or a "
        "link, AIR or hash of Civitai.",
        got=bare[:200],
    )


def _hosts(base: str, *others: str) -> tuple[str, ...]:
    return (urlsplit(base).netloc, *others)


def _civitai_link(link: str, hubs: Hubs, guard: Guard) -> RemoteModel:
    parts = urlsplit(link)
    version = parse_qs(parts.query).get("modelVersionId", [""])[0]
    found = re.search(r"/(?:api/download/models|model-versions)/(\d+)", parts.path)
    version = found[1] if found else version
    model = re.search(r"/models/(\d+)", parts.path)
    if not version.isdecimal() and model is not None and found is None:
        versions = _table(guard.json(f"{hubs.civitai}/api/v1/models/{model[1]}")).get("modelVersions")
        newest = _table(versions[0]) if isinstance(versions, list) and versions else {}
        version = str(newest.get("id", ""))
    if not version.isdecimal():
        raise ModelMissing(f"{link[:200]!r} names no version of a model.", got=link[:200])
    return _civitai_version(f"{hubs.civitai}/api/v1/model-versions/{version}", guard)


def _civitai_version(url: str, guard: Guard) -> RemoteModel:
    version = _table(guard.json(url))
    files = [_table(f) for f in version.get("files") or () if isinstance(f, dict)]
    usable = [f for f in files if str(f.get("name", "")).endswith(".safetensors") and f.get("downloadUrl")]
    if not usable:
        kinds = sorted({str(f.get("name", "?")).rpartition(".")[2] for f in files})
        raise ModelRefused(
            f"This version has no .safetensors, only {', '.join(kinds) or 'nothing'}; take another one.", files=kinds
        ).with_code("pickle_refused")
    best = next((f for f in usable if f.get("primary")), usable[0])
    digest = str(_table(best.get("hashes")).get("SHA256", ""))
    name = _PLAIN_NAME.sub("_", str(best["name"]).rsplit("/", 1)[-1])
    known = KnownFile(name, _megabytes(best.get("sizeKB"), 1000), digest.lower() if _SHA256.fullmatch(digest) else None)
    return RemoteModel(name, (RemoteFile(str(best["downloadUrl"]), name, known),), note=version)


def _hub_path(path: str, hubs: Hubs, guard: Guard) -> RemoteModel:
    """`owner/repository`, with `/resolve/revision/file`, `/blob/…` or just `/file` behind it."""
    pieces = path.split("/")
    repository = "/".join(pieces[:2])
    if not _REPOSITORY.fullmatch(repository):
        raise ModelMissing(f"{path[:200]!r} names no repository.", got=path[:200])
    rest, revision = pieces[2:], "main"
    if len(rest) >= 2 and rest[0] in ("resolve", "blob", "tree"):
        revision, rest = rest[1], rest[2:]
    listed = _hub_files(repository, revision, hubs, guard)
    wanted = "/".join(rest)
    if wanted:
        return _hub_single(repository, revision, wanted, listed, hubs)
    if "model_index.json" in listed:
        return _hub_folder(repository, revision, listed, hubs)
    single = [name for name in listed if name.endswith(".safetensors") and "/" not in name]
    if len(single) != 1:
        choices = ", ".join(single[:5]) or "none"
        raise ModelMissing(
            f"{repository} has no single model file (safetensors at its top: {choices}). Name one: "
            f"hf:{repository}/FILE.safetensors",
            near=single[:5],
        )
    return _hub_single(repository, revision, single[0], listed, hubs)


def _hub_files(repository: str, revision: str, hubs: Hubs, guard: Guard) -> dict[str, KnownFile]:
    """Every file of a repository with its size and, for large ones, its hash."""
    url = f"{hubs.hub}/api/models/{repository}/tree/{quote(revision, safe='')}?recursive=true"
    found = guard.json(url)
    files = {}
    for entry in found if isinstance(found, list) else ():
        about = _table(entry)
        path = str(about.get("path", ""))
        is_inside = path and not path.startswith("/") and ".." not in path.split("/")
        if about.get("type") == "file" and is_inside:
            digest = str(_table(about.get("lfs")).get("oid", ""))
            known = digest if _SHA256.fullmatch(digest) else None
            files[path] = KnownFile(path, _megabytes(about.get("size"), 1_000_000), known)
    return files


def _hub_single(
    repository: str, revision: str, wanted: str, listed: Mapping[str, KnownFile], hubs: Hubs
) -> RemoteModel:
    if not wanted.endswith(".safetensors"):
        raise ModelRefused(
            f"{wanted} is no .safetensors; other formats can run code when opened.", file=wanted
        ).with_code("pickle_refused")
    if wanted not in listed:
        raise ModelMissing(f"{repository} has no file {wanted!r}.", got=wanted)
    name = wanted.rsplit("/", 1)[-1]
    return RemoteModel(name, (RemoteFile(_link(hubs, repository, revision, wanted), name, listed[wanted]),))


def _hub_folder(repository: str, revision: str, listed: Mapping[str, KnownFile], hubs: Hubs) -> RemoteModel:
    code = [path for path in listed if path.endswith(_CODE)]
    if code:
        raise ModelRefused(f"{repository} holds code ({code[0]}); such folders are not taken.", file=code[0]).with_code(
            "model_code_refused"
        )
    parts = ("unet/", "vae/", "text_encoder/", "text_encoder_2/", "tokenizer/", "tokenizer_2/", "scheduler/")
    wanted = [p for p in listed if p == "model_index.json" or (p.startswith(parts) and p.endswith(_FOLDER_FILES))]
    halves = {p for p in wanted if ".fp16." in p}
    if halves:  # both precisions are there: the small one is enough
        wanted = [p for p in wanted if p in halves or not _has_half(p, halves)]
    files = tuple(RemoteFile(_link(hubs, repository, revision, p), p, listed[p]) for p in sorted(wanted))
    return RemoteModel(repository.rpartition("/")[2], files, is_folder=True)


def _has_half(path: str, halves: set[str]) -> bool:
    return path.endswith(".safetensors") and path.removesuffix(".safetensors") + ".fp16.safetensors" in halves


def _link(hubs: Hubs, repository: str, revision: str, path: str) -> str:
    return f"{hubs.hub}/{repository}/resolve/{quote(revision, safe='')}/{quote(path)}"


def _megabytes(size: object, unit: int) -> int:
    """Whole megabytes of `size`, of which `unit` make one; at least 1."""
    is_number = isinstance(size, int | float) and not isinstance(size, bool) and 0 < size < 1e13
    return max(int(float(size) / unit), 1) if is_number else 1  # type: ignore[arg-type]


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
