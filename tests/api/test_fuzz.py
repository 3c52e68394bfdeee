"""Whatever is sent, the answer is never a 5xx and always has our shape."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ODD = st.sampled_from(
    [
        "\ud800",
        "\x00",
        "猫" * 50,
        "x" * 9000,
        "((((" * 300,
        "<lora:a:1e999>",
        "[a|b:c:0.5]",
        "AND BREAK",
        "-1",
        "{a|b}",
        "\u202e",
    ]
)
TEXT = ODD | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBER = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT, lambda inner: st.lists(inner, max_size=3), max_leaves=4
)


def mostly(kind: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return kind | kind | kind | ANYTHING


LORA = st.fixed_dictionaries({"name": mostly(TEXT)}, optional={"weight": mostly(NUMBER), "unet_weight": mostly(NUMBER)})
HIRES = st.fixed_dictionaries({}, optional={
    "upscale_by": mostly(NUMBER), "resize_to": mostly(st.tuples(NUMBER, NUMBER)), "steps": mostly(NUMBER),
    "denoising_strength": mostly(NUMBER), "upscaler": mostly(TEXT), "checkpoint": mostly(TEXT), "sampler": mostly(TEXT),
})  # fmt: skip
PARAMS = st.fixed_dictionaries({}, optional={
    **{name: mostly(NUMBER) for name in ("steps", "cfg_scale", "seed", "width", "height", "clip_skip")},
    **{name: mostly(TEXT) for name in ("sampler", "schedule_type", "checkpoint", "vae")},
    "hires": mostly(HIRES),
})  # fmt: skip
SPELL = st.fixed_dictionaries({}, optional={
    "prompt": mostly(TEXT), "negative_prompt": mostly(TEXT), "loras": mostly(st.lists(LORA, max_size=3)),
    "params": mostly(PARAMS), "extra": mostly(st.lists(st.tuples(TEXT, TEXT), max_size=2)),
})  # fmt: skip
BODIES = {
    "/api/spells": {
        "idea": TEXT,
        "spell": SPELL,
        "note": TEXT,
        "seed": NUMBER,
        "checkpoint": TEXT,
        "offline": st.booleans(),
    },
    "/api/jobs": {
        "spell": SPELL,
        "spell_id": TEXT,
        "version": NUMBER,
        "count": st.integers(-1, 3),
        "overrides": PARAMS,
    },
    "/api/generate": {
        "idea": TEXT,
        "image_base64": TEXT,
        "mode": TEXT,
        "count": st.integers(-1, 2),
        "overrides": PARAMS,
    },
    "/api/interrogations": {"image_base64": TEXT, "mode": TEXT},
    "/api/inspect": {"image_base64": TEXT},
    "/api/prompts/parse": {"prompt": TEXT},
    "/api/prompts/lint": {"prompt": TEXT, "negative_prompt": TEXT, "checkpoint": TEXT, "fix": st.booleans()},
    "/api/prompts/explain": {"prompt": TEXT, "spell": SPELL, "steps": NUMBER, "checkpoint": TEXT},
    "/api/prompts/convert": {"prompt": TEXT, "source": st.sampled_from(("a1111", "compel")) | TEXT, "target": TEXT},
    "/api/prompts/expand": {
        "prompt": TEXT,
        "spell": SPELL,
        "styles": st.lists(TEXT, max_size=2),
        "wildcards": st.dictionaries(TEXT, st.lists(TEXT, max_size=2), max_size=2),
        "pictures": st.integers(-1, 3),
    },
    "/api/spells/{id}/chat": {"message": TEXT, "parent": NUMBER, "offline": st.booleans()},
    "/api/spells/{id}/versions": {"spell": SPELL, "parent": st.integers(0, 3) | NUMBER, "note": TEXT},
    "/api/spells/{id}/hands": {"apply": st.booleans(), "parent": NUMBER},
}


@pytest.fixture(scope="module")
def a_spell(api: httpx.Client) -> str:
    return str(api.post("/api/spells", json={"idea": "a cat"}).json()["spell_id"])


@pytest.mark.parametrize("route", list(BODIES))
def test_no_body_makes_the_server_fail(api: httpx.Client, a_spell: str, route: str) -> None:
    fields = {name: mostly(kind) for name, kind in BODIES[route].items()}

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(st.fixed_dictionaries({}, optional=fields) | ANYTHING)
    def holds(body: object) -> None:
        content = json.dumps(body).encode("utf-8", "surrogatepass")
        answer = api.post(route.format(id=a_spell), content=content, headers={"content-type": "application/json"})
        assert answer.status_code < 500, (answer.status_code, answer.text, body)
        if answer.status_code >= 400:
            assert answer.json()["code"] and answer.headers["content-type"] == "application/problem+json"

    holds()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(path=st.lists(TEXT, max_size=4), query=st.dictionaries(TEXT, TEXT, max_size=3))
def test_no_address_makes_the_server_fail(api: httpx.Client, path: list[str], query: dict[str, str]) -> None:
    from urllib.parse import quote

    parts = [quote(part.encode("utf-8", "surrogatepass"), safe="") for part in path]
    pairs = [f"{quote(k.encode('utf-8', 'replace'))}={quote(v.encode('utf-8', 'replace'))}" for k, v in query.items()]
    address = "/api/" + "/".join(["spells", *parts])[:2000] + "?" + "&".join(pairs)[:2000]
    assert api.get(address).status_code < 500
