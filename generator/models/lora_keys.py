"""What the keys of a LoRA file mean: kohya's, LyCORIS's, diffusers' and peft's spellings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Part = Literal["unet", "text", "text_2"]
"""A network of the checkpoint; `text_2` is SDXL's second text encoder."""
Role = Literal[
    "down",
    "up",
    "mid",
    "alpha",
    "magnitude",
    "diff",
    "diff_b",
    "hada_w1_a",
    "hada_w1_b",
    "hada_w2_a",
    "hada_w2_b",
    "hada_t1",
    "hada_t2",
    "lokr_w1",
    "lokr_w1_a",
    "lokr_w1_b",
    "lokr_w2",
    "lokr_w2_a",
    "lokr_w2_b",
    "lokr_t2",
]

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
    (".dora_scale", "magnitude"),
    (".lora_magnitude_vector", "magnitude"),
    (".lora_magnitude_vector.weight", "magnitude"),
    (".diff", "diff"),
    (".diff_b", "diff_b"),
    (".w_norm", "diff"),
    (".b_norm", "diff_b"),
    (".hada_w1_a", "hada_w1_a"),
    (".hada_w1_b", "hada_w1_b"),
    (".hada_w2_a", "hada_w2_a"),
    (".hada_w2_b", "hada_w2_b"),
    (".hada_t1", "hada_t1"),
    (".hada_t2", "hada_t2"),
    (".lokr_w1", "lokr_w1"),
    (".lokr_w1_a", "lokr_w1_a"),
    (".lokr_w1_b", "lokr_w1_b"),
    (".lokr_w2", "lokr_w2"),
    (".lokr_w2_a", "lokr_w2_a"),
    (".lokr_w2_b", "lokr_w2_b"),
    (".lokr_t2", "lokr_t2"),
)

FOREIGN: tuple[tuple[str, str], ...] = (
    (".oft_diag", "OFT"),
    (".oft_blocks", "OFT"),
    (".on_input", "IA3"),
    (".a1.weight", "GLoRA"),
    (".boft_R", "BOFT"),
)
"""Endings of keys whose kind this engine does not apply, and that kind."""


@dataclass(frozen=True, slots=True)
class LoraKey:
    """One tensor of a LoRA file, understood."""

    part: Part
    module: str
    """The target's name as `named_modules()` of that network gives it."""
    role: Role


class LoraKeyReader:
    """Translates keys for one pair of networks."""

    def __init__(
        self,
        unet_modules: Iterable[str],
        text_modules: Iterable[str],
        text_2_modules: Iterable[str] = (),
        original_names: Mapping[str, str] | None = None,
    ) -> None:
        """Takes the names of all modules of the UNet and of the text encoders.

        Args:
            unet_modules: As `named_modules()` gives them.
            text_modules: Of the first text encoder.
            text_2_modules: Of SDXL's second one.
            original_names: The UNet modules' names in the original layout, which kohya's SDXL LoRAs use.
        """
        self._stems: dict[str, tuple[Part, str]] = {}
        for name in unet_modules:
            spellings = [name, (original_names or {}).get(name, name)]
            kohya = [f"{prefix}_{_flat(n)}" for prefix in ("lora_unet", "lycoris_unet", "lycoris") for n in spellings]
            self._add("unet", name, (*kohya, f"unet.{name}", f"base_model.model.{name}"))
        parts: tuple[tuple[Part, Iterable[str], tuple[str, ...], str], ...] = (
            ("text", text_modules, ("lora_te", "lora_te1", "lycoris_te", "lycoris_te1"), "text_encoder"),
            ("text_2", text_2_modules, ("lora_te2", "lycoris_te2"), "text_encoder_2"),
        )
        for part, modules, prefixes, dotted in parts:
            for name in modules:
                flat = [f"{p}{middle}_{_flat(name)}" for p in prefixes for middle in ("_text_model", "")]
                self._add(part, name, (*flat, f"{dotted}.text_model.{name}", f"{dotted}.{name}"))

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

    def _add(self, part: Part, name: str, spellings: Sequence[str]) -> None:
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


def _flat(name: str) -> str:
    return name.replace(".", "_")
