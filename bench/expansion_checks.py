"""Reads the tables of chat turns (everyday, drafts, fresh4), and says what of their expectations a turn misses."""

from __future__ import annotations

import re
from pathlib import Path

from prompts.expansion.edits import LockSpan
from prompts.expansion.offline.words import contains
from prompts.expansion.phrases import split
from prompts.expansion.refine import Refinement
from prompts.spell import Lora, Spell

DRAFT = Spell(
    prompt="a girl wearing a red hat on a Tokyo street in the rain at sunset, (neon lights:1.2), full plate armour, "
    "photograph, soft light",
    negative_prompt="blurry, text",
    loras=(Lora("inkStyle", 0.8),),
).evolve(steps=20, cfg_scale=7.0, width=512, height=512, sampler="DPM++ SDE", seed=7)
VERSIONS = (DRAFT.evolve(prompt="a cat"), DRAFT.evolve(prompt=DRAFT.prompt.replace("at sunset", "at night")), DRAFT)
UNDO_TO = 1
DRAFTS = {
    "portrait": Spell(
        "1girl, solo, portrait, long silver hair, blue eyes, white dress, (freckles:1.2), soft smile, garden, "
        "cherry blossoms, masterpiece, best quality",
        "lowres, bad hands, text",
    ),
    "cyborg": Spell(
        "a cyborg woman standing in a neon-lit alley, rain, reflections, leather jacket, holding a katana, "
        "cinematic lighting, film grain",
        "blurry, watermark",
    ).evolve(steps=25, cfg_scale=7.0, width=512, height=768, seed=123),
    "cabin": Spell(
        "a wooden cabin by a mountain lake, pine forest, snow-capped mountains, morning mist, "
        "reflections, oil painting, (dramatic sky:1.3)",
        "people, text",
    ),
    "cat": Spell(
        "a fat orange cat sleeping on a stack of books, cozy library, warm lamp light, photograph, "
        "shallow depth of field",
        "blurry",
    ),
    "ramen": Spell(
        "a bowl of ramen with a soft-boiled egg, chopsticks, steam, wooden table, top view, food photography",
        "blurry, hands",
    ),
    "knight": Spell(
        "a knight in golden armour riding a white horse, (red cape:1.1), battlefield, stormy sky, "
        "epic, digital painting",
        "modern, car",
        (Lora("armorX", 0.7),),
    ),
}
DRAFTS_OF_TAGS = {
    "bench": Spell(
        "(masterpiece, best quality:1.2), 1girl, solo, long black hair, brown eyes, white dress, sitting on a bench, "
        "park, cherry blossoms, soft lighting",
        "(worst quality:2), (low quality:2), lowres, watermark",
        (Lora("koreanDollLikeness", 0.66),),
    ).evolve(steps=28, sampler="DPM++ SDE Karras", cfg_scale=8.0, seed=123, width=512, height=768, clip_skip=2),
    "valley": Spell(
        "masterpiece, best quality, landscape, mountain valley, river, pine forest, wooden cabin, autumn, "
        "(dramatic sky:1.2), sunset, no humans, wide shot, oil painting",
        "lowres, people, text",
    ).evolve(steps=30, cfg_scale=7.0, width=768, height=512, seed=7),
    "man": Spell(
        "A portrait of a middle-aged man with a short grey beard and blue eyes, wearing a brown tweed jacket and a "
        "white shirt, sitting in a leather armchair in a dimly lit library, looking at the camera, warm lamp light, "
        "photograph",
        "blurry, cartoon",
    ).evolve(steps=25, cfg_scale=6.0, width=512, height=768, seed=99),
}
_EXPECTATION = re.compile(r"(?:n?[+-]|~)?[^ ]+(?: (?!n?[+\-~]|v\d|\w+=)[^ ]+)*")


def everyday_turns() -> list[tuple[str, str]]:
    """(message, expectations) of each line."""
    lines = (Path(__file__).parent / "expansion_everyday.txt").read_text("utf-8").splitlines()
    rows = (line.split(" | ") for line in lines if line.strip() and line[0] != "#")
    return [(message.strip(), wanted.strip()) for message, wanted in rows]


def turns_on_drafts() -> list[tuple[str, str, str]]:
    """(name of the draft, message, expectations) of each line."""
    return _on_drafts("expansion_drafts.txt")


def _on_drafts(table: str) -> list[tuple[str, str, str]]:
    lines = (Path(__file__).parent / table).read_text("utf-8").splitlines()
    rows = (line.split(" | ") for line in lines if line.strip() and line[0] != "#")
    return [(draft.strip(), message.strip(), wanted.strip()) for draft, message, wanted in rows]


def turns_on_tags() -> list[tuple[str, str, str]]:
    """(name of the draft, message, expectations) of each line of `expansion_fresh4.txt`."""
    return _on_drafts("expansion_fresh4.txt")


def unmet(turn: Refinement, wanted: str, draft: Spell = DRAFT) -> list[str]:
    """The expectations that `turn`, said of `draft`, does not meet; empty when all are met."""
    return [text for text in _EXPECTATION.findall(wanted) if not _is_met(turn, text, draft)]


def _is_met(turn: Refinement, text: str, draft: Spell) -> bool:
    spell = turn.spell
    whole = {
        "says": spell == draft and not turn.edits and bool(turn.reply),
        "asks": spell == draft and "1) " in turn.reply and "2) " in turn.reply,
        "undo": turn.base_version == UNDO_TO,
        "lock": any(isinstance(edit, LockSpan) for edit in turn.edits),
        "hires": spell.params.hires is not None,
    }
    if text in whole:
        return whole[text]
    if re.fullmatch(r"v\d", text):
        return turn.base_version == int(text[1]) - 1
    if text[0] == "~":
        before, after = _weight(draft.prompt, text[1:-1]), _weight(spell.prompt, text[1:-1])
        return after is not None and before is not None and (after > before if text[-1] == ">" else after < before)
    if text[0] in "+-" or text[:2] in ("n+", "n-"):
        where = spell.negative_prompt if text[0] == "n" else spell.prompt
        sign, words = text.removeprefix("n")[0], text.removeprefix("n")[1:]
        return any(contains(where, word) for word in words.split("/")) == (sign == "+")
    name, _, value = text.partition("=")
    if name == "lora":
        return " ".join(f"{lora.weight:g}" for lora in spell.loras) == value
    return str(getattr(spell.params, name)).removesuffix(".0") == value.removesuffix(".0")


def _weight(prompt: str, word: str) -> float | None:
    for phrase in split(prompt):
        if word in phrase.core:
            inner = re.search(rf"\([^()]*{re.escape(word)}[^()]*:([\d.]+)\)", phrase.text)
            return float(inner[1]) if inner else phrase.weight
    return None
