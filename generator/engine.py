"""The engine: step-level continuous batching. Requests join and leave between two UNet calls.

Synchronous, and owned by one thread: call `add`, `abort` and `step` from that thread only. The life of
a request: `add` -> waiting -> admitted (`Started`) -> UNet calls (`StepDone`, `PreviewReady`) -> for
hires fix, moved to the larger shape -> decoded (`ImageReady`). `Failed` and `Cancelled` can end it
anywhere between two calls.
"""

from __future__ import annotations

import gc
import logging
from collections import deque

import torch

from generator.admission import admit
from generator.config import EngineConfig
from generator.device import Compute
from generator.errors import CheckpointNotFound, GeneratorError, QueueFull
from generator.events import Cancelled, Event, Failed, ImageReady, PreviewReady, Started, StepDone
from generator.failures import as_spellwright_error, is_out_of_memory, not_finite
from generator.hires import start_second_pass
from generator.models.catalogue import Catalogue, ModelEntry
from generator.models.resident import Resident, open_checkpoint
from generator.planner import plan
from generator.preview import to_picture
from generator.request import GenerationRequest
from generator.sample import Sample
from generator.source_pixels import composed
from generator.step_runner import run

_log = logging.getLogger(__name__)
_ADMITTED_PER_ROW = 4
"""Pictures admitted at once, per row of a call: more would only hold memory."""


class Engine:
    """Draws the pictures of many requests with one device."""

    def __init__(self, config: EngineConfig, catalogue: Catalogue | None = None) -> None:
        """Loads nothing yet; the first request loads its checkpoint.

        Raises:
            GeneratorError: code `device_unavailable`.
        """
        self._config = config
        self._compute = Compute.resolve(config.device, config.dtype)
        if config.threads:
            torch.set_num_threads(config.threads)
        self.catalogue = catalogue or Catalogue(config.folders)
        self._waiting: deque[GenerationRequest] = deque()
        self._running: dict[str, Sample] = {}
        self._aborted: set[str] = set()
        self._resident: Resident | None = None
        self._order = 0
        self._tick = 0

    @property
    def resident(self) -> Resident | None:
        """The checkpoint in memory; `None` before the first request."""
        return self._resident

    def add(self, request: GenerationRequest) -> None:
        """Queue a request; it starts at one of the next steps.

        Raises:
            QueueFull: `max_waiting` requests wait already.
            GeneratorError: code `duplicate_request`; a request of that id is still alive.
        """
        if len(self._waiting) >= self._config.max_waiting:
            raise QueueFull(
                f"{len(self._waiting)} pictures are waiting already; try again later.", limit=self._config.max_waiting
            )
        if request.request_id in self._running or any(r.request_id == request.request_id for r in self._waiting):
            error = GeneratorError(f"The request {request.request_id!r} is already there.", got=request.request_id)
            raise error.with_code("duplicate_request")
        self._waiting.append(request)

    def abort(self, request_id: str) -> None:
        """Ask for a request to end at the next step boundary; an unknown or finished id is ignored."""
        if request_id in self._running or any(r.request_id == request_id for r in self._waiting):
            self._aborted.add(request_id)

    def has_work(self) -> bool:
        """Whether `step` has anything to do."""
        return bool(self._waiting or self._running)

    def step(self) -> list[Event]:
        """Drop what was aborted, admit what waits, make one UNet call, finish what is done.

        Never raises for a request's own failure: that is a `Failed` event, and the others go on.

        Returns:
            What happened, in order; empty when there was nothing to do.
        """
        events: list[Event] = []
        self._drop_aborted(events)
        self._admit_waiting(events)
        self._tick += 1
        tickets = [sample.ticket() for sample in self._running.values()]
        chosen = [self._running[i] for i in plan(tickets, self._config.max_rows, self._tick)]
        if chosen:
            self._call(chosen, events)
        return events

    def _drop_aborted(self, events: list[Event]) -> None:
        for request_id in sorted(self._aborted):
            self._running.pop(request_id, None)
            events.append(Cancelled(request_id))
        self._waiting = deque(r for r in self._waiting if r.request_id not in self._aborted)
        self._aborted.clear()

    def _admit_waiting(self, events: list[Event]) -> None:
        """Admit in order of arrival; a request for another checkpoint waits until the running ones are done.

        A few at a time, so that encoding many prompts does not hold up the pictures that run.
        """
        room = _ADMITTED_PER_ROW * self._config.max_rows - len(self._running)
        for _ in range(min(room, self._config.max_rows, len(self._waiting))):
            request = self._waiting[0]
            try:
                if not self._make_resident(request):
                    return
                self._waiting.popleft()
                self._start(request, events)
            except Exception as error:  # noqa: BLE001 - one bad spell must not take the others with it
                if self._waiting and self._waiting[0] is request:
                    self._waiting.popleft()
                self._fail(request, error, events)

    def _make_resident(self, request: GenerationRequest) -> bool:
        """Open the request's checkpoint; `False` while running pictures still need the one in memory."""
        entry = self._find_checkpoint(request.spell.params.checkpoint or "")
        if self._resident is not None and self._resident.checkpoint.entry == entry:
            return True
        if self._running:
            return False
        self._resident = None
        self._free_memory()
        self._resident = Resident(open_checkpoint(entry, self._compute), self.catalogue)
        return True

    def _find_checkpoint(self, name: str) -> ModelEntry:
        """The checkpoint in the catalogue; files may have come or gone since the last scan, so it looks twice."""
        try:
            entry = self.catalogue.checkpoint(name)
            if entry.path.exists():
                return entry
        except CheckpointNotFound:
            pass
        self.catalogue.refresh()
        return self.catalogue.checkpoint(name)

    def _start(self, request: GenerationRequest, events: list[Event]) -> None:
        sample = admit(request, self._loaded(), self._order, self._tick, self._config.noise_source)
        self._order += 1
        self._running[request.request_id] = sample
        events.append(Started(request.request_id, sample.total))

    def _call(self, chosen: list[Sample], events: list[Event]) -> None:
        resident = self._loaded()
        try:
            resident.set_unet_loras(chosen[0].unet_loras)
            rows, is_deterministic = self._config.max_rows, self._config.deterministic
            broken = run(chosen, resident.checkpoint, rows, is_deterministic=is_deterministic)
        except Exception as error:  # noqa: BLE001 - see _admit_waiting
            self._call_failed(chosen, error, events)
            return
        for sample in chosen:
            sample.last_tick = self._tick
            if sample in broken:
                self._fail(sample.request, not_finite(), events)
            else:
                self._after_call(sample, resident, events)

    def _call_failed(self, chosen: list[Sample], error: Exception, events: list[Event]) -> None:
        """Out of memory with several pictures: free and try each alone. Otherwise these pictures fail."""
        if is_out_of_memory(error):
            self._free_memory()
            if len(chosen) > 1:
                for sample in chosen:
                    self._call([sample], events)
                return
        for sample in chosen:
            self._fail(sample.request, error, events)

    def _after_call(self, sample: Sample, resident: Resident, events: list[Event]) -> None:
        request = sample.request
        try:
            events.append(StepDone(request.request_id, sample.phase, sample.done, sample.total))
            if request.preview_every and sample.done % request.preview_every == 0 and sample.done < sample.total:
                picture = resident.previewer.picture(sample.trajectory.denoised)
                events.append(PreviewReady(request.request_id, picture))
            if sample.trajectory.is_finished and sample.hires is not None and sample.phase == "base":
                start_second_pass(sample, sample.hires, sample.pixels or resident.checkpoint)
            if sample.trajectory.is_finished:
                self._finish(sample, resident, events)
        except Exception as error:  # noqa: BLE001 - see _admit_waiting
            self._fail(request, error, events)

    def _finish(self, sample: Sample, resident: Resident, events: list[Event]) -> None:
        pixels = self._decode(sample, resident)
        if not bool(torch.isfinite(pixels).all()):
            raise not_finite()
        del self._running[sample.request_id]
        picture = composed(to_picture(pixels), sample.overlay)
        events.append(ImageReady(sample.request_id, picture, tuple(sample.notes)))

    def _decode(self, sample: Sample, resident: Resident) -> torch.Tensor:
        """The finished pixels; in tiles where the whole does not fit the memory."""
        checkpoint = sample.pixels or resident.checkpoint
        try:
            return checkpoint.decode(sample.trajectory.latents)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        self._free_memory()
        return checkpoint.decode(sample.trajectory.latents, in_tiles=True)

    def _fail(self, request: GenerationRequest, error: Exception, events: list[Event]) -> None:
        params = request.spell.params
        size = (params.width or 0, params.height or 0)
        sample = self._running.pop(request.request_id, None)
        if sample is not None and sample.phase == "hires" and params.hires is not None:
            size = params.hires.target_size(*size)
        told = as_spellwright_error(error, size)
        if told is not error:
            _log.error("request %s failed", request.request_id, exc_info=error)
        events.append(Failed(request.request_id, told))

    def _loaded(self) -> Resident:
        if self._resident is None:
            raise GeneratorError("No checkpoint is loaded.")
        return self._resident

    def _free_memory(self) -> None:
        gc.collect()
        if self._compute.device.type == "cuda":
            torch.cuda.empty_cache()
