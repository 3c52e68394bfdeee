"""The commands people copy out of the README are run, or at least understood, by the product."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from service.cli import main

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
LINES = [line for block in BLOCKS for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("spellwright ")]
NEEDS_MORE_THAN_A_FRESH_CLONE = ("models add", "models fetch", "--checkpoint")


def arguments(command: str) -> list[str]:
    return shlex.split(command, comments=True)[1:]


@pytest.fixture(scope="session")
def readme_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme-data")


@pytest.fixture
def newcomer(readme_data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder with the two files the README talks about, no key, no settings."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SPELLWRIGHT_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPELLWRIGHT_DATA_DIR", str(readme_data_dir))
    monkeypatch.chdir(tmp_path)
    Image.linear_gradient("L").resize((96, 64)).convert("RGB").save("photo.jpg")
    Image.linear_gradient("L").resize((96, 64)).convert("RGB").save("picture.png")


@pytest.mark.parametrize("command", [c for c in COMMANDS if not any(n in c for n in NEEDS_MORE_THAN_A_FRESH_CLONE)])
def test_a_command_of_the_readme_works_on_a_fresh_clone(newcomer: None, command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments(command))
    finds_something = " lint " in command
    assert ended.value.code in ((1,) if finds_something else (0, None))


@pytest.mark.parametrize("command", [c for c in COMMANDS if any(n in c for n in NEEDS_MORE_THAN_A_FRESH_CLONE)])
def test_a_command_that_needs_a_model_or_a_network_is_at_least_one_the_product_knows(
    newcomer: None, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = arguments(command)
    options = [w for w in words if w.startswith("--")]
    path = [w for w in words[:2] if re.fullmatch(r"[a-z]+", w)]
    with pytest.raises(SystemExit) as ended:
        main([*path, "--help"])
    assert ended.value.code in (0, None)
    known = capsys.readouterr().out
    assert all(option in known for option in options)


def test_the_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = {w for line in LINES for w in re.findall(r"\bmake ([a-z]+)", line)}
    assert {"demo", "test", "serve"} <= targets
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)


@pytest.mark.parametrize("page", sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]), ids=lambda p: p.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_file_that_the_flows_name_exists() -> None:
    text = (ROOT / "docs" / "flows.md").read_text("utf-8")
    named = set(re.findall(r"`((?:service|prompts|generator)/[\w/]+\.py)`", text))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []
