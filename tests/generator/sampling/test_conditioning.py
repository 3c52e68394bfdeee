from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from generator.errors import UnsupportedSpell
from generator.models.checkpoint import Checkpoint
from generator.models.text_tower import TextEncoding
from generator.sampling.conditioning import Conditioner, PassPrompts, ScheduledContext, emphasise


@pytest.fixture
def checkpoint(tiny_checkpoint: Checkpoint) -> Checkpoint:
    return tiny_checkpoint


@pytest.fixture
def conditioner(checkpoint: Checkpoint) -> Conditioner:
    return Conditioner(checkpoint)


def _only(conditioner: Conditioner, prompt: str, negative: str = "", clip_skip: int = 1) -> Tensor:
    encoded = conditioner.encode_pass(PassPrompts(prompt, negative, 10), clip_skip, ())
    assert len(encoded.positive) == 1
    return encoded.positive[0].at(0)


def _plainly(checkpoint: Checkpoint, text: str) -> Tensor:
    """The text encoder's own output for a short text, as the diffusers pipeline asks for it."""
    ids = checkpoint.tokenizer(
        text, padding="max_length", max_length=77, truncation=True, return_tensors="pt"
    ).input_ids
    with torch.no_grad():
        found: Tensor = checkpoint.text_encoder(ids).last_hidden_state
    return found


@pytest.mark.parametrize("text", ["", "a red cat", "a cat, a dog, 2 houses", "猫 と 犬", "café"])
def test_a_short_plain_prompt_is_encoded_as_the_pipeline_does(
    conditioner: Conditioner, checkpoint: Checkpoint, text: str
) -> None:
    assert torch.allclose(_only(conditioner, text), _plainly(checkpoint, text), atol=1e-6)


def test_exactly_75_tokens_fill_one_chunk_and_76_make_two(conditioner: Conditioner) -> None:
    assert _only(conditioner, "cat " * 75).shape[1] == 77
    assert _only(conditioner, "cat " * 76).shape[1] == 154


def test_chunks_are_encoded_apart_and_joined(conditioner: Conditioner, checkpoint: Checkpoint) -> None:
    joined = _only(conditioner, "a red cat BREAK a blue dog")
    expected = torch.cat([_plainly(checkpoint, "a red cat"), _plainly(checkpoint, "a blue dog")], dim=1)
    assert torch.allclose(joined, expected, atol=1e-6)


def test_the_shorter_of_prompt_and_negative_is_filled_with_empty_chunks(
    conditioner: Conditioner, checkpoint: Checkpoint
) -> None:
    encoded = conditioner.encode_pass(PassPrompts("a BREAK b BREAK c", "ugly", 10), 1, ())
    assert encoded.chunks == 3
    negative = encoded.negative.at(0)
    empty = _plainly(checkpoint, "")
    assert torch.allclose(negative, torch.cat([_plainly(checkpoint, "ugly"), empty, empty], dim=1), atol=1e-6)


def test_a_weight_multiplies_its_tokens_and_the_mean_is_restored(
    conditioner: Conditioner, checkpoint: Checkpoint
) -> None:
    plain = _plainly(checkpoint, "a red cat")
    weights = torch.ones(77)
    weights[2] = 1.5  # start, a, red
    expected = plain * weights.reshape(1, -1, 1)
    expected = expected * (plain.mean() / expected.mean())
    assert torch.allclose(_only(conditioner, "a (red:1.5) cat"), expected, atol=1e-6)


def test_weight_1_changes_nothing_and_a_wrong_count_is_a_programming_error() -> None:
    encoded = torch.randn(1, 77, 4)
    assert emphasise(encoded, [1.0] * 77) is encoded
    with pytest.raises(ValueError, match="weights"):
        emphasise(encoded, [2.0] * 5)


@pytest.mark.parametrize("clip_skip", [1, 2])
def test_clip_skip_takes_an_earlier_layer_through_the_final_norm(
    conditioner: Conditioner, checkpoint: Checkpoint, clip_skip: int
) -> None:
    ids = checkpoint.tokenizer("a cat", padding="max_length", max_length=77, return_tensors="pt").input_ids
    with torch.no_grad():
        hidden = checkpoint.text_encoder(ids, output_hidden_states=True).hidden_states[-clip_skip]
        expected = checkpoint.text_encoder.final_layer_norm(hidden)  # type: ignore[operator]
    assert torch.allclose(_only(conditioner, "a cat", clip_skip=clip_skip), expected, atol=1e-6)


def test_clip_skip_beyond_the_layers_is_refused(conditioner: Conditioner) -> None:
    with pytest.raises(UnsupportedSpell) as refused:
        _only(conditioner, "a", clip_skip=3)
    assert refused.value.facts["limit"] == 2


def test_and_gives_one_context_per_part_with_its_weight(conditioner: Conditioner) -> None:
    encoded = conditioner.encode_pass(PassPrompts("a cat AND a dog :0.5", "", 10), 1, ())
    assert [c.weight for c in encoded.positive] == [1.0, 0.5]


def test_a_schedule_has_one_context_per_stretch_of_equal_length(conditioner: Conditioner) -> None:
    encoded = conditioner.encode_pass(PassPrompts("a [cat:dog BREAK house:0.5]", "", 10), 1, ())
    entries = encoded.positive[0].entries
    assert [until for until, _ in entries] == [5, 10]
    assert {context.shape[1] for _, context in entries} == {154}


def test_an_edit_takes_hold_one_call_late_as_in_the_web_ui() -> None:
    before, after = torch.zeros(1), torch.ones(1)
    scheduled = ScheduledContext(((5, before), (10, after)))
    assert [float(scheduled.at(call)) for call in range(10)] == [0.0] * 6 + [1.0] * 4
    assert scheduled.at(99) is after


@pytest.mark.parametrize(
    ("emphasis", "as_if"),
    [("Original", "a (cat:1.4)"), ("Ignore", "a cat"), ("None", "a \\(cat:1.4\\)")],
)
def test_emphasis_is_meant_as_the_spell_says(conditioner: Conditioner, emphasis: str, as_if: str) -> None:
    told = conditioner.encode_pass(PassPrompts("a (cat:1.4)", "", 10, emphasis=emphasis), 1, ())
    plain = conditioner.encode_pass(PassPrompts(as_if, "", 10), 1, ())
    assert torch.allclose(told.positive[0].at(0), plain.positive[0].at(0), atol=1e-6)


def test_no_norm_weighs_and_leaves_the_mean_where_it_goes(conditioner: Conditioner) -> None:
    def encoded(text: str, emphasis: str) -> Tensor:
        return conditioner.encode_pass(PassPrompts(text, "", 10, emphasis=emphasis), 1, ()).positive[0].at(0)

    plain, weighed = encoded("heart", "No norm"), encoded("(heart:1.4)", "No norm")
    assert torch.allclose(weighed[0, 1], 1.4 * plain[0, 1], atol=1e-5)
    assert torch.allclose(weighed[0, 2:], plain[0, 2:], atol=1e-6)
    # A tower with untrained norms has a mean of nearly nothing, which says nothing about its keeping.
    tokens = torch.full((1, 77, 4), 2.0)
    weights = [1.0] * 76 + [78.0]
    assert float(emphasise(tokens, weights).mean()) == pytest.approx(2.0)
    assert float(emphasise(tokens, weights, has_norm=False).mean()) == pytest.approx(4.0)


def test_the_hires_pass_has_its_own_schedule(conditioner: Conditioner) -> None:
    prompts = PassPrompts("[a:b:1.5]", "", 10, hires_calls=8)
    assert [until for until, _ in conditioner.encode_pass(prompts, 1, ()).positive[0].entries] == [4, 8]


def test_a_text_is_encoded_once_per_lora_set(
    conditioner: Conditioner, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    tower = checkpoint.towers[0]
    real = tower.encode

    def counting(ids: list[int], clip_skip: int, *rest: Any) -> TextEncoding:
        calls.append(clip_skip)
        return real(ids, clip_skip, *rest)

    monkeypatch.setattr(tower, "encode", counting)
    prompts = PassPrompts("a cat", "ugly", 10)
    for key in ((), (), (("style", 1.0),)):
        conditioner.encode_pass(prompts, 1, key)
    assert len(calls) == 4


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("a red cat # not a dog", "a red cat"),
        ("# a note\na red cat", "a red cat"),
        ("a red cat # one AND two [a:b:0.5] (c:1.4) BREAK", "a red cat"),
        ("a red cat <hypernet:ink:0.5> <lora:no:number>", "a red cat"),
    ],
)
def test_comments_and_extra_network_tags_do_not_change_the_embeddings(
    conditioner: Conditioner, written: str, plain: str
) -> None:
    assert torch.equal(_only(conditioner, written), _only(conditioner, plain))


def test_a_comment_in_the_negative_prompt_does_not_change_the_embeddings(conditioner: Conditioner) -> None:
    written, plain = (
        conditioner.encode_pass(PassPrompts("a cat", text, 10), 1, ()).negative.at(0)
        for text in ("ugly # AND so on", "ugly")
    )
    assert torch.equal(written, plain)


def test_a_tag_in_the_negative_prompt_is_encoded_as_words_as_the_web_ui_does(conditioner: Conditioner) -> None:
    written, plain = (
        conditioner.encode_pass(PassPrompts("a cat", text, 10), 1, ()).negative.at(0)
        for text in ("ugly <lora:ink:1>", "ugly")
    )
    assert not torch.equal(written, plain)
