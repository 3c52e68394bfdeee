"""The whole interrogator on a real tiny model: every mode, evidence, files, threads, determinism."""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from prompts.errors import ClipModelMissing, UnknownName
from prompts.interrogation.clip_model_interrogator import ClipInterrogator, ClipPaths, LoadedClip
from prompts.interrogation.interrogator import MODES
from prompts.interrogation.measured import measure
from prompts.interrogation.modes import ClipOptions
from prompts.interrogation.result import Interrogation, WeightsKind
from prompts.interrogation.terms import TermFilter, TermList
from prompts.interrogation.towers import ClipTowers

Photo = Callable[[int], Image.Image]
SMALL = ClipOptions(max_terms=6, min_terms=2, shortlist=12)


class ShortCaption:
    """A captioner with one sentence."""

    name = "short"

    def captions(self, pictures: Sequence[Image.Image]) -> list[str]:
        return ["a photo of a table"] * len(pictures)


@pytest.fixture
def make(tiny_towers: ClipTowers, tiny_lists: tuple[TermList, ...]) -> Callable[..., ClipInterrogator]:
    def build(
        *, weights: WeightsKind = "random", caption: bool = False, options: ClipOptions = SMALL, **lists: Any
    ) -> ClipInterrogator:
        loaded = LoadedClip(tiny_towers, lists.get("lists", tiny_lists), ShortCaption() if caption else None)
        return ClipInterrogator(lambda: loaded, weights, options=options)

    return build


@pytest.mark.parametrize("caption", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_a_prompt_with_evidence_for_each_word_and_the_measured_facts(
    mode: str, caption: bool, make: Callable[..., ClipInterrogator], photo: Photo, tiny_towers: ClipTowers
) -> None:
    result = make(caption=caption).interrogate(photo(3), mode)
    assert result.measured == measure(photo(3)).terms
    assert (result.mode, result.model, result.size) == (mode, "tiny/random", (96, 72))
    clip_terms = [t for t in (*result.terms, *result.negative_terms) if t.source == "clip"]
    assert clip_terms
    for term in clip_terms:
        assert term.text in result.prompt
        assert term.similarity is not None
    assert (result.caption == "a photo of a table") is (caption and mode in ("fast", "classic", "best"))
    assert bool(result.negative_terms) is (mode == "negative")
    check_similarity(result, photo(3), tiny_towers)


def check_similarity(result: Interrogation, picture: Image.Image, towers: ClipTowers) -> None:
    if result.similarity is not None:
        expected = float(towers.text.encode([result.prompt])[0] @ towers.encode_pictures([picture])[0])
        assert result.similarity == pytest.approx(expected, abs=2e-6)


def test_gains_of_fast_add_up_to_the_prompts_similarity(make: Callable[..., ClipInterrogator], photo: Photo) -> None:
    result = make().interrogate(photo(1), "fast")
    gains = [t.gain for t in result.terms if t.source == "clip"]
    assert None not in gains
    assert sum(g for g in gains if g is not None) == pytest.approx(result.similarity, abs=1e-5)


def test_tags_rank_all_lists_but_the_negatives(
    make: Callable[..., ClipInterrogator], photo: Photo, tiny_towers: ClipTowers, tiny_lists: tuple[TermList, ...]
) -> None:
    result = make().interrogate(photo(5), "tags")
    texts = [t for each in tiny_lists if each.category != "negative" for t in each.texts]
    features = tiny_towers.text.encode(texts).half().float()
    order = (features @ tiny_towers.encode_pictures([photo(5)])[0]).argsort(descending=True)[:6]
    assert [t.text for t in result.terms if t.source == "clip"] == [texts[i] for i in order]


def test_classic_takes_the_closest_of_each_list_in_the_usual_order(
    make: Callable[..., ClipInterrogator], photo: Photo
) -> None:
    result = make(caption=True).interrogate(photo(2), "classic")
    categories = [t.category for t in result.terms if t.source == "clip"]
    assert categories == ["mediums", "artists", "trendings", "movements", "flavors", "flavors", "flavors"]
    medium, artist = (t.text for t in result.terms[:2])
    assert result.prompt.startswith(f"a photo of a table, {medium} {artist}, ")


def test_classic_works_with_any_lists(make: Callable[..., ClipInterrogator], photo: Photo) -> None:
    lists = (TermList("moods", ("calm", "wild")), TermList("things", ("cat", "lamp", "sea")))
    result = make(lists=lists).interrogate(photo(2), "classic")
    assert [t.category for t in result.terms if t.source == "clip"] == ["moods", "things"]


def test_several_pictures_at_once_give_what_each_gives_alone(
    make: Callable[..., ClipInterrogator], photo: Photo
) -> None:
    pictures = [photo(n) for n in range(6)]
    for mode in MODES:
        together = make(caption=True).interrogate_many(pictures, mode)
        alone = [make(caption=True).interrogate(p, mode) for p in pictures]
        assert [r.prompt for r in together] == [r.prompt for r in alone]
    assert make().interrogate_many([], "fast") == []


@pytest.mark.parametrize(("weights", "trusted"), [("random", False), ("trained-demo", False), ("real", True)])
def test_words_of_random_weights_and_of_the_demo_on_a_photo_are_evidence_only(
    weights: WeightsKind, trusted: bool, make: Callable[..., ClipInterrogator], photo: Photo
) -> None:
    result = make(weights=weights).interrogate(photo(1), "fast")
    first = next(t.text for t in result.terms if t.source == "clip")
    assert (first in result.to_spell().prompt) is trusted
    assert all(t.text in result.to_spell().prompt for t in result.measured if t.category != "format")
    assert ("random" in result.notice) is (weights == "random")
    assert ("demo" in result.notice) is (weights == "trained-demo")


def test_without_a_caption_model_the_notice_says_how_to_get_one(
    make: Callable[..., ClipInterrogator], photo: Photo
) -> None:
    assert "models fetch blip" in make(weights="real").interrogate(photo(1)).notice
    assert make(weights="real", caption=True).interrogate(photo(1)).notice == ""


def test_an_unknown_mode_is_named_with_the_known_ones(make: Callable[..., ClipInterrogator], photo: Photo) -> None:
    with pytest.raises(UnknownName, match=r"'clasic'.*Near: classic\..*best") as said:
        make().interrogate(photo(1), "clasic")
    assert said.value.stable_code == "mode_not_found"


def test_progress_rises_to_one(make: Callable[..., ClipInterrogator], photo: Photo) -> None:
    seen: list[tuple[float, str]] = []
    make(caption=True).interrogate_many([photo(1), photo(2)], "best", lambda f, s: seen.append((f, s)))
    assert [f for f, _ in seen] == sorted(f for f, _ in seen)
    assert seen[-1] == (1.0, "done")
    assert {"loading models", "describing", "looking"} <= {s for _, s in seen}


def test_a_stopped_interrogation_leaves_a_usable_interrogator(
    make: Callable[..., ClipInterrogator], photo: Photo
) -> None:
    def stop(fraction: float, stage: str) -> None:
        if stage.startswith("chaining"):
            raise InterruptedError

    interrogator = make()
    with pytest.raises(InterruptedError):
        interrogator.interrogate(photo(1), "best", stop)
    assert interrogator.interrogate(photo(1), "best").prompt == make().interrogate(photo(1), "best").prompt


def test_threads_get_their_own_answers(make: Callable[..., ClipInterrogator], photo: Photo) -> None:
    shared = make()
    expected = [make().interrogate(photo(n), "best").prompt for n in range(4)]
    got: dict[int, str] = {}

    def ask(number: int) -> None:
        got[number] = shared.interrogate(photo(number), "best").prompt

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [got[n] for n in range(4)] == expected


def test_a_prompt_always_leaves_room_in_the_tower(make: Callable[..., ClipInterrogator], photo: Photo) -> None:
    long_lists = (TermList("things", tuple(f"thing number {n} of many more" for n in range(400))),)
    result = make(lists=long_lists, options=ClipOptions()).interrogate(photo(1), "fast")
    shown = [t for t in result.terms if t.source == "clip"]
    assert 5 < len(shown) < 32
    assert ", ".join(t.text for t in shown) == result.prompt


@pytest.mark.parametrize("mode", ["fast", "classic", "best", "negative"])
def test_a_token_limit_holds_in_every_mode(
    mode: str, make: Callable[..., ClipInterrogator], photo: Photo, tiny_towers: ClipTowers
) -> None:
    short = make(caption=True, options=ClipOptions(max_tokens=14)).interrogate(photo(1), mode)
    assert short.prompt
    assert tiny_towers.text.length(short.prompt) <= 14


def test_fast_takes_only_terms_that_stand_out_from_a_short_list(
    make: Callable[..., ClipInterrogator], photo: Photo
) -> None:
    result = make(options=ClipOptions()).interrogate(photo(1), "fast")
    similarities = [t.similarity for t in result.terms if t.source == "clip" and t.similarity is not None]
    everything = make(options=ClipOptions(max_terms=100)).interrogate(photo(1), "tags")
    population = [t.similarity for t in everything.terms if t.source == "clip" and t.similarity is not None]
    assert len(population) == 60
    assert 1 <= len(similarities) < 10
    assert min(similarities) >= statistics.mean(population) + 1.5 * statistics.pstdev(population)


def test_from_paths_opens_files_caches_tables_and_filters(
    tiny_model: Any, model_folder: Callable[[Any, Path], Path], photo: Photo, tmp_path: Path
) -> None:
    terms = tmp_path / "terms"
    terms.mkdir()
    (terms / "things.txt").write_text("cat\nlamp\nsea\nbad thing\n")
    paths = ClipPaths(model_folder(tiny_model, tmp_path / "tiny"), terms, tmp_path / "cache")
    opened = ClipInterrogator.from_paths(paths, "trained-demo", rules=TermFilter(blocked=frozenset({"bad"})))
    result = opened.interrogate(photo(1), "tags")
    assert sorted(result.prompt.split(", ")) == ["cat", "lamp", "sea"]
    assert result.model == "tiny"
    assert [f.name.split("-")[0] for f in (tmp_path / "cache").iterdir()] == ["things"]


def test_missing_files_are_known_before_anything_is_loaded(
    tiny_model: Any, model_folder: Callable[[Any, Path], Path], tmp_path: Path
) -> None:
    with pytest.raises(ClipModelMissing, match=r"open_clip_config\.json"):
        ClipInterrogator.from_paths(ClipPaths(tmp_path / "nothing"), "real")
    folder = model_folder(tiny_model, tmp_path / "tiny")
    with pytest.raises(ClipModelMissing, match="caption"):
        ClipInterrogator.from_paths(ClipPaths(folder, caption=tmp_path / "blip"), "real")


def test_results_do_not_depend_on_the_hash_seed(
    tiny_model: Any, model_folder: Callable[[Any, Path], Path], photo: Photo, tmp_path: Path
) -> None:
    terms = tmp_path / "terms"
    terms.mkdir()
    words = [f"{a} {b}" for a in ("red", "blue", "old") for b in ("cat", "sea", "lamp", "tree", "house")]
    # The same phrase in two lists and in two cases of writing: true ties.
    (terms / "a.txt").write_text("\n".join(words))
    (terms / "b.txt").write_text("\n".join(w.upper() for w in reversed(words)))
    folder = model_folder(tiny_model, tmp_path / "tiny")
    photo(7).save(tmp_path / "photo.png")
    code = (
        "import sys; from pathlib import Path; from prompts.pictures import open_picture\n"
        "from prompts.interrogation.clip_model_interrogator import ClipInterrogator, ClipOptions, ClipPaths\n"
        "p = [Path(a) for a in sys.argv[1:]]\n"
        "clip = ClipInterrogator.from_paths(ClipPaths(p[0], p[1]), 'random', options=ClipOptions(6, shortlist=20))\n"
        "picture = open_picture(p[2].read_bytes())\n"
        "print([clip.interrogate(picture, m).prompt for m in ('fast', 'best', 'negative', 'classic')])\n"
    )
    outputs = set()
    for seed in ("0", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder), str(terms), str(tmp_path / "photo.png")],
            env={"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1", "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_a_picture_is_closest_to_itself(make: Callable[..., ClipInterrogator], photo: Photo) -> None:
    clip = make()
    assert clip.similarity(photo(1), photo(1)) == pytest.approx(1.0, abs=1e-6)
    assert clip.similarity(photo(1), photo(2)) == pytest.approx(clip.similarity(photo(2), photo(1)), abs=1e-6)
    assert clip.similarity(photo(1), photo(2)) < 0.999


def test_loading_leaves_torchs_random_state_alone(make: Callable[..., ClipInterrogator], photo: Photo) -> None:
    before = torch.random.get_rng_state()
    make().interrogate(photo(1), "best")
    assert torch.equal(before, torch.random.get_rng_state())
