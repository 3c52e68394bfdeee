"""Extra networks: `<lora:name:te:unet>` tags lifted out of the prompt and written back."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from prompts.spell import Lora

LORA_KINDS = ("lora", "lyco")
_OPENING = re.compile(r"<(\w+):")


@dataclass(frozen=True, slots=True)
class Tag:
    """One `<kind:argument:…>` of a prompt."""

    kind: str
    arguments: tuple[str, ...]
    start: int
    end: int

    @property
    def positional(self) -> tuple[str, ...]:
        """Arguments that are not `key=value`."""
        return tuple(a for a in self.arguments if a.count("=") != 1)

    @property
    def named(self) -> dict[str, str]:
        """The `key=value` arguments; of two equal keys the last counts."""
        pairs = (a.split("=") for a in self.arguments if a.count("=") == 1)
        return {key: value for key, value in pairs}

    def lora(self) -> Lora | None:
        """The LoRA this tag asks for; `None` for another kind, no name, or a weight that is no finite number."""
        positional, named = self.positional, self.named
        if self.kind not in LORA_KINDS or not positional or not positional[0]:
            return None
        try:
            weight = float(named.get("te", positional[1] if len(positional) > 1 else "1"))
            unet = named.get("unet", positional[2] if len(positional) > 2 else None)
            unet_weight = None if unet is None else float(unet)
        except ValueError:
            return None
        if not math.isfinite(weight) or not math.isfinite(unet_weight or 0.0):
            return None
        return Lora(positional[0], weight, unet_weight)


def tags(text: str) -> Iterator[Tag]:
    """Every tag of `text` in order, known kind or not, the way A1111 finds them; linear time."""
    at = 0
    while (opening := _OPENING.search(text, at)) is not None:
        end = text.find(">", opening.end())
        if end < 0:
            return
        if end == opening.end():  # `<lora:>` has no argument: text
            at = opening.end()
            continue
        yield Tag(opening[1], tuple(text[opening.end() : end].split(":")), opening.start(), end + 1)
        at = end + 1


def lift_loras(text: str) -> tuple[str, tuple[Lora, ...]]:
    """`text` without its LoRA tags, and the LoRAs they asked for, in order.

    The text around a tag stays as it is (that is what A1111 encodes), except that one space before each tag at the very
    end goes with it, so that lifting undoes `write_loras`. A tag that asks for nothing usable (another kind, a weight
    that is no number) stays in the text for `lint` to report.
    """
    found = [(tag, lora) for tag in tags(text) if (lora := tag.lora()) is not None]
    pieces: list[str] = []
    last = 0
    for tag, _ in found:
        pieces.append(text[last : tag.start])
        last = tag.end
    pieces.append(text[last:])
    while len(pieces) > 1 and not pieces[-1]:
        pieces.pop()
        pieces[-1] = pieces[-1].removesuffix(" ")
    return "".join(pieces), tuple(lora for _, lora in found)


def write_loras(prompt: str, loras: tuple[Lora, ...]) -> str:
    """`prompt` with the tags of `loras` at its end; `lift_loras` undoes it. Without LoRAs: `prompt` itself."""
    return " ".join([prompt, *map(lora_tag, loras)] if prompt else map(lora_tag, loras))


def lora_tag(lora: Lora) -> str:
    """`<lora:name:weight>`, with the UNet's weight when it has its own."""
    unet = "" if lora.unet_weight is None else f":{number(lora.unet_weight)}"
    return f"<lora:{lora.name}:{number(lora.weight)}{unet}>"


def strip_networks(text: str) -> str:
    """`text` without any extra network tag: what A1111 gives to the text encoder (positive prompts only)."""
    pieces: list[str] = []
    last = 0
    for tag in tags(text):
        pieces.append(text[last : tag.start])
        last = tag.end
    pieces.append(text[last:])
    return "".join(pieces)


def number(value: float) -> str:
    """The shortest text that reads back as `value`: `1`, `0.66`."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
