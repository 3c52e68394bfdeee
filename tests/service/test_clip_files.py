"""Which term lists photos can be read with: the family's or the published ones, and the operator's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from prompts.errors import InterrogationError
from prompts.interrogation.terms import PUBLISHED_LISTS, published_lists
from service.clip_files import list_names
from service.testing import quiet_settings


def test_without_lists_of_its_own_a_clip_reads_the_published_ones(tmp_path: Path) -> None:
    names = list_names(quiet_settings(tmp_path), None)
    assert names == PUBLISHED_LISTS == tuple(each.category for each in published_lists())


def test_a_family_s_lists_stand_instead_of_the_published_and_the_operator_s_own_behind_both(tmp_path: Path) -> None:
    family, own = tmp_path / "labels", tmp_path / "own"
    for folder, name in ((family, "styles"), (family, "empty"), (own, "tea"), (own, "flavors")):
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.txt").write_text("" if name == "empty" else "something\n")
    settings = quiet_settings(tmp_path, terms_dir=own)
    assert list_names(settings, family) == ("styles", "flavors", "tea")
    assert list_names(settings, None) == (*PUBLISHED_LISTS, "tea")


def test_a_folder_of_empty_lists_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "tea.txt").write_text("# nothing yet\n")
    with pytest.raises(InterrogationError, match="holds no terms"):
        list_names(quiet_settings(tmp_path, terms_dir=tmp_path / "own"), None)
