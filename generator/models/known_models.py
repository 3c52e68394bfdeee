"""The models that `spellwright models fetch` knows by name, and where they go. Data only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownFile:
    """One file of a hub repository."""

    path: str
    """Inside the repository."""
    megabytes: int = 1
    """About; for the list and the check of free space."""
    sha256: str | None = None
    """64 hex digits where they are known here; otherwise the hub's own are checked."""

    @property
    def name(self) -> str:
        """File name without folders."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model somebody may want, of which nothing is fetched before it is asked for."""

    name: str
    what: str
    """A few words for the list."""
    repository: str
    """`owner/name` on the hub."""
    folder: str
    """Where its files go, below the models folder."""
    files: tuple[KnownFile, ...]
    licence: str

    @property
    def megabytes(self) -> int:
        """About how much is fetched."""
        return sum(f.megabytes for f in self.files)


_BLIP_FILES = (
    "config.json",
    "preprocessor_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)

KNOWN_MODELS: tuple[KnownModel, ...] = (
    KnownModel(
        "sd15",
        "Stable Diffusion 1.5, a checkpoint",
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "checkpoints",
        (
            KnownFile(
                "v1-5-pruned-emaonly.safetensors",
                4265,
                "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa",
            ),
        ),
        "CreativeML OpenRAIL-M",
    ),
    KnownModel(
        "clip-vit-l-14",
        "OpenAI's CLIP ViT-L/14, for reading photos",
        "timm/vit_large_patch14_clip_224.openai",
        "ViT-L-14-openai",
        (KnownFile("open_clip_config.json"), KnownFile("open_clip_model.safetensors", 1711)),
        "MIT",
    ),
    KnownModel(
        "blip-base",
        "BLIP base, captions for photos",
        "Salesforce/blip-image-captioning-base",
        "blip-base",
        (*(KnownFile(name) for name in _BLIP_FILES), KnownFile("model.safetensors", 990)),
        "BSD-3-Clause",
    ),
    KnownModel(
        "blip-large",
        "BLIP large, better captions for photos",
        "Salesforce/blip-image-captioning-large",
        "blip-large",
        (*(KnownFile(name) for name in _BLIP_FILES), KnownFile("model.safetensors", 1880)),
        "BSD-3-Clause",
    ),
)
