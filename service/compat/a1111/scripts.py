"""`alwayson_scripts`: what each of A1111's extensions asks for, by named or positional arguments.

An extension that is served here is one entry of `SERVED`; its reader turns the arguments into `Wish`es
and notes. Everything else is refused as A1111 refuses it, unless it is sent switched off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from prompts.hands.repair import HandRepair, check_hand_repair
from service.compat.door_route import Refused

Arguments = Sequence[Any]
_HAND_SETTINGS = {
    "ad_denoising_strength": "denoising_strength",
    "ad_mask_blur": "mask_blur",
    "ad_inpaint_only_masked_padding": "padding",
    "ad_dilate_erode": "dilate",
}


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

    def repair(self) -> HandRepair:
        """The same as a repair of hands: every hand that is found, one try, ADetailer's defaults.

        Raises:
            Refused: 422, a setting that is no number.
            SpellOutOfRange: A number outside its range.
        """
        values = {ours: self.settings[theirs] for theirs, ours in _HAND_SETTINGS.items() if theirs in self.settings}
        texts = {"prompt": str(self.settings.get("ad_prompt") or "")}
        texts["negative_prompt"] = str(self.settings.get("ad_negative_prompt") or "")
        try:
            numbers = {name: (float if name == "denoising_strength" else int)(value) for name, value in values.items()}
        except (TypeError, ValueError, OverflowError) as wrong:
            raise Refused(422, f"A setting of {self.model[:80]} is not a number.") from wrong
        return check_hand_repair(HandRepair(below=1.0, tries=1, **numbers, **texts))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the scripts of one call ask for."""

    details: tuple[DetailWish, ...] = ()
    """Only detectors of hands; others are notes."""
    notes: tuple[str, ...] = ()

    @property
    def hand_repair(self) -> HandRepair | None:
        """What the first detector of hands asks for; `None` without one."""
        return self.details[0].repair() if self.details else None


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
    hands = [wish for wish in wishes if wish.is_for_hands]
    left_out = [wish for wish in wishes if not wish.is_for_hands] + hands[1:]
    notes = tuple(f"ADetailer's {wish.model} was not run: this server repaints hands, once." for wish in left_out)
    return Wishes(tuple(hands[:1]), notes)


SERVED: Mapping[str, Callable[[Arguments], Wishes]] = MappingProxyType({"adetailer": _read_adetailer})
"""Lower-case title of an extension -> reader of its arguments."""
LISTED: tuple[str, ...] = ("ADetailer",)
"""Titles that `GET /scripts` lists: extensions that do what they are asked for."""
