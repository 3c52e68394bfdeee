"""LoRAs of this machine in the assistants: real names, with their trigger words, and no others."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prompts.spell import Lora
from service.services import Services
from service.testing import quiet_settings


def write_inked_lora(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    key = "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"
    header = {
        "__metadata__": {"ss_base_model_version": "sd_v1"},
        key: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
    }
    text = json.dumps(header).encode()
    (folder / "wet-ink.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"\0\0\0\0")
    (folder / "wet-ink.json").write_text('{"activation text": "inkstyle", "preferred weight": 0.66}', "utf-8")


def test_a_lora_that_an_idea_or_a_turn_names_comes_with_its_trigger_word_and_weight(
    with_services: Callable, tmp_path: Path
) -> None:
    write_inked_lora(quiet_settings(tmp_path).loras_path)

    async def work(services: Services) -> Any:
        named = await services.expansion.create("a heron in wet ink style")
        plain = await services.expansion.create("a heron")
        turn = await services.chat.turn(plain.spell_id, "use the lora wet-ink")
        unknown = await services.chat.turn(plain.spell_id, "use the lora oilpaint")
        return named, plain, turn, unknown

    named, plain, turn, unknown = with_services(work)
    assert named.spell.loras == (Lora("wet-ink", 0.66),) and "inkstyle" in named.spell.prompt
    assert plain.spell.loras == ()
    assert turn.version.spell.loras == (Lora("wet-ink", 0.66),) and "inkstyle" in turn.version.spell.prompt
    assert not unknown.understood and unknown.version.spell == turn.version.spell


def test_a_language_model_may_use_local_loras_only_and_gets_their_words(
    with_services: Callable, scripted: Callable, tmp_path: Path
) -> None:
    write_inked_lora(quiet_settings(tmp_path).loras_path)
    chat = scripted({"prompt": "a heron", "loras": [{"name": "wet-ink", "weight": 0.5}]})
    made = with_services(lambda services: services.expansion.create("a heron"), chat)
    assert made.spell.loras == (Lora("wet-ink", 0.5),) and made.spell.prompt == "a heron, inkstyle"
    assert '"triggers": ["inkstyle"]' in chat.asked[0]


def test_an_expansion_says_what_the_checkpoint_draws_well_by(with_services: Callable) -> None:
    made = with_services(lambda services: services.expansion.create("a heron"))
    suggested = made.details["suggested"]
    assert (suggested["sampler"], suggested["schedule_type"], suggested["cfg_scale"]) == ("DPM++ SDE", "Karras", 7.0)
    assert suggested["portrait"] == [512, 768] and suggested["hires"]["upscale_by"] == 2.0
