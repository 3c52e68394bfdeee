"""The shape of the code, checked by a machine so that reviews can be about meaning."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("prompts", "generator", "service")
FILE_LINES = 400
FUNCTION_LINES = 50


def sources() -> list[Path]:
    found = [p for package in PACKAGES for p in (ROOT / package).rglob("*.py")]
    return [p for p in found if "versions" not in p.parts]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_source_file_is_longer_than_400_lines() -> None:
    long = {
        str(p.relative_to(ROOT)): n for p in sources() if (n := len(p.read_text("utf-8").splitlines())) > FILE_LINES
    }
    assert long == {}


def test_no_function_is_longer_than_50_lines() -> None:
    long = {
        f"{p.relative_to(ROOT)}:{f.name}": f.end_lineno - f.lineno + 1
        for p in sources()
        for f in functions(p)
        if f.end_lineno is not None and f.end_lineno - f.lineno + 1 > FUNCTION_LINES
    }
    assert long == {}


def test_no_module_runs_code_or_keeps_lists_and_dicts_to_fill_later_at_import() -> None:
    """Empty containers at module level are state somebody fills later."""
    guilty = []
    for path in sources():
        for node in ast.parse(path.read_text("utf-8")).body:
            value = getattr(node, "value", None)
            empty = (isinstance(value, ast.List | ast.Dict) and not ast.unparse(value).strip("[]{}")) or (
                isinstance(node, ast.Expr) and isinstance(value, ast.Call)
            )
            if empty and path.name != "env.py":
                guilty.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert guilty == []


def test_the_word_scheduler_never_stands_alone() -> None:
    """In this field it means two things; we say noise scheduler or step planner."""
    lone = re.compile(r"(?<!noise )(?<!noise_)(?<!Noise)\bscheduler\b(?!/|_config|\.json)", re.IGNORECASE)
    guilty = []
    for path in sources():
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            is_prose = line.lstrip().startswith("#") or '"""' in line
            if is_prose and lone.search(re.sub(r"`[^`]*`", "", line)):
                guilty.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert guilty == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_folder_has_a_docstring_that_says_what_it_is(package: str) -> None:
    silent = [
        str(init.relative_to(ROOT))
        for init in (ROOT / package).rglob("__init__.py")
        if ast.get_docstring(ast.parse(init.read_text("utf-8"))) is None
    ]
    assert silent == []


def test_nothing_tracked_names_a_path_of_the_machine_it_was_written_on() -> None:
    tracked = (
        subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
        .stdout.decode()
        .split("\0")
    )
    home = str(ROOT) + "/"
    named = [t for t in tracked if t and (ROOT / t).is_file() and home.encode() in (ROOT / t).read_bytes()]
    assert named == []
