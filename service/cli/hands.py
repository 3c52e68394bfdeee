"""`hands`: look at the hands of finished pictures; and the networks that do it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from generator.events import Picture
from generator.hands.hand import Hand, hands_score
from prompts.errors import PictureError
from service.cli.rim import EXIT_BAD_INPUT, report
from service.cli.show import lines, print_json

Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command("hands")(look_at_hands)


def look_at_hands(
    pictures: Annotated[list[Path], typer.Argument(help="PNG, JPEG or WebP files.")],
    as_json: Json = False,
) -> None:
    """Find the hands in pictures and rank the pictures by how right they look, the best first."""
    from generator.hands.tflite_detector import TfliteHandDetector
    from service.settings import load_settings

    detector = TfliteHandDetector(load_settings().hands_path)
    found = []
    for path in pictures:
        try:
            found.append((path, detector.find(_opened(path))))
        except PictureError as refused:
            report(refused, as_json=as_json)
    found.sort(key=lambda pair: -hands_score(pair[1]))
    if as_json:
        print_json([{"picture": str(p), "score": round(hands_score(h), 3), "hands": hands_json(h)} for p, h in found])
    else:
        for path, hands in found:
            lines(f"{path}  score {hands_score(hands):.2f}", [_line(hand) for hand in hands] or ["no hand found"])
    if len(found) < len(pictures):
        raise typer.Exit(EXIT_BAD_INPUT)


def add_networks(wheel: Path | None, *, as_json: bool) -> None:
    """Put the hand networks in place: from a wheel at hand, or fetched by pip."""
    from generator.hands.fetch import fetch_networks
    from generator.hands.install import install_from_wheel
    from service.settings import load_settings

    folder = load_settings().hands_path
    paths = fetch_networks(folder) if wheel is None else install_from_wheel(wheel, folder)
    if as_json:
        print_json({"kind": "hands", "paths": [str(path) for path in paths]})
    else:
        lines("hand networks", (str(path) for path in paths))


def hands_json(hands: tuple[Hand, ...]) -> list[dict[str, object]]:
    """The hands for a program to read."""
    return [
        {
            "box": [round(side) for side in (hand.box.left, hand.box.top, hand.box.right, hand.box.bottom)],
            "score": round(hand.score, 3),
            "presence": round(hand.presence, 3),
            "anatomy": round(hand.anatomy, 3),
            "is_right": hand.is_right,
        }
        for hand in hands
    ]


def _opened(path: Path) -> Picture:
    from prompts.pictures import open_picture

    image = open_picture(path.read_bytes()).convert("RGB")
    return Picture(image.width, image.height, image.tobytes())


def _line(hand: Hand) -> str:
    box = f"{hand.box.left:.0f},{hand.box.top:.0f} to {hand.box.right:.0f},{hand.box.bottom:.0f}"
    side = "right" if hand.is_right else "left"
    return f"{side} hand at {box}: score {hand.score:.2f} (presence {hand.presence:.2f}, anatomy {hand.anatomy:.2f})"
