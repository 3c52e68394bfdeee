"""What one reader may wish: targets, filters, length; and that a wish survives its way through a job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from prompts.errors import UnknownName
from prompts.interrogation.clip_model_interrogator import ClipInterrogator, ClipPaths, LoadedClip, lists_of
from prompts.interrogation.description import NO_CAPTION, Description
from prompts.interrogation.interrogator import MODES
from prompts.interrogation.measured_interrogator import MeasuredInterrogator
from prompts.interrogation.modes import ClipOptions
from prompts.interrogation.prose import prose
from prompts.interrogation.result import Interrogation, Term, listed
from prompts.interrogation.terms import TermFilter, TermList
from prompts.interrogation.towers import ClipTowers
from prompts.interrogation.wishes import Wishes, target_named, wishes_from_json

Photo = Callable[[int], Image.Image]


@pytest.fixture(scope="module")
def clip(tiny_towers: ClipTowers, tiny_lists: tuple[TermList, ...]) -> ClipInterrogator:
    loaded = LoadedClip(tiny_towers, tiny_lists)
    return ClipInterrogator(lambda: loaded, "real", options=ClipOptions(8, 2, shortlist=16))


@pytest.mark.parametrize(
    ("text", "style"),
    [("tags", "tags"), (" SD15", "tags"), ("prose", "prose"), ("sdxl", "prose"), ("demo", "caption")],
)
def test_a_target_is_a_style_or_a_model_family(text: str, style: str) -> None:
    assert target_named(text) == style


def test_an_unknown_target_is_named_with_near_ones() -> None:
    with pytest.raises(UnknownName, match=r"no target 'sd-xl'.*sdxl") as caught:
        target_named("sd-xl")
    assert caught.value.stable_code == "target_not_found"


@pytest.mark.parametrize(
    "wishes",
    [
        Wishes(),
        Wishes("prose", TermFilter(False, False, frozenset({"cat", "古い"}), frozenset({"flavors"})), 40),
    ],
)
def test_wishes_come_back_from_json(wishes: Wishes) -> None:
    assert wishes_from_json(wishes.to_json()) == wishes
    assert wishes_from_json({}) == Wishes()


@pytest.mark.parametrize(
    ("rules", "gone"),
    [
        (TermFilter(with_artists=False), ("Ada Painter", "Bo Sculptor")),
        (TermFilter(with_brands=False), ("pixiv", "flickr")),
        (TermFilter(blocked=frozenset({"CAT", "lamp"})), ("cat", "lamp")),
        (TermFilter(lists=frozenset({"mediums", "movements"})), ("red", "blurry", "Painter", "pixiv")),
    ],
)
@pytest.mark.parametrize("mode", ["tags", "fast", "classic", "best"])
def test_filters_hold_for_one_request_and_leave_the_next_as_it_was(
    mode: str, rules: TermFilter, gone: tuple[str, ...], clip: ClipInterrogator, photo: Photo
) -> None:
    before = clip.interrogate(photo(1), mode)
    found = clip.interrogate(photo(1), mode, wishes=Wishes(rules=rules))
    ranked = [term.text for term in found.terms if term.source == "clip"]
    assert ranked
    assert not [text for text in ranked for word in gone if word in text]
    assert clip.interrogate(photo(1), mode).prompt == before.prompt


def test_a_filtered_ranking_is_the_whole_ranking_without_what_is_left_out(clip: ClipInterrogator, photo: Photo) -> None:
    every = ClipInterrogator(clip._load, "real", options=ClipOptions(200))
    whole = every.interrogate(photo(2), "tags").terms
    rules = TermFilter(blocked=frozenset({"robot"}))
    kept = every.interrogate(photo(2), "tags", wishes=Wishes(rules=rules)).terms
    assert [t.text for t in kept] == [t.text for t in whole if "robot" not in t.text]


def test_a_list_that_is_not_there_is_named_with_those_that_are(clip: ClipInterrogator, photo: Photo) -> None:
    with pytest.raises(UnknownName, match=r"no term list called 'flavor'.*flavors") as caught:
        clip.interrogate(photo(1), wishes=Wishes(rules=TermFilter(lists=frozenset({"flavor"}))))
    assert caught.value.stable_code == "list_not_found"


def test_own_lists_come_beside_the_published_ones_and_replace_those_of_their_name(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "base" / "flavors.txt").write_text("misty\n")
    (tmp_path / "base" / "mediums.txt").write_text("a photo\n")
    (tmp_path / "own" / "flavors.txt").write_text("sunny\n")
    (tmp_path / "own" / "tea.txt").write_text("oolong\n")
    lists = lists_of(ClipPaths(tmp_path, tmp_path / "base", own_terms=tmp_path / "own"))
    assert {each.category: each.texts for each in lists} == {
        "mediums": ("a photo",),
        "flavors": ("sunny",),
        "tea": ("oolong",),
    }
    published = lists_of(ClipPaths(tmp_path, own_terms=tmp_path / "own"))
    assert published[-1] == TermList("tea", ("oolong",)) and len(published) == 7


@pytest.mark.parametrize("mode", ["fast", "classic", "best"])
@pytest.mark.parametrize("target", ["tags", "prose"])
def test_a_token_limit_holds_for_tags_and_prose(
    target: str, mode: str, clip: ClipInterrogator, tiny_towers: ClipTowers, photo: Photo
) -> None:
    wishes = wishes_from_json({"target": target, "max_tokens": 20})
    found = clip.interrogate(photo(3), mode, wishes=wishes, description=Description("a cat", "eyes"))
    assert tiny_towers.text.length(found.prompt) <= 20
    if mode != "best":  # whose chain may end early by itself
        assert tiny_towers.text.length(clip.interrogate(photo(3), mode).prompt) > 20


LONG = "a very small cat sits on a very large blue mat in front of a door that nobody has opened for many years"


@pytest.mark.parametrize("limit", [8, 13, 25])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("target", ["tags", "prose", "caption"])
def test_the_whole_spell_keeps_to_the_length_asked_for_whatever_it_is_made_of(
    target: str, mode: str, limit: int, clip: ClipInterrogator, tiny_towers: ClipTowers, photo: Photo
) -> None:
    wishes = wishes_from_json({"target": target, "max_tokens": limit})
    for description in (None, Description(LONG, "eyes")):
        found = clip.interrogate(photo(3), mode, wishes=wishes, description=description)
        spell = found.to_spell()
        for text in (found.prompt, spell.prompt, spell.negative_prompt):
            assert tiny_towers.text.length(text) <= limit, text
        assert spell.prompt or mode == "negative" or target == "caption"
        assert found.caption in (None, LONG), "the evidence is whole"
        assert found.tokens == (tiny_towers.text.length(found.prompt) if found.prompt else 0)


def test_without_clip_the_length_asked_for_is_kept_by_estimate(tiny_towers: ClipTowers, photo: Photo) -> None:
    for target in ("tags", "prose"):
        wishes = wishes_from_json({"target": target, "max_tokens": 12})
        found = MeasuredInterrogator().interrogate(photo(3), wishes=wishes, description=Description(LONG, "eyes"))
        prompt = found.to_spell().prompt
        assert prompt.casefold().startswith("a very small cat") and tiny_towers.text.length(prompt) <= 12


def test_prose_is_sentences_with_their_own_similarity(clip: ClipInterrogator, photo: Photo) -> None:
    told = Description("a queen in a hall", "eyes")
    found = clip.interrogate(photo(4), "classic", wishes=Wishes("prose"), description=told)
    assert found.prompt.startswith("A queen in a hall, ")
    assert found.prompt.endswith(".") and ". The style is " in found.prompt
    assert found.target == "prose" and found.caption_by == "eyes" and found.caption_source == "chat"
    tags = clip.interrogate(photo(4), "classic", description=told)
    assert found.similarity != tags.similarity
    assert "The look: " in found.to_spell().prompt
    assert [t.text for t in found.terms] == [t.text for t in tags.terms], "the evidence is the same"


@pytest.mark.parametrize(
    ("caption", "terms", "expected"),
    [
        (None, [], ""),
        ("a cat", [], "A cat."),
        (None, [Term("misty", "flavors"), Term("calm", "flavors")], "Misty. Described as calm."),
        (
            "a cat",
            [Term("an oil painting", "mediums"), Term("by Ada", "artists")],
            "A cat, an oil painting. It is by Ada.",
        ),
        ("a photo of a cat", [Term("a photo", "mediums"), Term("pixiv", "trendings")], "A photo of a cat."),
        ("a cat", [Term(t, "flavors") for t in "xyz"], "A cat. Described as x, y and z."),
    ],
)
def test_sentences_are_built_from_what_is_there(caption: str | None, terms: list[Term], expected: str) -> None:
    assert prose(caption, terms, lambda text: True) == expected


def test_a_sentence_ends_before_the_item_that_does_not_fit() -> None:
    terms = [Term(t, "flavors") for t in ("first", "second", "third")]
    assert prose("a cat", terms, lambda text: "third" not in text) == "A cat. Described as first and second."


def test_items_are_listed_as_in_a_sentence() -> None:
    assert [listed(items) for items in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_a_caption_target_is_one_plain_phrase(clip: ClipInterrogator, photo: Photo) -> None:
    alone = clip.interrogate(photo(5), wishes=Wishes("caption"))
    assert alone.prompt == next(t.text for t in alone.terms)
    told = clip.interrogate(photo(5), wishes=Wishes("caption"), description=Description("a lamp", "eyes"))
    assert told.prompt == "a lamp"


@pytest.mark.parametrize("mode", ["tags", "negative"])
def test_the_ranked_list_and_the_negative_prompt_stay_tags(mode: str, clip: ClipInterrogator, photo: Photo) -> None:
    plain = clip.interrogate(photo(6), mode)
    assert clip.interrogate(photo(6), mode, wishes=Wishes("prose")).prompt == plain.prompt


def test_a_told_caption_goes_into_the_spell_even_where_clip_is_not_believed(
    tiny_towers: ClipTowers, tiny_lists: tuple[TermList, ...], photo: Photo
) -> None:
    chance = ClipInterrogator(lambda: LoadedClip(tiny_towers, tiny_lists), "random")
    told = Description("a cat <lora:evil:1> (((on))) a mat AND more", "eyes")
    for found in (
        chance.interrogate(photo(7), description=told),
        MeasuredInterrogator().interrogate(photo(7), description=told),
    ):
        prompt = found.to_spell().prompt
        assert prompt.startswith(r"a cat lora:evil:1 \(\(\(on\)\)\) a mat and more")
        assert not [t for t in found.terms if t.source == "clip" and t.text in prompt]


def test_who_could_not_describe_is_told_and_nothing_is_made_up(
    clip: ClipInterrogator, tiny_towers: ClipTowers, tiny_lists: tuple[TermList, ...], photo: Photo
) -> None:
    class Local:
        name = "local"

        def captions(self, pictures: list[Image.Image]) -> list[str]:
            return ["a local word"] * len(pictures)

    silent = Description(None, "eyes", "The vision model eyes did not describe the picture: it is down.")
    alone = clip.interrogate(photo(8), description=silent)
    assert alone.caption is None and "eyes did not describe" in alone.notice
    helped = ClipInterrogator(lambda: LoadedClip(tiny_towers, tiny_lists, Local()), "real")
    pair = helped.interrogate_many([photo(8), photo(9)], "fast", None, None, [silent, Description("told", "eyes")])
    assert [(p.caption, p.caption_by, p.caption_source) for p in pair] == [
        ("a local word", "local", "model"),
        ("told", "eyes", "chat"),
    ]
    assert "eyes did not describe" in pair[0].notice and "eyes" not in pair[1].notice
    assert helped.interrogate(photo(8), description=NO_CAPTION).caption is None


def test_the_evidence_is_in_the_json(clip: ClipInterrogator, photo: Photo) -> None:
    found: Interrogation = clip.interrogate(photo(1), description=Description("a cat", "eyes"))
    told = found.to_json()
    assert told["caption"] == "a cat" and told["caption_by"] == "eyes" and told["model"] == "tiny/random"
    assert told["seconds"] > 0 and told["similarity"] is not None and told["target"] == "tags"
    ranked = [t for t in told["terms"] if t["source"] == "clip"]
    assert ranked and all(t["category"] and t["similarity"] is not None and t["gain"] is not None for t in ranked)
