"""A1111's infotext ("parameters") and the spell: read however it was pasted, written as A1111 writes it."""

from __future__ import annotations

from prompts.errors import MetadataError
from prompts.language.networks import lift_loras, write_loras
from prompts.metadata.document import NEGATIVE, Document, take_apart
from prompts.metadata.exact import EXACT, exact_pair, exact_spell
from prompts.metadata.fields import interpret, write
from prompts.metadata.labels import rank
from prompts.metadata.pairs import Pair, join_pair, split_pairs
from prompts.spell import Spell

INFOTEXT_CHARACTERS = 64 * 1024
_TOGETHER = {
    "Schedule type": "Sampler",
    "First pass size": "Size",
    "Hires resize": "Size",
    "Hires upscale": "Size",
    "Hires upscaler": "Denoising strength",
}
"""Keys whose pairs are kept or rewritten together: key -> the name of its group."""
_UNWRITABLE = {code: "\ufffd" for code in range(0xD800, 0xE000)}


def parse_infotext(text: str) -> Spell:
    """The spell that `text` describes; a plain prompt is a spell without parameters, empty text an empty spell.

    LoRA tags are lifted into `loras`. Keys that are not interpreted, and values that do not fit their key, are kept
    in `extra` in order. Values are read, not checked: see `prompts.limits`.

    Raises:
        MetadataError: code `metadata_too_large`, over 64 Ki characters.
    """
    if len(text) > INFOTEXT_CHARACTERS:
        raise MetadataError(
            f"The generation parameters have {len(text)} characters; the limit is {INFOTEXT_CHARACTERS}.",
            got=len(text),
            limit=INFOTEXT_CHARACTERS,
        ).with_code("metadata_too_large")
    return _read_exactly(text) or _plain(text)


def format_infotext(spell: Spell) -> str:
    """`spell` as A1111 writes it, so that `parse_infotext` gives the same spell again, for every spell.

    What the spell was read from (`Spell.written`) and has not changed since is written back as it stood. What the
    format has no words for (a prompt that looks like parameters, say) is added as JSON under the key `Spellwright`.
    """
    text = _as_read(spell) if spell.written else _fresh(spell)
    if _plain(text) == spell:
        return text
    pair = exact_pair(spell, text)
    parameters = take_apart(text).parameters_as_written
    is_one_line = parameters and "\n" not in parameters
    return f"{text}{', ' if is_one_line else chr(10)}{pair}" if text else pair


def _plain(text: str) -> Spell:
    """The spell `text` describes, without looking at an `EXACT` pair."""
    document = take_apart(text)
    prompt, loras = lift_loras(document.prompt)
    reading = interpret(document.pairs)
    return Spell(prompt, document.negative_prompt, loras, reading.params, reading.extra, written=text)


def _fresh(spell: Spell) -> str:
    prompt = write_loras(spell.prompt, spell.loras)
    line = ", ".join(join_pair(key, value) for key, value in write(spell.params, spell.extra))
    return _assemble(prompt, spell.negative_prompt, line)


def _assemble(prompt: str, negative: str, parameters: str) -> str:
    lines = [prompt, f"{NEGATIVE} {negative}" if negative else "", parameters]
    first, *others = lines
    return "\n".join([first, *filter(None, others)]).translate(_UNWRITABLE)


def _as_read(spell: Spell) -> str:
    """The text `spell` was read from, changed only where the spell was changed."""
    document = take_apart(spell.written)
    before = _plain(spell.written)
    if before == spell and document.is_standard:
        return spell.written
    same_prompt = (before.prompt, before.loras) == (spell.prompt, spell.loras)
    same_negative = before.negative_prompt == spell.negative_prompt
    return _assemble(
        document.prompt_as_written if same_prompt else write_loras(spell.prompt, spell.loras),
        document.negative_as_written if same_negative else spell.negative_prompt,
        _parameters_as_read(document, before, spell),
    )


def _parameters_as_read(document: Document, before: Spell, spell: Spell) -> str:
    if (before.params, before.extra) == (spell.params, spell.extra):
        return document.parameters_as_written
    old, new = _groups(before), _groups(spell)
    lines: list[tuple[int, int, str]] = []
    place: dict[str, int] = {}
    for index, pair in enumerate(document.pairs):
        group = _TOGETHER.get(pair.key, pair.key)
        place.setdefault(group, index)
        if group in new and old.get(group) == new[group]:
            lines.append((index, 0, pair.raw))
    for group, pairs in new.items():
        if group in old and old[group] == pairs and group in place:
            continue
        at = place.get(group, _gap(document.pairs, group))
        lines += [(at, 1 if group in place else -1, join_pair(key, value)) for key, value in pairs]
    return ", ".join(text for _, _, text in sorted(lines, key=lambda entry: entry[:2]))


def _groups(spell: Spell) -> dict[str, list[tuple[str, str]]]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for key, value in write(spell.params, spell.extra):
        groups.setdefault(_TOGETHER.get(key, key), []).append((key, value))
    return groups


def _gap(pairs: tuple[Pair, ...], group: str) -> int:
    """Before which of `pairs` a new group belongs."""
    wanted = rank(group)
    return next((i for i, pair in enumerate(pairs) if rank(pair.key) > wanted), len(pairs))


def _read_exactly(text: str) -> Spell | None:
    """The spell of the exact pair that ends `text`; `None` without one, or when it belongs to another text."""
    at = text.rfind(f'{EXACT}: "')  # quotes inside the pair's own JSON are escaped
    pairs = split_pairs(text[at:]) if at >= 0 else ()
    if len(pairs) != 1:
        return None
    before = text[:at]
    return exact_spell(pairs[0].value, before[:-1] if before.endswith("\n") else before.removesuffix(", "))
