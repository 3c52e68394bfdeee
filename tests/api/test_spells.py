from __future__ import annotations

import json

import httpx


def create(api: httpx.Client, idea: str = "a cat in the rain") -> dict[str, object]:
    response = api.post("/api/spells", json={"idea": idea})
    assert response.status_code == 201, response.text
    made: dict[str, object] = response.json()
    assert response.headers["location"] == f"/api/spells/{made['spell_id']}"
    return made


def test_an_idea_becomes_version_1_and_keeps_the_person_s_own_words(api: httpx.Client) -> None:
    made = create(api, "雨夜的猫")
    assert (made["number"], made["author"], made["idea"]) == (1, "idea", "雨夜的猫")
    assert "cat" in str(made["spell"]["prompt"])  # type: ignore[index]
    assert made["details"]["by"] == "offline"  # type: ignore[index]
    assert api.get(f"/api/spells/{made['spell_id']}").json()["head"] == made


def test_a_chat_turn_is_the_next_version_with_what_changed(api: httpx.Client) -> None:
    made = create(api)
    turn = api.post(f"/api/spells/{made['spell_id']}/chat", json={"message": "make it night", "parent": 1}).json()
    assert turn["is_changed"] and turn["version"]["number"] == 2 and turn["version"]["parent"] == 1
    assert any("night" in line for line in turn["diff"]["lines"])
    again = api.get(f"/api/spells/{made['spell_id']}/diff", params={"old": 1, "new": 2}).json()
    assert again == turn["diff"]
    whole = api.get(f"/api/spells/{made['spell_id']}").json()
    assert [v["number"] for v in whole["versions"]] == [1, 2]
    assert [t["message"] for t in whole["turns"]] == ["make it night"]


def test_a_message_that_is_not_understood_changes_nothing_and_is_kept(api: httpx.Client) -> None:
    made = create(api)
    turn = api.post(f"/api/spells/{made['spell_id']}/chat", json={"message": "zxqv blorp?"}).json()
    assert not turn["is_changed"] and turn["version"]["number"] == 1
    assert turn["turn"]["reply"]


def test_a_chat_turn_on_an_old_version_is_409_with_the_newest(api: httpx.Client) -> None:
    made = create(api)
    url = f"/api/spells/{made['spell_id']}/chat"
    assert api.post(url, json={"message": "make it night", "parent": 1}).status_code == 200
    refused = api.post(url, json={"message": "make it day", "parent": 1})
    assert refused.status_code == 409
    assert (refused.json()["code"], refused.json()["head"]) == ("version_conflict", 2)


def test_a_streamed_turn_ends_with_the_same_answer(api: httpx.Client) -> None:
    made = create(api)
    url = f"/api/spells/{made['spell_id']}/chat"
    streamed = api.post(url, json={"message": "make it night"}, headers={"Accept": "text/event-stream"})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    frames = [part.split("\n") for part in streamed.text.strip().split("\n\n")]
    kinds = [frame[0] for frame in frames]
    assert kinds[-1] == "event: version" and "event: delta" in kinds
    assert json.loads(frames[-1][1].removeprefix("data: "))["version"]["number"] == 2
    conflict = api.post(url, json={"message": "day", "parent": 1}, headers={"Accept": "text/event-stream"})
    assert conflict.text.startswith("event: problem\n") and "version_conflict" in conflict.text


def test_an_edited_version_lifts_lora_tags_and_conflicts_are_told(api: httpx.Client) -> None:
    made = create(api)
    url = f"/api/spells/{made['spell_id']}/versions"
    edited = api.post(url, json={"spell": {"prompt": "a dog <lora:ink-sketch:0.5>"}, "parent": 1})
    assert edited.status_code == 201
    assert edited.json()["spell"]["loras"] == [{"name": "ink-sketch", "weight": 0.5, "unet_weight": None}]
    assert "<lora" not in edited.json()["spell"]["prompt"]
    assert api.get(f"{url}/2").json() == edited.json()
    assert api.post(url, json={"spell": {"prompt": "x"}, "parent": 1}).json()["head"] == 2


def test_the_hand_plan_is_explained_and_applied_as_a_version(api: httpx.Client) -> None:
    spell = {"prompt": "a woman waving with both hands, portrait", "params": {"checkpoint": "painterly"}}
    made = api.post("/api/spells", json={"spell": spell}).json()
    url = f"/api/spells/{made['spell_id']}/hands"
    looked = api.post(url, json={}).json()
    assert looked["plan"]["hands_in_frame"] and looked["version"]["number"] == 1
    applied = api.post(url, json={"apply": True}).json()
    assert applied["version"]["number"] == 2 and applied["version"]["author"] == "hands"
    assert applied["plan"]["explanation"]


def test_spells_are_listed_newest_first_and_paged(api: httpx.Client) -> None:
    ids = [create(api, f"cat number {n}")["spell_id"] for n in range(3)]
    first = api.get("/api/spells", params={"limit": 2}).json()
    assert [s["id"] for s in first["spells"]] == [ids[2], ids[1]]
    second = api.get("/api/spells", params={"limit": 2, "before": first["next_before"]}).json()
    assert second["spells"][0]["id"] == ids[0]


def test_a_stored_spell_comes_back_exactly(api: httpx.Client) -> None:
    spell = {
        "prompt": "a (cat:1.2), [rain|snow]",
        "negative_prompt": "blurry",
        "loras": [{"name": "not-here-yet", "weight": 0.66, "unet_weight": 0.2}],
        "params": {"steps": 9, "sampler": "DPM++ SDE Karras", "seed": 2**32 - 1, "hires": {"upscale_by": 1.5}},
        "extra": [["Odd key", "値"]],
    }
    made = api.post("/api/spells", json={"spell": spell, "note": "mine"}).json()
    got = made["spell"]
    assert got["loras"] == spell["loras"] and got["extra"] == spell["extra"] and got["prompt"] == spell["prompt"]
    assert got["params"]["sampler"] == "DPM++ SDE Karras" and got["params"]["hires"]["upscale_by"] == 1.5
