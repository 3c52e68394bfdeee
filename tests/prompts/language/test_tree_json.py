from __future__ import annotations

import json

from prompts.language import parse, tree_json


def test_the_tree_is_told_as_json() -> None:
    told = tree_json(parse("a (b:1.2) [c:d: 5] [e|f] BREAK <lora:x:1> AND #g"))
    assert json.loads(json.dumps(told)) == told
    assert [node["kind"] for node in told if node["kind"] != "words"] == [
        "weighted",
        "scheduled",
        "alternating",
        "break",
        "network",
        "and",
        "comment",
    ]
    assert told[1] == {
        "kind": "weighted",
        "start": 2,
        "end": 9,
        "factor": 1.2,
        "children": [{"kind": "words", "start": 3, "end": 4, "text": "b"}],
    }
    assert told[3]["when"] == "5"
    assert [option[0]["text"] for option in told[5]["options"]] == ["e", "f"]


def test_a_factor_that_json_cannot_say_is_null() -> None:
    told = tree_json(parse(f"(a:{'9' * 400})"))
    assert told[0]["factor"] is None
    json.dumps(told, allow_nan=False)
