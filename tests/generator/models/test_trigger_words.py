"""The words a LoRA answers to, read from its own metadata and from the notes beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator.models.trigger_words import WORDS, LoraNotes, lora_notes, sidecar_times

FREQUENCY = json.dumps({"10_inkgirl": {"inkstyle": 20, "1girl": 20, "rain": 6}, "5_other": {"castle": 3}})
FOLDERS = json.dumps({"10_inkgirl": {"n_repeats": 10, "img_count": 20}, "5_other": {"n_repeats": 5, "img_count": 9}})


@pytest.mark.parametrize(
    ("metadata", "triggers"),
    [
        ({}, ()),
        ({"modelspec.trigger_phrase": "inkstyle, wet ink"}, ("inkstyle", "wet ink")),
        ({"ss_tag_frequency": FREQUENCY, "ss_dataset_dirs": FOLDERS}, ("inkstyle",)),
        ({"ss_tag_frequency": FREQUENCY}, ()),
        ({"ss_tag_frequency": "{", "ss_dataset_dirs": "[]"}, ()),
        ({"ss_tag_frequency": '{"a": {"x": "many"}}', "ss_dataset_dirs": '{"a": {"img_count": true}}'}, ()),
        ({"modelspec.trigger_phrase": "<lora:evil:1>, {a|b}, fine"}, ("fine",)),
    ],
)
def test_the_file_s_own_metadata_is_read(tmp_path: Path, metadata: dict[str, str], triggers: tuple[str, ...]) -> None:
    assert lora_notes(tmp_path / "ink.safetensors", metadata).triggers == triggers


@pytest.mark.parametrize(
    ("name", "note", "notes"),
    [
        (
            "ink.json",
            {"activation text": "inkstyle, wet ink", "preferred weight": 0.66, "description": "Ink\n drawings."},
            LoraNotes(("inkstyle", "wet ink"), 0.66, "Ink drawings."),
        ),
        ("ink.civitai.info", {"trainedWords": ["inkstyle", "a, b"]}, LoraNotes(("inkstyle", "a", "b"))),
        ("ink.metadata.json", {"civitai": {"trainedWords": ["inkstyle"]}}, LoraNotes(("inkstyle",))),
        ("ink.json", {"preferred weight": 0}, LoraNotes()),
        ("ink.json", {"activation text": 5, "preferred weight": "a lot", "trainedWords": "x"}, LoraNotes()),
        ("ink.json", [1, 2], LoraNotes()),
        ("other.json", {"activation text": "elsewhere"}, LoraNotes()),
    ],
)
def test_notes_beside_the_file_are_read_whatever_they_hold(
    tmp_path: Path, name: str, note: object, notes: LoraNotes
) -> None:
    (tmp_path / name).write_text(json.dumps(note), "utf-8")
    assert lora_notes(tmp_path / "ink.safetensors", {}) == notes


def test_the_person_s_note_goes_before_the_file_and_there_is_an_end_to_words(tmp_path: Path) -> None:
    many = ", ".join(f"word{number}" for number in range(50))
    (tmp_path / "ink.json").write_text(json.dumps({"activation text": f"first, {many}, {'x' * 200}"}), "utf-8")
    found = lora_notes(tmp_path / "ink.safetensors", {"modelspec.trigger_phrase": "last"})
    assert found.triggers[0] == "first" and len(found.triggers) == WORDS


def test_a_note_that_changes_is_noticed(tmp_path: Path) -> None:
    before = sidecar_times(tmp_path / "ink.safetensors")
    (tmp_path / "ink.json").write_text("{}", "utf-8")
    assert sidecar_times(tmp_path / "ink.safetensors") != before
