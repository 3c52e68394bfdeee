"""`read`: whatever program wrote it, a picture's metadata as a spell."""

from __future__ import annotations

from collections.abc import Callable

from prompts.metadata.bounds import XMP
from prompts.metadata.civitai import read_civitai
from prompts.metadata.comfyui import read_comfyui
from prompts.metadata.containers import PARAMETERS, Embedded, embedded, has_parameters
from prompts.metadata.draw_things import read_draw_things
from prompts.metadata.exif import IMAGE_DESCRIPTION, MAKE, MODEL, text_of
from prompts.metadata.fooocus import read_fooocus
from prompts.metadata.infotext import parse_infotext
from prompts.metadata.invokeai import read_invokeai
from prompts.metadata.json_values import parse_object
from prompts.metadata.novelai import read_novelai
from prompts.metadata.reading import Reading
from prompts.metadata.stealth import read_stealth
from prompts.spell import Spell

SCHEME = "fooocus_scheme"


def read(data: bytes) -> Reading | None:
    """What a PNG, JPEG or WebP file says it was made with; `None` when it says nothing. Pixels are not decoded.

    Raises:
        MetadataError: code `metadata_too_large`.
    """
    found = embedded(data)
    if found is None:
        return None
    for look in _LOOKS:
        reading = look(found)
        if reading is not None:
            return reading
    hidden = read_stealth(data) if found.kind == "png" else None
    return None if hidden is None else _hidden(hidden)


def read_spell(data: bytes) -> Spell | None:
    """The spell that a picture carries, whatever program wrote it; `None` without one.

    Raises:
        MetadataError: code `metadata_too_large`.
    """
    reading = read(data)
    return None if reading is None or reading.spell == Spell() else reading.spell


def read_text(text: str) -> Reading:
    """What a paste says: an infotext in any state, or the JSON of one of the programs. A plain prompt is a prompt.

    Raises:
        MetadataError: code `metadata_too_large`.
    """
    values = parse_object(text)
    if values is None:
        return _infotext(text)
    texts = {"prompt": text, "invokeai_metadata": text if "positive_prompt" in values else "", "Comment": text}
    return (
        read_civitai(texts, text)
        or read_comfyui(texts)
        or read_invokeai(texts)
        or read_novelai(texts)
        or read_fooocus(text)
        or _infotext(text)
    )


def _from_comment(found: Embedded) -> Reading | None:
    """EXIF first: A1111 lets the UserComment win over the PNG text."""
    comment = found.comment
    if not comment:
        return None
    as_json = read_civitai(found.texts, comment) or read_fooocus(comment)
    if as_json is not None:
        return as_json
    return _infotext(comment) if has_parameters(comment) else None


def _from_parameters(found: Embedded) -> Reading | None:
    text = found.texts.get(PARAMETERS)
    if not text:
        return None
    reading = read_fooocus(text)
    if reading is not None:
        return reading
    return _infotext(text, "Fooocus" if SCHEME in found.texts else None)


def _from_texts(found: Embedded) -> Reading | None:
    return read_novelai(found.texts) or read_invokeai(found.texts) or read_comfyui(found.texts)


def _from_labelled_exif(found: Embedded) -> Reading | None:
    """ComfyUI writes WebP by tags whose text begins with `prompt:` or `workflow:`."""
    for tag in (MODEL, MAKE, IMAGE_DESCRIPTION):
        label, _, text = text_of(found.exif.get(tag, b"")).partition(":")
        if label.strip().casefold() == "prompt":
            return read_comfyui({"prompt": text})
    return None


def _from_xmp(found: Embedded) -> Reading | None:
    return read_draw_things(found.texts.get(XMP, ""))


_LOOKS: tuple[Callable[[Embedded], Reading | None], ...] = (
    _from_comment,
    _from_parameters,
    _from_texts,
    _from_labelled_exif,
    _from_xmp,
)


def _infotext(text: str, tool: str | None = None) -> Reading:
    spell = parse_infotext(text)
    return Reading(tool or _writer(spell), spell, text)


def _writer(spell: Spell) -> str:
    """Which program wrote an infotext, by the keys only it writes."""
    extra = dict(spell.extra)
    if extra.get("App") == "SD.Next" or "Parser" in extra:
        return "SD.Next"
    if extra.keys() & {"Civitai resources", "Civitai metadata"}:
        return "Civitai"
    return "Forge" if extra.get("Version", "").startswith("f") else "A1111"


def _hidden(text: str) -> Reading | None:
    """The text of a stealth channel: NovelAI's JSON, or an infotext that an extension hid."""
    values = parse_object(text)
    if values is None:
        return _infotext(text) if has_parameters(text) else None
    texts = {str(key): value for key, value in values.items() if isinstance(value, str)}
    return read_novelai(texts) or read_novelai({"Comment": text}) or read_comfyui(texts)
