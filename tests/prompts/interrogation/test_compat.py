"""Faithful mode against clip-interrogator itself: same weights, same lists, same strings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

import generator.demo
from prompts.interrogation.clip_model_interrogator import ClipInterrogator, LoadedClip
from prompts.interrogation.modes import ClipOptions
from prompts.interrogation.terms import published_lists
from prompts.interrogation.towers import ClipTowers, towers_from_folder
from prompts.torch_guard import ensure_torchvision

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")

PICTURES = 20
SHORTLIST = 32
CHUNK = 32
LINKS = 10  # of a chain; the library encodes every candidate in full at each
SHORT_PICTURES, SHORT_LINKS = 5, 3  # of chains with the demo's larger tower; the soak takes all
CAPTION = "a photo of a thing on a table"
FLAVORS_TAKEN = 240  # of the published list, spread evenly; the rest would only cost time
ARTISTS_TAKEN = 40
CONTACT_SHEET = Path(generator.demo.__file__).parent / "weights" / "contact.png"
TILE, WORDS_BELOW = 128, 14  # pixels


class FixedCaption:
    """A captioner that always says the same; the library is given the same words."""

    name = "fixed"

    def captions(self, pictures: Sequence[Image.Image]) -> list[str]:
        return [CAPTION] * len(pictures)


@pytest.fixture(scope="module")
def short_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in the library's format with a sample of its own published phrases."""
    folder = tmp_path_factory.mktemp("data")
    lists = {each.category: each.texts for each in published_lists()}
    artists = [t.removeprefix("by ") for t in lists["artists"] if t.startswith("by ")]
    taken = {
        "artists": artists[:: len(artists) // ARTISTS_TAKEN],
        "flavors": lists["flavors"][:: len(lists["flavors"]) // FLAVORS_TAKEN],
        "mediums": lists["mediums"],
        "movements": lists["movements"],
        "negative": lists["negative"][::3],
    }
    for name, texts in taken.items():
        (folder / f"{name}.txt").write_text("\n".join(texts), encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=["tiny", "demo"])
def towers(
    request: pytest.FixtureRequest, tiny_towers: ClipTowers, tmp_path_factory: pytest.TempPathFactory
) -> ClipTowers:
    """A random tower with open_clip's tokenizer, and the demo family's trained dual encoder with its own."""
    if request.param == "tiny":
        return tiny_towers
    from generator.demo.family import find_family

    family = find_family(tmp_path_factory.mktemp("family"))
    assert family.kind == "trained"
    return towers_from_folder(family.clip)


@pytest.fixture(scope="module")
def pictures(towers: ClipTowers, photo: Callable[[int], Image.Image]) -> list[Image.Image]:
    """What each model is for: for the demo's encoder drawings of the demo model, from its contact sheet."""
    if towers.name == "tiny/random":
        return [photo(number) for number in range(PICTURES)]
    with Image.open(CONTACT_SHEET) as sheet:
        drawn = [
            sheet.convert("RGB").crop((x, y, x + TILE, y + TILE))
            for y in range(0, sheet.height - TILE, TILE + WORDS_BELOW)
            for x in range(0, sheet.width, TILE)
        ]
    return drawn[:: len(drawn) // PICTURES][:PICTURES]


@pytest.fixture(scope="module")
def library(towers: ClipTowers, short_data: Path) -> Iterator[Any]:
    ensure_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import open_clip
        from clip_interrogator import Config, Interrogator

        config = Config(
            clip_model_name="ViT-B-32/",
            caption_model_name=None,
            cache_path=None,
            download_cache=False,
            device="cpu",
            quiet=True,
            chunk_size=CHUNK,
            flavor_intermediate_count=SHORTLIST,
            data_path=str(short_data),
        )
        config.clip_model = towers.model
        config.clip_preprocess = towers.preprocess
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(open_clip, "get_tokenizer", lambda name: towers.tokenizer)
            interrogator = Interrogator(config)
        yield interrogator


@pytest.fixture(scope="module")
def ours(
    towers: ClipTowers, short_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., ClipInterrogator]:
    package = tmp_path_factory.mktemp("package")
    (package / "data").symlink_to(short_data)
    spec = SimpleNamespace(origin=str(package / "__init__.py"))

    def make(*, compat: bool, links: int) -> ClipInterrogator:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("prompts.interrogation.terms.find_spec", lambda name: spec)
            lists = published_lists()
        options = ClipOptions(links, 4, shortlist=SHORTLIST, chunk_size=CHUNK, compat=compat)
        loaded = LoadedClip(towers, lists, FixedCaption())
        return ClipInterrogator(lambda: loaded, "random", options=options)

    return make


CHAINS = ("best", "negative")


@pytest.mark.parametrize(
    ("mode", "is_long"),
    [
        *((mode, False) for mode in ("fast", "classic", *CHAINS)),
        *(pytest.param(mode, True, marks=pytest.mark.soak) for mode in CHAINS),
    ],
)
def test_faithful_mode_writes_the_same_string_as_the_library(
    mode: str,
    is_long: bool,
    towers: ClipTowers,
    library: Any,
    ours: Callable[..., ClipInterrogator],
    pictures: list[Image.Image],
) -> None:
    is_short = mode in CHAINS and not is_long and towers.name != "tiny/random"
    links = SHORT_LINKS if is_short else LINKS
    faithful = ours(compat=True, links=links if mode in CHAINS else 32)
    theirs = {
        "fast": lambda p: library.interrogate_fast(p, caption=CAPTION),
        "classic": lambda p: library.interrogate_classic(p, caption=CAPTION),
        "best": lambda p: library.interrogate(p, 4, links, caption=CAPTION),
        "negative": lambda p: library.interrogate_negative(p, links),
    }[mode]
    seen = set()
    assert len(pictures) == PICTURES >= 20
    for number, picture in enumerate(pictures[:SHORT_PICTURES] if is_short else pictures):
        expected = theirs(picture)
        assert faithful.interrogate(picture, mode).prompt == expected, f"picture {number}"
        seen.add(expected)
    assert len(seen) > (number + 1) // 2, "the pictures must tell the model different things"
