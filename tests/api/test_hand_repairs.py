"""Looking at hands and painting them again, over HTTP, with the real hand networks and an engine that draws hands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from generator.events import Event, ImageReady, Picture
from generator.hands.install import install_from_wheel
from generator.request import GenerationRequest
from generator.testing import FakeEngine
from prompts.metadata import read_spell
from service.testing import quiet_settings, running_server

SPELL = {"prompt": "a person waving", "params": {"steps": 4, "sampler": "Euler a", "seed": 7}}


class HandPainter(FakeEngine):
    """Draws a hand with four fingers, and one with five where it is asked to paint a hand again."""

    def __init__(self, broken: Picture, whole: Picture) -> None:
        super().__init__()
        self._broken, self._whole = broken, whole
        self._repaints: set[str] = set()

    def add(self, request: GenerationRequest) -> None:
        if request.source is not None:
            self._repaints.add(request.request_id)
        super().add(request)

    def step(self) -> list[Event]:
        return [self._with_hand(event) for event in super().step()]

    def _with_hand(self, event: Event) -> Event:
        if not isinstance(event, ImageReady):
            return event
        return replace(event, picture=self._whole if event.request_id in self._repaints else self._broken)


@pytest.fixture(scope="module")
def hands(
    tmp_path_factory: pytest.TempPathFactory, hand_wheel: Path, drawn_hand: Callable[..., Picture]
) -> Iterator[httpx.Client]:
    settings = quiet_settings(tmp_path_factory.mktemp("hands-api"), default_checkpoint="demo")
    install_from_wheel(hand_wheel, settings.hands_path)
    broken, whole = drawn_hand(4), drawn_hand(5)
    with (
        running_server(settings, lambda: HandPainter(broken, whole)) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        yield client


@pytest.fixture
def drawn(hands: httpx.Client, finished: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def draw(**more: Any) -> dict[str, Any]:
        sent = hands.post("/api/jobs", json={"spell": SPELL} | more)
        assert sent.status_code == 202, sent.text
        job = finished(hands, sent.json()["id"])
        assert job["status"] == "done", job["problem"]
        return job

    return draw


def test_the_hands_of_a_finished_picture_are_seen_with_scores(hands: httpx.Client, drawn: Any) -> None:
    image = drawn()["images"][0]
    seen = hands.get(f"/api/images/{image['id']}/hands").json()
    assert seen["image_id"] == image["id"]
    (hand,) = seen["hands"]
    assert 0 < hand["score"] == seen["score"] < 0.5


def test_doubtful_hands_of_a_finished_picture_are_painted_again_as_a_new_picture(
    hands: httpx.Client, drawn: Any, finished: Any
) -> None:
    image = drawn()["images"][0]
    sent = hands.post(f"/api/images/{image['id']}/repair-hands", json={"below": 1.0})
    assert sent.status_code == 202, sent.text
    job = finished(hands, sent.json()["id"])
    assert job["status"] == "done", job["problem"]
    mended = job["images"][0]
    assert mended["id"] != image["id"]
    ranking = hands.get(f"/api/jobs/{job['id']}/hands").json()["pictures"]
    before = hands.get(f"/api/images/{image['id']}/hands").json()
    assert before["score"] < 0.5
    assert ranking[0]["score"] > 0.9
    notes = hands.get(f"/api/images/{mended['id']}/spell").json()["notes"]
    assert "painted again" in notes[0]


def test_an_order_with_hand_repair_says_so_in_the_file(hands: httpx.Client, drawn: Any) -> None:
    job = drawn(hand_repair={})
    spell = read_spell(hands.get(job["images"][0]["url"]).content)
    assert spell is not None
    assert hands.get(f"/api/jobs/{job['id']}/hands").json()["pictures"][0]["score"] > 0.9
    assert dict(spell.extra)["Hand repair"] == "denoising strength 0.4, below 0.9, tries 2"


def test_an_order_without_it_does_not_keep_the_words_of_another(hands: httpx.Client, drawn: Any) -> None:
    job = drawn(spell=SPELL | {"extra": [["Hand repair", "denoising strength 0.4"]]})
    spell = read_spell(hands.get(job["images"][0]["url"]).content)
    assert spell is not None
    assert "Hand repair" not in dict(spell.extra)


def test_a_jobs_pictures_are_ranked_by_their_hands(hands: httpx.Client, drawn: Any) -> None:
    job = drawn(count=2)
    pictures = hands.get(f"/api/jobs/{job['id']}/hands").json()["pictures"]
    assert {p["image_id"] for p in pictures} == {i["id"] for i in job["images"]}
    assert pictures[0]["score"] >= pictures[1]["score"]


def test_a_repair_outside_its_ranges_is_refused(hands: httpx.Client, drawn: Any) -> None:
    image = drawn()["images"][0]
    refused = hands.post(f"/api/images/{image['id']}/repair-hands", json={"tries": 99})
    assert refused.status_code == 422


def test_a_repairs_own_prompt_passes_the_screen_like_any_other(hands: httpx.Client, drawn: Any) -> None:
    image = drawn()["images"][0]
    body = {"prompt": "a nude child"}
    for refused in (
        hands.post(f"/api/images/{image['id']}/repair-hands", json=body),
        hands.post("/api/jobs", json={"spell": SPELL, "hand_repair": body}),
    ):
        assert refused.status_code == 422
        assert refused.json()["code"] == "policy_blocked"


def test_without_the_networks_the_answer_says_how_to_get_them(api: httpx.Client, finished: Any) -> None:
    sent = api.post("/api/jobs", json={"spell": SPELL, "hand_repair": {}})
    job = finished(api, sent.json()["id"])
    image = job["images"][0]
    notes = api.get(f"/api/images/{image['id']}/spell").json()["notes"]
    assert any("spellwright models add hands" in note for note in notes)
    refused = api.get(f"/api/images/{image['id']}/hands")
    assert refused.json()["code"] == "hand_detector_missing"


def test_what_was_chosen_for_a_stored_version_happens_when_it_is_drawn(
    hands: httpx.Client, finished: Callable[..., dict[str, Any]]
) -> None:
    """Chosen in the chat and kept through a turn, an edit by hand and going back; a job may say otherwise."""
    spell_id = hands.post("/api/spells", json={"spell": SPELL}).json()["spell_id"]
    turn = {"message": "10 steps", "hands": ["seeds", "repair"]}
    assert hands.post(f"/api/spells/{spell_id}/chat", json=turn).status_code == 200
    hands.post(f"/api/spells/{spell_id}/chat", json={"message": "4 steps"})
    head = hands.get(f"/api/spells/{spell_id}").json()["head"]
    edit = {"spell": head["spell"] | {"prompt": "a person waving, at night"}, "parent": head["number"]}
    assert hands.post(f"/api/spells/{spell_id}/versions", json=edit).status_code == 201
    job = finished(hands, hands.post("/api/jobs", json={"spell_id": spell_id}).json()["id"])
    assert job["count"] == 4 == len(job["images"])
    assert all(says_repair(hands, image) for image in job["images"])
    assert len(hands.get(f"/api/jobs/{job['id']}/hands").json()["pictures"]) == 4
    plain = hands.post("/api/jobs", json={"spell_id": spell_id, "count": 1, "hand_repair": None}).json()
    first = hands.post("/api/jobs", json={"spell_id": spell_id, "version": 1}).json()
    for one in (finished(hands, plain["id"]), finished(hands, first["id"])):
        assert one["count"] == 1 and not says_repair(hands, one["images"][0])


def says_repair(hands: httpx.Client, image: dict[str, Any]) -> bool:
    spell = read_spell(hands.get(image["url"]).content)
    assert spell is not None
    return "Hand repair" in dict(spell.extra)
