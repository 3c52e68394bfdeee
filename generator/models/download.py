"""Fetch a known model from its hub, only when somebody asks for it by name.

A file arrives as `name.part`, is resumed where it broke off, checked, and renamed: a file under its own
name is whole. Nothing is fetched in the background, and nothing on import.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from generator.errors import DownloadFailed, ModelMissing
from generator.models.guarded import Guard
from generator.models.known_models import KNOWN_MODELS, KnownFile, KnownModel
from prompts.errors import near_hint, near_names

__all__ = ["HUB", "KNOWN_MODELS", "KnownFile", "KnownModel", "fetch_file", "fetch_model", "known_model"]

Progress = Callable[[int, int | None], None]
"""(bytes there, bytes in all or `None` when unknown), over all files of the model."""

HUB = "https://huggingface.co"
_HUB_HOSTS = ("huggingface.co", "hf.co")  # and what lies below them
_REDIRECTS = 5
_BLOCK = 1 << 20  # bytes
_SLACK_BYTES = 64_000_000  # over twice the size that is known of a file, which is about right
_SHA256 = re.compile(r'"?([0-9a-f]{64})"?')
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


def known_model(name: str) -> KnownModel:
    """The known model of that name.

    Raises:
        ModelMissing: With near names.
    """
    for model in KNOWN_MODELS:
        if model.name == name.strip().casefold():
            return model
    near = near_names(name, [m.name for m in KNOWN_MODELS])
    raise ModelMissing(f"No model called {name!r} can be fetched.{near_hint(near)}", got=name, near=list(near))


def fetch_model(name: str, root: Path, progress: Progress | None = None, hub: str = HUB) -> tuple[Path, ...]:
    """Fetch the files of a known model that are not there yet.

    Args:
        name: See `KNOWN_MODELS`.
        root: The models folder; the model's own folder is made below it.
        progress: Called after each block.
        hub: Base address, `https` except on this machine's own loopback.

    Returns:
        The files, in the table's order.

    Raises:
        ModelMissing: No such name.
        DownloadFailed: The hub cannot be reached, says no, or sends something else; also when the disk
            is full. What arrived stays for the next try, unless its hash was wrong.
    """
    model = known_model(name)
    folder = root / model.folder
    folder.mkdir(parents=True, exist_ok=True)
    before = 0
    paths = []
    for file in model.files:
        target = folder / file.name
        if not target.is_file():
            url = f"{hub}/{model.repository}/resolve/main/{file.path}"
            fetch_file(url, target, file, _shifted(progress, before))
        before += target.stat().st_size
        paths.append(target)
    return tuple(paths)


def fetch_file(
    url: str, target: Path, file: KnownFile, progress: Progress | None = None, guard: Guard | None = None
) -> None:
    """Fetch one file to `target` by way of `target.part`.

    Args:
        url: Its address.
        target: Where it goes.
        file: Its size and, if known, its hash: with one, it may come from any public host.
        progress: Called after each block.
        guard: Sends the requests; one without keys by default.

    Raises:
        DownloadFailed: See `fetch_model`; code `download_hash_mismatch` when the bytes are not the right ones.
    """
    part = target.with_name(target.name + ".part")
    try:
        _check_space(part, file)
        digest = _receive(guard or Guard(url), url, part, file, progress or _silent)
    except httpx.HTTPError as error:
        raise DownloadFailed(
            f"{urlsplit(url).hostname} cannot be reached ({type(error).__name__}). {_by_hand(target)}",
            file=target.name,
            folder=target.parent.name,
        ) from error
    wanted = file.sha256 or digest
    if wanted is not None and _sha256(part) != wanted:
        part.unlink()
        mismatch = DownloadFailed(
            f"{target.name} arrived with the wrong content (its SHA-256 differs); it was thrown away. Try again.",
            file=target.name,
            expected=wanted,
        )
        raise mismatch.with_code("download_hash_mismatch")
    os.replace(part, target)


def _receive(guard: Guard, url: str, part: Path, file: KnownFile, progress: Progress) -> str | None:
    """Append what is missing to `part`; the hub's own SHA-256 of the file, if it names one."""
    digest: str | None = None
    for _ in range(_REDIRECTS + 1):
        there = part.stat().st_size if part.is_file() else 0
        headers = {"Range": f"bytes={there}-"} if there else {}
        with guard.stream(url, headers) as answer:
            digest = _named_digest(answer) or digest
            if answer.is_redirect:
                url = _next_url(url, answer, file)
                continue
            if answer.status_code == 416:  # all of it is there already, or more than all
                if f"/{there}" in answer.headers.get("Content-Range", ""):
                    return digest
                part.unlink(missing_ok=True)
                continue
            _store(answer, part, there, file, progress)
            return digest
    raise DownloadFailed(f"{file.name}: the hub redirects without end.", file=file.name)


def _store(answer: httpx.Response, part: Path, there: int, file: KnownFile, progress: Progress) -> None:
    if answer.status_code not in (200, 206):
        raise DownloadFailed(
            f"The hub answered {answer.status_code} for {file.name}. It may want an account, or the file moved.",
            file=file.name,
            status=answer.status_code,
        )
    if "text/html" in answer.headers.get("Content-Type", ""):
        raise DownloadFailed(f"The hub sent a web page instead of {file.name}.", file=file.name)
    resumed = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    is_resumed = answer.status_code == 206 and resumed is not None and int(resumed.group(1)) == there
    done = there if is_resumed else 0
    total = int(resumed.group(2)) if is_resumed and resumed is not None else _length(answer)
    most = _SLACK_BYTES + 2_000_000 * file.megabytes
    if total is not None and total > most:
        raise _too_large(file)
    with part.open("ab" if is_resumed else "wb") as out:
        for block in answer.iter_raw(_BLOCK):
            out.write(block)
            done += len(block)
            if done > most:
                part.unlink()
                raise _too_large(file)
            progress(done, total)
    if total is not None and done != total:
        raise DownloadFailed(f"{file.name} broke off after {done} of {total} bytes. Try again: it goes on from there.")


def _too_large(file: KnownFile) -> DownloadFailed:
    return DownloadFailed(
        f"The hub sends far more than the {file.megabytes} MB that {file.name} has; it was thrown away.", file=file.name
    )


def _next_url(url: str, answer: httpx.Response, file: KnownFile) -> str:
    """Where a redirect leads, if that is the hub's own, or anywhere for a file whose hash is known before.

    Raises:
        DownloadFailed: Another host, or down from https.
    """
    target = str(urljoin(url, answer.headers.get("Location", "")))
    old, new = urlsplit(url), urlsplit(target)
    host = new.hostname or ""
    is_hubs = host == old.hostname or any(host == h or host.endswith(f".{h}") for h in _HUB_HOSTS)
    if not (is_hubs or file.sha256) or (old.scheme == "https" and new.scheme != "https"):
        raise DownloadFailed(f"The hub wants to send {file.name} from another place ({host}); refused.", host=host)
    return target


def _named_digest(answer: httpx.Response) -> str | None:
    """The SHA-256 that the hub names for files in its large-file store."""
    found = _SHA256.fullmatch(answer.headers.get("X-Linked-Etag", ""))
    return found.group(1) if found else None


def _length(answer: httpx.Response) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _check_space(part: Path, file: KnownFile) -> None:
    needed = file.megabytes * 1_000_000 - (part.stat().st_size if part.is_file() else 0)
    free = shutil.disk_usage(part.parent).free
    if free < needed:
        raise DownloadFailed(
            f"{file.name} needs about {needed // 1_000_000} MB; {free // 1_000_000} MB are free.", file=file.name
        )


def _by_hand(target: Path) -> str:
    return f"Without a connection, fetch {target.name} elsewhere and put it into the folder {target.parent.name!r}."


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shifted(progress: Progress | None, before: int) -> Progress | None:
    """Progress over all files of a model, of which `before` bytes are there."""
    if progress is None:
        return None
    return lambda done, total: progress(before + done, None if total is None else before + total)


def _silent(done: int, total: int | None) -> None:
    """No progress wanted."""
