"""Takes the drawings out of their packages, at pinned versions and under permissive licences only."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from generator.demo.concepts import Concept

DRAWING_SIDE = 256


class SourceUnavailable(Exception):
    """A picture package or the tool that reads it is missing."""


@dataclass(frozen=True, slots=True)
class PictureSet:
    """One set of drawings in an npm package."""

    style: str
    package: str
    version: str
    form: Literal["webp", "svg"]
    """`webp`: one file per code point; `svg`: Iconify's JSON with a table of code points."""
    licence: str
    origin: str
    """Whose drawings they are."""


PICTURE_SETS: tuple[PictureSet, ...] = (
    PictureSet("3d", "@lobehub/fluent-emoji-3d", "1.1.0", "webp", "MIT", "Microsoft, packaged by LobeHub"),
    PictureSet("flat", "@iconify-json/fluent-emoji-flat", "1.2.6", "svg", "MIT", "Microsoft"),
    PictureSet("noto", "@iconify-json/noto", "1.2.9", "svg", "Apache-2.0", "Google"),
)


def read_drawings(picture_set: PictureSet, concepts: Iterable[Concept], downloads: Path) -> dict[str, Image.Image]:
    """The drawing of every concept, by concept name.

    Args:
        picture_set: Where from.
        concepts: Which.
        downloads: Folder that keeps the packages; filled on the first call.

    Returns:
        RGBA pictures of 256 pixels a side. A concept the set lacks is left out.

    Raises:
        SourceUnavailable: npm, the package or the rasteriser is missing.
    """
    with tarfile.open(_fetch(picture_set, downloads)) as archive:
        if picture_set.form == "webp":
            return _read_webp(archive, concepts)
        return _read_svg(archive, concepts)


def _fetch(picture_set: PictureSet, downloads: Path) -> Path:
    name = f"{picture_set.package.removeprefix('@').replace('/', '-')}-{picture_set.version}.tgz"
    if (downloads / name).is_file():
        return downloads / name
    downloads.mkdir(parents=True, exist_ok=True)
    wanted = f"{picture_set.package}@{picture_set.version}"
    command = ["npm", "pack", wanted, "--pack-destination", str(downloads)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as failure:
        raise SourceUnavailable(f"npm could not fetch {wanted}: {failure}") from failure
    if not (downloads / name).is_file():
        raise SourceUnavailable(f"npm fetched {wanted}, but not as {name}")
    return downloads / name


def _read_webp(archive: tarfile.TarFile, concepts: Iterable[Concept]) -> dict[str, Image.Image]:
    members = {Path(m.name).name: m for m in archive.getmembers()}
    drawings = {}
    for concept in concepts:
        member = members.get(f"{concept.code}.webp")
        stream = archive.extractfile(member) if member else None
        if stream is not None:
            drawings[concept.name] = Image.open(io.BytesIO(stream.read())).convert("RGBA")
    return drawings


def _read_svg(archive: tarfile.TarFile, concepts: Iterable[Concept]) -> dict[str, Image.Image]:
    icons, by_code = (_read_json(archive, f"package/{name}.json") for name in ("icons", "chars"))
    drawings = {}
    for concept in concepts:
        name = by_code.get(concept.code) or by_code.get(concept.code.removesuffix("-fe0f"))
        name = icons.get("aliases", {}).get(name, {}).get("parent", name)
        if name in icons["icons"]:
            icon = icons["icons"][name]
            width, height = icon.get("width", icons["width"]), icon.get("height", icons["height"])
            drawings[concept.name] = _rasterise(icon["body"], width, height)
    return drawings


def _rasterise(body: str, width: int, height: int) -> Image.Image:
    try:
        resvg: Any = importlib.import_module("resvg_py")
    except ModuleNotFoundError as absent:
        raise SourceUnavailable("SVG drawings need resvg_py: pip install 'spellwright[train]'") from absent
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{body}</svg>'
    png = resvg.svg_to_bytes(svg_string=svg.replace("currentColor", "#101014"), width=DRAWING_SIDE)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def _read_json(archive: tarfile.TarFile, member: str) -> dict[str, Any]:
    stream = archive.extractfile(member)
    if stream is None:
        raise SourceUnavailable(f"{member} is not in the package")
    content: dict[str, Any] = json.load(stream)
    return content
