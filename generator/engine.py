"""The engine: step-level continuous batching. Requests join and leave between two UNet calls.

Synchronous, and owned by one thread: call `add`, `abort` and `step` from that thread only. The life of
a request: `add` -> waiting -> admitted (`Started`) -> UNet calls (`StepDone`, `PreviewReady`) -> for
hires fix, moved to the larger shape -> decoded (`ImageReady`). `Failed` and `Cancelled` can end it
anywhere between two calls.
"""

from __future__ import annotations

import gc
import logging
from collections import Counter
from contextlib import nullcontext

import torch

from generator.admission import admit, readmit
from generator.batch_caps import BatchCaps, CapLimits
from generator.batch_key import BatchKey
from generator.config import EngineConfig
from generator.device import Compute
from generator.errors import CheckpointNotFound, GeneratorError, QueueFull
from generator.events import Cancelled, Event, Failed, ImageReady, PreviewReady, Started, StepDone
from generator.failures import as_spellwright_error, is_out_of_memory, not_finite
from generator.hires import leave_checkpoint, start_second_pass
from generator.models.catalogue import Catalogue, ModelEntry
from generator.models.resident import Resident, open_checkpoint
from generator.planner import Ticket, plan
from generator.preview import to_picture
from generator.replay import Predictor, replay_of
from generator.request import GenerationRequest
from generator.sample import Sample
from generator.source_pixels import composed
from generator.step_runner import probe, run
from generator.tenants import Shares, WaitingRoom
from generator.tiling import wrapped_around

_log = logging.getLogger(__name__)
_ROWS_IF_DETERMINISTIC = 8
_ADMITTED_AT_ONCE = 8
"""Pictures admitted between two calls: encoding more prompts would hold up those that run."""
_LINES_OF_RUNNING = 4
"""Pictures that run at once, in multiples of those admitted at once: more would only hold memory."""
_CHECKPOINT_TURN = 16
"""Pictures of other tenants that may still start when somebody's turn needs another checkpoint: loading takes long."""


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
        self._waiting = WaitingRoom()
        self._running: dict[str, Sample] = {}
        self._parked: dict[str, Sample] = {}
        """Between two passes, waiting for the second one's own checkpoint."""
        self._aborted: set[str] = set()
        self._shares = Shares()
        fixed = config.max_rows or (_ROWS_IF_DETERMINISTIC if config.deterministic else 0)
        self._caps = BatchCaps(CapLimits(fixed), is_out_of_memory)
        self._at_once = config.max_rows or _ADMITTED_AT_ONCE
        self._resident: Resident | None = None
        self._replay: Predictor | None = None
        self._since_opened = 0
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
        if self._knows(request.request_id):
            error = GeneratorError(f"The request {request.request_id!r} is already there.", got=request.request_id)
            raise error.with_code("duplicate_request")
        self._waiting.add(request)

    def abort(self, request_id: str) -> None:
        """Ask for a request to end at the next step boundary; an unknown or finished id is ignored."""
        if self._knows(request_id):
            self._aborted.add(request_id)

    def has_work(self) -> bool:
        """Whether `step` has anything to do."""
        return bool(self._waiting or self._running or self._parked)

    def _knows(self, request_id: str) -> bool:
        return request_id in self._running or request_id in self._parked or request_id in self._waiting

    def step(self) -> list[Event]:
        """Drop what was aborted, admit what waits, make one UNet call, finish what is done.

        Never raises for a request's own failure: that is a `Failed` event, and the others go on.

        Returns:
            What happened, in order; empty when there was nothing to do.
        """
        events: list[Event] = []
        self._drop_aborted(events)
        if self._resume_parked(events):
            self._admit_waiting(events)
        self._finish_one(events)
        self._tick += 1
        tickets = {i: s.ticket() for i, s in self._running.items() if not s.trajectory.is_finished}
        self._shares.keep({s.request.tenant for s in self._running.values()} | self._waiting.tenants())
        chosen = plan(list(tickets.values()), lambda key: self._rows(key, tickets), self._tick, self._shares.had())
        for request_id in chosen:
            self._shares.charge(tickets[request_id].tenant, tickets[request_id].cost)
        if chosen:
            self._call([self._running[i] for i in chosen], tickets[chosen[0]].key, events)
        return events

    def _drop_aborted(self, events: list[Event]) -> None:
        for request_id in sorted(self._aborted):
            self._running.pop(request_id, None)
            self._parked.pop(request_id, None)
            self._waiting.remove(request_id)
            events.append(Cancelled(request_id))
        self._aborted.clear()

    def _resume_parked(self, events: list[Event]) -> bool:
        """Start second passes with a checkpoint of their own; `False` while one waits for it: nobody is admitted."""
        for sample in list(self._parked.values()):
            name = sample.hires.checkpoint if sample.hires is not None else ""
            try:
                if not self._open(name):
                    return False
                del self._parked[sample.request_id]
                readmit(sample, self._loaded())
                self._running[sample.request_id] = sample
            except Exception as error:  # noqa: BLE001 - see _admit_waiting
                self._parked.pop(sample.request_id, None)
                self._fail(sample.request, error, events)
        return True

    def _admit_waiting(self, events: list[Event]) -> None:
        """Admit a few: each time one of the tenant that has the fewest pictures running."""
        running = Counter(sample.request.tenant for sample in self._running.values())
        for _ in range(self._at_once):
            request = self._next_to_admit(running, events)
            if request is None:
                return
            self._waiting.remove(request.request_id)
            try:
                self._start(request, events)
            except Exception as error:  # noqa: BLE001 - one bad spell must not take the others with it
                self._fail(request, error, events)
                continue
            running[request.tenant] += 1
            if request.source is not None:
                return  # encoding a picture takes about as long as a call

    def _next_to_admit(self, running: Counter[str], events: list[Event]) -> GenerationRequest | None:
        """Whose turn it is; `None` when all is full, or when running pictures keep the wrong checkpoint in memory."""
        full = _LINES_OF_RUNNING * self._at_once
        for request in self._waiting.heads(running):
            # Somebody who has nothing running gets in although others fill the room.
            if len(self._running) >= (full if running[request.tenant] else 2 * full):
                continue
            try:
                if self._make_resident(request):
                    return request
            except Exception as error:  # noqa: BLE001 - see _admit_waiting
                self._waiting.remove(request.request_id)
                self._fail(request, error, events)
                continue
            if self._since_opened >= _CHECKPOINT_TURN:
                return None
        return None

    def _rows(self, key: BatchKey, tickets: dict[str, Ticket]) -> int:
        """Rows of a call; measured at the first one that more than one picture could share."""
        alike = [i for i, ticket in tickets.items() if ticket.key == key]
        if len(alike) > 1 and not self._caps.is_known(key):
            sample, checkpoint = self._running[alike[0]], self._loaded().checkpoint
            rows = self._caps.measure(key, lambda count: probe(sample, checkpoint, count))
            _log.info("a call of %s at %s takes %d rows", key.checkpoint, key.shape, rows)
        return self._caps.rows(key)

    def _make_resident(self, request: GenerationRequest) -> bool:
        """Open the request's checkpoint; `False` while running pictures still need the one in memory."""
        return self._open(request.spell.params.checkpoint or "")

    def _open(self, name: str) -> bool:
        """Open the checkpoint of that name; `False` while running pictures still need the one in memory."""
        entry = self._find_checkpoint(name)
        if self._resident is not None and self._resident.checkpoint.entry == entry:
            return True
        if self._running:
            return False
        self._resident = self._replay = None
        self._free_memory()
        self._resident = Resident(open_checkpoint(entry, self._compute), self.catalogue)
        self._replay = replay_of(self._resident.checkpoint, compiles=self._config.compile)
        self._since_opened = 0
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
        self._since_opened += 1
        self._running[request.request_id] = sample
        events.append(Started(request.request_id, sample.total))

    def _call(self, chosen: list[Sample], key: BatchKey, events: list[Event], piece: int = 0) -> None:
        """One UNet call; `piece` is the rows it is cut into when memory asks for fewer."""
        resident, rows = self._loaded(), piece or self._caps.rows(key)
        try:
            resident.set_unet_loras(chosen[0].unet_loras)
            with wrapped_around(resident.checkpoint.unet) if key.is_tiling else nullcontext():
                broken = run(chosen, self._predictor(key), rows, is_deterministic=self._config.deterministic)
        except Exception as error:  # noqa: BLE001 - see _admit_waiting
            self._call_failed(chosen, key, min(rows, sum(s.rows for s in chosen)), error, events)
            return
        for sample in chosen:
            sample.last_tick = self._tick
            if sample in broken:
                self._fail(sample.request, not_finite(), events)
            else:
                self._after_call(sample, resident, events)

    def _predictor(self, key: BatchKey) -> Predictor:
        """What answers the calls of a key; a replay knows no tiles, and may round otherwise than a plain call."""
        is_plain = key.is_tiling or self._config.deterministic or not self._config.replay
        return self._loaded().checkpoint if is_plain or self._replay is None else self._replay

    def _call_failed(
        self, chosen: list[Sample], key: BatchKey, rows: int, error: Exception, events: list[Event]
    ) -> None:
        """Out of memory: free some, and try again with half the rows. Otherwise these pictures fail."""
        if is_out_of_memory(error):
            self._free_memory()
            if rows > 1:
                self._caps.lower(key, rows)
                half = len(chosen) // 2
                for part in (chosen[:half], chosen[half:]) if half else (chosen,):
                    self._call(part, key, events, piece=max(rows // 2, 1))
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
        except Exception as error:  # noqa: BLE001 - see _admit_waiting
            self._fail(request, error, events)

    def _finish_one(self, events: list[Event]) -> None:
        """Decode one picture, or move one to its second pass: never more between two calls, which others wait for."""
        done = [s for s in self._running.values() if s.trajectory.is_finished]
        if not done:
            return
        sample, resident = min(done, key=lambda s: (s.last_tick, s.order)), self._loaded()
        try:
            if sample.hires is not None and sample.phase == "base" and sample.hires.checkpoint:
                leave_checkpoint(sample, sample.hires, sample.pixels or resident.checkpoint)
                sample.pixels = None  # or it would keep the first checkpoint in memory
                self._parked[sample.request_id] = self._running.pop(sample.request_id)
            elif sample.hires is not None and sample.phase == "base":
                start_second_pass(sample, sample.hires, sample.pixels or resident.checkpoint)
            else:
                self._finish(sample, resident, events)
        except Exception as error:  # noqa: BLE001 - see _admit_waiting
            self._fail(sample.request, error, events)

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
        with wrapped_around(checkpoint.vae) if sample.is_tiling else nullcontext():
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
