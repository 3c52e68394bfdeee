"""The models of a remote server as the catalogue's shelves: names only, no file of theirs is here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path, PurePosixPath
from typing import Any

from generator.config import ModelFolders
from generator.errors import GeneratorError
from generator.models.catalogue import Catalogue as ModelShelf
from generator.models.catalogue import ModelEntry
from generator.models.family import Family
from prompts.errors import SpellwrightError
from prompts.vocabulary import UPSCALERS
from service.catalogue import Shelves
from service.engine.a1111.remote import is_spellwright

FRESH_SECONDS = 10.0
NOWHERE = Path("/nonexistent/remote")
DEMO = "demo"
DEMO_NOTICE = "The remote server draws this with its demo model."
Fetch = Callable[[str], Awaitable[Any]]


class RemoteShelf(ModelShelf):
    """A shelf filled from listings; there are no files to hash."""

    def __init__(self, found: dict[str, tuple[ModelEntry, ...]]) -> None:
        """Takes entries by kind: checkpoints, loras, vaes, upscalers."""
        self._found = found
        super().__init__(ModelFolders(NOWHERE, NOWHERE))

    def refresh(self) -> None:
        """Nothing to scan: `RemoteShelves` asks the server again."""
        self._checkpoints = self._found.get("checkpoints", ())
        self._loras = self._found.get("loras", ())
        self._vaes = self._found.get("vaes", ())
        self._upscalers = self._found.get("upscalers", ())
        self._embeddings = ()

    def refreshed_embeddings(self) -> tuple[ModelEntry, ...]:
        """Textual inversions of the remote server are used by their words, without being listed here."""
        return ()

    def is_hashed(self, entry: ModelEntry) -> bool:
        """Never: the file is not here."""
        return False

    def lora_hash(self, entry: ModelEntry) -> str:
        """Unknown."""
        return ""


class RemoteShelves:
    """Asks the server for its models, at most every few seconds.

    Args:
        fetch: The JSON of one of the server's listings.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._found: Shelves | None = None
        self._asked = float("-inf")

    async def __call__(self) -> Shelves:
        """The shelves; those from before while the server does not answer.

        Raises:
            EngineUnavailable: It never answered yet.
        """
        if self._found is None or time.monotonic() - self._asked > FRESH_SECONDS:
            try:
                self._found = await self._asked_anew()
            except SpellwrightError:
                if self._found is None:
                    raise
            self._asked = time.monotonic()
        return self._found

    async def _asked_anew(self) -> Shelves:
        models = _rows(await self._fetch("/sdapi/v1/sd-models"))
        loras, vaes, upscalers, extensions = await asyncio.gather(
            *(self._list(name) for name in ("loras", "sd-vae", "upscalers", "extensions"))
        )
        found = {
            "checkpoints": tuple(_checkpoint(row) for row in models if _text(row, "model_name", "title")),
            "loras": tuple(_lora(row) for row in loras if _text(row, "name")),
            "vaes": tuple(_entry(name) for row in vaes if (name := _text(row, "model_name"))),
            "upscalers": tuple(
                _entry(name) for row in upscalers if (name := _text(row, "name")) not in ("", "None", *UPSCALERS)
            ),
        }
        is_demo = is_spellwright(extensions) and any(entry.name == DEMO for entry in found["checkpoints"])
        return Shelves(RemoteShelf(found), DEMO if is_demo else None, DEMO_NOTICE if is_demo else "")

    async def _list(self, name: str) -> list[dict[str, Any]]:
        """A listing that not every server has."""
        try:
            return _rows(await self._fetch(f"/sdapi/v1/{name}"))
        except GeneratorError:
            return []


def _rows(listing: object) -> list[dict[str, Any]]:
    return [row for row in listing if isinstance(row, dict)] if isinstance(listing, list) else []


def _text(row: dict[str, Any], *keys: str) -> str:
    return next((row[key] for key in keys if isinstance(row.get(key), str) and row[key]), "")


def _entry(name: str, file: str = "", family: Family = "unknown", alias: str = "") -> ModelEntry:
    return ModelEntry(name, NOWHERE / (PurePosixPath(file.replace("\\", "/")).name or name), "file", family, alias)


def _checkpoint(row: dict[str, Any]) -> ModelEntry:
    name = _text(row, "model_name", "title").partition(" [")[0].removesuffix(".safetensors")
    # The listing does not tell the family; people name SDXL models so.
    family: Family = "sdxl" if "xl" in name.casefold() or "pony" in name.casefold() else "sd15"
    return _entry(name, _text(row, "filename", "title"), family)


def _lora(row: dict[str, Any]) -> ModelEntry:
    alias = _text(row, "alias")
    return _entry(_text(row, "name"), _text(row, "path"), alias="" if alias == row["name"] else alias)
