"""`alwayson_scripts`: what each of A1111's extensions asks for, by named or positional arguments.

An extension that is served here is one entry of `SERVED`; its reader turns the arguments into `Wish`es
and notes. Everything else is refused as A1111 refuses it, unless it is sent switched off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from service.compat.a1111.errors import Refused

Arguments = Sequence[Any]


@dataclass(frozen=True, slots=True)
class DetailWish:
    """One detector of ADetailer: find this, and paint it again."""

    model: str
    """ADetailer's name of the detector, e.g. `hand_yolov8n.pt`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Its other `ad_*` settings as they were sent."""

    @property
    def is_for_hands(self) -> bool:
        """Whether the detector looks for hands."""
        return "hand" in self.model.casefold()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the scripts of one call ask for."""

    details: tuple[DetailWish, ...] = ()
    notes: tuple[str, ...] = ()


def read_scripts(scripts: Mapping[str, Any]) -> Wishes:
    """The wishes of `alwayson_scripts`.

    Raises:
        Refused: 422, an extension that is not here and that was asked to do something.
    """
    details: list[DetailWish] = []
    notes: list[str] = []
    for title, block in scripts.items():
        arguments = _arguments(title, block)
        reader = SERVED.get(title.strip().casefold())
        if reader is not None:
            wishes = reader(arguments)
            details += wishes.details
            notes += wishes.notes
        elif _asks_for_something(arguments):
            raise Refused(422, f"always on script {title[:80]} not found")
    return Wishes(tuple(details), tuple(notes))


def check_selectable(name: str) -> None:
    """Raise unless no selectable script is asked for.

    Raises:
        Refused: 422 in A1111's words.
    """
    if name.strip().casefold() not in ("", "none"):
        raise Refused(422, f"Script '{name[:80]}' not found")


def _arguments(title: str, block: object) -> list[Any]:
    arguments = block.get("args", []) if isinstance(block, dict) else block
    if isinstance(arguments, dict):
        return [arguments]
    if not isinstance(arguments, list):
        raise Refused(422, f"The arguments of script {title[:80]} must be a list or an object called args.")
    return arguments


def _asks_for_something(arguments: Arguments) -> bool:
    """A unit that is switched off, or no argument that says anything, asks for nothing."""
    if not arguments or arguments[0] is False:
        return False
    return any(not (isinstance(a, dict) and a.get("enabled") is False) for a in arguments if a not in (None, "", 0))


def _read_adetailer(arguments: Arguments) -> Wishes:
    """ADetailer: `[enabled, skip_img2img, {...}, ...]`, or the settings alone, one object for each detector."""
    flags = [a for a in arguments if isinstance(a, bool)]
    if flags and not flags[0]:
        return Wishes()
    blocks = [a for a in arguments if isinstance(a, dict)]
    wishes = []
    for block in blocks:
        is_on = block.get("ad_tab_enable", block.get("ad_tap_enable", True))
        model = str(block.get("ad_model", "None"))
        if is_on and model.casefold() != "none":
            wishes.append(DetailWish(model, {k: v for k, v in block.items() if k != "ad_model"}))
    notes = tuple(
        f"ADetailer's {wish.model} was not run: this server does not repaint parts of finished pictures yet."
        for wish in wishes
    )
    return Wishes(tuple(wishes), notes)


SERVED: Mapping[str, Callable[[Arguments], Wishes]] = MappingProxyType({"adetailer": _read_adetailer})
"""Lower-case title of an extension -> reader of its arguments."""
LISTED: tuple[str, ...] = ()
"""Titles that `GET /scripts` lists: extensions that do what they are asked for."""
