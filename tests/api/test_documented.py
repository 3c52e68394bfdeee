from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import generator.errors
import prompts.errors
import service.errors
from prompts.errors import SpellwrightError
from service.api.problems import CODE_OF_STATUS, STATUS_OF_CODE
from service.app import create_app
from service.policy import PolicyBlocked
from service.testing import quiet_settings

DOCS = Path(__file__).parents[2] / "docs"
PAGE = "\n".join((DOCS / name).read_text("utf-8") for name in ("api.md", "doors.md"))


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return create_app(quiet_settings(tmp_path_factory.mktemp("spec")), fake_engine=True).openapi()


def test_every_route_is_on_the_api_page_and_no_other(spec: dict[str, dict[str, dict[str, object]]]) -> None:
    real = {f"{method.upper()} {path}" for path, methods in spec["paths"].items() for method in methods}
    told = {line.split("`")[1] for line in PAGE.splitlines() if line.startswith(("| `GET ", "| `POST ", "| `DELETE "))}
    assert told == real


def test_every_error_code_of_a_class_is_on_the_api_page() -> None:
    classes = [
        value
        for module in (prompts.errors, generator.errors, service.errors)
        for _, value in inspect.getmembers(module, inspect.isclass)
        if issubclass(value, SpellwrightError)
    ]
    codes = {cls.code for cls in [*classes, PolicyBlocked]} | set(STATUS_OF_CODE) | set(CODE_OF_STATUS.values())
    assert sorted(code for code in codes if f"`{code}`" not in PAGE) == []


def test_every_route_says_what_it_does(spec: dict[str, dict[str, dict[str, dict[str, str]]]]) -> None:
    silent = [
        path for path, methods in spec["paths"].items() for route in methods.values() if not route.get("description")
    ]
    assert silent == []
