"""The commands interrogate and roundtrip."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from prompts.metadata import read_spell


def some_photos(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        picture = Image.linear_gradient("L").convert("RGB").resize((96 + number, 64))
        picture.save(folder / f"{number}.jpg")
    return folder


def test_a_folder_is_read_at_once_and_its_bad_file_named(spellwright: Callable) -> None:
    folder = some_photos(Path("photos"), 3)
    (folder / "1b.jpg").write_text("no picture")
    (folder / "notes.txt").write_text("left alone")
    ran = spellwright("interrogate", str(folder), "--json")
    assert ran.code == 2, ran.err
    assert [found["picture"] for found in ran.value] == ["0.jpg", "1.jpg", "2.jpg"]
    error = json.loads(ran.err.strip().splitlines()[-1])
    assert error["code"] == "image_format_not_allowed" and error["file"] == "1b.jpg"
    for found in ran.value:
        evidence = found["details"]["interrogation"]
        assert evidence["model"] and evidence["seconds"] > 0
        ranked = [term for term in evidence["terms"] if term["source"] == "clip"]
        assert ranked and all(t["category"] and t["similarity"] is not None and "gain" in t for t in ranked)


def test_the_terminal_shows_a_bar_and_the_evidence(spellwright: Callable) -> None:
    ran = spellwright("interrogate", str(some_photos(Path("photos"), 2)))
    assert ran.code == 0, ran.err
    assert "100% done" in ran.err
    assert ran.out.count("evidence  ") >= 2 and ran.out.count("model     ") == 2


def test_own_terms_and_filters_decide_what_is_ranked(spellwright: Callable) -> None:
    own = Path("own")
    own.mkdir()
    (own / "tea.txt").write_text("# mine\noolong\ngreen tea\nblack tea by Ada\n")
    photo = str(some_photos(Path("photos"), 1) / "0.jpg")
    ran = spellwright(
        *("interrogate", photo, "--mode", "tags", "--terms", str(own), "--list", "tea", "--block", "green", "--json")
    )
    [found] = ran.value
    ranked = {t["text"]: t["category"] for t in found["details"]["interrogation"]["terms"] if t["source"] == "clip"}
    assert ranked == {"oolong": "tea", "black tea by Ada": "tea"}


def test_prose_is_prose(spellwright: Callable) -> None:
    [found] = spellwright(
        "interrogate", str(some_photos(Path("photos"), 1)), "--target", "sdxl", "--max-tokens", "40", "--json"
    ).value
    assert found["details"]["interrogation"]["target"] == "prose"
    assert "The look: " in found["spell"]["prompt"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("photos/0.jpg", "--target", "sd-xl"), "target_not_found"),
        (("photos/0.jpg", "--list", "flavor"), "list_not_found"),
        (("photos/0.jpg", "--mode", "slow"), "mode_not_found"),
        (("empty",), "image_invalid"),
        (("none.jpg",), "image_invalid"),
        (("photos/0.jpg", "--captions", "perhaps"), "settings_invalid"),
    ],
)
def test_what_cannot_be_asked_ends_with_2_and_its_code(
    spellwright: Callable, arguments: tuple[str, ...], code: str
) -> None:
    some_photos(Path("photos"), 1)
    Path("empty").mkdir()
    ran = spellwright("interrogate", *arguments)
    assert ran.code == 2
    assert f"[{code}]" in ran.err


def test_a_round_trip_draws_compares_proposes_and_writes_the_picture(spellwright: Callable) -> None:
    photo = str(some_photos(Path("photos"), 1) / "0.jpg")
    ran = spellwright("roundtrip", photo, "--steps", "2", "--seed", "4", "--out", "drawn.png", "--apply", "--json")
    assert ran.code == 0, ran.err
    trip = ran.value
    assert -1.0 <= trip["comparison"]["similarity"] <= 1.0
    assert 0.0 <= trip["comparison"]["palette_distance"] <= 1.0
    assert trip["reference"]["terms"] and trip["drawn"]["terms"]
    drawn = read_spell(Path("drawn.png").read_bytes())
    assert drawn is not None and drawn.params.seed == 4 and drawn.params.steps == 2
    if trip["proposals"]:
        assert trip["applied"]["version"] == 2
        assert trip["applied"]["spell"]["prompt"] == trip["proposed"]["prompt"]
    shown = spellwright("roundtrip", photo, "--steps", "2", "--seed", "4")
    assert "palette distance" in shown.out and "proposed" in shown.out
