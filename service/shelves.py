"""Where the catalogue's models lie: the operator's folders and the demo family, found when first asked for."""

from __future__ import annotations

import asyncio

from generator.config import ModelFolders
from generator.demo.family import DemoFamily, find_family, ready_family
from generator.models.catalogue import Catalogue as ModelShelf
from generator.models.hashes import HashCache
from generator.testing import write_pipeline_folder
from service.catalogue import Shelves
from service.engine.base import EngineClient
from service.model_folders import folders_of
from service.settings import Settings

DEMO_CHECKPOINT = "demo"


def model_folders(settings: Settings, family: DemoFamily) -> ModelFolders:
    """Where models are looked for: the operator's folders and the built-in demo family."""
    return folders_of(settings, ((DEMO_CHECKPOINT, family.checkpoint),), family.loras)


class LazyShelves:
    """The shelves, once the demo family is there: building it needs torch, so the engine's thread does it."""

    def __init__(self, settings: Settings, engine: EngineClient) -> None:
        self._settings = settings
        self._engine = engine
        self._found: Shelves | None = None

    async def __call__(self) -> Shelves:
        """The shelves, the same every time."""
        if self._found is None:
            cache = self._settings.cache_path
            family = ready_family(cache)
            if family is None:
                family = await self._engine.run_on_device(lambda: find_family(cache))
            self._found = await asyncio.to_thread(_shelves, self._settings, family)
        return self._found


def _shelves(settings: Settings, family: DemoFamily) -> Shelves:
    hashes = HashCache(settings.cache_path / "hashes.json")
    return Shelves(ModelShelf(model_folders(settings, family), hashes), DEMO_CHECKPOINT, family.notice)


class FakeShelves:
    """The operator's folders, and a checkpoint without weights that the fake engine answers to."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._hashes = HashCache()

    async def __call__(self) -> Shelves:
        """The shelves; the folder is looked at anew every time."""
        folder = self._settings.cache_path / "fake-checkpoint"
        write_pipeline_folder(folder)
        folders = folders_of(self._settings, ((DEMO_CHECKPOINT, folder),))
        return Shelves(ModelShelf(folders, self._hashes), DEMO_CHECKPOINT, "Test pattern: nothing is drawn by a model.")
