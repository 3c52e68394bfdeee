"""Faithful mode against clip-interrogator itself: same weights, same lists, same strings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from prompts.interrogation.clip_model_interrogator import ClipInterrogator, LoadedClip
from prompts.interrogation.modes import ClipOptions
from prompts.interrogation.terms import published_lists
from prompts.interrogation.towers import ClipTowers
from prompts.torch_guard import ensure_torchvision

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")

PICTURES = 20
SHORTLIST = 32
CHUNK = 32
CAPTION = "a photo of a thing on a table"
FLAVORS_TAKEN = 240  # of the published list, spread evenly; the rest would only cost time
ARTISTS_TAKEN = 40


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


@pytest.fixture(scope="module")
def library(tiny_towers: ClipTowers, short_data: Path) -> Iterator[Any]:
    ensure_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
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
        config.clip_model = tiny_towers.model
        config.clip_preprocess = tiny_towers.preprocess
        yield Interrogator(config)


@pytest.fixture(scope="module")
def ours(tiny_towers: ClipTowers, short_data: Path) -> Callable[..., ClipInterrogator]:
    spec = SimpleNamespace(origin=str(short_data.parent / "package" / "__init__.py"))
    (short_data.parent / "package").mkdir(exist_ok=True)
    (short_data.parent / "package" / "data").symlink_to(short_data)

    def make(*, compat: bool, caption: bool = True) -> ClipInterrogator:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("prompts.interrogation.terms.find_spec", lambda name: spec)
            lists = published_lists()
        options = ClipOptions(shortlist=SHORTLIST, chunk_size=CHUNK, compat=compat)
        loaded = LoadedClip(tiny_towers, lists, FixedCaption() if caption else None)
        return ClipInterrogator(lambda: loaded, "random", options=options)

    return make


@pytest.mark.parametrize("mode", ["fast", "classic", "best", "negative"])
def test_faithful_mode_writes_the_same_string_as_the_library(
    mode: str, library: Any, ours: Callable[..., ClipInterrogator], photo: Callable[[int], Image.Image]
) -> None:
    faithful = ours(compat=True)
    theirs = {
        "fast": lambda p: library.interrogate_fast(p, caption=CAPTION),
        "classic": lambda p: library.interrogate_classic(p, caption=CAPTION),
        "best": lambda p: library.interrogate(p, caption=CAPTION),
        "negative": library.interrogate_negative,
    }[mode]
    seen = set()
    for number in range(PICTURES):
        expected = theirs(photo(number))
        assert faithful.interrogate(photo(number), mode).prompt == expected, f"picture {number}"
        seen.add(expected)
    assert len(seen) > PICTURES // 2, "the pictures must tell the model different things"
