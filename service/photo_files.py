"""Use case: many photos of a folder at once; each becomes a spell, a bad one is reported and the rest goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from prompts.errors import PictureError, SpellwrightError
from prompts.interrogation import Describer, Description, Interrogation, Wishes, mode_named
from prompts.interrogation.files import FileResult, interrogate_files
from prompts.interrogation.interrogator import Progress
from prompts.picture_child import open_picture_apart
from prompts.spell import Spell
from service.hand_planning import HandPlanner
from service.interrogation import ListNames, known_lists
from service.library import Library
from service.photo_reader import PhotoReader
from service.photo_spells import keep_exact, keep_found
from service.pictures_in import examine
from service.policy import PolicyBlocked
from service.spells import SpellVersion

TOGETHER = 8  # photos that share a ranking


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """What became of one file: exactly one of `version` and `error` is set."""

    file: Path
    version: SpellVersion | None = None
    error: SpellwrightError | None = None


class PhotoFiles:
    """Files of this machine to spells.

    Args:
        library: Where spells are kept.
        reader: Looks at pictures, on the device.
        planner: Puts the hand plan into spells.
        describer: Writes captions; `None` leaves them to the reader's own model.
        upload_bytes: Largest file.
        list_names: The term lists that may be asked for.
    """

    def __init__(
        self,
        library: Library,
        reader: PhotoReader,
        planner: HandPlanner,
        describer: Describer | None,
        upload_bytes: int,
        list_names: ListNames,
    ) -> None:
        self._library = library
        self._reader = reader
        self._planner = planner
        self._describer = describer
        self._upload_bytes = upload_bytes
        self._list_names = list_names

    async def read(
        self,
        files: Sequence[Path],
        mode: str = "fast",
        wishes: Wishes | None = None,
        on_progress: Progress | None = None,
    ) -> AsyncIterator[PhotoFile]:
        """The files' spells in order, as soon as their batch is done.

        Args:
            files: PNG, JPEG or WebP; whatever else becomes a result with an error.
            mode: See `prompts.interrogation.MODES`.
            wishes: For all of them.
            on_progress: Told the share of all files and what is going on, from the event loop's thread or another.

        Raises:
            UnknownName: The mode or a list; nothing would succeed.
            InterrogationError, DatabaseUnavailable, DiskFull: The whole cannot go on.
        """
        mode, wishes = mode_named(mode), wishes or Wishes()
        await known_lists(wishes, self._list_names)
        for start in range(0, len(files), TOGETHER):
            batch = files[start : start + TOGETHER]

            def told(share: float, stage: str, start: int = start, size: int = len(batch)) -> None:
                if on_progress is not None:
                    on_progress((start + share * size) / len(files), f"{start}/{len(files)} {stage}")

            examined = [await asyncio.to_thread(self._examined, file) for file in batch]
            photos = [file for file, found in zip(batch, examined, strict=True) if found is None]
            read = iter(await self._interrogated(photos, mode, wishes, told))
            for file, found in zip(batch, examined, strict=True):
                yield await self._kept(file, next(read) if found is None else found)

    def _examined(self, file: Path) -> Spell | SpellwrightError | None:
        """The spell a file carries, what is wrong with it, or `None` for a photo to be looked at."""
        try:
            with file.open("rb") as stream:
                return examine(stream.read(self._upload_bytes + 1), self._upload_bytes)
        except SpellwrightError as refused:
            return refused
        except OSError as unreadable:
            return PictureError(f"The file {file.name} cannot be read: {unreadable.strerror or 'unknown reason'}.")

    async def _interrogated(self, photos: list[Path], mode: str, wishes: Wishes, told: Progress) -> list[FileResult]:
        lane = _Lane(self._reader, self._describer, asyncio.get_running_loop(), told)
        return await asyncio.to_thread(
            lambda: list(interrogate_files(photos, lane, mode, open_bytes=open_picture_apart, wishes=wishes))
        )

    async def _kept(self, file: Path, found: Spell | SpellwrightError | FileResult) -> PhotoFile:
        try:
            if isinstance(found, Spell):
                return PhotoFile(file, await keep_exact(found, self._library))
            if isinstance(found, FileResult) and found.found is not None:
                return PhotoFile(file, await keep_found(found.found, self._library, self._planner))
        except PolicyBlocked as blocked:
            return PhotoFile(file, error=blocked)
        return PhotoFile(file, error=found.error if isinstance(found, FileResult) else found)


@dataclass(frozen=True, slots=True)
class _Lane:
    """The reader as an interrogator for a worker thread: pictures are decoded there, looked at on the device."""

    reader: PhotoReader
    describer: Describer | None
    loop: asyncio.AbstractEventLoop
    told: Progress

    def interrogate_many(
        self,
        pictures: Sequence[Image.Image],
        mode: str = "fast",
        on_progress: Progress | None = None,
        wishes: Wishes | None = None,
        descriptions: Sequence[Description] | None = None,
    ) -> list[Interrogation]:
        """See `ManyInterrogator`."""
        if not pictures:
            return []
        work = self.reader.read_pictures(
            pictures, mode, on_progress or self.told, wishes or Wishes(), None if descriptions else self.describer
        )
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def interrogate(
        self,
        picture: Image.Image,
        mode: str = "fast",
        on_progress: Progress | None = None,
        wishes: Wishes | None = None,
        description: Description | None = None,
    ) -> Interrogation:
        """See `Interrogator`."""
        descriptions = None if description is None else [description]
        return self.interrogate_many([picture], mode, on_progress, wishes, descriptions)[0]
