"""A wish about numbers, sizes, LoRAs or locks -> the edits that fulfil it; wishes about words are passed on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from prompts.errors import UnknownName, near_names
from prompts.expansion.applying import loras_of
from prompts.expansion.catalogue import missing_trigger
from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import (
    AddNegative,
    AddPhrase,
    DropLora,
    Edit,
    LockSpan,
    RemoveNegative,
    SetNegative,
    SetParam,
    UnlockSpan,
    UseLora,
)
from prompts.expansion.offline import rewording
from prompts.expansion.offline.ages import fill_age
from prompts.expansion.offline.cast import company
from prompts.expansion.offline.cutting import keep_only
from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.intents import Intent
from prompts.expansion.offline.mentions import mentions
from prompts.expansion.offline.samplers import near_samplers, sampler_spoken
from prompts.expansion.offline.scene import Scene, bare
from prompts.expansion.offline.words import article, fold, plural, words
from prompts.limits import HIRES_SIDE, UPSCALE_BY
from prompts.spell import LATENT_CELL, Lora, Spell

Resolver = Callable[[Intent, Spell, Scene], list[Edit] | None]
_WHERE = tuple("上里中边下")
_PART_OF_NAME = 4  # letters
_NAME = re.compile(r"[A-Za-z0-9]")
"""What the name of a file has; a LoRA that is called by Chinese words alone is not invented."""
_STEP = 0.5  # how much larger "higher resolution" makes a hires pass that is on already


def resolve_intent(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """The edits for `intent`; an empty list when all is so already, `None` when they cannot be told.

    Raises:
        UnknownName: It names a sampler or LoRA that is not there; `near` of its facts lists close ones.
    """
    return _RESOLVERS[intent.kind](intent, spell, scene)


def _size(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    width, height = (max(LATENT_CELL, round(n / LATENT_CELL) * LATENT_CELL) for n in intent.numbers)
    return [SetParam("width", width), SetParam("height", height)]


def _steps(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    return [SetParam("steps", int(intent.numbers[0]))]


def _cfg(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    return [SetParam("cfg_scale", intent.numbers[0])]


def _more(name: str, default: float, step: float, low: float) -> Resolver:
    """Change a number by what the wish says, else by `step`, and not below `low`."""

    def resolve(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
        now = getattr(spell.params, name) or getattr(scene.family.defaults, name) or default
        by = intent.numbers[0] if intent.numbers else abs(step)
        wanted = max(low, now + by if step > 0 else now - by)
        return [SetParam(name, int(wanted) if name == "steps" else wanted)]

    return resolve


def _side(name: str) -> Resolver:
    def resolve(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
        return [SetParam(name, max(LATENT_CELL, round(intent.numbers[0] / LATENT_CELL) * LATENT_CELL))]

    return resolve


def _ratio(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """A picture with these proportions and about as many pixels as the family's upright one."""
    across, down = intent.numbers
    if not 0.2 <= (across / down if down else 0) <= 5:
        return None
    if across == down:
        return _shape("square")(intent, spell, scene)
    width, height = scene.family.portrait
    pixels = width * height
    wide = (pixels * across / down) ** 0.5
    return [
        SetParam("width", round(wide / LATENT_CELL) * LATENT_CELL),
        SetParam("height", round(wide * down / across / LATENT_CELL) * LATENT_CELL),
    ]


def _flaw(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """A part of the body that came out wrong: what a person then forbids."""
    part = bare(scene.english(intent.x))
    noun = fold(part.split()[-1]) if part else ""
    if noun in ("hand", "finger"):
        return [AddNegative("bad hands"), AddNegative("extra fingers")]
    if noun == "anatomy":
        return [AddNegative("bad anatomy")]
    return [AddNegative(f"deformed {part}")] if english_kinds().get(noun) == "body" else None


def _behind(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    text = scene.english(intent.x)
    return [AddPhrase(f"{text} in the background")] if text else None


def _somewhere(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """`湖上加一条小船`: a thing in a place of the picture."""
    place, thing = scene.english(intent.y), bare(scene.english(intent.x))
    if intent.y[-1:] not in _WHERE or not thing or " " not in place:
        return None
    return [AddPhrase(f"{_with_article(thing)} {place}")]


def _with_article(text: str) -> str:
    return text if plural(text) == text else f"{article(text)} {text}"


def _on_the(side: str) -> Resolver:
    def resolve(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
        text = bare(scene.english(intent.x))
        return [AddPhrase(f"{_with_article(text)} on the {side}")] if text else None

    return resolve


def _beside(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """Something next to whoever is shown."""
    text = bare(scene.english(intent.x))
    if not text:
        return None
    named = (fold(word.lstrip("0123456789")) for word in words(spell.prompt))
    somebody = next((word for word in named if english_kinds().get(word) == "person"), "")
    place = f"next to the {somebody}" if somebody else "to one side"
    return [*company(text, spell), AddPhrase(f"{_with_article(text)} {place}")]


def _hold(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    text = bare(scene.english(intent.x))
    is_empty = fold(text) in load_toml("data", "turns.toml")["empty"]["words"]
    return [AddPhrase(f"holding {_with_article(text)}")] if text and not is_empty else None


def _forbid(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    text = scene.english(intent.x)
    return [AddNegative(text)] if text else None


def _unforbid(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    wanted = bare(scene.english(intent.x))
    edits: list[Edit] = (
        [RemoveNegative(m.phrase.core) for m in mentions(spell.negative_prompt, wanted)] if wanted else []
    )
    return edits or None


def _clear_negative(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    return [SetNegative("")] if spell.negative_prompt else []


def _opinion(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """Liking the picture, a greeting, a wish for something else: nothing that could be done to a spell."""
    return None


def _seed(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    return [SetParam("seed", int(intent.numbers[0]))]


def _random_seed(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    return [SetParam("seed", None)]


def _clip_skip(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    return [SetParam("clip_skip", int(intent.numbers[0]))]


def _denoise(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    value = intent.numbers[0] / 100 if intent.numbers[0] > 1 else intent.numbers[0]
    return [SetParam("hires_denoising_strength", value)]


def _sampler(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    spoken = sampler_spoken(intent.x)
    if spoken is None:
        raise _nothing_called(scene.as_written(intent.x), near_samplers(intent.x))
    sampler, schedule = spoken
    edits: list[Edit] = [SetParam("sampler", sampler)]
    return edits if schedule is None else [*edits, SetParam("schedule_type", schedule)]


def _lora(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    name = scene.as_written(intent.x)
    wanted = _name_key(name)
    card = next((c for c in scene.catalogue if _name_key(c.name) == wanted), None)
    used = _used_lora(name, spell)
    says_none = not _NAME.search(name) or name.casefold() in load_toml("data", "turns.toml")["empty"]["words"]
    if used is None and card is None and says_none:
        return None
    if card is None and used is None and scene.catalogue:
        raise _nothing_called(name, near_names(name, [c.name for c in scene.catalogue]))
    known = used.name if used else card.name if card else name
    default = used.weight if used else card.weight if card else 1.0
    edits: list[Edit] = [UseLora(known, intent.numbers[0] if intent.numbers else default)]
    trigger = missing_trigger(card, spell.prompt) if card else None
    return [*edits, AddPhrase(trigger)] if trigger else edits


def _lora_weight(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """Without a name it can only be the spell's one LoRA."""
    used = loras_of(spell)
    return [UseLora(used[0].name, intent.numbers[0])] if len(used) == 1 else None


def _lora_by(step: float) -> Resolver:
    def resolve(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
        used = loras_of(spell)
        return [UseLora(used[0].name, round(used[0].weight + step, 2))] if len(used) == 1 else None

    return resolve


def _years(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """So many years in place of other years, else as a further phrase."""
    said = f"{intent.numbers[0]:.0f} years old"
    changed = fill_age(said, spell)
    return [AddPhrase(said)] if changed is None else changed


def _drop_the_lora(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """Without a name it can only be the spell's one LoRA."""
    used = loras_of(spell)
    return [DropLora(used[0].name)] if len(used) == 1 else None


def _clear_loras(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    return [DropLora(lora.name) for lora in loras_of(spell)]


def _drop_lora(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    used = _used_lora(intent.x, spell)
    if used is None:
        raise _nothing_called(scene.as_written(intent.x), near_names(intent.x, [lora.name for lora in loras_of(spell)]))
    return [DropLora(used.name)]


def _used_lora(name: str, spell: Spell) -> Lora | None:
    """The spell's LoRA of that name, or the only one whose name holds it (`the korean lora`)."""
    wanted = _name_key(name)
    exact = next((lora for lora in loras_of(spell) if _name_key(lora.name) == wanted), None)
    partly = [lora for lora in loras_of(spell) if len(wanted) >= _PART_OF_NAME and wanted in _name_key(lora.name)]
    return exact or (partly[0] if len(partly) == 1 else None)


def _nothing_called(name: str, near: Sequence[str]) -> UnknownName:
    return UnknownName(f"Nothing is called {name[:80]!r}.", got=name[:80], near=list(near))


def _name_key(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _no_hires(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    return [SetParam("hires", value=False)]


def _hires(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """Switch the second pass on as the family likes it, or make it larger; an empty list at the limit."""
    now, wanted = spell.params.hires, scene.family.hires
    if now is None:
        return [
            SetParam("hires_upscale_by", wanted.upscale_by),
            SetParam("hires_denoising_strength", wanted.denoising_strength),
            SetParam("hires_upscaler", wanted.upscaler),
        ]
    factor = min(now.upscale_by + _STEP, UPSCALE_BY[1])
    longest = max(spell.params.width or 0, spell.params.height or 0)
    if factor == now.upscale_by or longest * factor > HIRES_SIDE[1]:
        return []
    return [SetParam("hires_upscale_by", factor)]


def _hires_by(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """The second pass so many times as large, switched on where it is off."""
    factor = intent.numbers[0]
    if not UPSCALE_BY[0] <= factor <= UPSCALE_BY[1]:
        return None
    larger: list[Edit] = [SetParam("hires_upscale_by", factor)]
    if spell.params.hires is not None:
        return larger
    wanted = scene.family.hires
    return [
        *larger,
        SetParam("hires_denoising_strength", wanted.denoising_strength),
        SetParam("hires_upscaler", wanted.upscaler),
    ]


def _shape(which: str) -> Resolver:
    def resolve(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
        family = scene.family
        square = (family.defaults.width or 512, family.defaults.height or 512)
        width, height = {"portrait": family.portrait, "landscape": family.landscape}.get(which, square)
        return [SetParam("width", width), SetParam("height", height)]

    return resolve


def _lock(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    wanted = bare(scene.english(intent.x))
    if fold(wanted) == "seed":
        return None if spell.params.seed is None else []
    found = mentions(spell.prompt, wanted) if wanted else []
    return [LockSpan(mention.phrase.core) for mention in found] or None


def _unlock(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    wanted = bare(scene.english(intent.x))
    held = [lock for lock in scene.locked if mentions(lock, wanted)] if wanted else []
    return [UnlockSpan(lock) for lock in held] or None


_RESOLVERS: dict[str, Resolver] = {
    "size": _size,
    "width": _side("width"),
    "height": _side("height"),
    "ratio": _ratio,
    "undo": _opinion,
    "talk": _opinion,
    "vague": _opinion,
    "beside": _beside,
    "hold": _hold,
    "be": rewording.be,
    "weight": rewording.weigh,
    "hires_by": _hires_by,
    "more_lora": _lora_by(0.1),
    "less_lora": _lora_by(-0.1),
    "years": _years,
    "drop_loras": _drop_the_lora,
    "clear_loras": _clear_loras,
    "left": _on_the("left"),
    "right": _on_the("right"),
    "somewhere": _somewhere,
    "forbid": _forbid,
    "unforbid": _unforbid,
    "clear_negative": _clear_negative,
    "only": keep_only,
    "heavier": rewording.heavier,
    "opinion": _opinion,
    "flaw": _flaw,
    "behind": _behind,
    "steps": _steps,
    "more_steps": _more("steps", 20, 10, 1),
    "less_steps": _more("steps", 20, -10, 1),
    "more_cfg": _more("cfg_scale", 7.0, 1.5, 1.0),
    "less_cfg": _more("cfg_scale", 7.0, -1.5, 1.0),
    "cfg": _cfg,
    "seed": _seed,
    "random_seed": _random_seed,
    "clip_skip": _clip_skip,
    "denoise": _denoise,
    "sampler": _sampler,
    "sampler_like": _sampler,
    "lora_at": _lora,
    "lora": _lora,
    "drop_lora": _drop_lora,
    "lora_weight": _lora_weight,
    "no_hires": _no_hires,
    "hires": _hires,
    "smaller": _no_hires,
    "portrait_size": _shape("portrait"),
    "landscape_size": _shape("landscape"),
    "square_size": _shape("square"),
    "lock": _lock,
    "unlock": _unlock,
    "replace": rewording.replace_words,
    "look_of_thing": rewording.look_of_thing,
    "no": rewording.remove_words,
    "less": rewording.less_of,
    "more": rewording.more_of,
    "become": rewording.become,
    "add": rewording.add_words,
}
