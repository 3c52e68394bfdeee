"""What changed between two spells, for the page, the terminal and the chat transcript."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

from prompts.expansion.phrases import Phrase, split
from prompts.spell import HiresFix, Lora, Params, Spell


@dataclass(frozen=True, slots=True)
class Reweighted:
    """The same phrase or LoRA with another weight."""

    text: str
    old: float
    new: float


@dataclass(frozen=True, slots=True)
class ParamChange:
    """One parameter before and after; `None` is "the default"."""

    name: str
    old: object
    new: object


@dataclass(frozen=True, slots=True)
class TextDiff:
    """Phrases of one prompt field that came, went or changed weight."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reweighted: tuple[Reweighted, ...] = ()
    is_rearranged: bool = False
    """The same phrases stand in another order, or something between them (`BREAK`) changed."""


@dataclass(frozen=True, slots=True)
class SpellDiff:
    """Everything that differs between an old and a new spell."""

    prompt: TextDiff
    negative: TextDiff
    params: tuple[ParamChange, ...] = ()
    loras_added: tuple[Lora, ...] = ()
    loras_removed: tuple[Lora, ...] = ()
    loras_reweighted: tuple[Reweighted, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not self.lines()

    def lines(self) -> list[str]:
        """One line per change for a terminal: `+ phrase`, `- phrase`, `~ steps 20 -> 30`."""
        out = _text_lines(self.prompt, "")
        out += _text_lines(self.negative, "negative: ")
        out += [f"- LoRA {lora.name} at {lora.weight:g}" for lora in self.loras_removed]
        out += [f"+ LoRA {lora.name} at {lora.weight:g}" for lora in self.loras_added]
        out += [f"~ LoRA {change.text} {change.old:g} -> {change.new:g}" for change in self.loras_reweighted]
        out += [f"~ {p.name} {_shown(p.old)} -> {_shown(p.new)}" for p in self.params]
        return out

    def to_json(self) -> dict[str, Any]:
        """The diff as JSON-able values; empty lists where nothing changed."""
        return {
            "prompt": _text_json(self.prompt),
            "negative_prompt": _text_json(self.negative),
            "params": [{"name": p.name, "old": p.old, "new": p.new} for p in self.params],
            "loras": {
                "added": [{"name": lora.name, "weight": lora.weight} for lora in self.loras_added],
                "removed": [{"name": lora.name, "weight": lora.weight} for lora in self.loras_removed],
                "reweighted": [_reweighted_json(change) for change in self.loras_reweighted],
            },
            "lines": self.lines(),
        }


def diff(old: Spell, new: Spell) -> SpellDiff:
    """What has to be done to `old` to get `new`."""
    before = {lora.name: lora for lora in old.loras}
    after = {lora.name: lora for lora in new.loras}
    return SpellDiff(
        prompt=_diff_text(old.prompt, new.prompt),
        negative=_diff_text(old.negative_prompt, new.negative_prompt),
        params=_diff_params(old.params, new.params),
        loras_added=tuple(lora for lora in new.loras if lora.name not in before),
        loras_removed=tuple(lora for lora in old.loras if lora.name not in after),
        loras_reweighted=tuple(
            Reweighted(name, lora.weight, after[name].weight)
            for name, lora in before.items()
            if name in after and after[name] != lora
        ),
    )


def _diff_text(old: str, new: str) -> TextDiff:
    if old == new:
        return TextDiff()
    before, after = split(old), split(new)
    gone = _unmatched(before, after)
    come = _unmatched(after, before)
    weights = {p.key: p.weight for p in before}
    reweighted = tuple(
        Reweighted(p.core, weights[p.key], p.weight)
        for p in after
        if p.key in weights and abs(weights[p.key] - p.weight) > 1e-6
    )
    return TextDiff(
        added=tuple(p.text for p in come),
        removed=tuple(p.text for p in gone),
        reweighted=reweighted,
        is_rearranged=not (gone or come or reweighted),
    )


def _unmatched(these: tuple[Phrase, ...], those: tuple[Phrase, ...]) -> list[Phrase]:
    left = Counter(p.key for p in those)
    alone = []
    for phrase in these:
        if left[phrase.key] > 0:
            left[phrase.key] -= 1
        else:
            alone.append(phrase)
    return alone


def _diff_params(old: Params, new: Params) -> tuple[ParamChange, ...]:
    changes = []
    for field in fields(Params):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before == after:
            continue
        if field.name == "hires":
            changes += _diff_hires(before, after)
        else:
            changes.append(ParamChange(field.name, before, after))
    return tuple(changes)


def _diff_hires(old: HiresFix | None, new: HiresFix | None) -> list[ParamChange]:
    if old is None or new is None:
        return [ParamChange("hires", _hires_text(old), _hires_text(new))]
    return [
        ParamChange(f"hires {field.name}", _plain(getattr(old, field.name)), _plain(getattr(new, field.name)))
        for field in fields(HiresFix)
        if getattr(old, field.name) != getattr(new, field.name)
    ]


def _hires_text(hires: HiresFix | None) -> str:
    if hires is None:
        return "off"
    size = f"x{hires.upscale_by:g}" if hires.resize_to is None else "to {}x{}".format(*hires.resize_to)
    return f"{size} {hires.upscaler} at {hires.denoising_strength:g}"


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _shown(value: object) -> str:
    return "default" if value is None else format(value, "g") if isinstance(value, float) else str(value)


def _text_lines(change: TextDiff, prefix: str) -> list[str]:
    out = [f"- {prefix}{text}" for text in change.removed]
    out += [f"+ {prefix}{text}" for text in change.added]
    out += [f"~ {prefix}{c.text} {c.old:g} -> {c.new:g}" for c in change.reweighted]
    if change.is_rearranged:
        out.append(f"~ {prefix}order or separators")
    return out


def _text_json(change: TextDiff) -> dict[str, Any]:
    return {
        "added": list(change.added),
        "removed": list(change.removed),
        "reweighted": [_reweighted_json(c) for c in change.reweighted],
        "rearranged": change.is_rearranged,
    }


def _reweighted_json(change: Reweighted) -> dict[str, Any]:
    return {"text": change.text, "old": change.old, "new": change.new}
