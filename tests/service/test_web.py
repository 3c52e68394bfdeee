from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.web.pages import STATIC

KEY = re.compile(r"^  (\w+): ", re.MULTILINE)
USED = re.compile(r"""\bt\("(\w+)"|data-i18n(?:-placeholder|-label)?="(\w+)\"""")
LANGUAGES = sorted((STATIC / "lang").glob("*.js"))
ENGLISH = KEY.findall((STATIC / "lang" / "en.js").read_text("utf-8"))
PLACEHOLDER = re.compile(r"\{(\w+)\}")


def texts(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text("utf-8").splitlines() if KEY.match(line)]
    return {KEY.findall(line)[0]: line for line in lines}


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda path: path.stem)
def test_every_language_has_every_text_with_the_same_values_in_it(language: Path) -> None:
    own, english = texts(language), texts(STATIC / "lang" / "en.js")
    assert list(own) == list(english)
    for key, line in own.items():
        assert sorted(PLACEHOLDER.findall(line)) == sorted(PLACEHOLDER.findall(english[key])), key


def test_every_text_that_the_page_uses_exists_and_none_is_left_over() -> None:
    sources = [*STATIC.glob("*.js"), STATIC / "index.html"]
    used = {a or b for source in sources for a, b in USED.findall(source.read_text("utf-8"))}
    assert used == set(ENGLISH)


@pytest.mark.parametrize("page", sorted(STATIC.glob("*.html")), ids=lambda path: path.name)
def test_no_page_has_inline_script_or_style_or_loads_from_elsewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)
    assert not re.search(r"""(?:src|href)="(?:https?:)?//""", text)


@pytest.mark.parametrize("script", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_no_script_makes_html_or_code_out_of_text(script: Path) -> None:
    text = script.read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert len(text.splitlines()) <= 400


def test_the_first_load_is_small() -> None:
    files = [path for path in STATIC.rglob("*") if path.is_file() and "docs" not in path.name]
    assert sum(path.stat().st_size for path in files) <= 200 * 1024
    assert len(files) <= 15


def test_every_code_that_the_page_translates_is_one_that_the_server_gives() -> None:
    translated = re.findall(r"^  (\w+): \(", (STATIC / "alert.js").read_text("utf-8"), re.MULTILINE)
    root, own = Path(__file__).parents[2], {"unreachable", "nothing_yet", "job_gone", "spell_gone"}
    sources = [
        path.read_text("utf-8") for room in ("prompts", "generator", "service") for path in (root / room).rglob("*.py")
    ]
    given = {f"{kind}_not_found" for kind in ("sampler", "schedule_type", "upscaler")}
    given |= {code for text in sources for code in re.findall(r"\"([a-z]+(?:_[a-z]+)*)\"", text)}
    assert len(translated) > len(own)
    assert sorted(set(translated) - own - given) == []
