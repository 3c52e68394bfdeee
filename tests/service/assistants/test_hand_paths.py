"""The hand plan on every path: on by default, written down, switchable, and never twice."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from prompts.hands import RECORD, take_out
from prompts.metadata import format_infotext, png_with_infotext
from prompts.spell import Spell
from service.chat import TurnOptions
from service.hand_choice import choice_from_text
from service.services import Services
from service.spells import Author
from service.testing import quiet_settings

WAVING = "a woman waving"
PASTED = Spell("a woman waving", "blurry").evolve(steps=20, seed=3, width=64, height=64)


def test_an_idea_gets_the_plan_and_it_can_be_taken_out_exactly(with_services: Callable) -> None:
    async def work(services: Services) -> Any:
        planned = await services.expansion.create(WAVING)
        plain = await services.expansion.create(WAVING, hands=())
        taken_out, _ = await services.hands.apply(planned.spell_id, choice=())
        return planned, plain, taken_out

    planned, plain, taken_out = with_services(work)
    assert "bad hands" in planned.spell.negative_prompt and "five fingers per hand" in planned.spell.prompt
    assert "hand" not in plain.spell.negative_prompt and RECORD not in dict(plain.spell.extra)
    assert take_out(planned.spell) == plain.spell == taken_out.spell
    details = planned.details["hands"]
    assert details["choice"] == "auto" and [a["kind"] for a in details["done"]] == ["negatives", "pose"]
    assert details["done"][0]["texts"]["zh"]["name"] == "反向词"
    assert {"key", "en", "zh"} <= set(details["notes"][0])


@pytest.mark.parametrize(
    ("setting", "negative", "positive"), [("auto", True, True), ("off", False, False), ("pose", False, True)]
)
def test_the_operator_decides_for_those_who_do_not(
    with_services: Callable, setting: str, negative: bool, positive: bool
) -> None:
    made = with_services(lambda services: services.expansion.create(WAVING), hand_plan=setting)
    assert ("bad hands" in made.spell.negative_prompt, "five fingers" in made.spell.prompt) == (negative, positive)


def test_a_chat_turn_keeps_the_plan_up_to_date_and_never_doubles_it(with_services: Callable) -> None:
    async def work(services: Services) -> list[Any]:
        first = await services.expansion.create("a mountain lake")
        turns = [first]
        for message in ("add a woman waving", "make it night", "30 steps", "remove the woman"):
            turns.append((await services.chat.turn(first.spell_id, message)).version)
        return turns

    lake, waving, night, steps, gone = with_services(work)
    assert RECORD not in dict(lake.spell.extra)
    for version in (waving, night, steps):
        assert version.spell.negative_prompt.count("bad hands") == 1
        assert version.spell.prompt.count("five fingers per hand") == 1
    assert "bad hands" not in gone.spell.negative_prompt and "five fingers" not in gone.spell.prompt
    assert gone.details["hands"]["notes"][0]["key"] == "hands.changed.removed"


def test_what_a_person_took_out_of_the_plan_stays_out(with_services: Callable) -> None:
    async def work(services: Services) -> Any:
        first = await services.expansion.create(WAVING)
        await services.chat.turn(first.spell_id, "remove bad hands from the negative prompt")
        return (await services.chat.turn(first.spell_id, "make it night")).version

    night = with_services(work)
    assert "bad hands" not in night.spell.negative_prompt and "extra fingers" in night.spell.negative_prompt


def test_switched_off_in_one_turn_it_stays_off_in_the_next(with_services: Callable) -> None:
    async def work(services: Services) -> Any:
        first = await services.expansion.create(WAVING)
        off = await services.chat.turn(first.spell_id, "make it night", options=TurnOptions(hands=()))
        later = await services.chat.turn(first.spell_id, "add a cat")
        return off.version, later.version

    for version in with_services(work):
        assert "bad hands" not in version.spell.negative_prompt and "five fingers" not in version.spell.prompt


def test_a_picture_s_own_spell_and_a_pasted_one_are_not_touched(with_services: Callable) -> None:
    async def work(services: Services) -> Any:
        picture = png_with_infotext(64, 64, bytes(64 * 64 * 3), format_infotext(PASTED))
        job = await services.interrogation.start(picture)
        read = await services.library.get(job.spell_id or "")
        more_steps = (await services.chat.turn(read.spell_id, "30 steps")).version
        night = (await services.chat.turn(read.spell_id, "make it night")).version
        pasted = await services.library.create(PASTED, Author.EDIT)
        more = (await services.chat.turn(pasted.spell_id, "30 steps")).version
        words = (await services.chat.turn(pasted.spell_id, "make it night")).version
        chosen, _ = await services.hands.apply(read.spell_id, choice="auto")
        return read, more_steps, night, pasted, more, words, chosen

    read, more_steps, night, pasted, more, words, chosen = with_services(work)
    assert read.author is Author.METADATA
    for version in (read, more_steps, night, pasted, more):
        assert version.spell.negative_prompt == "blurry" and "finger" not in version.spell.prompt
    assert "bad hands" in words.spell.negative_prompt and "bad hands" in chosen.spell.negative_prompt


def test_a_photo_gets_the_plan_where_people_are_seen_and_nothing_else_otherwise(with_services: Callable) -> None:
    async def work(services: Services) -> Any:
        encoded = io.BytesIO()
        Image.linear_gradient("L").convert("RGB").resize((96, 64)).save(encoded, "JPEG")
        job = await services.interrogation.start(encoded.getvalue())
        done = await services.generation.wait(job.id)
        return await services.library.get(done.spell_id or "")

    version = with_services(work)
    assert version.author is Author.PHOTO
    assert version.details["hands"]["choice"] == "auto" and RECORD not in dict(version.spell.extra)


@pytest.mark.parametrize(
    ("text", "choice"),
    [("auto", "auto"), ("off", ()), ("pose,hide", ("hide", "pose")), (" Negatives ", ("negatives",))],
)
def test_a_choice_is_read_as_people_write_it(text: str, choice: Any) -> None:
    assert choice_from_text(text) == choice


def test_an_installed_negative_embedding_goes_by_its_own_name(with_services: Callable, tmp_path: Path) -> None:
    folder = quiet_settings(tmp_path).embeddings_path
    folder.mkdir(parents=True)
    header = {"emb_params": {"dtype": "F32", "shape": [1, 768], "data_offsets": [0, 3072]}}
    text = json.dumps(header).encode()
    (folder / "badhandv4.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(3072))
    made = with_services(lambda services: services.expansion.create(WAVING))
    assert "badhandv4" in made.spell.negative_prompt and "bad hands" not in made.spell.negative_prompt
