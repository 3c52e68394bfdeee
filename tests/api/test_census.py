"""Every route x method x credential x tenant. A new route must be declared here, or the first test fails."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.ids import IdFactory
from service.testing import quiet_settings, running_server

OWN_KEY = "census-operator-secret"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
OPEN = {
    "/healthz": "GET HEAD",
    "/readyz": "GET HEAD",
    "/": "GET HEAD",
    "/docs": "GET HEAD",
    "/favicon.ico": "GET HEAD",
    "/static/{path:path}": "GET HEAD",
}
"""Answers to anybody."""
ADMIN = {"/api/keys": "GET POST", "/api/keys/{id}": "DELETE", "/metrics": "GET HEAD"}
"""Needs the scope `admin`."""
OWN = {
    "/openapi.json": "GET HEAD",
    "/api/spells": "GET POST",
    "/api/spells/{id}": "GET",
    "/api/spells/{id}/versions/{number}": "GET",
    "/api/spells/{id}/diff": "GET",
    "/api/spells/{id}/versions": "POST",
    "/api/spells/{id}/hands": "POST",
    "/api/spells/{id}/chat": "POST",
    "/api/spells/{id}/accept": "POST",
    "/api/spells/{id}/back": "POST",
    "/api/prompts/parse": "POST",
    "/api/prompts/lint": "POST",
    "/api/prompts/explain": "POST",
    "/api/prompts/convert": "POST",
    "/api/prompts/expand": "POST",
    "/api/prompts/complete": "GET",
    "/api/prompts/read": "POST",
    "/api/prompts/write": "POST",
    "/api/interrogations": "POST",
    "/api/interrogations/{id}": "GET",
    "/api/inspect": "POST",
    "/api/generate": "POST",
    "/api/uploads": "POST",
    "/api/jobs": "GET POST",
    "/api/jobs/{id}": "GET DELETE",
    "/api/jobs/{id}/events": "GET",
    "/api/jobs/{id}/hands": "GET",
    "/api/images": "GET",
    "/api/images/{id}": "GET HEAD",
    "/api/images/{id}/spell": "GET",
    "/api/images/{id}/thumbnail": "GET HEAD",
    "/api/images/{id}/hands": "GET",
    "/api/images/{id}/repair-hands": "POST",
    "/api/round-trips": "POST",
    "/api/grids": "POST",
    "/api/grids/sheet": "POST",
    "/api/upscales": "POST",
    "/api/catalogue": "GET",
    "/api/doctor": "GET",
    "/api/capabilities": "GET",
    "/api/webhooks/deliveries": "GET",
    "/api/webhooks/deliveries/{id}/retry": "POST",
}
"""Shows the caller's tenant; looking needs `read`, everything else `generate`."""
DOORS = ("/sdapi/", "/internal/", "/v1/")
"""The doors for other programs' clients: every route of theirs keeps the rule of `OWN`."""
SLOW = {"/api/doctor"}


@dataclass
class House:
    """A server with keys, and the things that Ann has in it."""

    client: httpx.Client
    keys: dict[str, str] = field(default_factory=dict)
    things: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, key: str | None = None, **more: Any) -> httpx.Response:
        headers = {} if key is None else {"authorization": f"Bearer {self.keys.get(key, key)}"}
        if method in ("POST", "PUT", "PATCH") and "json" not in more:
            more["json"] = {}
        return self.client.request(method, path, headers=headers | more.pop("headers", {}), **more)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    told = {"webhook_url": "http://127.0.0.1:9/", "webhook_secret": "census-webhook-secret"}  # nobody listens there
    settings = quiet_settings(tmp_path_factory.mktemp("census"), api_key=OWN_KEY, **told)
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        made = House(client, {"operator": OWN_KEY})
        for name, tenant, scopes in (
            ("ann", "ann", ["read", "generate"]),
            ("bob", "bob", ["read", "generate"]),
            ("reader", "ann", ["read"]),
            ("maker", "ann", ["generate"]),
        ):
            body = {"name": name, "tenant": tenant, "scopes": scopes}
            answer = made.send("POST", "/api/keys", "operator", json=body)
            made.keys[name] = answer.json()["key"]
        _furnish(made)
        yield made


def _furnish(house: House) -> None:
    spell = house.send("POST", "/api/spells", "ann", json={"idea": "a lighthouse"}).json()
    params = {"steps": 1, "width": 64, "height": 64, "sampler": "Euler"}
    order = {"spell": {"prompt": "a cat", "params": params}}
    job = house.send("POST", "/api/jobs", "ann", json=order, headers={"idempotency-key": "one"}).json()["id"]
    with house.client.stream(
        "GET", f"/api/jobs/{job}/events", headers={"authorization": f"Bearer {house.keys['ann']}"}
    ) as events:
        events.read()
    image = house.send("GET", f"/api/jobs/{job}", "ann").json()["images"][0]["url"].rsplit("/", 1)[-1]
    png = house.send("GET", f"/api/images/{image}", "ann").content
    body = {"image_base64": base64.b64encode(png).decode()}
    read = house.send("POST", "/api/interrogations", "ann", json=body).json()["id"]
    house.things = {"spells": spell["spell_id"], "jobs": job, "images": image, "interrogations": read}
    house.things["webhooks"] = job  # a message has the id of its job


def routes() -> list[tuple[str, tuple[str, ...]]]:
    """Every path of the application with its methods."""

    def walk(found: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
        for route in found:
            if hasattr(route, "original_router"):
                yield from walk(route.original_router.routes, prefix + route.include_context.prefix)
            else:
                yield from ((prefix + route.path, method) for method in route.methods or METHODS)

    # Nothing of this application is started or written.
    app = create_app(quiet_settings(Path("unused")), fake_engine=True)
    methods: dict[str, set[str]] = {}
    for path, method in walk(app.routes):
        methods.setdefault(path, set()).add(method)
    return [(path, tuple(sorted(found))) for path, found in methods.items()]


def is_door(path: str) -> bool:
    return path.startswith(DOORS)


def filled(path: str, item: str) -> str:
    path = path.replace("{path:path}", "app.js").replace("{number}", "1").replace("{id}", item)
    return re.sub(r"\{[^}]+\}", "x", path) + ("?old=1&new=1" if path.endswith("/diff") else "")


def declared() -> dict[str, str]:
    return {**OPEN, **ADMIN, **OWN}


def guarded() -> list[tuple[str, str]]:
    return [(path, method) for path, methods in routes() for method in methods if path not in OPEN]


def test_every_route_is_declared_with_its_methods() -> None:
    real = {path: " ".join(methods) for path, methods in routes() if not is_door(path)}
    wanted = {path: " ".join(sorted(methods.split())) for path, methods in declared().items()}
    assert real == wanted


@pytest.mark.parametrize(("path", "method"), guarded())
def test_nobody_comes_in_without_a_key_or_with_a_wrong_one(house: House, path: str, method: str) -> None:
    address = filled(path, house.things["jobs"])
    token = house.keys["ann"]
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    basic = "Basic " + base64.b64encode(f"ann:{wrong}".encode()).decode()
    told = set()
    for headers in ({}, {"authorization": f"Bearer {wrong}"}, {"authorization": basic}, {"x-api-key": wrong}):
        answer = house.send(method, address, headers=headers)
        assert answer.status_code in (401, 429), (headers, answer.text[:200])
        told.add(re.sub(r"key_(missing|invalid)|[0-9A-Z]{26}", "", answer.text) if answer.status_code == 401 else "")
    assert len(told - {""}) <= 1


@pytest.mark.parametrize(("path", "method"), [pair for pair in guarded() if pair[0] not in SLOW])
def test_every_channel_of_a_right_key_opens_what_its_scopes_allow(house: House, path: str, method: str) -> None:
    address = filled(path, IdFactory()())
    looks = method in ("GET", "HEAD")
    allowed = {"operator": True, "ann": path not in ADMIN, "reader": path not in ADMIN and looks}
    allowed["maker"] = path not in ADMIN and not looks
    for name, is_allowed in allowed.items() if not is_door(path) else [("reader", allowed["reader"])]:
        key = house.keys[name]
        basic = "Basic " + base64.b64encode(f"any:{key}".encode()).decode()
        channels = [{"authorization": f"Bearer {key}"}, {"authorization": basic}, {"x-api-key": key}]
        for headers in channels if name == "reader" else channels[:1]:
            answer = house.send(method, address, headers=headers)
            assert answer.status_code != 401, (name, headers)
            assert (answer.status_code != 403) is is_allowed, (name, answer.status_code, answer.text[:200])
            assert answer.status_code < 500 or answer.status_code == 501, answer.text[:300]


@pytest.mark.parametrize(("path", "methods"), routes())
def test_methods_that_a_route_does_not_have_do_nothing(house: House, path: str, methods: tuple[str, ...]) -> None:
    same = {m for other, found in routes() if re.sub(r"\{[^}]+\}", "", other) == path for m in found}
    address = filled(path, house.things["jobs"])
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "POST", "GET"):
        if method in methods or method in same:
            continue
        answer = house.send(method, address, "operator")
        assert answer.status_code in (404, 405), (method, answer.status_code)


@pytest.mark.parametrize(
    ("path", "method"), [(path, method) for path, method in guarded() if "{id}" in path and not is_door(path)]
)
def test_another_tenant_s_thing_is_answered_like_one_that_never_was(house: House, path: str, method: str) -> None:
    if path.startswith("/api/keys"):
        return  # for administrators, who see all of them
    kind = path.split("/")[2]
    bodies: dict[str, Any] = {
        "chat": {"message": "at night"}, "versions": {"spell": {"prompt": "x"}, "parent": 1}, "hands": {},
        "accept": {"parent": 1, "edits": []}, "back": {"version": 1, "parent": 1},
    }  # fmt: skip
    more = {"json": bodies.get(path.rsplit("/", 1)[-1], {})} if method == "POST" else {}
    foreign = house.send(method, filled(path, house.things[kind]), "bob", **more)
    missing = house.send(method, filled(path, IdFactory()()), "bob", **more)
    # A list of what hangs on a thing may be empty for both; nothing may succeed for one and not the other.
    assert foreign.status_code == missing.status_code, foreign.text
    assert foreign.status_code in (404, 422) or method == "GET", foreign.text
    plain = [re.sub(r"[0-9A-Z]{26}", "", answer.text) for answer in (foreign, missing)]
    assert plain[0] == plain[1]
    if method == "GET":
        own = house.send(method, filled(path, house.things[kind]), "ann")
        # A thing of one's own that has no such part is another code than a thing that is not there.
        assert own.status_code in (200, 204) or own.text != missing.text


def test_lists_show_one_s_own_things_only(house: House) -> None:
    for path, name in (("/api/spells", "spells"), ("/api/jobs", "jobs"), ("/api/webhooks/deliveries", "webhooks")):
        assert house.things[name] in house.send("GET", path, "ann").text
        for other in ("bob", "operator"):
            assert house.things[name] not in house.send("GET", path, other).text


def test_a_foreign_spell_cannot_be_drawn_and_an_idempotency_key_is_one_s_own(house: House) -> None:
    order = {"spell_id": house.things["spells"]}
    assert house.send("POST", "/api/jobs", "bob", json=order).status_code == 404
    mine = {"spell": {"prompt": "a dog", "params": {"steps": 1, "width": 64, "height": 64, "sampler": "Euler"}}}
    answer = house.send("POST", "/api/jobs", "bob", json=mine, headers={"idempotency-key": "one"})
    assert (answer.status_code, answer.json()["id"] != house.things["jobs"]) == (202, True)


def test_two_different_keys_at_once_are_refused_and_so_is_one_in_the_address(house: House) -> None:
    both = house.send("GET", "/api/jobs", "ann", headers={"x-api-key": house.keys["bob"]})
    assert (both.status_code, both.json()["code"]) == (400, "credentials_conflict")
    shown = house.send("GET", f"/api/jobs?key={house.keys['ann']}", "ann")
    assert (shown.status_code, shown.json()["code"]) == (400, "key_in_url")
    assert house.keys["ann"] not in shown.text


def test_a_new_key_is_shown_once_and_no_answer_shows_it_again(house: House) -> None:
    made = house.send("POST", "/api/keys", "operator", json={"name": "phone", "tenant": "cy"})
    token, key_id = made.json()["key"], made.json()["id"]
    assert made.status_code == 201 and token.startswith(f"sw_{key_id}_")
    assert token not in house.send("GET", "/api/keys", "operator").text
    assert house.send("GET", "/api/jobs", token).status_code == 200
    ended = house.send("DELETE", f"/api/keys/{key_id}", "operator")
    assert ended.json()["revoked_at"] is not None and token not in ended.text
    assert house.send("GET", "/api/jobs", token).status_code in (401, 429)  # many have guessed from here by now


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": "x", "scopes": []}, {"name": "x", "scopes": ["root"]}, {"name": "x", "tenant": "A B"},
     {"name": "x", "digest": "0"}, {"name": 5}],
)  # fmt: skip
def test_a_key_that_makes_no_sense_is_refused(house: House, body: dict[str, Any]) -> None:
    assert house.send("POST", "/api/keys", "operator", json=body).status_code == 422


def test_the_page_comes_without_a_key_and_asks_for_it_itself(house: House) -> None:
    assert house.send("GET", "/").status_code == 200
    answer = house.send("GET", "/api/jobs")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")  # Basic: a browser asks in its own window
    basic = "Basic " + base64.b64encode(f"me:{house.keys['ann']}".encode()).decode()
    assert house.send("GET", "/api/jobs", headers={"authorization": basic}).status_code == 200


LOOKED_AT = sorted(path for path, methods in declared().items() if "HEAD" in methods.split())


@pytest.mark.parametrize("path", LOOKED_AT)
def test_head_answers_with_the_headers_of_get_and_no_body(house: House, path: str) -> None:
    address = filled(path, house.things["images"])
    asked, looked = (house.send(method, address, "ann" if path in OWN else "operator") for method in ("GET", "HEAD"))
    assert asked.status_code == 200 and (looked.status_code, looked.content) == (200, b"")
    own = {"x-request-id", "date"} | (
        {"content-length"} if path == "/metrics" else set()
    )  # which counts this very call
    told = [{name: value for name, value in a.headers.items() if name not in own} for a in (asked, looked)]
    assert told[0] == told[1] and looked.headers["content-length"].isdigit()


def test_monitors_may_use_head_wherever_a_file_or_the_server_s_state_is_told() -> None:
    assert {"/healthz", "/readyz", "/metrics", "/api/images/{id}", "/api/images/{id}/thumbnail"} <= set(LOOKED_AT)
    streams = {path for path, methods in routes() if path.endswith("/events") and "HEAD" in methods}
    assert not streams, "an event stream has no end, and so no length"
