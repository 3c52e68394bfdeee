"""The drafted decoder and the fused picture tower against transformers' own, on a tiny random BLIP."""

from __future__ import annotations

from typing import Any

import pytest

from prompts.torch_guard import ensure_torchvision

TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "vocab_size": 24,
    "encoder_hidden_size": 32,
    "projection_dim": 8,
    "max_position_embeddings": 64,
    "bos_token_id": 5,
    "eos_token_id": 3,
    "sep_token_id": 3,
    "pad_token_id": 0,
}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
    "initializer_range": 0.02,  # transformers' default of 1e-10 makes all pictures look the same
}
NEW_TOKENS = 12


@pytest.fixture(scope="module")
def blip() -> Any:
    """Weights larger than transformers draws them, so that sentences differ and some of them end early."""
    ensure_torchvision()
    import torch
    from transformers import BlipConfig, BlipForConditionalGeneration

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        model = BlipForConditionalGeneration(BlipConfig(text_config=TEXT, vision_config=VISION, projection_dim=8))
        with torch.no_grad():
            for name, value in model.named_parameters():
                if value.ndim > 1 and "text_decoder.bert.embeddings" not in name:
                    # The sentence is to hang on the picture, not on the word before.
                    value.mul_(60.0 if "crossattention" in name else 12.0)
    return model.eval()


def pictures(count: int) -> Any:
    import torch

    generator = torch.Generator().manual_seed(1)
    grounds = 3 * torch.randn(count, 3, 1, 1, generator=generator)
    return grounds + torch.randn(count, 3, 32, 32, generator=generator)


def own_words(blip: Any, pixels: Any) -> list[int]:
    tokens = blip.generate(pixel_values=pixels[None], max_new_tokens=NEW_TOKENS)
    words: list[int] = tokens[0].tolist()
    return words


def test_the_fused_picture_tower_gives_the_towers_own_features(blip: Any) -> None:
    import torch

    from prompts.interrogation.blip_vision import seen_by

    pixels = pictures(3)
    expected = blip.vision_model(pixel_values=pixels)[0]
    assert expected.std() > 0.1
    assert torch.allclose(seen_by(blip.vision_model, pixels), expected, atol=1e-5)


def test_drafted_words_are_those_of_transformers_greedy_generation(blip: Any) -> None:
    from prompts.interrogation.blip_decoder import DraftedDecoder
    from prompts.interrogation.blip_vision import seen_by

    expected = [own_words(blip, one) for one in pictures(24)]
    decoder = DraftedDecoder(blip.text_decoder, NEW_TOKENS)
    got = [decoder.greedy(seen_by(blip.vision_model, one[None])) for one in pictures(24)]
    assert got == expected
    assert len({tuple(words) for words in expected}) > 8, "the pictures must be told apart"
    assert any(len(words) < 1 + NEW_TOKENS for words in expected), "some sentence must end by itself"
    assert [own_words(blip, one) for one in pictures(24)] == expected, "the weights must be as before"


def test_a_draft_that_is_always_wrong_costs_time_but_no_word(blip: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from prompts.interrogation.blip_decoder import DraftedDecoder
    from prompts.interrogation.blip_vision import seen_by

    decoder = DraftedDecoder(blip.text_decoder, NEW_TOKENS)
    honest = decoder._next_of
    checks = []

    def misled(words: Any, tokens: list[int], start: int, memory: Any) -> list[int]:
        chosen = honest(words, tokens, start, memory)
        if words is decoder._full:
            checks.append(start)
            return chosen
        return [(word + 7) % TEXT["vocab_size"] for word in chosen]  # type: ignore[operator]

    monkeypatch.setattr(decoder, "_next_of", misled)
    for one in pictures(4):
        assert decoder.greedy(seen_by(blip.vision_model, one[None])) == own_words(blip, one)
    assert len(checks) > 8, "every word must have been corrected"


def test_a_decoder_in_half_precision_is_left_to_transformers(blip: Any) -> None:
    import copy

    from prompts.interrogation.blip_decoder import DraftedDecoder

    assert DraftedDecoder.where_it_helps(copy.deepcopy(blip.text_decoder).half(), NEW_TOKENS) is None
