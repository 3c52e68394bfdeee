"""An open_clip model from this machine's disk: picture tower, text tower, preprocessing, fingerprint.

Nothing here reaches for a network: weights come from a local folder, a local file, or (for benches and
tests, at true shape) from a random generator.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor, nn

from prompts.errors import ClipModelMissing, InterrogationError
from prompts.interrogation.text_tower import TextTower, text_tower
from prompts.interrogation.tokens import ClipTokens, folder_tokens, open_clip_tokens
from prompts.torch_guard import ensure_torchvision

CONFIG_FILE = "open_clip_config.json"
WEIGHTS_FILE = "open_clip_model.safetensors"
TOKENIZER_FOLDER = "tokenizer"
# What open_clip, torch and safetensors raise when a config and its weights do not belong together.
_DOES_NOT_FIT = (
    *(RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError, OSError),
    SafetensorError,
)
FETCH_COMMAND = "spellwright models fetch clip-vit-l-14"


@dataclass(frozen=True, slots=True)
class ClipTowers:
    """Both towers, ready: weights loaded, eval mode, on their device."""

    name: str
    """What to show: `ViT-L-14/openai`, or the folder's name."""
    model: Any
    """The open_clip module itself."""
    preprocess: Callable[[Image.Image], Tensor]
    """RGB picture to (3, side, side)."""
    tokenizer: Callable[[list[str]], Tensor]
    """Texts to padded (n, context) ids."""
    text: TextTower
    text_digest: str
    """SHA-256 over everything that decides a text's features: weights, activation, tokenizer."""

    @torch.inference_mode()
    def encode_pictures(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(n, dim) float32, unit length."""
        weight = _first_convolution(self.model.visual)
        batch = torch.stack([self.preprocess(p) for p in pictures]).to(weight.device, weight.dtype)
        features: Tensor = self.model.encode_image(batch)
        return F.normalize(features.float(), dim=-1)


def _first_convolution(visual: nn.Module) -> Tensor:
    """The weight that meets the pixels; in mixed precision not every parameter has its type."""
    weights = list(visual.parameters())
    return next((w for w in weights if w.ndim == 4), weights[0])


def check_folder(folder: Path, command: str = FETCH_COMMAND) -> None:
    """Raise unless `folder` holds a model in open_clip's local format.

    Args:
        folder: Should hold `open_clip_config.json` and `open_clip_model.safetensors`.
        command: What gets the files.

    Raises:
        ClipModelMissing: Names the first missing file and the command.
    """
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise ClipModelMissing(
                f"The CLIP model is not on this machine: {name} is missing from the folder {folder.name!r}. "
                f"Get it with: {command}",
                file=name,
                folder=folder.name,
                command=command,
            )


def towers_from_folder(folder: Path, device: str = "cpu", *, force_quick_gelu: bool = False) -> ClipTowers:
    """The model in `folder`: config, safetensors weights, optionally `tokenizer/` (a CLIPTokenizer's files).

    Args:
        folder: open_clip's local format. Named like an architecture and a tag of open_clip
            (`ViT-L-14-openai`), it gets the activation of those weights even where its config is silent.
        device: torch device; half precision on CUDA.
        force_quick_gelu: For other folders whose config should say `quick_gelu` and does not.

    Raises:
        ClipModelMissing: A file is missing.
        InterrogationError: The files do not fit each other, or the text tower would need a download.
    """
    check_folder(folder)
    config = _folder_config(folder)
    open_clip = _open_clip()
    known = _pretrained_called(folder.name)
    force_quick_gelu = force_quick_gelu or (known is not None and needs_quick_gelu(*known))
    try:
        model = open_clip.create_model(
            f"local-dir:{folder}",
            precision=_precision(device),
            device=device,
            force_quick_gelu=force_quick_gelu,
            require_pretrained=True,
        )
    except _DOES_NOT_FIT as wrong:
        raise InterrogationError(
            f"The CLIP model in {folder.name!r} cannot be loaded: weights and config do not fit each other."
        ) from wrong
    quick = force_quick_gelu or bool(config.get("quick_gelu", False))
    tokens, tokenizer = _folder_tokenizer(folder, config, model)
    return _assemble("/".join(known) if known else folder.name, model, tokens, tokenizer, quick)


def towers_from_weights(
    name: str, pretrained: str, weights: Path, device: str = "cpu", command: str = FETCH_COMMAND
) -> ClipTowers:
    """open_clip's architecture `name` with the weights in one safetensors file.

    Args:
        name: E.g. `ViT-L-14`.
        pretrained: open_clip's tag of these weights, e.g. `openai`; decides the activation and the
            preprocessing, both of which open_clip alone gets wrong for a plain file.
        weights: A `.safetensors` file.
        device: torch device; half precision on CUDA.
        command: What gets the file.

    Raises:
        ClipModelMissing: No such file.
        InterrogationError: Unknown name, or weights of another architecture.
    """
    if weights.suffix != ".safetensors" or not weights.is_file():
        raise ClipModelMissing(
            f"The CLIP model {name}/{pretrained} is not on this machine: {weights.name} is missing from the folder "
            f"{weights.parent.name!r}. Get it with: {command}",
            file=weights.name,
            folder=weights.parent.name,
            command=command,
        )
    open_clip = _open_clip()
    tag = open_clip.get_pretrained_cfg(name, pretrained) or {}
    quick = needs_quick_gelu(name, pretrained)
    preprocess = {k: tag[k] for k in ("mean", "std", "interpolation", "resize_mode") if k in tag}
    try:
        model = open_clip.create_model(
            name,
            pretrained=str(weights),
            precision=_precision(device),
            device=device,
            force_quick_gelu=quick,
            force_preprocess_cfg=preprocess,
        )
    except _DOES_NOT_FIT as wrong:
        raise InterrogationError(f"The file {weights.name} does not hold a {name} model.") from wrong
    return _by_name(f"{name}/{pretrained}", name, model, is_quick=quick)


def needs_quick_gelu(name: str, pretrained: str) -> bool:
    """Whether these weights were trained with QuickGELU, which open_clip since 2.29 no longer sees to.

    Args:
        name: open_clip's architecture.
        pretrained: open_clip's tag; an unknown one counts as plain GELU unless the architecture says otherwise.
    """
    open_clip = _open_clip()
    tag = open_clip.get_pretrained_cfg(name, pretrained) or {}
    architecture = open_clip.get_model_config(name) or {}
    return bool(tag.get("quick_gelu", False) or architecture.get("quick_gelu", False))


def _pretrained_called(name: str) -> tuple[str, str] | None:
    """The (architecture, tag) of open_clip that a folder's name spells, joined by `-`; `None` for others."""
    pairs: list[tuple[str, str]] = _open_clip().list_pretrained()
    return next((pair for pair in pairs if "-".join(pair).casefold() == name.casefold()), None)


def random_towers(name: str, seed: int = 0, *, quick_gelu: bool = False) -> ClipTowers:
    """Architecture `name` with random weights: ranks mean nothing, shapes and costs are true.

    Raises:
        InterrogationError: open_clip has no such architecture.
    """
    open_clip = _open_clip()
    if open_clip.get_model_config(name) is None:
        raise InterrogationError(f"open_clip has no architecture called {name!r}.", got=name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.create_model(name, force_quick_gelu=quick_gelu)
    return _by_name(f"{name}/random", name, model, is_quick=quick_gelu)


def towers_of(name: str, model: nn.Module, tokenizer: Any, *, is_quick: bool = False) -> ClipTowers:
    """Towers around a loaded open_clip model, for callers that made it themselves.

    Args:
        name: What to show.
        model: Put into eval mode here.
        tokenizer: open_clip's, of that model.
        is_quick: Whether it uses QuickGELU; part of the fingerprint.
    """
    simple = _open_clip().tokenizer.SimpleTokenizer
    tokens = open_clip_tokens(tokenizer) if isinstance(tokenizer, simple) else None
    return _assemble(name, model, tokens, tokenizer, is_quick)


def _by_name(shown: str, name: str, model: nn.Module, *, is_quick: bool) -> ClipTowers:
    return towers_of(shown, model, _open_clip().get_tokenizer(name), is_quick=is_quick)


def _assemble(name: str, model: Any, tokens: ClipTokens | None, tokenizer: Any, is_quick: bool) -> ClipTowers:  # noqa: FBT001
    model.eval().requires_grad_(requires_grad=False)
    transform = _open_clip().transform
    preprocess = transform.image_transform_v2(transform.PreprocessCfg(**model.visual.preprocess_cfg), is_train=False)
    return ClipTowers(
        name=name,
        model=model,
        preprocess=preprocess,
        tokenizer=tokenizer,
        text=text_tower(model, tokens, tokenizer),
        text_digest=_text_digest(model, tokenizer, is_quick),
    )


def _folder_config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))["model_cfg"]
        needs_hub = "hf_model_name" in config["text_cfg"]
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise InterrogationError(f"{CONFIG_FILE} in {folder.name!r} is no open_clip config.") from wrong
    if needs_hub:
        raise InterrogationError(
            f"The model in {folder.name!r} has a text tower that open_clip would download. Use a model with its own."
        )
    return config


def _folder_tokenizer(folder: Path, config: dict[str, Any], model: Any) -> tuple[ClipTokens | None, Any]:
    context = int(model.context_length)
    if (folder / TOKENIZER_FOLDER).is_dir():
        from transformers import CLIPTokenizer  # noqa: PLC0415 - slow import, only for folders that need it

        hugging = CLIPTokenizer.from_pretrained(str(folder / TOKENIZER_FOLDER), local_files_only=True)
        tokens = folder_tokens(hugging, context)
        return tokens, _Padded(tokens)
    open_clip = _open_clip()
    if config["text_cfg"].get("hf_tokenizer_name"):
        return None, open_clip.get_tokenizer(f"local-dir:{folder}")
    simple = open_clip.tokenizer.SimpleTokenizer(context_length=context)
    return open_clip_tokens(simple), simple


@dataclass(frozen=True, slots=True)
class _Padded:
    """open_clip's calling convention over `ClipTokens`."""

    tokens: ClipTokens

    def __call__(self, texts: list[str]) -> Tensor:
        rows = torch.zeros(len(texts), self.tokens.context_length, dtype=torch.long)
        for index, text in enumerate(texts):
            row = self.tokens.row(self.tokens.body(text))
            rows[index, : len(row)] = torch.tensor(row)
        return rows


_PROBE = "A cozy café, 3 cats & émigrés; naïve art — 100% «ok» 猫"


def _text_digest(model: Any, tokenizer: Any, is_quick: bool) -> str:  # noqa: FBT001
    digest = hashlib.sha256(f"quick_gelu={is_quick}".encode())
    digest.update(tokenizer([_PROBE]).numpy().tobytes())
    for key, value in sorted(model.state_dict().items()):
        if not key.startswith("visual."):
            digest.update(f"{key}{tuple(value.shape)}{value.dtype}".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _precision(device: str) -> str:
    return "fp16" if device.startswith("cuda") else "fp32"


def _open_clip() -> Any:
    ensure_torchvision()
    with warnings.catch_warnings():
        # timm, imported by open_clip, still announces its moved modules.
        warnings.simplefilter("ignore", FutureWarning)
        import open_clip  # noqa: PLC0415 - after the torchvision guard

    return open_clip
