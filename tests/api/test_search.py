from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from generator.testing import write_pipeline_folder
from prompts.spell import Lora, Spell
from service.search import Search, searched_text
from service.testing import quiet_settings, running_server

SIZE = {"steps": 1, "width": 64, "height": 64, "sampler": "Euler"}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server with three spells and a picture of each."""
    settings = quiet_settings(tmp_path_factory.mktemp("shelf"))
    write_pipeline_folder(settings.checkpoints_path / "painterly")
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        for prompt, checkpoint in (("a red fox, snow", "demo"), ("a RED boat", "painterly"), ("雨夜的猫 100%", "demo")):
            spell = {"prompt": prompt, "params": SIZE | {"checkpoint": checkpoint}}
            made = client.post("/api/spells", json={"spell": spell}).json()
            job = client.post("/api/jobs", json={"spell_id": made["spell_id"]}).json()
            with client.stream("GET", job["events_url"]) as events:
                events.read()
        yield client


def titles(client: httpx.Client, **query: Any) -> list[str]:
    answer = client.get("/api/spells", params=query)
    assert answer.status_code == 200, answer.text
    return [spell["title"] for spell in answer.json()["spells"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["雨夜的猫 100%", "a RED boat", "a red fox, snow"]),
        ({"q": "red"}, ["a RED boat", "a red fox, snow"]),
        ({"q": "Fox RED"}, ["a red fox, snow"]),
        ({"q": "猫"}, ["雨夜的猫 100%"]),
        ({"q": "100%"}, ["雨夜的猫 100%"]),
        ({"q": "%"}, ["雨夜的猫 100%"]),
        ({"q": "r_d"}, []),
        ({"checkpoint": "Painterly"}, ["a RED boat"]),
        ({"checkpoint": "paint"}, []),
        ({"q": "red", "checkpoint": "demo"}, ["a red fox, snow"]),
        ({"lora": "ink"}, []),
    ],
)
def test_spells_and_pictures_are_found_by_the_same_words(
    shelf: httpx.Client, query: dict[str, str], found: list[str]
) -> None:
    assert titles(shelf, **query) == found
    images = shelf.get("/api/images", params=query).json()["images"]
    assert len(images) == len(found)


def test_a_search_by_time_begins_with_the_moment_and_ends_before_it(shelf: httpx.Client) -> None:
    made = [datetime.fromisoformat(s["created_at"]) for s in shelf.get("/api/spells").json()["spells"]]
    assert len(titles(shelf, since=made[1].isoformat())) == 2
    assert len(titles(shelf, until=made[1].isoformat())) == 1
    assert titles(shelf, since=(datetime.now(UTC) + timedelta(days=1)).isoformat()) == []
    assert shelf.get("/api/spells", params={"since": "yesterday"}).status_code == 422


def test_a_searched_list_is_paged(shelf: httpx.Client) -> None:
    first = shelf.get("/api/images", params={"q": "red", "limit": 1}).json()
    second = shelf.get("/api/images", params={"q": "red", "limit": 1, "before": first["next_before"]}).json()
    third = shelf.get("/api/images", params={"q": "red", "limit": 1, "before": second["next_before"]}).json()
    assert first["images"][0]["id"] != second["images"][0]["id"]
    assert third == {"images": [], "next_before": None}


def test_an_edited_spell_is_found_by_its_new_words_and_its_first_idea(tmp_path: Path) -> None:
    with running_server(quiet_settings(tmp_path)) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        made = client.post("/api/spells", json={"idea": "a lighthouse"}).json()
        edited = {"spell": {"prompt": "a windmill"}, "parent": 1}
        assert client.post(f"/api/spells/{made['spell_id']}/versions", json=edited).status_code == 201
        assert len(titles(client, q="windmill")) == len(titles(client, q="lighthouse")) == 1


def test_names_are_whole_and_words_are_parts() -> None:
    text = searched_text(Spell("A  Fox", loras=(Lora("Ink/v2"),)).evolve(checkpoint="SDXL base"), "Ein Fuchs")
    assert text == "\nein fuchs\na fox\ncheckpoint:sdxl base\nlora:ink/v2\n"
    assert all(part in text for part in Search.of("fuc FOX", checkpoint="sdxl BASE", lora="ink/V2").parts)
    assert not all(part in text for part in Search.of(lora="ink").parts)
