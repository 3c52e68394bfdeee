"""The prompt language over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from service.testing import quiet_settings, running_server


def ask(api: httpx.Client, route: str, **body: Any) -> Any:
    answer = api.post(f"/api/prompts/{route}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_parse_gives_nodes_with_places_and_the_loras_of_the_tags(api: httpx.Client) -> None:
    text = "a (red [cat:dog:0.5]:1.2) <lora:ink-sketch:0.66>"
    found = ask(api, "parse", prompt=text)
    words, weighted = found["tree"][:2]
    assert (words["kind"], text[words["start"] : words["end"]]) == ("words", "a ")
    assert (weighted["kind"], weighted["factor"]) == ("weighted", 1.2)
    scheduled = weighted["children"][1]
    assert (scheduled["kind"], text[scheduled["start"] : scheduled["end"]]) == ("scheduled", "[cat:dog:0.5]")
    assert found["loras"] == [{"name": "ink-sketch", "weight": 0.66, "unet_weight": None}]
    assert found["text"] == "a (red [cat:dog:0.5]:1.2)"


@pytest.mark.parametrize("prompt", ["", "[a|" * 500 + "b" + "]" * 500, "(" * 8000, f"(a:{'9' * 400})", "猫（a：1.2）"])
def test_parse_answers_whatever_the_text(api: httpx.Client, prompt: str) -> None:
    assert isinstance(ask(api, "parse", prompt=prompt)["tree"], list)


def test_lint_tells_places_and_fixes_and_gives_the_mended_spell(api: httpx.Client) -> None:
    text = "（a cat：1.2）, hair #ff0000, <lora:ink-sketsh:0.8>"
    found = ask(api, "lint", prompt=text, negative_prompt="a dog", fix=True)
    by_code = {finding["code"]: finding for finding in found["findings"]}
    unknown = by_code["lora_unknown"]
    assert text[unknown["start"] : unknown["end"]] == "ink-sketsh"
    assert unknown["fix"] == "ink-sketch"
    assert text[by_code["comment_eaten"]["start"] : by_code["comment_eaten"]["end"]] == "#ff0000"
    assert found["fixed"]["prompt"] == "(a cat:1.2), hair ff0000, <lora:ink-sketch:0.8>"
    assert found["fixed"]["negative_prompt"] == "a dog"
    assert found["checkpoint"] == "demo"


def test_lint_finds_nothing_in_a_good_prompt_and_mends_nothing_unasked(api: httpx.Client) -> None:
    found = ask(api, "lint", prompt="a cat on a mat <lora:ink-sketch:0.8>")
    assert (found["findings"], found["fixed"]) == ([], None)


def test_lint_reads_a_whole_spell_for_a_checkpoint_that_is_not_here_as_sd15(api: httpx.Client) -> None:
    spell = {"prompt": "a cat", "loras": [{"name": "nothing-like-it"}], "params": {"checkpoint": "elsewhere"}}
    found = ask(api, "lint", spell=spell)
    assert [(f["code"], f["field"], f["start"]) for f in found["findings"]] == [("lora_unknown", "loras", 0)]
    assert (found["checkpoint"], found["family"]) == (None, "sd15")


def test_explain_tells_for_every_step_text_weights_chunks_and_words(api: httpx.Client) -> None:
    found = ask(api, "explain", prompt="a (red:1.3) [cat:dog:0.5] BREAK mat <lora:ink:0.5> # note", steps=10)
    [only] = found["passes"]
    [part] = only["prompt"]
    texts = found["texts"]
    told = [(s["first_step"], s["last_step"], texts[s["text"]]["text"].strip()) for s in part["stretches"]]
    assert told == [(1, 5, "a (red:1.3) cat BREAK mat"), (6, 10, "a (red:1.3) dog BREAK mat")]
    first = texts[part["stretches"][0]["text"]]
    assert {"text": "red", "weight": 1.3} in first["weights"]
    assert [[word["text"] for word in chunk["words"]] for chunk in first["chunks"]] == [["a", "red", "cat"], ["mat"]]
    assert [(chunk["tokens"], chunk["room"]) for chunk in first["chunks"]] == [(3, 72), (1, 74)]
    assert found["loras"] == [{"name": "ink", "weight": 0.5, "unet_weight": None}]
    assert found["note"] == ""


def test_explain_tells_the_hires_pass_of_a_spell(api: httpx.Client) -> None:
    params = {"steps": 8, "width": 64, "height": 64, "hires": {"upscale_by": 2, "steps": 4, "prompt": "a dog"}}
    found = ask(api, "explain", spell={"prompt": "a cat", "params": params})
    assert [(p["name"], p["steps"], p["width"]) for p in found["passes"]] == [("first", 8, 64), ("hires", 4, 128)]


def test_an_alternating_prompt_names_each_text_once(api: httpx.Client) -> None:
    found = ask(api, "explain", prompt="[cat|dog]", steps=150)
    assert len(found["passes"][0]["prompt"][0]["stretches"]) == 150
    assert sorted(text["text"] for text in found["texts"]) == ["", "cat", "dog"]


def test_convert_translates_and_reports_what_is_lost(api: httpx.Client) -> None:
    told = ask(api, "convert", prompt="a ((cat:1.5)), [dog]", source="a1111", target="comfyui")
    assert told["text"] == "a (cat:1.65), (dog:0.9091)"
    assert [loss["code"] for loss in told["losses"]] == ["weight_method"]
    assert ask(api, "convert", prompt="a", source="a1111", target="a1111") == {"text": "a", "losses": []}
    lossy = ask(api, "convert", prompt="（a：1.2） [cat:dog:0.3]", source="a1111", target="compel", normalise=True)
    assert "scheduling" in [loss["code"] for loss in lossy["losses"]]
    assert lossy["text"] == "(a)1.2 dog"


def test_expand_lists_every_combination_with_styles_and_wildcards_of_the_body(api: httpx.Client) -> None:
    found = ask(
        api,
        "expand",
        prompt="{big|small} __animal__ <lora:ink-sketch> <lora:none>",
        negative_prompt="{a|b}",
        wildcards={"animal": ["cat", "dog"]},
        styles=["Ink"],
        known_styles=[{"name": "Ink", "prompt": "ink of {prompt}"}],
    )
    assert found["combinations"] == 8 == len({(p["prompt"], p["negative_prompt"]) for p in found["pictures"]})
    assert found["pictures"][0]["prompt"].split() == ["ink", "of", "big", "cat"]
    assert [lora["name"] for lora in found["pictures"][0]["loras"]] == ["ink-sketch", "none"]
    assert found["missing_loras"] == ["none"]


def test_expand_draws_by_seed_when_pictures_are_asked_for(api: httpx.Client) -> None:
    spell = {"prompt": "{a|b}" * 100, "params": {"seed": 7, "width": 64, "height": 64}}
    found = ask(api, "expand", spell=spell, pictures=3)
    assert found == ask(api, "expand", spell=spell, pictures=3)
    assert found["combinations"] is None
    assert [picture["seed"] for picture in found["pictures"]] == [7, 8, 9]
    assert len({picture["prompt"] for picture in found["pictures"]}) == 3


def test_expand_takes_styles_and_wildcards_from_the_data_folder_and_the_bodys_win(tmp_path: Path) -> None:
    settings = quiet_settings(tmp_path)
    (tmp_path / "wildcards" / "colours").mkdir(parents=True)
    (tmp_path / "wildcards" / "colours" / "warm.txt").write_text("red\norange\n")
    (tmp_path / "wildcards" / "animal.txt").write_text("cat\n")
    (tmp_path / "styles.csv").write_text('name,prompt,negative_prompt\nInk,"ink of {prompt}",colour\n')
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        body = {"prompt": "__colours/warm__ __animal__", "styles": ["Ink"], "wildcards": {"animal": ["dog"]}}
        found = ask(client, "expand", **body)
    assert [(p["prompt"], p["negative_prompt"]) for p in found["pictures"]] == [
        ("ink of red dog", "colour"),
        ("ink of orange dog", "colour"),
    ]


NESTED = {f"w{i}": [f"__w{i + 1}__" * 40] for i in range(4)} | {"w4": ["x" * 500]}
REFUSED = [
    ("parse", {"prompt": "x" * 8001}, "prompt_too_long"),
    ("parse", {"prompt": "a\0b"}, "text_invalid"),
    ("parse", {"prompt": "a", "promt": "b"}, "request_invalid"),
    ("lint", {"prompt": "a", "spell": {}}, "request_invalid"),
    ("lint", {}, "request_invalid"),
    ("lint", {"prompt": "a", "negative_prompt": "x" * 8001}, "prompt_too_long"),
    ("explain", {"prompt": "a", "steps": 151}, "request_invalid"),
    ("explain", {"spell": {"prompt": "a", "params": {"steps": 151}}}, "spell_out_of_range"),
    ("explain", {"prompt": "[a|b] AND " * 700, "steps": 150}, "explanation_too_large"),
    ("explain", {"prompt": "x" * 6000 + "[a:b:1]" * 3 + "".join(f"[:{i}:{i}]" for i in range(150)), "steps": 150},
     "explanation_too_large"),
    ("convert", {"prompt": "a", "source": "klingon", "target": "a1111"}, "dialect_unknown"),
    ("convert", {"prompt": "a", "source": "a1111", "target": "novelai"}, "dialect_unknown"),
    ("convert", {"prompt": "x" * 8001, "source": "a1111", "target": "compel"}, "prompt_too_long"),
    ("expand", {"prompt": "{a|b}" * 9}, "too_many_combinations"),
    ("expand", {"prompt": "{a|b}" * 1600}, "too_many_combinations"),
    ("expand", {"prompt": "__nothing__"}, "wildcard_not_found"),
    ("expand", {"prompt": "${x}"}, "variable_not_found"),
    ("expand", {"prompt": "a", "styles": ["Inc"], "known_styles": [{"name": "Ink"}]}, "style_not_found"),
    ("expand", {"prompt": "__a__", "wildcards": {"a": ["__a__"]}}, "template_too_deep"),
    ("expand", {"prompt": "__w0__", "wildcards": NESTED}, "template_too_large"),
    ("expand", {"prompt": "__a__", "wildcards": {"a": ["x" * 9000]}}, "prompt_too_long"),
    ("expand", {"prompt": "a", "pictures": 65}, "request_invalid"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("route", "body", "code"), REFUSED, ids=[f"{r}-{c}-{i}" for i, (r, _, c) in enumerate(REFUSED)]
)
def test_what_cannot_be_answered_is_refused_with_a_code(
    api: httpx.Client, route: str, body: dict[str, Any], code: str
) -> None:
    answer = api.post(f"/api/prompts/{route}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_refusal_of_too_many_combinations_says_how_many_and_the_limit(api: httpx.Client) -> None:
    problem = api.post("/api/prompts/expand", json={"prompt": "{a|b}" * 9}).json()
    assert (problem["got"], problem["limit"]) == (512, 256)


@pytest.mark.parametrize("prompt", ["(" * 8000, "((" * 1000 + "a:1e999)", "[" * 4000 + "a", f"(a:{'9' * 400})", ""])
def test_hostile_prompts_are_explained_and_linted_all_the_same(api: httpx.Client, prompt: str) -> None:
    assert ask(api, "explain", prompt=prompt)["texts"]
    assert "findings" in ask(api, "lint", prompt=prompt, fix=True)
    assert "text" in ask(api, "convert", prompt=prompt, source="a1111", target="comfyui")


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("parse", r'{"prompt": "\ud800"}'),
        ("convert", r'{"prompt": "a", "source": "\ud800", "target": "a1111"}'),
        ("expand", r'{"prompt": "a", "styles": ["\ud800"]}'),
        ("expand", r'{"prompt": "__a__", "wildcards": {"\ud800": ["a"], "a": ["\udfff"]}}'),
        ("expand", r'{"prompt": "__a__", "wildcards": {"a\ud800": ["b"]}}'),
        ("expand", r'{"prompt": "a", "styles": ["Ink"], "known_styles": [{"name": "Ink\ud800"}]}'),
        ("lint", r'{"spell": {"prompt": "a", "params": {"checkpoint": "\ud800"}}}'),
    ],
)
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(api: httpx.Client, route: str, body: str) -> None:
    answer = api.post(f"/api/prompts/{route}", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("route", ["parse", "lint", "explain", "convert", "expand"])
def test_every_route_shows_an_example_in_the_readable_api(api: httpx.Client, route: str) -> None:
    spec = api.get("/openapi.json").json()
    body = spec["paths"][f"/api/prompts/{route}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema = spec["components"]["schemas"][body["$ref"].rsplit("/", 1)[1]]
    assert any("examples" in field or "examples" in str(field) for field in schema["properties"].values())
