from __future__ import annotations

import inspect
import json
from typing import Any

import httpx
import pytest

import generator.errors
import prompts.errors
import service.errors
from prompts.errors import SpellwrightError
from service.api.problems import STATUS_OF_CLASS, problem, problem_response, status_of

MEMBERS = {"type", "title", "status", "code", "detail", "request_id"}
SOME_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nope", {}, 404, "not_found"),
        ("GET", f"/api/jobs/{SOME_ID}", {}, 404, "not_found"),
        ("GET", "/api/jobs/not-an-id", {}, 404, "not_found"),
        ("GET", "/api/jobs/%2e%2e%2fx", {}, 404, "not_found"),
        ("GET", f"/api/jobs/{SOME_ID}/events", {}, 404, "not_found"),
        ("DELETE", f"/api/jobs/{SOME_ID}", {}, 404, "not_found"),
        ("GET", f"/api/spells/{SOME_ID}", {}, 404, "not_found"),
        ("GET", f"/api/spells/{SOME_ID}/versions/1", {}, 404, "not_found"),
        ("GET", f"/api/spells/{SOME_ID}/diff?old=1&new=2", {}, 404, "not_found"),
        ("POST", f"/api/spells/{SOME_ID}/chat", {"json": {"message": "x"}}, 404, "not_found"),
        ("POST", f"/api/spells/{SOME_ID}/hands", {"json": {}}, 404, "not_found"),
        ("GET", f"/api/images/{SOME_ID}", {}, 404, "not_found"),
        ("GET", f"/api/images/{SOME_ID}/spell", {}, 404, "not_found"),
        ("GET", f"/api/interrogations/{SOME_ID}", {}, 404, "not_found"),
        ("POST", "/api/jobs", {"json": {"spell_id": SOME_ID}}, 404, "not_found"),
        ("PUT", "/api/jobs", {"json": {}}, 405, "method_not_allowed"),
        ("TRACE", "/api/jobs", {}, 405, "method_not_allowed"),
        ("POST", "/api/jobs", {"content": b"{", "headers": JSON}, 400, "json_invalid"),
        ("POST", "/api/jobs", {"content": b"[" * 100_000, "headers": JSON}, 400, "request_invalid"),
        ("POST", "/api/jobs", {"content": b'{"count": 1e999}', "headers": JSON}, 422, "request_invalid"),
        ("POST", "/api/jobs", {"json": {"spell": {"params": {"steps": 1.5}}}}, 422, "request_invalid"),
        ("POST", "/api/jobs", {"json": {"spell": {}, "surprise": 1}}, 422, "request_invalid"),
        ("POST", "/api/jobs", {"json": {}}, 422, "request_invalid"),
        ("POST", "/api/jobs", {"json": {"spell": {}, "spell_id": SOME_ID}}, 422, "request_invalid"),
        ("POST", "/api/jobs", {"json": {"spell": {}, "count": 65}}, 422, "request_invalid"),
        ("POST", "/api/jobs", {"json": {"spell": {"prompt": "x" * 8001}}}, 422, "prompt_too_long"),
        ("POST", "/api/jobs", {"json": {"spell": {"params": {"steps": 0}}}}, 422, "spell_out_of_range"),
        ("POST", "/api/jobs", {"json": {"spell": {"params": {"width": 65}}}}, 422, "spell_out_of_range"),
        ("POST", "/api/jobs", {"json": {"spell": {"params": {"sampler": "Eulr"}}}}, 422, "sampler_not_found"),
        ("POST", "/api/jobs", {"json": {"spell": {"params": {"checkpoint": "dmo"}}}}, 422, "checkpoint_not_found"),
        ("POST", "/api/jobs", {"json": {"spell": {"loras": [{"name": "ink"}]}}}, 422, "lora_not_found"),
        ("POST", "/api/jobs", {"json": {"spell": {"loras": [{"name": "big-base"}]}}}, 422, "lora_incompatible"),
        ("POST", "/api/jobs", {"json": {"spell": {"loras": [{"name": "old"}]}}}, 415, "pickle_refused"),
        ("POST", "/api/spells", {"json": {"idea": " \n"}}, 422, "idea_empty"),
        ("POST", "/api/spells", {"json": {"idea": "x" * 4001}}, 422, "prompt_too_long"),
        ("POST", "/api/spells", {"json": {}}, 422, "request_invalid"),
        ("GET", "/api/jobs?limit=1000", {}, 422, "request_invalid"),
        ("POST", "/api/jobs", {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415, None),
        ("POST", "/api/jobs", {"content": b"{}", "headers": JSON | {"content-encoding": "gzip"}}, 415, None),
        ("POST", "/api/spells", {"content": b" " * 1_100_000, "headers": JSON}, 413, "body_too_large"),
    ],
)
def test_every_refusal_is_one_problem_document_without_internals(
    api: httpx.Client, method: str, path: str, body: dict[str, Any], status: int, code: str | None
) -> None:
    answer = api.request(method, path, **body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told.keys() >= MEMBERS and told["status"] == status
    assert code is None or told["code"] == code
    assert told["request_id"] == answer.headers["x-request-id"]
    assert told["detail"].endswith((".", "…"))
    for leak in ("Traceback", "site-packages", ".py", "sqlite", "/tmp", "/home"):
        assert leak not in answer.text


def test_near_names_help_with_a_typing_mistake(api: httpx.Client) -> None:
    body = {"spell": {"params": {"sampler": "DPM++ SED Karras"}}}
    assert "DPM++ SDE" in api.post("/api/jobs", json=body).json()["near"]
    body = {"spell": {"prompt": "x <lora:ink-sktch:1>"}}
    assert api.post("/api/jobs", json=body).json()["near"] == ["ink-sketch"]


def error_classes() -> list[type[SpellwrightError]]:
    found = [
        value
        for module in (prompts.errors, generator.errors, service.errors)
        for _, value in inspect.getmembers(module, inspect.isclass)
        if issubclass(value, SpellwrightError)
    ]
    return sorted(set(found), key=lambda cls: cls.__name__)


@pytest.mark.parametrize("error_class", error_classes())
def test_every_error_of_the_three_trees_has_a_status_and_a_body(error_class: type[SpellwrightError]) -> None:
    error = error_class("What went wrong.", limit=3, status="not mine")
    response = problem(error, "r")
    assert 400 <= response.status_code < 600
    assert (b'"limit": 3' in response.body) and (b"not mine" not in response.body)
    if response.status_code in (429, 503, 507):
        assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize("listed", list(STATUS_OF_CLASS))
def test_a_subclass_that_is_not_listed_takes_its_ancestor_s_status(listed: type[SpellwrightError]) -> None:
    heir = type("Heir", (listed,), {"code": "heir"})
    assert status_of(heir("x.")) == STATUS_OF_CLASS[listed]


def test_an_error_that_repeats_half_a_surrogate_pair_is_still_a_problem_document() -> None:
    answer = problem_response(422, "name_not_found", "There is none.", "r", {"got": "\ud800"})
    assert json.loads(answer.body)["code"] == "name_not_found"
