"""Many files, one interrogator: a bad file is reported and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, runtime_checkable

from PIL import Image

from prompts.errors import PictureError, SpellwrightError
from prompts.interrogation.description import Description
from prompts.interrogation.interrogator import Interrogator, Progress, no_progress
from prompts.interrogation.result import Interrogation
from prompts.interrogation.wishes import Wishes
from prompts.pictures import MAX_BYTES, open_picture

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
_TOGETHER = 8  # pictures that share a ranking and are in memory at once


@runtime_checkable
class ManyInterrogator(Protocol):
    """An interrogator that ranks several pictures at once."""

    def interrogate_many(
        self,
        pictures: Sequence[Image.Image],
        mode: str = "fast",
        on_progress: Progress | None = None,
        wishes: Wishes | None = None,
        descriptions: Sequence[Description] | None = None,
    ) -> list[Interrogation]:
        """The results in the order of the pictures."""
        ...


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file: exactly one of `found` and `error` is set."""

    file: Path
    found: Interrogation | None = None
    error: SpellwrightError | None = None


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of `folder`, by name, subfolders left out; empty when there is none.

    A link that leads nowhere counts as a file: reading it says what is wrong.
    """
    named = (f for f in folder.iterdir() if f.suffix.casefold() in PICTURE_SUFFIXES)
    return sorted(f for f in named if f.is_file() or not f.exists())


def interrogate_files(
    files: Iterable[Path],
    interrogator: Interrogator,
    mode: str = "fast",
    on_progress: Progress | None = None,
    open_bytes: Callable[[bytes], Image.Image] = open_picture,
    wishes: Wishes | None = None,
) -> Iterator[FileResult]:
    """Interrogate file after file, results in the files' order, as soon as their batch is done.

    Args:
        files: Paths; a file that cannot be read or is no picture becomes a result with an error.
        interrogator: Used in batches when it can (`ManyInterrogator`).
        mode: See `MODES`; an unknown one raises before the first file is read.
        on_progress: Told the share of all files after each batch.
        open_bytes: Decoder, e.g. `prompts.picture_child.open_picture_apart` for files from outside.
        wishes: For all of them.

    Raises:
        UnknownName: The mode.
        ClipModelMissing: The models; nothing would succeed.
    """
    listed = list(files)
    progress = on_progress or no_progress
    waiting = iter(listed)
    done = 0
    while batch := list(islice(waiting, _TOGETHER)):
        opened = [_opened(file, open_bytes) for file in batch]
        pictures = [p for p in opened if isinstance(p, Image.Image)]
        results = iter(_interrogated(pictures, interrogator, mode, wishes))
        for file, picture in zip(batch, opened, strict=True):
            if isinstance(picture, SpellwrightError):
                yield FileResult(file, error=picture)
            else:
                yield FileResult(file, found=next(results))
        done += len(batch)
        progress(done / len(listed), f"{done}/{len(listed)} files")


def _interrogated(
    pictures: list[Image.Image], interrogator: Interrogator, mode: str, wishes: Wishes | None
) -> list[Interrogation]:
    if isinstance(interrogator, ManyInterrogator):
        return interrogator.interrogate_many(pictures, mode, wishes=wishes)
    return [interrogator.interrogate(picture, mode, wishes=wishes) for picture in pictures]


def _opened(file: Path, open_bytes: Callable[[bytes], Image.Image]) -> Image.Image | SpellwrightError:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)  # one more, so that the decoder refuses what is too large
        return open_bytes(data)
    except PictureError as refused:
        return refused
    except OSError as unreadable:
        return PictureError(f"The file {file.name} cannot be read: {unreadable.strerror or 'unknown reason'}.")
