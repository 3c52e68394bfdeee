"""What the engine tells: frozen events, in order, each with the request it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from prompts.errors import SpellwrightError


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels on their way out of the engine: 8-bit RGB, rows from the top, no padding."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    rgb: bytes
    """`width * height * 3` bytes."""


@dataclass(frozen=True, slots=True)
class Started:
    """Models are loaded and the first noise is drawn."""

    request_id: str
    total: int
    """UNet calls this picture will take, both passes together."""


@dataclass(frozen=True, slots=True)
class StepDone:
    """One UNet call of this picture is done."""

    request_id: str
    phase: str
    """`base` or `hires`."""
    done: int
    """UNet calls finished, both passes together; rises by one."""
    total: int


@dataclass(frozen=True, slots=True)
class PreviewReady:
    """A small look at the unfinished picture (latent size: 1/8 of the picture)."""

    request_id: str
    picture: Picture


@dataclass(frozen=True, slots=True)
class ImageReady:
    """The finished picture; the last event of its request."""

    request_id: str
    picture: Picture
    notes: tuple[str, ...] = ()
    """What was approximated or ignored, in plain words; empty when the spell was followed to the letter."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The picture could not be made; the last event of its request."""

    request_id: str
    error: SpellwrightError


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The request was aborted at a step boundary; the last event of its request."""

    request_id: str


Event = Started | StepDone | PreviewReady | ImageReady | Failed | Cancelled
FINAL_EVENTS = (ImageReady, Failed, Cancelled)
