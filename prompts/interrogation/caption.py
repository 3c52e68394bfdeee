"""A sentence about the picture: BLIP through transformers, from a local folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image
from safetensors import SafetensorError

from prompts.errors import ClipModelMissing, InterrogationError
from prompts.interrogation.blip_decoder import DraftedDecoder
from prompts.interrogation.blip_vision import seen_by
from prompts.torch_guard import ensure_torchvision

CAPTION_COMMAND = "spellwright models fetch blip-base"
_NEEDED = ("config.json", "model.safetensors")
_PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")  # the hub's, and what transformers 5 saves
_DRAFTED_PICTURES = 3  # from four on, one reading of the full weights for all costs less than a draft each


class Captioner(Protocol):
    """Describes pictures, one sentence each."""

    name: str

    def captions(self, pictures: Sequence[Image.Image]) -> list[str]:
        """An English sentence for each picture, in order, without full stop; empty when the model says nothing."""
        ...


class BlipCaptioner:
    """BLIP image captioning, greedy, at most `max_tokens` new tokens; the same picture gives the same text.

    Args:
        folder: `config.json`, `model.safetensors`, `preprocessor_config.json` and tokenizer files, as
            `Salesforce/blip-image-captioning-base` (or -large) has them.
        device: torch device; half precision on CUDA.
        max_tokens: New tokens at most; clip-interrogator's 32.

    Raises:
        ClipModelMissing: A file is missing.
        InterrogationError: The files do not make a BLIP model.

    Attributes:
        name: The folder's name.
        model: transformers' model.
        processor: transformers' processor of that model.
    """

    def __init__(self, folder: Path, device: str = "cpu", max_tokens: int = 32) -> None:
        check_caption_folder(folder)
        ensure_torchvision()
        from transformers import AutoProcessor, BlipForConditionalGeneration  # noqa: PLC0415 - behind the guard

        dtype = torch.float16 if device.startswith("cuda") else torch.float32
        try:
            model: Any = BlipForConditionalGeneration.from_pretrained(
                os.fspath(folder), local_files_only=True, use_safetensors=True, dtype=dtype
            )
            processor: Any = AutoProcessor.from_pretrained(os.fspath(folder), local_files_only=True)
        except (OSError, ValueError, LookupError, TypeError, RuntimeError, SafetensorError) as wrong:
            raise InterrogationError(f"The caption model in {folder.name!r} cannot be loaded.") from wrong
        self.name = folder.name
        self.model = model.to(device).eval()
        self.processor = processor
        self._max_tokens = max_tokens
        self._drafted = DraftedDecoder.where_it_helps(self.model.text_decoder, max_tokens)

    @torch.inference_mode()
    def captions(self, pictures: Sequence[Image.Image]) -> list[str]:
        """See `Captioner`. The words are those of transformers' own greedy generation.

        The picture tower takes pictures one by one: its attention over 577 patches fits a CPU's caches only
        so. The words of one picture are drafted; those of several share every reading of the weights.
        """
        if not pictures:
            return []
        model = self.model
        inputs = self.processor(images=list(pictures), return_tensors="pt").to(model.device, model.dtype)
        seen = torch.cat([seen_by(model.vision_model, one[None]) for one in inputs["pixel_values"]])
        if self._drafted is not None and len(pictures) <= _DRAFTED_PICTURES:
            tokens: Any = [self._drafted.greedy(one[None]) for one in seen]
        else:
            tokens = self._generated(seen)
        texts: list[str] = self.processor.batch_decode(tokens, skip_special_tokens=True)
        return [written.strip() for written in texts]

    def _generated(self, seen: torch.Tensor) -> torch.Tensor:
        """Transformers' own words for several pictures at once."""
        model, text = self.model, self.model.config.text_config
        generated: torch.Tensor = model.text_decoder.generate(
            input_ids=torch.full((len(seen), 1), text.bos_token_id, device=model.device),
            eos_token_id=text.sep_token_id,
            pad_token_id=text.pad_token_id,
            encoder_hidden_states=seen,
            encoder_attention_mask=torch.ones(seen.shape[:2], dtype=torch.long, device=model.device),
            max_new_tokens=self._max_tokens,
            num_beams=1,
            do_sample=False,
        )
        return generated


def check_caption_folder(folder: Path) -> None:
    """Raise unless the caption model's files are in `folder`.

    Raises:
        ClipModelMissing: Names the first missing file and the command.
    """
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in _PROCESSOR_FILES):
        missing.append(_PROCESSOR_FILES[0])
    if missing:
        raise ClipModelMissing(
            f"The caption model is not on this machine: {missing[0]} is missing from the folder {folder.name!r}. "
            f"Get it with: {CAPTION_COMMAND}",
            file=missing[0],
            folder=folder.name,
            command=CAPTION_COMMAND,
        )
