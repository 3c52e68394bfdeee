"""Requests made from the OpenAPI description itself, right ones and wrong ones: never a 5xx, always our error shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from requests.exceptions import RequestException
from schemathesis import GenerationMode
from schemathesis.core.control import SkipTest

from service.app import create_app
from service.testing import quiet_settings, running_server

SKIPPED_STATUS = {501, 503}
"""501: what A1111 trains and we do not; 503: a model that this machine does not have."""
STREAMS = ("/events",)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    chosen = quiet_settings(tmp_path_factory.mktemp("fuzz"), default_checkpoint="demo")
    with running_server(chosen) as server:
        yield server.url


def operations(folder: Any, mode: GenerationMode) -> Any:
    app = create_app(quiet_settings(folder), fake_engine=True)
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.config.generation.update(modes=[mode])
    return [found.ok() for found in schema.get_all_operations()]


def examine(address: str, folder: Any, mode: GenerationMode, examples: int) -> list[str]:
    """Every operation with `examples` requests; the failures, as text."""
    failures: list[str] = []
    for operation in operations(folder, mode):
        if not operation.path.endswith(STREAMS):
            _examine_one(address, operation, mode, examples, failures)
    return failures


def _examine_one(address: str, operation: Any, mode: GenerationMode, examples: int, failures: list[str]) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        try:
            answer = case.call(base_url=address, timeout=60)
        except (RequestException, UnicodeError, ValueError):
            return  # cannot be said in HTTP at all
        is_fault = answer.status_code >= 500 and answer.status_code not in SKIPPED_STATUS
        if is_fault:
            failures.append(f"{operation.label}: {answer.status_code} {answer.text[:200]}")
        elif answer.status_code >= 400 and operation.path.startswith("/api") and '"code"' not in answer.text:
            failures.append(f"{operation.label}: no code in {answer.text[:200]}")

    try:
        one()
    except SkipTest:
        return  # nothing wrong can be sent to an operation without parameters


@pytest.mark.slow
@pytest.mark.parametrize(
    "examples", [3, pytest.param(500, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])], ids=["short", "long"]
)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
def test_no_request_makes_the_server_fail(address: str, tmp_path: Any, mode: GenerationMode, examples: int) -> None:
    assert examine(address, tmp_path, mode, examples) == []
