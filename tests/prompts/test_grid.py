from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from prompts.contact_sheet import contact_sheet
from prompts.errors import PromptError
from prompts.grid import NO_AXIS, Axis, plan_grid, plan_matrix, read_axis
from prompts.label_font import escaped, label_font
from prompts.spell import HiresFix, Params, Spell

SPELL = Spell("a red cat", "ugly", params=Params(steps=20, seed=7))


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("Steps: 10, 20,30", "Steps", ("10", "20", "30")),
        ("steps: 1-5", "Steps", ("1", "2", "3", "4", "5")),
        ("Steps: 10-30 (+10), 50", "Steps", ("10", "20", "30", "50")),
        ("Seed: 5-1 (-2)", "Seed", ("5", "3", "1")),
        ("CFG Scale: 1-7 [4]", "CFG Scale", ("1", "3", "5", "7")),
        ("Denoising: 0-1 (+0.25)", "Denoising", ("0", "0.25", "0.5", "0.75", "1")),
        ('Prompt S/R: cat, "dog, small"', "Prompt S/R", ("cat", "dog, small")),
        ("Sampler: Euler a, DPM++ 2M Karras", "Sampler", ("Euler a", "DPM++ 2M Karras")),
    ],
)
def test_axes_are_written_as_in_the_web_ui(text: str, kind: str, values: tuple[str, ...]) -> None:
    assert read_axis(text) == Axis(kind, values)


@pytest.mark.parametrize(
    ("text", "code"),
    [("Steps", "axis_invalid"), ("Steps:", "axis_invalid"), ("Stepps: 1", "axis_not_found")],
)
def test_another_form_is_refused(text: str, code: str) -> None:
    with pytest.raises(PromptError) as refused:
        read_axis(text)
    assert refused.value.stable_code == code


def test_a_grid_is_every_combination_in_rows() -> None:
    grid = plan_grid(SPELL, read_axis("Steps: 10,20"), read_axis("Prompt S/R: cat, dog"), read_axis("Seed: 1,2"))
    assert [(c.x, c.y, c.z) for c in grid.cells[:5]] == [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1)]
    assert len(grid.cells) == 8
    last = grid.cells[-1].spell
    assert (last.prompt, last.params.steps, last.params.seed) == ("a red dog", 20, 2)


def test_axes_change_what_they_name() -> None:
    def only(text: str) -> Spell:
        return plan_grid(SPELL, read_axis(text)).cells[0].spell

    assert only("Sampler: DPM++ 2M Karras").params.schedule_type == "Karras"
    assert only("Size: 512x768").params.height == 768
    assert only("Denoising: 0.4").params.hires == HiresFix(denoising_strength=0.4)
    assert only("Clip skip: 2").params.clip_skip == 2


@pytest.mark.parametrize(
    ("axis", "code"),
    [
        ("Steps: many", "axis_invalid"),
        ("Size: large", "axis_invalid"),
        ("Prompt S/R: penguin, cat", "axis_invalid"),
        ("Seed: 1-101", "too_many_cells"),
        ("Seed: 1-1000000000", "too_many_cells"),
    ],
)
def test_values_that_do_not_fit_and_grids_that_are_too_large_are_refused(axis: str, code: str) -> None:
    with pytest.raises(PromptError) as refused:
        plan_grid(SPELL, read_axis(axis))
    assert refused.value.stable_code == code


def test_a_matrix_is_every_choice_of_its_parts() -> None:
    grid = plan_matrix(Spell("a cat|night|rain"))
    assert [cell.spell.prompt for cell in grid.cells] == ["a cat", "a cat, night", "a cat, rain", "a cat, night, rain"]
    assert (grid.x.values, grid.y.values) == (("", "night"), ("", "rain"))
    assert len(plan_matrix(Spell("a|b|c|d|e")).cells) == 16
    for prompt in ("a cat", "a|b|c|d|e|f|g|h"):
        with pytest.raises(PromptError):
            plan_matrix(Spell(prompt))


def test_a_sheet_holds_every_picture_and_labels_around_them() -> None:
    grid = plan_grid(SPELL, read_axis("Steps: 10,20"), read_axis("Seed: 1,2"))
    colours = {(0, 0, 0): "red", (1, 0, 0): "green", (0, 1, 0): "blue"}
    sheet = contact_sheet(grid, {place: Image.new("RGB", (64, 48), colour) for place, colour in colours.items()})
    counted = {colour: count for count, colour in sheet.getcolors(1 << 20) or []}
    for colour in ((255, 0, 0), (0, 128, 0), (0, 0, 255)):
        assert counted[colour] == 64 * 48
    assert sheet.width > 2 * 64 and sheet.height > 2 * 48
    assert any(sum(colour) < 200 and colour not in ((0, 128, 0),) for colour in counted if len(set(colour)) == 1)


def test_a_sheet_without_axes_is_the_picture_and_a_large_one_is_made_smaller() -> None:
    one = contact_sheet(plan_grid(SPELL), {(0, 0, 0): Image.new("RGB", (64, 64))})
    assert one.size == (68, 68)
    wide = plan_grid(SPELL, Axis("Seed", tuple(map(str, range(100)))), NO_AXIS)
    sheet = contact_sheet(wide, {(i, 0, 0): Image.new("RGB", (512, 512)) for i in range(2)})
    assert sheet.width <= 8192
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet(wide, {})


@pytest.mark.parametrize("fonts", [(), None], ids=["no font", "the system's"])
def test_chinese_labels_can_be_told_apart_whatever_fonts_there_are(fonts: tuple[Path, ...] | None) -> None:
    """A font without the characters would write the same empty box for all of them."""
    picture = Image.new("RGB", (128, 128), "red")
    one, other = (
        contact_sheet(plan_grid(SPELL, Axis("Prompt S/R", ("cat", animal))), {(0, 0, 0): picture}, fonts)
        for animal in ("猫", "狗")
    )
    assert one.tobytes() != other.tobytes()


def test_a_label_without_a_font_is_written_in_code_points(tmp_path: Path) -> None:
    (tmp_path / "NotoSansCJK-Regular.ttc").write_bytes(b"no font")
    assert label_font(["猫"], 12, [tmp_path, tmp_path / "nowhere"])[1] is False
    assert label_font(["a cat", "кот"], 12, [])[1] is True
    assert escaped("a 猫 b") == "a U+732B  b"
