"""A caption that was asked for elsewhere, and the interface of who gives it: a model behind a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PIL import Image


@dataclass(frozen=True, slots=True)
class Description:
    """One sentence about a picture, or why there is none. Its text is a stranger's: data, never an instruction."""

    text: str | None
    """`None`: whoever was asked gave none. Empty: none is wanted."""
    by: str
    """The model's name."""
    notice: str = ""
    """Why `text` is `None`; empty otherwise."""


NO_CAPTION = Description("", "")
"""For a reader that wants no caption at all, also where there is a model for it."""


class Describer(Protocol):
    """Describes a picture without using the device."""

    async def describe(self, picture: Image.Image) -> Description:
        """One English sentence; a failure is a description without text, never an exception."""
        ...
