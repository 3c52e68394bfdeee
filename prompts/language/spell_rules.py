"""Lint rules about what a spell says: phrases against each other, LoRAs, schedule, token budget, style."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from prompts.errors import near_hint, near_names
from prompts.language.chunks import CHUNK_TOKENS, Tokenize, fill_chunks
from prompts.language.examined import Examined
from prompts.language.finding import ERROR, HINT, Finding
from prompts.language.parsing import parse
from prompts.language.phrases import Phrase
from prompts.language.syntax import Scheduled
from prompts.language.weights import merged
from prompts.spell import Spell

TAG_FAMILIES = frozenset(("sd15", "sd1", "sd2", "sdxl"))
"""Families whose text encoder is CLIP alone: short phrases."""
PROSE_FAMILIES = frozenset(("sd3", "flux", "qwen", "z-image"))
"""Families with a language model as text encoder: sentences."""
_SENTENCE_WORDS = 9
_MANY_TAGS = 6


def duplicates(it: Examined) -> Iterator[Finding]:
    """Phrases said twice."""
    seen: set[str] = set()
    for phrase, words in zip(it.phrases, it.words, strict=True):
        if words and words in seen:
            message = f"{words!r} is said twice; the second one only takes room."
            yield Finding("duplicate", it.field, *_with_comma(it.text, phrase), message, "", HINT)
        seen.add(words)


def contradictions(prompt: Examined, negative: Examined) -> Iterator[Finding]:
    """Phrases asked for and forbidden at once."""
    wanted = {_bare(words) for words in prompt.words}
    for phrase, words in zip(negative.phrases, negative.words, strict=True):
        if words and _bare(words) in wanted:
            message = f"{words!r} stands in the prompt and in the negative prompt: they cancel each other."
            yield Finding("contradiction", negative.field, *_with_comma(negative.text, phrase), message, "")


def _bare(words: str) -> str:
    """`a cat` and `cat` are the same wish."""
    article, _, rest = words.partition(" ")
    return rest if rest and article in ("a", "an", "the") else words


def _with_comma(text: str, phrase: Phrase) -> tuple[int, int]:
    """The span to cut so that no double comma is left."""
    at = phrase.start
    while at and text[at - 1] == " ":
        at -= 1
    if at and text[at - 1] in ",，、":
        return at - 1, phrase.end
    end = phrase.end
    while text[end : end + 1] == " ":
        end += 1
    return (phrase.start, end + 1) if text[end : end + 1] == "," else (phrase.start, phrase.end)


def unknown_loras(spell: Spell, known: Collection[str]) -> Iterator[Finding]:
    """LoRAs that are not on this machine, with near names."""
    folded = {name.casefold() for name in known}
    for i, lora in enumerate(spell.loras):
        if lora.name.casefold() not in folded:
            near = near_names(lora.name, known)
            message = f"There is no LoRA called {lora.name!r} here.{near_hint(near)}"
            yield Finding("lora_unknown", "loras", i, i + 1, message, near[0] if near else None, ERROR)


def unknown_lora_tags(it: Examined, known: Collection[str]) -> Iterator[Finding]:
    """As `unknown_loras`, of tags that still stand in the prompt; the place is the name alone."""
    folded = {name.casefold() for name in known}
    for tag in it.tags:
        lora = tag.lora()
        if lora is None or lora.name.casefold() in folded:
            continue
        near = near_names(lora.name, known)
        message = f"There is no LoRA called {lora.name!r} here.{near_hint(near)}"
        start = it.text.index(lora.name, tag.start + len(tag.kind) + 2)
        end = start + len(lora.name)
        yield Finding("lora_unknown", it.field, start, end, message, near[0] if near else None, ERROR)


def repeated_loras(spell: Spell) -> Iterator[Finding]:
    """One LoRA asked for twice: its weights add up."""
    seen: set[str] = set()
    for i, lora in enumerate(spell.loras):
        if lora.name.casefold() in seen:
            message = f"LoRA {lora.name!r} is asked for twice; both weights count."
            yield Finding("lora_repeated", "loras", i, i + 1, message)
        seen.add(lora.name.casefold())


def idle_schedules(it: Examined, steps: int) -> Iterator[Finding]:
    """`[a:b:30]` in a picture of 20 steps never switches."""
    if "[" not in it.text:
        return
    for node in parse(it.text).walk():
        if not isinstance(node, Scheduled):
            continue
        value = float(node.when)
        last = value * steps if "." in node.when else value
        if last >= steps:
            message = f"This never switches: step {node.when.strip()} is at or behind the last of {steps} steps."
            yield Finding("schedule_idle", it.field, node.start, node.end, message)
        elif last < 1:
            message = "This switches before the first step: what stands before the colon is never drawn."
            yield Finding("schedule_idle", it.field, node.start, node.end, message)


def token_budget(it: Examined, tokenize: Tokenize) -> Iterator[Finding]:
    """Prompts longer than one chunk."""
    pieces = merged(it.fragments)
    commas = tokenize(",")
    chunks = fill_chunks(pieces, tokenize, commas[0] if commas else -1)
    count = sum(len(chunk.tokens) for chunk in chunks)
    if count <= CHUNK_TOKENS:
        return
    full = next((i for i, chunk in enumerate(chunks[:-1]) if len(chunk.tokens) > CHUNK_TOKENS // 2), 0)
    following = chunks[min(full + 1, len(chunks) - 1)]
    start = pieces[following.fragments[0]].start if following.fragments else 0
    message = (
        f"{count} tokens fill {len(chunks)} chunks of {CHUNK_TOKENS}; words in different chunks influence each other "
        "less. What matters most belongs first."
    )
    yield Finding("long_prompt", it.field, start, len(it.text), message, None, HINT)


def style(it: Examined, family: str) -> Iterator[Finding]:
    """Tags for models with CLIP alone, sentences for models with a language model as text encoder."""
    sentences = sum(len(words.split()) >= _SENTENCE_WORDS for words in it.words)
    if family in TAG_FAMILIES and sentences * 2 > len(it.words):
        message = "This model reads short phrases between commas better than sentences."
        yield Finding("style_prose", it.field, 0, len(it.text), message, None, HINT)
    if family in PROSE_FAMILIES and len(it.words) >= _MANY_TAGS and not sentences:
        message = "This model reads sentences better than a list of tags."
        yield Finding("style_tags", it.field, 0, len(it.text), message, None, HINT)
