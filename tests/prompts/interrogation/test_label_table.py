"""Label tables: stored once, found again, never mistaken for another model's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from prompts.interrogation import label_table
from prompts.interrogation.label_table import LabelTable, build_table, table_key
from prompts.interrogation.terms import TermList
from prompts.interrogation.towers import ClipTowers, towers_of


class CountingTower:
    """Passes on to a real tower and remembers what it was asked."""

    def __init__(self, towers: ClipTowers) -> None:
        self._tower = towers.text
        self.device = towers.text.device
        self.max_tokens = towers.text.max_tokens
        self.is_causal = towers.text.is_causal
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str], on_step: Any = None) -> Tensor:
        self.asked += texts
        return self._tower.encode(texts, on_step)

    def encode_continuations(self, prompt: str, phrases: Sequence[str]) -> Tensor:
        return self._tower.encode_continuations(prompt, phrases)

    def encode_growth(self, parts: Sequence[str]) -> Tensor:
        return self._tower.encode_growth(parts)

    def length(self, text: str) -> int:
        return self._tower.length(text)


LISTS = (TermList("colors", ("red", "blue", "green")), TermList("things", ("a cat", "a dog")))


def test_rows_hold_the_features_of_their_texts(tiny_towers: ClipTowers) -> None:
    table = build_table(LISTS, tiny_towers.text, tiny_towers.text_digest, None)
    assert table.texts == ("red", "blue", "green", "a cat", "a dog")
    assert [table.category_of(row) for row in range(5)] == ["colors"] * 3 + ["things"] * 2
    assert torch.allclose(table.features.float(), tiny_towers.text.encode(table.texts), atol=1e-3)


def test_a_stored_table_is_read_and_equal_bit_for_bit(tiny_towers: ClipTowers, tmp_path: Path) -> None:
    tower = CountingTower(tiny_towers)
    first = build_table(LISTS, tower, tiny_towers.text_digest, tmp_path / "new" / "folder")
    assert len(tower.asked) == 5
    second = build_table(LISTS, tower, tiny_towers.text_digest, tmp_path / "new" / "folder")
    assert len(tower.asked) == 5
    assert torch.equal(first.features, second.features)


def test_only_the_list_that_changed_is_computed_again(tiny_towers: ClipTowers, tmp_path: Path) -> None:
    tower = CountingTower(tiny_towers)
    build_table(LISTS, tower, tiny_towers.text_digest, tmp_path)
    tower.asked.clear()
    changed = (LISTS[0], TermList("things", ("a cat", "a mouse")))
    build_table(changed, tower, tiny_towers.text_digest, tmp_path)
    assert tower.asked == ["a cat", "a mouse"]


def test_other_weights_under_the_same_name_get_another_table(
    tiny_towers: ClipTowers, model_of: Callable[..., Any], tmp_path: Path
) -> None:
    build_table(LISTS, tiny_towers.text, tiny_towers.text_digest, tmp_path)
    other = towers_of(tiny_towers.name, model_of(seed=5), tiny_towers.tokenizer, is_quick=True)
    table = build_table(LISTS, other.text, other.text_digest, tmp_path)
    assert torch.allclose(table.features.float(), other.text.encode(table.texts), atol=1e-3)


def test_the_activation_is_part_of_the_fingerprint(model_of: Callable[..., Any], tiny_towers: ClipTowers) -> None:
    same = towers_of("x", model_of(), tiny_towers.tokenizer, is_quick=True)
    plain = towers_of("x", model_of(quick_gelu=False), tiny_towers.tokenizer, is_quick=False)
    assert same.text_digest == tiny_towers.text_digest != plain.text_digest


def test_the_key_tells_apart_what_joining_would_confuse() -> None:
    keys = {
        table_key(TermList("c", texts), digest)
        for texts in [("a", "b"), ("a,b",), ("ab",), ("b", "a"), ()]
        for digest in ("d1", "d2")
    }
    assert len(keys) == 10


def test_a_new_code_version_leaves_old_files_alone(
    tiny_towers: ClipTowers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tower = CountingTower(tiny_towers)
    build_table(LISTS, tower, tiny_towers.text_digest, tmp_path)
    monkeypatch.setattr(label_table, "CODE_VERSION", "next")
    build_table(LISTS, tower, tiny_towers.text_digest, tmp_path)
    assert len(tower.asked) == 10


@pytest.mark.parametrize("damage", [lambda d: d[: len(d) // 2], lambda d: b"", lambda d: b"{}" + d, lambda d: d[::-1]])
def test_a_torn_file_is_computed_again_and_replaced(
    damage: Callable[[bytes], bytes], tiny_towers: ClipTowers, tmp_path: Path
) -> None:
    good = build_table(LISTS, tiny_towers.text, tiny_towers.text_digest, tmp_path)
    for file in tmp_path.iterdir():
        file.write_bytes(damage(file.read_bytes()))
    tower = CountingTower(tiny_towers)
    assert torch.equal(build_table(LISTS, tower, tiny_towers.text_digest, tmp_path).features, good.features)
    assert len(tower.asked) == 5
    build_table(LISTS, tower, tiny_towers.text_digest, tmp_path)
    assert len(tower.asked) == 5


def test_a_failed_write_costs_the_file_and_not_the_table(
    tiny_towers: ClipTowers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(label_table, "save_file", no_space)
    table = build_table(LISTS, tiny_towers.text, tiny_towers.text_digest, tmp_path)
    assert len(table.texts) == 5
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told_for_computed_lists_only(tiny_towers: ClipTowers, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []

    def watch(category: str, done: int, of: int) -> None:
        seen.append((category, done, of))

    build_table(LISTS, tiny_towers.text, tiny_towers.text_digest, tmp_path, watch)
    assert {(c, of) for c, _, of in seen} == {("colors", 3), ("things", 2)}
    seen.clear()
    build_table(LISTS, tiny_towers.text, tiny_towers.text_digest, tmp_path, watch)
    assert seen == []


def table_of(*sizes: int) -> LabelTable:
    lists = [TermList(f"c{i}", tuple(f"t{i}.{j}" for j in range(size))) for i, size in enumerate(sizes)]
    spans, at = [], 0
    for each in lists:
        spans.append((each.category, at, at + len(each.texts)))
        at += len(each.texts)
    return LabelTable(tuple(t for each in lists for t in each.texts), tuple(spans), torch.arange(at * 2.0).view(at, 2))


@pytest.mark.parametrize("names", [["c0"], ["c1", "c2"], ["c0", "c2"], ["c0", "c1", "c2", "c3"], [], ["none"]])
def test_a_part_holds_the_rows_of_its_categories_in_order(names: list[str]) -> None:
    table = table_of(3, 1, 4, 2)
    part = table.part(names)
    rows = [row for row in range(10) if table.category_of(row) in names]
    assert part.texts == tuple(table.texts[row] for row in rows)
    assert torch.equal(part.features, table.features[rows])
    assert [part.category_of(i) for i in range(len(rows))] == [table.category_of(row) for row in rows]


def test_an_unknown_category_has_no_rows() -> None:
    assert table_of(2, 2).rows("nothing") == slice(0, 0)
