"""`spellwright models add`: a path or a reference to a hub, to a model in its place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from generator.errors import DownloadFailed
from generator.models.adding import AddRules, add_remote
from generator.models.guarded import Guard
from generator.models.install import ModelKind, install
from generator.models.remote import Hubs, find_remote, is_remote
from service.model_folders import folders_of
from service.settings import Settings

Progress = Callable[[int, int | None], None]


def add_model(
    source: str, settings: Settings, sha256: str | None = None, progress: Progress | None = None
) -> tuple[ModelKind, Path]:
    """Bring the model that `source` names to where the catalogue finds it.

    Args:
        source: A path; or see `generator.models.remote.find_remote`.
        settings: Folders, quota, hubs and their keys.
        sha256: 64 hex digits that the file of a path must have; hubs name their own.
        progress: (bytes there, bytes in all or `None`), for what is fetched.

    Raises:
        FileNotFoundError: Neither a path nor a reference.
        ModelMissing, ModelRefused, DownloadFailed: See `find_remote`, `add_remote` and `install`.
    """
    folders = folders_of(settings)
    path = Path(source)
    if path.exists() or not is_remote(source):
        if sha256 is not None and path.is_file():
            _check_hash(path, sha256)
        return install(path, folders)
    hubs = Hubs(settings.hub_url.rstrip("/"), settings.civitai_url.rstrip("/"))
    keys = {
        origin: key.get_secret_value()
        for origin, key in ((hubs.hub, settings.hub_key), (hubs.civitai, settings.civitai_key))
        if key is not None
    }

    def guard_of(url: str) -> Guard:
        # An address that a hub names gets no more rights than the hub itself.
        is_hubs = urlsplit(hubs.hub).netloc == urlsplit(url).netloc
        return Guard(hubs.hub if is_hubs else hubs.civitai, keys)

    model = find_remote(source, hubs, Guard(hubs.hub, keys), Guard(hubs.civitai, keys))
    rules = AddRules(folders, settings.data_dir / "models" / "incoming", settings.models_quota_bytes)
    return add_remote(model, rules, guard_of, progress)


def _check_hash(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256.strip().casefold():
        wrong = DownloadFailed(f"{path.name} has the SHA-256 {found}, not the one given.", file=path.name, got=found)
        wrong.with_code("download_hash_mismatch")
        raise wrong
