"""`FakeEngine`: the engine's behaviour without torch or models, for tests of what stands around it."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from generator.errors import GeneratorError, QueueFull
from generator.events import (
    Cancelled,
    Event,
    Failed,
    ImageReady,
    Picture,
    PreviewReady,
    Started,
    StepDone,
)
from generator.request import GenerationRequest, SourcePicture
from generator.source_pixels import finished_size
from prompts.errors import SpellwrightError
from prompts.img2img import step_counts
from prompts.spell import LATENT_CELL, Spell
from prompts.vocabulary import sampler_named

_NO_TENSORS = struct.pack("<Q", 2) + b"{}"  # a whole safetensors file
FailHook = Callable[[GenerationRequest, int], SpellwrightError | None]
"""(request, UNet calls done) -> the error it fails with now, or `None`."""


@dataclass
class _Job:
    request: GenerationRequest
    base_calls: int
    total: int
    done: int = 0
    is_started: bool = False


class FakeEngine:
    """Same methods and event order as `generator.engine.Engine`; every `step` advances every picture once.

    Its pictures are one colour, a hash of the resolved spell: the same spell draws the same bytes, and
    any change of the spell changes them.
    """

    def __init__(
        self,
        *,
        max_waiting: int = 256,
        fail: FailHook | None = None,
        before_step: Callable[[], None] | None = None,
    ) -> None:
        """Make a fake.

        Args:
            max_waiting: Pictures that may be alive; one more raises `QueueFull`.
            fail: Asked before each UNet call of each picture (and once with 0 before the first).
            before_step: Called at the start of every `step`; may block, to play a hanging device.
        """
        self._jobs: dict[str, _Job] = {}
        self._aborted: set[str] = set()
        self._max_waiting = max_waiting
        self._fail = fail
        self._before_step = before_step

    def add(self, request: GenerationRequest) -> None:
        """Queue a request.

        Raises:
            QueueFull: `max_waiting` pictures are alive.
            GeneratorError: code `duplicate_request`.
        """
        if len(self._jobs) >= self._max_waiting:
            raise QueueFull(f"{len(self._jobs)} pictures are waiting already; try again later.")
        if request.request_id in self._jobs:
            error = GeneratorError(f"The request {request.request_id!r} is already there.", got=request.request_id)
            raise error.with_code("duplicate_request")
        base = _base_calls(request)
        self._jobs[request.request_id] = _Job(request, base, base + _hires_calls(request.spell))

    def abort(self, request_id: str) -> None:
        """End a request at the next step; an unknown id is ignored."""
        if request_id in self._jobs:
            self._aborted.add(request_id)

    def has_work(self) -> bool:
        """Whether `step` has anything to do."""
        return bool(self._jobs)

    def step(self) -> list[Event]:
        """One UNet call of every picture; what happened, in order."""
        if self._before_step is not None:
            self._before_step()
        events: list[Event] = []
        for request_id in sorted(self._aborted):
            self._jobs.pop(request_id, None)
            events.append(Cancelled(request_id))
        self._aborted.clear()
        for job in list(self._jobs.values()):
            self._advance(job, events)
        return events

    def _advance(self, job: _Job, events: list[Event]) -> None:
        request = job.request
        error = self._fail(request, job.done) if self._fail is not None else None
        if error is not None:
            del self._jobs[request.request_id]
            events.append(Failed(request.request_id, error))
            return
        if not job.is_started:
            job.is_started = True
            events.append(Started(request.request_id, job.total))
        job.done += 1
        phase = "base" if job.done <= job.base_calls else "hires"
        events.append(StepDone(request.request_id, phase, job.done, job.total))
        if request.preview_every and job.done % request.preview_every == 0 and job.done < job.total:
            events.append(PreviewReady(request.request_id, draw(request.spell, phase, LATENT_CELL)))
        if job.done == job.total:
            del self._jobs[request.request_id]
            # Denoising strength 0 upscales without a second pass.
            last = "base" if request.spell.params.hires is None else "hires"
            source = request.source
            picture = draw(request.spell, last) if source is None else _drawn_over(request.spell, source)
            events.append(ImageReady(request.request_id, picture))


def draw(spell: Spell, phase: str, cell: int = 1) -> Picture:
    """The fake's picture of a resolved spell, `cell` times smaller in both directions."""
    width, height = spell.params.width or LATENT_CELL, spell.params.height or LATENT_CELL
    if phase == "hires" and spell.params.hires is not None:
        width, height = (side // LATENT_CELL * LATENT_CELL for side in spell.params.hires.target_size(width, height))
    width, height = width // cell, height // cell
    colour = hashlib.sha256(repr(spell).encode()).digest()[:3]
    return Picture(width, height, colour * (width * height))


def _drawn_over(spell: Spell, source: SourcePicture) -> Picture:
    """The fake's img2img: a colour of spell and source, as large as the engine's picture would be."""
    width, height = finished_size(source, (spell.params.width or LATENT_CELL, spell.params.height or LATENT_CELL))
    colour = hashlib.sha256(repr((spell, source)).encode()).digest()[:3]
    return Picture(width, height, colour * (width * height))


def _base_calls(request: GenerationRequest) -> int:
    params = request.spell.params
    steps = params.steps or 1
    if request.source is not None:
        steps = step_counts(request.source.settings, steps)[1]
    return _calls(steps, sampler_named(params.sampler or "Euler").calls_per_step)


def _hires_calls(spell: Spell) -> int:
    hires = spell.params.hires
    if hires is None or hires.denoising_strength == 0:
        return 0
    sampler = sampler_named(hires.sampler or spell.params.sampler or "Euler")
    return _calls(hires.steps or spell.params.steps or 1, sampler.calls_per_step)


def _calls(steps: int, calls_per_step: int) -> int:
    """Second-order samplers make their last step with one call."""
    return steps * calls_per_step - (calls_per_step - 1)


def write_pipeline_folder(folder: Path, pipeline: str = "StableDiffusionPipeline") -> Path:
    """A diffusers folder that is whole as far as headers tell, and holds no weights; gives `folder`.

    Args:
        folder: Made when missing.
        pipeline: The class in its `model_index.json`; `StableDiffusionXLPipeline` has two text encoders.
    """
    is_sdxl = pipeline == "StableDiffusionXLPipeline"
    texts = ("", "_2") if is_sdxl else ("",)
    unet = {"addition_embed_type": "text_time"} if is_sdxl else {}
    files: dict[str, bytes] = {"model_index.json": json.dumps({"_class_name": pipeline}).encode()}
    files |= {"unet/config.json": json.dumps(unet).encode(), "vae/config.json": b"{}"}
    files |= {"scheduler/scheduler_config.json": b"{}"}
    files |= {f"text_encoder{suffix}/config.json": b"{}" for suffix in texts}
    files |= {f"tokenizer{suffix}/tokenizer.json": b"{}" for suffix in texts}
    for part in ("unet", "vae"):
        files[f"{part}/diffusion_pytorch_model.fp16.safetensors"] = _NO_TENSORS
    files |= {f"text_encoder{suffix}/model.fp16.safetensors": _NO_TENSORS for suffix in texts}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file():  # what stands there already keeps its time
            path.write_bytes(content)
    return folder
