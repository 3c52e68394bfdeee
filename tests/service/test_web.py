from __future__ import annotations

import gzip
import hashlib
import json
import re
import tomllib
from pathlib import Path

import pytest

from service.web.assets import Assets
from service.web.pages import STATIC
from service.web.vendoring import LIST, wrapped

PLACEHOLDER = re.compile(r"\{(\w+)\}")
USED = re.compile(r"""\bt\("([\w.]+)\"""")
FAMILIES = re.compile(
    r"^(author|verdictWhy|category|doctor|field|kind|lint|mode|pane|source|state|target|verdict|waiting)\."
)
SCRIPTS = sorted(path for path in STATIC.rglob("*.js") if "vendor" not in path.parts)
FIRST_LOAD = re.compile(r'(?:href|src)="/static/([^"]+)"')


def language(name: str) -> dict[str, str]:
    texts: dict[str, str] = json.loads((STATIC / "lang" / f"{name}.json").read_text("utf-8"))
    return texts


def code(path: Path) -> str:
    return path.read_text("utf-8")


def test_every_language_has_every_text_with_the_same_values_in_it() -> None:
    english = language("en")
    for path in (STATIC / "lang").glob("*.json"):
        own = language(path.stem)
        assert list(own) == list(english)
        for key, text in own.items():
            assert text.strip()
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(english[key])), key


def test_chinese_texts_are_chinese() -> None:
    alike = {key for key, text in language("zh-CN").items() if not re.search(r"[\u4e00-\u9fff]", text)}
    names = {"navLabel", "loras", "tokens", "kind.lora", "source.clip", "sizePreset", "field.vae"}
    assert alike <= names | {"doctor.python", "doctor.torch", "doctor.LoRAs"}


def test_every_text_that_the_page_uses_exists_and_none_is_left_over() -> None:
    sources = "\n".join(code(path) for path in SCRIPTS)
    used, known = set(USED.findall(sources)), set(language("en"))
    assert used - known == set()
    spare = {key for key in known - used if not FAMILIES.match(key) and f'"{key}"' not in sources}
    assert spare - {"done", "cancelled"} == set()  # named by a job's status


def test_every_lint_code_and_doctor_s_check_has_a_text_in_every_language() -> None:
    root = Path(__file__).parents[2]
    rules = "".join(code(path) for path in (root / "prompts" / "language").glob("*rules.py"))
    lint = set(re.findall(r'Finding\(\s*"(\w+)"', rules))
    checks = set(re.findall(r'Check\(\s*"([\w ]+)"', code(root / "service" / "doctor.py")))
    assert len(lint) > 20 and len(checks) > 8
    assert {f"lint.{name}" for name in lint} | {f"doctor.{name}" for name in checks} <= set(language("en"))
    states = set(
        re.findall(r'Check\(\s*"([\w ]+)",\s*"(limited|missing|broken)"', code(root / "service" / "doctor.py"))
    )
    assert len(states) > 8
    assert {f"doctor.{name}.{state}" for name, state in states} <= set(language("en"))


def test_every_verdict_that_is_not_exact_has_a_reason_in_every_language() -> None:
    doctor = code(Path(__file__).parents[2] / "prompts" / "metadata" / "doctor.py")
    listed = re.findall(r'\("([\w ]+)", (APPROXIMATED|MISSING), "', doctor)
    made = re.findall(r'Verdict\("([\w ]+)", (APPROXIMATED|MISSING),', doctor)
    assert len(listed) > 12 and len(made) > 8
    wanted = {f"verdictWhy.{field.lower()}.{state.lower()}" for field, state in {*listed, *made}}
    assert wanted <= set(language("en"))


@pytest.mark.parametrize("page", sorted(STATIC.glob("*.html")), ids=lambda path: path.name)
def test_no_page_has_inline_script_or_style_or_loads_from_elsewhere(page: Path) -> None:
    text = code(page)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)
    assert not re.search(r"""(?:src|href)="(?:https?:)?//""", text)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_html_or_code_out_of_text(script: Path) -> None:
    text = code(script)
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySet|document\.write|\beval\(|new Function|srcdoc"
    assert not re.search(forbidden, text)
    assert len(text.splitlines()) <= 400


def test_the_first_load_is_small() -> None:
    names = {*FIRST_LOAD.findall(code(STATIC / "index.html")), "index.html", "lang/zh-CN.json"}
    assets = Assets(STATIC)
    sizes = {name: len(found.gzipped or found.body) for name in names if (found := assets.find(name)) is not None}
    assert set(sizes) == names and len(names) + 3 <= 15  # and three questions to the API
    assert sum(sizes.values()) <= 60 * 1024


def test_whatever_the_first_screen_imports_is_loaded_ahead() -> None:
    ahead = set(FIRST_LOAD.findall(code(STATIC / "index.html")))
    imported = re.compile(r'^import .* from "\./([\w./]+)";$', re.MULTILINE)
    todo, seen = ["app.js"], set[str]()
    while todo:
        name = todo.pop()
        seen.add(name)
        todo += [found for found in imported.findall(code(STATIC / name)) if found not in seen]
    assert seen <= ahead


def test_what_is_vendored_is_what_its_list_says() -> None:
    listed = tomllib.loads(code(LIST))
    file = STATIC.parent / listed["file"]["path"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == listed["file"]["sha256"]
    for package in listed["package"]:
        assert f"// {package['name']} {package['version']}, {package['licence']}" in code(file)
        licence = file.parent / f"{package['name'].replace('@', '').replace('/', '-')}.LICENSE.txt"
        assert licence.is_file() and package["licence"] in ("MIT", "Apache-2.0")


def test_a_vendored_module_keeps_its_names_and_loses_its_imports() -> None:
    source = 'import{options as n}from"preact";const a=1;export{a as useThing,n as other};\n//# sourceMappingURL=x.map'
    assert wrapped("preact/hooks", source) == (
        'modules["preact/hooks"]=(()=>{const{options:n}=modules["preact"];const a=1;\nreturn{useThing:a,other:n}})();\n'
    )
    with pytest.raises(ValueError, match="does not know"):
        wrapped("x", "export const a=1;")


def test_a_version_stands_for_every_file_and_pages_name_it(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1;" * 900)
    (tmp_path / "index.html").write_text('<script src="/static/a.js"></script>')
    first = Assets(tmp_path)
    page, script = first.find("index.html"), first.find("a.js")
    assert page is not None and page.body == f'<script src="/static/{first.version}/a.js"></script>'.encode()
    assert script is not None and script.gzipped is not None and gzip.decompress(script.gzipped) == script.body
    (tmp_path / "a.js").write_text("2;" * 900)
    assert Assets(tmp_path).version != first.version
    assert first.find("../a.js") is None


def test_every_code_that_the_page_translates_is_one_that_the_server_gives() -> None:
    translated = re.findall(r"^  (\w+): \(", code(STATIC / "problems.js"), re.MULTILINE)
    root, own = Path(__file__).parents[2], {"unreachable", "nothing_yet", "job_gone", "spell_gone", "paste_empty"}
    sources = [code(path) for room in ("prompts", "generator", "service") for path in (root / room).rglob("*.py")]
    given = {f"{kind}_not_found" for kind in ("sampler", "schedule_type", "upscaler")}
    given |= {name for text in sources for name in re.findall(r"\"([a-z]+(?:_[a-z]+)*)\"", text)}
    assert len(translated) > len(own)
    assert sorted(set(translated) - own - given) == []


def test_damage_and_the_limit_of_and_have_their_own_sentences() -> None:
    text = code(STATIC / "problems.js")
    translated = re.findall(r"^  (\w+): \(", text, re.MULTILINE)
    assert {"database_damaged", "blob_missing", "model_not_finite", "model_incomplete"} <= set(translated)
    assert text.index('"errorParts"') < text.index('"errorMultiple"')  # a prompt is no multiple of its limit
