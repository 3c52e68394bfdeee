"""The models of this machine for commands that only look: no database, no engine, no torch."""

from __future__ import annotations

from generator.models.catalogue import Catalogue as ModelShelf


def local_shelf() -> ModelShelf:
    """The models in the configured folders, and the demo family where it needs no building first.

    Raises:
        SettingsError: A setting cannot be used.
    """
    from generator.demo.family import ready_family
    from generator.models.hashes import HashCache
    from service.model_folders import folders_of
    from service.settings import load_settings

    settings = load_settings()
    folders = folders_of(settings)
    family = ready_family(settings.cache_path)
    if family is not None:
        from service.shelves import model_folders

        folders = model_folders(settings, family)
    return ModelShelf(folders, HashCache(settings.cache_path / "hashes.json"))


def known_loras() -> frozenset[str] | None:
    """Every name that a usable LoRA answers to; `None` while the demo family, which has some, is not built yet."""
    from generator.demo.family import ready_family
    from service.settings import load_settings

    if ready_family(load_settings().cache_path) is None:
        return None
    usable = [entry for entry in local_shelf().loras() if entry.kind != "refused"]
    names = {name for entry in usable for name in (entry.name, entry.name.rsplit("/", 1)[-1], entry.alias)}
    return frozenset(names - {""})
