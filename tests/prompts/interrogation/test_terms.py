"""Term lists: the published ones, your own, and what is left out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from prompts.errors import InterrogationError
from prompts.interrogation.terms import TermFilter, TermList, filtered, lists_in, published_lists


def test_the_published_lists_have_the_librarys_sizes() -> None:
    sizes = {each.category: len(each.texts) for each in published_lists()}
    assert sizes == {
        "artists": 10530,
        "flavors": 100970,
        "mediums": 95,
        "movements": 200,
        "trendings": 72,
        "negative": 41,
    }


def test_finding_the_published_lists_imports_no_torch() -> None:
    code = (
        "import sys; from prompts.interrogation.terms import published_lists; published_lists();"
        "sys.exit('torch' in sys.modules or 'clip_interrogator' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prompts.interrogation.terms.find_spec", lambda name: None)
    with pytest.raises(InterrogationError, match="clip-interrogator"):
        published_lists()


def test_own_lists_are_files_of_phrases_without_comments_and_repeats(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("\ufeff", encoding="utf-8")
    (tmp_path / "moods.txt").write_text("calm\n\n# a comment\n  wild  \r\ncalm\n", encoding="utf-8")
    (tmp_path / "colors.txt").write_text("red\ncafé\n", encoding="utf-8")
    (tmp_path / "notes.md").write_text("not a list")
    assert lists_in(tmp_path) == (TermList("colors", ("red", "café")), TermList("moods", ("calm", "wild")))


@pytest.mark.parametrize("make", [lambda p: p / "nowhere", lambda p: p])
def test_a_folder_without_terms_is_an_error_that_says_what_to_put_there(make: object, tmp_path: Path) -> None:
    with pytest.raises(InterrogationError) as missing:
        lists_in(make(tmp_path))  # type: ignore[operator]
    assert str(tmp_path) not in missing.value.detail


LISTS = (
    TermList("artists", ("by Ada Painter", "inspired by Ada Painter", "by Rain")),
    TermList("flavors", ("soft light", "ada painter style", "trending on pixiv", "rain", "a Bad Word here", "badword")),
    TermList("trendings", ("pixiv", "featured on pixiv")),
)


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        (TermFilter(), {"artists": 3, "flavors": 6, "trendings": 2}),
        (TermFilter(with_artists=False), {"flavors": 5, "trendings": 2}),
        (TermFilter(with_brands=False), {"artists": 3, "flavors": 5}),
        (TermFilter(blocked=frozenset({"bad word"})), {"artists": 3, "flavors": 5, "trendings": 2}),
        (TermFilter(blocked=frozenset({"PIXIV", "soft light"})), {"artists": 3, "flavors": 4}),
        (TermFilter(blocked=frozenset({"", "  "})), {"artists": 3, "flavors": 6, "trendings": 2}),
    ],
)
def test_filters_drop_whole_words_wherever_they_stand(rules: TermFilter, left: dict[str, int]) -> None:
    assert {each.category: len(each.texts) for each in filtered(LISTS, rules)} == left


def test_without_artists_no_published_phrase_names_one() -> None:
    kept = filtered(published_lists(), TermFilter(with_artists=False))
    flavors = next(each for each in kept if each.category == "flavors").texts
    assert not any("greg rutkowski" in text.casefold() for text in flavors)
    assert len(flavors) > 50_000
    assert "artists" not in {each.category for each in kept}
