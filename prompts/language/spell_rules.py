"""Lint rules about a spell as a whole: phrases against each other, LoRAs, token budget, style."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from prompts.errors import near_hint, near_names
from prompts.language.chunks import CHUNK_TOKENS, Tokenize
from prompts.language.finding import ERROR, HINT, Finding
from prompts.language.phrases import Phrase, phrases
from prompts.language.scheduling import schedule
from prompts.language.weights import attention
from prompts.spell import Spell

_PROSE_PHRASE_WORDS = 9
"""A phrase with so many words reads as a sentence."""


def duplicates(field: str, text: str) -> Iterator[Finding]:
    """Phrases said twice."""
    seen: dict[str, Phrase] = {}
    for phrase in phrases(text):
        words = phrase.words
        first = seen.setdefault(words, phrase)
        if words and first is not phrase:
            start, end = _with_comma(text, phrase)
            message = f"{words!r} is said twice; the second one only takes room."
            yield Finding("duplicate", field, start, end, message, "", HINT)


def contradictions(spell: Spell) -> Iterator[Finding]:
    """Phrases asked for and forbidden at once."""
    wanted = {phrase.words for phrase in phrases(spell.prompt)}
    for phrase in phrases(spell.negative_prompt):
        if phrase.words and phrase.words in wanted:
            start, end = _with_comma(spell.negative_prompt, phrase)
            message = f"{phrase.words!r} stands in the prompt and in the negative prompt: they cancel each other."
            yield Finding("contradiction", "negative_prompt", start, end, message, "")


def _with_comma(text: str, phrase: Phrase) -> tuple[int, int]:
    """The span to cut so that no double comma is left."""
    before = text[: phrase.start].rstrip()
    if before.endswith((",", "，", "、")):
        return len(before) - 1, phrase.end
    after = text[phrase.end :]
    if after.lstrip(" ").startswith(","):
        return phrase.start, phrase.end + after.index(",") + 1
    return phrase.start, phrase.end


def unknown_loras(spell: Spell, known: Collection[str]) -> Iterator[Finding]:
    """LoRAs that are not on this machine, with near names."""
    folded = {name.casefold() for name in known}
    for i, lora in enumerate(spell.loras):
        if lora.name.casefold() not in folded:
            near = near_names(lora.name, known)
            message = f"There is no LoRA called {lora.name!r} here.{near_hint(near)}"
            yield Finding("lora_unknown", "loras", i, i + 1, message, near[0] if near else None, ERROR)


def repeated_loras(spell: Spell) -> Iterator[Finding]:
    """One LoRA asked for twice: its weights add up."""
    seen: set[str] = set()
    for i, lora in enumerate(spell.loras):
        if lora.name.casefold() in seen:
            yield Finding("lora_repeated", "loras", i, i + 1, f"LoRA {lora.name!r} is asked for twice.")
        seen.add(lora.name.casefold())


def token_budget(field: str, text: str, tokenize: Tokenize) -> Iterator[Finding]:
    """Prompts longer than one chunk."""
    count = sum(len(tokenize(piece)) for piece, weight in attention(text) if (piece, weight) != ("BREAK", -1))
    if count > CHUNK_TOKENS:
        chunks = -(-count // CHUNK_TOKENS)
        message = (
            f"{count} tokens need {chunks} chunks of {CHUNK_TOKENS}; words in different chunks influence each other "
            "less. What matters most belongs first."
        )
        yield Finding("long_prompt", field, 0, len(text), message, None, HINT)


def never_switching(spell: Spell) -> Iterator[Finding]:
    """Prompt editing that never happens within the steps of the spell."""
    steps = spell.params.steps
    if steps is None or "[" not in spell.prompt:
        return
    entries = schedule(spell.prompt, steps)
    if len(entries) == 1 and entries[0][1] != spell.prompt:
        message = f"The prompt editing never switches within {steps} steps: only {entries[0][1]!r} is drawn."
        yield Finding("schedule_idle", "prompt", 0, len(spell.prompt), message)


def style(spell: Spell, family: str) -> Iterator[Finding]:
    """Tags for SD1.5 and SDXL, sentences for models with a language model as text encoder."""
    found = phrases(spell.prompt)
    if not found:
        return
    sentences = [p for p in found if len(p.words.split()) >= _PROSE_PHRASE_WORDS]
    if family in ("sd15", "sd1", "sd2", "sdxl") and len(sentences) * 2 > len(found):
        message = "This model reads short comma-separated phrases better than sentences."
        yield Finding("style_prose", "prompt", 0, len(spell.prompt), message, None, HINT)
    if family in ("flux", "sd3", "qwen", "z-image") and len(found) >= 6 and not sentences:
        message = "This model reads sentences better than a list of tags."
        yield Finding("style_tags", "prompt", 0, len(spell.prompt), message, None, HINT)
