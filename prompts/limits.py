"""What the product is willing to draw: one table, checked before any work is done."""

from __future__ import annotations

from prompts.errors import PromptEmpty, PromptError, PromptTooLong, SpellOutOfRange
from prompts.spell import LATENT_CELL, Lora, Spell

PROMPT_CHARACTERS = 8_000
IDEA_CHARACTERS = 4_000
LORAS = 16
LORA_WEIGHT = (-4.0, 4.0)
AND_PARTS = 32  # each is a row of the UNet in every step
STEPS = (1, 150)
CFG_SCALE = (0.0, 50.0)
SEED = (0, 2**32 - 1)
SIDE = (64, 2048)  # pixels, first pass
HIRES_SIDE = (64, 4096)  # pixels, second pass
CLIP_SKIP = (1, 12)
DENOISING_STRENGTH = (0.0, 1.0)
UPSCALE_BY = (1.0, 4.0)
LONGEST_SHOWN = 10**15  # numbers from here on are not repeated to the person
_SHORTENED = "no number of use"


def check_idea(text: str, name: str = "idea") -> str:
    """The idea without surrounding white space.

    Args:
        text: What a person typed.
        name: What it is called in an error: an `idea`, or a chat `message`.

    Raises:
        PromptEmpty: Nothing but white space.
        PromptError: code `text_invalid`; see `check_characters`.
        PromptTooLong: More than `IDEA_CHARACTERS`.
    """
    idea = text.strip()
    check_characters(name, idea)
    if not idea:
        raise PromptEmpty(f"The {name} is empty. Write what the picture should show.", field=name)
    if len(idea) > IDEA_CHARACTERS:
        raise _too_long(name, len(idea), IDEA_CHARACTERS)
    return idea


def check_spell(spell: Spell) -> None:
    """Raise unless every given value of `spell` is inside the limits; `None` values pass.

    Raises:
        PromptTooLong: Prompt or negative prompt over `PROMPT_CHARACTERS`; nothing is cut.
        SpellOutOfRange: A number outside its range, or a side that is no multiple of 8.
    """
    params = spell.params
    _check_texts(spell)
    check_loras(spell.loras)
    _inside("steps", params.steps, STEPS)
    _inside("cfg_scale", params.cfg_scale, CFG_SCALE)
    _inside("clip_skip", params.clip_skip, CLIP_SKIP)
    if params.seed != -1:
        _inside("seed", params.seed, SEED)
    _side("width", params.width, SIDE)
    _side("height", params.height, SIDE)
    _check_hires(spell)


def check_loras(loras: tuple[Lora, ...]) -> None:
    """Raise unless so many LoRAs of these strengths may be used at once.

    Raises:
        SpellOutOfRange: More than `LORAS`, or a weight outside `LORA_WEIGHT`.
    """
    if len(loras) > LORAS:
        raise SpellOutOfRange(f"{len(loras)} LoRAs; the limit is {LORAS}.", field="loras", got=len(loras), limit=LORAS)
    for lora in loras:
        _inside(f"weight of LoRA {lora.name}", lora.weight, LORA_WEIGHT)
        _inside(f"UNet weight of LoRA {lora.name}", lora.unet_weight, LORA_WEIGHT)


def check_characters(field: str, text: str) -> None:
    """Raise unless every character of `text` can be stored and shown everywhere.

    Raises:
        PromptError: code `text_invalid`; a control character other than tab and line ends, or half of a
            surrogate pair. Neither UTF-8 nor every database holds them.
    """
    for position, character in enumerate(text):
        if (character < " " and character not in "\t\n\r") or "\ud800" <= character <= "\udfff":
            error = PromptError(
                f"The {field.replace('_', ' ')} has a character at {position} that is no text "
                f"(U+{ord(character):04X}). Take it out.",
                field=field,
                position=position,
            )
            raise error.with_code("text_invalid")


def _check_texts(spell: Spell) -> None:
    hires = spell.params.hires
    prompts = [("prompt", spell.prompt), ("negative_prompt", spell.negative_prompt)]
    if hires is not None:
        prompts += [("hires prompt", hires.prompt or ""), ("hires negative_prompt", hires.negative_prompt or "")]
    for field, text in prompts:
        if len(text) > PROMPT_CHARACTERS:
            raise _too_long(field, len(text), PROMPT_CHARACTERS)
        check_characters(field, text)
    for field, owner in (("params", spell.params), ("hires", hires), *(("LoRA", lora) for lora in spell.loras)):
        for name in getattr(owner, "__slots__", ()):
            value = getattr(owner, name)
            if isinstance(value, str):
                check_characters(f"{field} {name}", value)
    for key, value in spell.extra:
        check_characters("extra", key)
        check_characters("extra", value)


def _check_hires(spell: Spell) -> None:
    hires = spell.params.hires
    if hires is None:
        return
    _inside("hires steps", hires.steps, (0, STEPS[1]))
    _inside("hires denoising_strength", hires.denoising_strength, DENOISING_STRENGTH)
    _inside("hires upscale_by", hires.upscale_by, UPSCALE_BY)
    if spell.params.width is None or spell.params.height is None:
        return
    target = hires.target_size(spell.params.width, spell.params.height)
    for field, side in zip(("hires width", "hires height"), target, strict=True):
        _inside(field, side, HIRES_SIDE)


def _inside(field: str, value: float | None, limits: tuple[float, float]) -> None:
    if value is None:
        return
    low, high = limits
    if not low <= value <= high:  # false for NaN too
        got = value if abs(value) < LONGEST_SHOWN else _SHORTENED
        raise SpellOutOfRange(
            f"{field} is {got}; it must be from {_written(low)} to {_written(high)}.",
            field=field,
            got=got,
            limit=[low, high],
        )


def _written(number: float) -> str:
    # `g` alone writes 4294967295 as 4.29497e+09.
    return str(int(number)) if number == int(number) else f"{number:g}"


def _side(field: str, value: int | None, limits: tuple[int, int]) -> None:
    _inside(field, value, limits)
    if value is not None and value % LATENT_CELL:
        nearest = round(value / LATENT_CELL) * LATENT_CELL
        raise SpellOutOfRange(
            f"{field} is {value}; it must be a multiple of {LATENT_CELL}, for example {nearest}.",
            field=field,
            got=value,
            limit=LATENT_CELL,
        )


def _too_long(field: str, got: int, limit: int) -> PromptTooLong:
    return PromptTooLong(
        f"The {field.replace('_', ' ')} has {got} characters; the limit is {limit}. Nothing was cut or generated.",
        field=field,
        got=got,
        limit=limit,
    )
