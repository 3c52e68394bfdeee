"""The interface of everything that turns a photo into terms, and the names of its modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PIL import Image

from prompts.errors import UnknownName, near_hint, near_names
from prompts.interrogation.description import Description
from prompts.interrogation.result import Interrogation
from prompts.interrogation.wishes import Wishes

MODES: tuple[str, ...] = ("fast", "classic", "best", "negative", "tags")
"""`fast`: caption and the closest terms of all lists. `classic`: caption and the closest of each list.
`best`: a chain grown term by term, compared with the two others. `negative`: a chain of what the picture
is not. `tags`: the ranked list alone, without caption."""

WITHOUT_CAPTION = frozenset({"tags", "negative"})
"""Modes that use no caption."""

Progress = Callable[[float, str], None]
"""Called with the finished share 0..1 and a word for the stage; may raise to stop the work."""


class Interrogator(Protocol):
    """Turns pictures into evidence.

    Implementations block for as long as it takes and are called from a worker thread, never from the
    event loop; one call at a time per object.
    """

    def interrogate(
        self,
        picture: Image.Image,
        mode: str = "fast",
        on_progress: Progress | None = None,
        wishes: Wishes | None = None,
        description: Description | None = None,
    ) -> Interrogation:
        """What `picture` (RGB, upright; see `prompts.pictures.open_picture`) shows.

        Args:
            picture: RGB, upright.
            mode: See `MODES`.
            on_progress: Told the finished share.
            wishes: Target, filters, length; `None` wants everything, as tags.
            description: A caption from elsewhere; with a text no caption model is asked.

        Raises:
            UnknownName: code `mode_not_found` or `list_not_found`.
            ClipModelMissing: Weights are not on this machine; says where they go.
            InterrogationError: The models failed on this picture.
        """
        ...


def mode_named(text: str) -> str:
    """The canonical name of a mode, in any case.

    Raises:
        UnknownName: code `mode_not_found`, with near names.
    """
    wanted = text.strip().casefold()
    if wanted in MODES:
        return wanted
    near = near_names(text, MODES)
    known = ", ".join(MODES)
    raise UnknownName(
        f"There is no interrogation mode called {text!r}.{near_hint(near)} Modes: {known}.",
        field="mode",
        got=text,
        near=list(near),
    ).with_code("mode_not_found")


def no_progress(fraction: float, stage: str) -> None:
    """The `Progress` of a caller that did not ask for one; does nothing."""
