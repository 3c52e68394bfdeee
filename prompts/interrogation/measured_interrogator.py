"""The interrogator that is always there: measurement alone, and a notice saying how to get more."""

from __future__ import annotations

from time import perf_counter

from PIL import Image

from prompts.interrogation.description import Description
from prompts.interrogation.interrogator import WITHOUT_CAPTION, Progress, mode_named, no_progress
from prompts.interrogation.measured import measure
from prompts.interrogation.result import Interrogation
from prompts.interrogation.wishes import Wishes
from prompts.pictures import remarks

NO_CLIP_NOTICE = (
    "No CLIP model is on this machine, so only what can be measured is listed: colours, light, sharpness, shape. "
    "Get one with: spellwright models fetch clip-vit-l-14"
)


class MeasuredInterrogator:
    """Needs no weights; every mode gives the same facts.

    Args:
        notice: What to tell the reader about the missing models.
    """

    def __init__(self, notice: str = NO_CLIP_NOTICE) -> None:
        self._notice = notice

    def interrogate(
        self,
        picture: Image.Image,
        mode: str = "fast",
        on_progress: Progress | None = None,
        wishes: Wishes | None = None,
        description: Description | None = None,
    ) -> Interrogation:
        """The measured facts of `picture`; see `Interrogator`."""
        started = perf_counter()
        mode = mode_named(mode)
        progress = on_progress or no_progress
        progress(0.0, "measuring")
        found = measure(picture)
        progress(1.0, "done")
        told = Description(None, "") if description is None or mode in WITHOUT_CAPTION else description
        return Interrogation(
            caption=told.text or None,
            caption_by=told.by if told.text else "",
            caption_source="chat" if told.text else "none",
            terms=found.terms,
            mode=mode,
            target=(wishes or Wishes()).target,
            max_tokens=(wishes or Wishes()).max_tokens,
            notice=" ".join(filter(None, (*remarks(picture), self._notice, told.notice))),
            palette=found.palette,
            size=picture.size,
            seconds=perf_counter() - started,
        )
