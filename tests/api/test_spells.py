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


def painterly(api: httpx.Client, idea: str, **more: object) -> dict[str, object]:
    made: dict[str, object] = api.post("/api/spells", json={"idea": idea, "checkpoint": "painterly", **more}).json()
    return made


def test_the_hand_plan_is_on_by_default_and_each_strategy_can_be_chosen(api: httpx.Client) -> None:
    on = painterly(api, "a woman waving")
    off = painterly(api, "a woman waving", hands=False)
    posed = painterly(api, "a woman waving", hands=["pose"])
    assert "bad hands" in on["spell"]["negative_prompt"] and on["details"]["hands"]["choice"] == "auto"  # type: ignore[index]
    assert "bad hands" not in off["spell"]["negative_prompt"] and off["details"]["hands"]["choice"] == []  # type: ignore[index]
    assert "five fingers" in posed["spell"]["prompt"] and "bad hands" not in posed["spell"]["negative_prompt"]  # type: ignore[index]
    url = f"/api/spells/{on['spell_id']}/hands"
    out = api.post(url, json={"apply": True, "kinds": []}).json()["version"]
    assert out["spell"] == off["spell"] and out["number"] == 2
    again = api.post(url, json={"apply": True, "kinds": ["negatives"]}).json()
    assert "bad hands" in again["version"]["spell"]["negative_prompt"]
    assert again["plan"]["texts"]["zh"]["explanation"][0].startswith("画面里会出现手")
    assert api.post("/api/spells", json={"idea": "a cat", "hands": ["gloves"]}).status_code == 422


def test_one_call_takes_a_choice_about_hands(api: httpx.Client) -> None:
    body = {"idea": "a woman waving", "checkpoint": "painterly", "hands": ["pose"]}
    made = api.post("/api/generate", json=body).json()
    assert "five fingers" in made["spell"]["spell"]["prompt"]
    assert "bad hands" not in made["spell"]["spell"]["negative_prompt"]


def test_a_proposal_is_looked_at_accepted_and_undone(api: httpx.Client) -> None:
    made = create(api)
    url = f"/api/spells/{made['spell_id']}"
    proposal = api.post(f"{url}/chat", json={"message": "make it night", "propose": True}).json()
    assert proposal["is_proposal"] and any("night" in line for line in proposal["diff"]["lines"])
    assert [v["number"] for v in api.get(url).json()["versions"]] == [1]
    accepted = api.post(f"{url}/accept", json={"edits": proposal["edits"], "parent": 1})
    assert accepted.status_code == 201 and accepted.json()["version"]["spell"] == proposal["version"]["spell"]
    back = api.post(f"{url}/back", json={"parent": 2})
    assert back.status_code == 201 and back.json()["spell"] == made["spell"] and back.json()["number"] == 3
    assert api.post(f"{url}/back", json={}).json()["code"] == "edit_invalid"
    assert api.post(f"{url}/back", json={"to": 2}).json()["spell"] == accepted.json()["version"]["spell"]
    stale = api.post(f"{url}/accept", json={"edits": [], "parent": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "version_conflict")
    wrong = api.post(f"{url}/accept", json={"edits": [{"kind": "fly"}], "parent": 4})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "edit_invalid")


def test_a_turn_may_branch_from_an_older_version_and_undo_by_words(api: httpx.Client) -> None:
    made = create(api)
    url = f"/api/spells/{made['spell_id']}/chat"
    api.post(url, json={"message": "make it night"})
    branch = api.post(url, json={"message": "add a hat", "base": 1}).json()
    assert (branch["version"]["number"], branch["version"]["parent"]) == (3, 1)
    undone = api.post(url, json={"message": "撤销"}).json()
    assert undone["version"]["spell"] == made["spell"] and undone["version"]["details"]["same_as"] == 1


def test_several_seeds_are_drawn_where_that_strategy_is_chosen(api: httpx.Client) -> None:
    body = {"idea": "a woman waving", "checkpoint": "painterly", "hands": ["seeds"]}
    assert api.post("/api/generate", json=body).json()["job"]["count"] == 4
    assert api.post("/api/generate", json=body | {"count": 6}).json()["job"]["count"] == 6
    assert api.post("/api/generate", json=body | {"hands": True}).json()["job"]["count"] == 1
