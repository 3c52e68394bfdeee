"""The unmodified `openai` SDK on a running server."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from prompts.metadata import parse_infotext, read_infotext
from service.provenance.marks import Mark, mark_of
from service.testing import RunningServer, quiet_settings, running_server


@pytest.fixture
def sdk(door: RunningServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{door.url}/v1", api_key="none", max_retries=0, timeout=30) as client:
        yield client


def opened(picture: Any) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(picture.b64_json)))


def a_png(shade: int = 90, alpha: int | None = None, size: tuple[int, int] = (96, 64)) -> bytes:
    out = io.BytesIO()
    mode, colour = ("RGB", (shade,) * 3) if alpha is None else ("RGBA", (shade, shade, shade, alpha))
    Image.new(mode, size, colour).save(out, "PNG")  # type: ignore[arg-type]
    return out.getvalue()


def test_models_lists_the_chat_and_every_checkpoint(sdk: openai.OpenAI) -> None:
    assert [model.id for model in sdk.models.list()] == ["spellwright", "demo", "painterly"]
    assert sdk.models.retrieve("painterly").object == "model"
    with pytest.raises(openai.NotFoundError) as missing:
        sdk.models.retrieve("gpt-9")
    assert missing.value.code == "model_not_found"


def test_an_idea_is_expanded_and_drawn(sdk: openai.OpenAI) -> None:
    answer = sdk.images.generate(model="dall-e-3", prompt="雨夜的猫", n=2, size="auto")
    assert answer.data is not None
    first, second = answer.data
    assert first.revised_prompt
    assert first.revised_prompt.isascii()
    file = base64.b64decode(first.b64_json or "")
    assert mark_of(file) is Mark.GENERATED
    assert parse_infotext(read_infotext(file) or "").prompt == first.revised_prompt
    assert first.url
    assert httpx.get(first.url).content == file
    assert first.b64_json != second.b64_json


def test_a_written_prompt_is_drawn_as_it_is(sdk: openai.OpenAI) -> None:
    words = "1girl, (red hair:1.3), rain, night"
    answer = sdk.images.generate(model="painterly", prompt=words, size="512x512", quality="low")
    assert answer.data is not None
    assert answer.data[0].revised_prompt == words
    spell = parse_infotext(read_infotext(base64.b64decode(answer.data[0].b64_json or "")) or "")
    assert (spell.params.checkpoint, spell.params.steps, spell.params.width) == ("painterly", 10, 512)


def test_a_large_size_is_drawn_small_first_and_then_enlarged(sdk: openai.OpenAI) -> None:
    answer = sdk.images.generate(model="painterly", prompt="a, b, c, d", size="1536x1024", response_format="b64_json")
    assert answer.data is not None
    assert opened(answer.data[0]).size == (1536, 1024)
    assert answer.data[0].url is None
    spell = parse_infotext(read_infotext(base64.b64decode(answer.data[0].b64_json or "")) or "")
    assert (spell.params.width, spell.params.height) == (624, 416)
    assert spell.params.hires is not None


@pytest.mark.parametrize(("name", "kind"), [("jpeg", "JPEG"), ("webp", "WEBP"), ("png", "PNG")])
def test_the_format_is_the_one_asked_for(sdk: openai.OpenAI, name: Any, kind: str) -> None:
    answer = sdk.images.generate(prompt="a heart", output_format=name, model="gpt-image-1")
    assert answer.data is not None
    assert opened(answer.data[0]).format == kind


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"prompt": "a heart", "size": "huge"}, "request_invalid", "size"),
        ({"prompt": "a heart", "quality": "superb"}, "request_invalid", "quality"),
        ({"prompt": ""}, "idea_empty", None),
        ({"prompt": "a heart", "n": 65}, "request_invalid", "count"),
        ({"prompt": "a heart", "model": "painterley"}, "model_not_found", "model"),
        ({"prompt": "naked child"}, "content_policy_violation", None),
    ],
)
def test_a_bad_wish_is_the_sdks_bad_request(
    sdk: openai.OpenAI, fields: dict[str, Any], code: str, param: str | None
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.images.generate(**fields)
    assert refused.value.code == code
    assert refused.value.type == "invalid_request_error"
    if param is not None:
        assert refused.value.param == param


def test_an_edit_draws_over_the_picture_in_its_own_size(sdk: openai.OpenAI) -> None:
    answer = sdk.images.edit(image=("x.png", a_png()), prompt="make it a sunset", n=1)
    assert answer.data is not None
    file = base64.b64decode(answer.data[0].b64_json or "")
    assert Image.open(io.BytesIO(file)).size == (96, 64)
    assert mark_of(file) is Mark.COMPOSITE
    assert "Mask" not in (read_infotext(file) or "")


def test_a_mask_or_the_pictures_own_transparency_keeps_the_rest(sdk: openai.OpenAI) -> None:
    masked = sdk.images.edit(image=("x.png", a_png()), mask=("m.png", a_png(alpha=0)), prompt="a star")
    own = sdk.images.edit(image=("x.png", a_png(alpha=0)), prompt="a star", size="64x64")
    for answer, size in ((masked, (96, 64)), (own, (64, 64))):
        assert answer.data is not None
        file = base64.b64decode(answer.data[0].b64_json or "")
        assert Image.open(io.BytesIO(file)).size == size
        assert "Mask blur" in (read_infotext(file) or "")


def test_a_variation_draws_what_the_picture_says(sdk: openai.OpenAI) -> None:
    made = sdk.images.generate(prompt="a, red, heart, flat")
    assert made.data is not None
    source = base64.b64decode(made.data[0].b64_json or "")
    with pytest.warns(DeprecationWarning):  # the SDK's own opinion of the route
        again = sdk.images.create_variation(image=("x.png", source), n=2)
    assert again.data is not None
    assert [picture.revised_prompt for picture in again.data] == ["a, red, heart, flat"] * 2


def test_an_edit_without_a_picture_is_refused(door: RunningServer) -> None:
    answer = httpx.post(f"{door.url}/v1/images/edits", files={"prompt": (None, "x")})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "image_missing")


def test_the_chat_makes_a_spell_and_changes_it_turn_by_turn(sdk: openai.OpenAI) -> None:
    talk: list[Any] = [{"role": "user", "content": "a cat on a roof"}]
    first = sdk.chat.completions.create(model="spellwright", messages=talk)
    text = first.choices[0].message.content or ""
    assert first.choices[0].finish_reason == "stop"
    assert first.usage is not None
    made = first.model_extra["spellwright"]  # type: ignore[index]
    assert made["version"] == 1
    assert made["infotext"] in text
    talk += [{"role": "assistant", "content": text}, {"role": "user", "content": "make it night"}]
    second = sdk.chat.completions.create(model="spellwright", messages=talk)
    changed = second.model_extra["spellwright"]  # type: ignore[index]
    assert (changed["spell_id"], changed["version"]) == (made["spell_id"], 2)
    assert "night" in changed["spell"]["prompt"]
    # Going on from the first answer again is a branch of it.
    third = sdk.chat.completions.create(
        model="spellwright", messages=[*talk[:2], {"role": "user", "content": "add a red scarf"}]
    )
    branch = third.model_extra["spellwright"]["spell"]["prompt"]  # type: ignore[index]
    assert "scarf" in branch
    assert "night" not in branch


def test_the_chat_streams_the_same_words(sdk: openai.OpenAI) -> None:
    talk: list[Any] = [{"role": "user", "content": "a lighthouse"}]
    made = sdk.chat.completions.create(model="spellwright", messages=talk)
    talk += [
        {"role": "assistant", "content": made.choices[0].message.content},
        {"role": "user", "content": "add a storm"},
    ]
    stream = sdk.chat.completions.create(
        model="spellwright", messages=talk, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    ends = [chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason == "stop"]
    assert len(ends) == 1
    assert chunks[-1].usage is not None
    assert ends[0].model_extra["spellwright"]["infotext"] in text  # type: ignore[index]
    assert "storm" in text


def test_a_picture_in_the_chat_is_read_for_its_spell(sdk: openai.OpenAI) -> None:
    made = sdk.images.generate(prompt="a, red, heart, flat")
    assert made.data is not None
    url = f"data:image/png;base64,{made.data[0].b64_json}"
    parts: list[Any] = [{"type": "image_url", "image_url": {"url": url}}]
    answer = sdk.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": parts}])
    assert answer.model_extra["spellwright"]["spell"]["prompt"] == "a, red, heart, flat"  # type: ignore[index]
    parts[0]["image_url"]["url"] = "http://127.0.0.1/x.png"
    with pytest.raises(openai.BadRequestError, match="not fetched"):
        sdk.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": parts}])


def test_a_stored_spell_can_be_named(sdk: openai.OpenAI, door: RunningServer) -> None:
    spell = httpx.post(f"{door.url}/api/spells", json={"idea": "a boat"}).json()
    answer = sdk.chat.completions.create(
        model="spellwright",
        messages=[{"role": "user", "content": "make it night"}],
        metadata={"spell_id": spell["spell_id"]},
    )
    assert answer.model_extra["spellwright"]["version"] == 2  # type: ignore[index]
    with pytest.raises(openai.NotFoundError):
        sdk.chat.completions.create(
            model="spellwright", messages=[{"role": "user", "content": "night"}], metadata={"spell_id": "nothing"}
        )


def test_a_block_of_another_server_is_taken_by_its_words(sdk: openai.OpenAI) -> None:
    block = "```spell/01AAAAAAAAAAAAAAAAAAAAAAAA/4\na dog\nSteps: 9, Sampler: Euler, Seed: 1\n```"
    talk: list[Any] = [
        {"role": "user", "content": "a dog"},
        {"role": "assistant", "content": block},
        {"role": "user", "content": "make it night"},
    ]
    answer = sdk.chat.completions.create(model="spellwright", messages=talk)
    made = answer.model_extra["spellwright"]["spell"]  # type: ignore[index]
    assert "a dog" in made["prompt"]
    assert made["params"]["steps"] == 9


@pytest.mark.parametrize("messages", [[{"role": "assistant", "content": "x"}], [{"role": "user", "content": "  "}], []])
def test_a_conversation_without_a_wish_is_refused(sdk: openai.OpenAI, messages: list[Any]) -> None:
    with pytest.raises(openai.BadRequestError):
        sdk.chat.completions.create(model="spellwright", messages=messages)


def test_a_refusal_in_a_stream_is_the_sdks_error(sdk: openai.OpenAI) -> None:
    talk: list[Any] = [{"role": "user", "content": "naked child"}]
    with pytest.raises(openai.APIError, match="cannot be made"):
        list(sdk.chat.completions.create(model="spellwright", messages=talk, stream=True))


def test_a_key_is_the_sdks_api_key(tmp_path: Path) -> None:
    with running_server(quiet_settings(tmp_path)) as server:
        made = httpx.post(f"{server.url}/api/keys", json={"name": "first", "scopes": ["read", "generate", "admin"]})
        assert made.status_code == 201, made.text
        with (
            openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-wrong", max_retries=0) as wrong,
            pytest.raises(openai.AuthenticationError) as refused,
        ):
            wrong.models.list()
        assert refused.value.type == "authentication_error"
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key=made.json()["key"], max_retries=0) as right:
            assert right.models.list().data[0].id == "spellwright"
