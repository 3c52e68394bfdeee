"""Which models and term lists for reading photos lie in the data folder. Opens no model; imports no torch."""

from __future__ import annotations

from pathlib import Path

from prompts.interrogation.terms import PUBLISHED_LISTS, lists_in
from service.settings import Settings

CLIP_CONFIG, CLIP_WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"
CAPTION_FOLDERS = ("caption", "blip-base", "blip-large")


def clip_weights(settings: Settings) -> Path | None:
    """The folder of CLIP weights in open_clip's local format; `None` when there is none.

    Of several, the one named like the setting `clip_model` (with `/` written `-`).
    """
    wanted = settings.clip_model.replace("/", "-").casefold()
    found = sorted(config.parent for config in (settings.data_dir / "models").glob(f"**/{CLIP_CONFIG}"))
    whole = [folder for folder in found if (folder / CLIP_WEIGHTS).is_file()]
    return min(whole, key=lambda folder: folder.name.casefold() != wanted, default=None)


def own_terms(settings: Settings) -> Path | None:
    """The operator's folder of term lists; `None` when there is no list in it."""
    return settings.terms_path if any(settings.terms_path.glob("*.txt")) else None


def list_names(settings: Settings, family_lists: Path | None) -> tuple[str, ...]:
    """The term lists that photos are read with, the operator's own last.

    Args:
        settings: Where the operator's own lie.
        family_lists: The folder of lists that the CLIP here was trained for; `None` stands for the published ones.

    Raises:
        InterrogationError: A folder without terms.
    """
    own = own_terms(settings)
    lists = PUBLISHED_LISTS if family_lists is None else _names(family_lists)
    return tuple(dict.fromkeys((*lists, *(() if own is None else _names(own)))))


def _names(folder: Path) -> list[str]:
    return [each.category for each in lists_in(folder)]


def caption_weights(settings: Settings) -> Path | None:
    """The folder of the caption model; `None` when there is none, or when captions are switched off."""
    if settings.captions == "none":
        return None
    folders = (settings.data_dir / "models" / name for name in CAPTION_FOLDERS)
    return next((folder for folder in folders if (folder / "config.json").is_file()), None)
