"""Fetch what a reference stands for, check it, and put it where the catalogue finds it. No torch.

Files arrive in a folder of their own (`incoming`), where a broken-off download waits for the next try, and move to
their place only when size, hash and weights are right.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from generator.config import ModelFolders
from generator.errors import DownloadFailed, ModelRefused
from generator.models.download import Progress, fetch_file
from generator.models.guarded import Guard
from generator.models.install import ModelKind, install
from generator.models.remote import RemoteModel


@dataclass(frozen=True, slots=True)
class AddRules:
    """Where a model goes and how much there may be."""

    folders: ModelFolders
    incoming: Path
    """Folder of downloads that are not finished; on the same disk as the models."""
    quota_bytes: int = 0
    """Most bytes of all model folders together; 0: as much as the disk holds."""


def add_remote(
    model: RemoteModel, rules: AddRules, guard_of: Callable[[str], Guard], progress: Progress | None = None
) -> tuple[ModelKind, Path]:
    """Fetch `model` and install it; its kind is read from its keys.

    Args:
        model: See `generator.models.remote.find_remote`.
        rules: Where to, and how much.
        guard_of: Gives what sends requests to an address.
        progress: Called after each block with the bytes of all files together.

    Raises:
        DownloadFailed: Also code `quota_exceeded`, `download_hash_mismatch`. What arrived stays for the next try.
        ModelRefused: What arrived is no model, or a bad one; it is deleted.
    """
    _check_quota(model, rules)
    staged = rules.incoming / model.name
    before = 0
    for file in model.files:
        target = staged / file.path if model.is_folder else staged
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file():
            shifted = _shifted(progress, before, 1_000_000 * model.megabytes)
            fetch_file(file.url, target, file.known, shifted, guard_of(file.url))
        before += target.stat().st_size
    try:
        kind, path = install(staged, rules.folders, is_moved=True)
    except ModelRefused:
        shutil.rmtree(staged, ignore_errors=True) if staged.is_dir() else staged.unlink(missing_ok=True)
        raise
    if model.note:
        path.with_suffix(".civitai.info").write_text(json.dumps(model.note), encoding="utf-8")
    return kind, path


def _check_quota(model: RemoteModel, rules: AddRules) -> None:
    if not rules.quota_bytes:
        return
    used, wanted = stored_bytes(rules.folders), 1_000_000 * model.megabytes
    if used + wanted > rules.quota_bytes:
        exceeded = DownloadFailed(
            f"{model.name} needs about {wanted // 1_000_000} MB; the models here take {used // 1_000_000} of the "
            f"{rules.quota_bytes // 1_000_000} MB they may. Delete some, or raise models_quota_bytes.",
            limit=rules.quota_bytes,
        )
        exceeded.with_code("quota_exceeded")
        raise exceeded


def stored_bytes(folders: ModelFolders) -> int:
    """Bytes of all files in the model folders together."""
    roots = (folders.checkpoints, folders.loras, folders.embeddings, folders.vaes, folders.upscalers)
    files = (file for root in roots if root is not None and root.is_dir() for file in root.rglob("*"))
    return sum(file.stat().st_size for file in files if file.is_file())


def _shifted(progress: Progress | None, before: int, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, known: progress(before + done, max(total, before + (known or done)))
