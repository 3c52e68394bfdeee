"""What the keys of a LoRA file mean: kohya's, LoCon's, diffusers' and peft's spellings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Part = Literal["unet", "text"]
Role = Literal["down", "up", "mid", "alpha"]

_ROLES: tuple[tuple[str, Role], ...] = (
    (".lora_down.weight", "down"),
    (".lora_up.weight", "up"),
    (".lora_mid.weight", "mid"),
    (".lora_A.weight", "down"),
    (".lora_B.weight", "up"),
    (".lora_A.default.weight", "down"),
    (".lora_B.default.weight", "up"),
    (".lora.down.weight", "down"),
    (".lora.up.weight", "up"),
    (".lora_linear_layer.down.weight", "down"),
    (".lora_linear_layer.up.weight", "up"),
    ("_lora.down.weight", "down"),
    ("_lora.up.weight", "up"),
    (".alpha", "alpha"),
)


@dataclass(frozen=True, slots=True)
class LoraKey:
    """One tensor of a LoRA file, understood."""

    part: Part
    module: str
    """The target's name as `named_modules()` of that network gives it."""
    role: Role


class LoraKeyReader:
    """Translates keys for one pair of networks."""

    def __init__(self, unet_modules: Iterable[str], text_modules: Iterable[str]) -> None:
        """Takes the names of all modules of the UNet and of the text encoder."""
        self._stems: dict[str, tuple[Part, str]] = {}
        for name in unet_modules:
            flat = name.replace(".", "_")
            self._add("unet", name, f"lora_unet_{flat}", f"unet.{name}", f"base_model.model.{name}")
        for name in text_modules:
            flat = name.replace(".", "_")
            kohya = (f"lora_te_text_model_{flat}", f"lora_te1_text_model_{flat}", f"lora_te_{flat}")
            self._add("text", name, *kohya, f"text_encoder.text_model.{name}", f"text_encoder.{name}")

    def read(self, key: str) -> LoraKey | None:
        """What `key` stands for; `None` when it belongs to nothing here."""
        for suffix, role in _ROLES:
            if not key.endswith(suffix):
                continue
            stem = key[: -len(suffix)]
            found = self._stems.get(stem) or self._stems.get(_without_processor(stem))
            if found is not None:
                return LoraKey(*found, role)
        return None

    def _add(self, part: Part, name: str, *spellings: str) -> None:
        for spelling in spellings:
            self._stems[spelling] = (part, name)


def group_keys(keys: Mapping[str, LoraKey | None]) -> tuple[dict[tuple[Part, str], dict[Role, str]], tuple[str, ...]]:
    """File keys by target module and role, and those that belong to nothing."""
    groups: dict[tuple[Part, str], dict[Role, str]] = {}
    unmatched = []
    for key, meaning in keys.items():
        if meaning is None:
            unmatched.append(key)
        else:
            groups.setdefault((meaning.part, meaning.module), {})[meaning.role] = key
    return groups, tuple(unmatched)


def _without_processor(stem: str) -> str:
    """`x.attn1.processor.to_out` (diffusers before 0.22) -> `x.attn1.to_out.0`."""
    bare = stem.replace(".processor.", ".")
    return f"{bare}.0" if bare.endswith(".to_out") else bare
