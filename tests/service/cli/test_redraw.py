from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from prompts.metadata import read_spell


def test_a_picture_is_inpainted_from_the_command_line(spellwright: Callable, tmp_path: Path) -> None:
    Image.new("RGB", (96, 64), "white").save(tmp_path / "in.png")
    mask = Image.new("L", (96, 64))
    mask.paste(255, (0, 0, 40, 64))
    mask.save(tmp_path / "mask.png")
    ran = spellwright(
        *("img2img", "in.png", "a red cat", "--mask", "mask.png", "--blur", "0", "--denoise", "0.9"),
        *("--steps", "2", "--size", "96x64", "--json"),
    )
    assert ran.code == 0, ran.err
    file = Path(ran.value[0]["file"])
    with Image.open(file) as drawn:
        assert drawn.size == (96, 64)
        assert drawn.crop((40, 0, 96, 64)).getextrema() == ((255, 255),) * 3
        assert drawn.crop((0, 0, 40, 64)).getextrema() != ((255, 255),) * 3
    spell = read_spell(file.read_bytes())
    assert spell is not None and dict(spell.extra)["Denoising strength"] == "0.9"


@pytest.mark.parametrize("margins", ["left", "left=x", "middle=8", "left=-8"])
def test_margins_of_another_form_are_told(spellwright: Callable, tmp_path: Path, margins: str) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "in.png")
    ran = spellwright("img2img", "in.png", "x", "--outpaint", margins)
    assert ran.code == 2
    assert "left=64,right=64" in ran.err
