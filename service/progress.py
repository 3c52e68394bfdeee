"""How far a job is and when it will be done, from the engine's events; pure, time comes in as an argument."""

from __future__ import annotations

from dataclasses import dataclass

from generator.events import Event, ImageReady, Started, StepDone
from prompts.spell import Spell
from prompts.vocabulary import sampler_named
from service.bus.base import Progress

TICKS_PER_SECOND = 5


@dataclass(slots=True)
class _Slot:
    done: int = 0
    total: int = 0
    is_over: bool = False


class Meter:
    """Adds up the pictures of one job.

    A UNet call of the hires pass costs more than one of the base pass, about by the ratio of the areas;
    the estimate weighs them so.

    Args:
        job_id: Whose progress it is.
        spell: The resolved spell all its pictures share.
        images: Pictures of the job.
        finished: How many were there already (a resumed job).
    """

    def __init__(self, job_id: str, spell: Spell, images: int, finished: int) -> None:
        self._job_id = job_id
        self._images = images
        self._finished = finished
        self._slots = [_Slot() for _ in range(images - finished)]
        self._by_request: dict[str, _Slot] = {}
        self._base_calls = _base_calls(spell)
        self._hires_cost = _hires_cost(spell)
        self._phase = "waiting"
        self._preview: str | None = None
        self._first_step: tuple[float, float] | None = None
        self._last_tick = float("-inf")

    def take(self, event: Event, now: float) -> None:
        """Count an event; `now` is monotonic, in seconds."""
        slot = self._slot(event.request_id)
        match event:
            case Started(total=total):
                slot.total = total
            case StepDone(phase=phase, done=done, total=total):
                slot.done, slot.total, self._phase = done, total, phase
                if self._first_step is None:
                    self._first_step = (now, self._units_done())
            case ImageReady():
                slot.done, slot.is_over = slot.total, True
                self._finished += 1

    def pass_over(self, request_id: str) -> None:
        """Nothing more is to be done for this picture; it is not finished either."""
        slot = self._slot(request_id)
        slot.done, slot.is_over = slot.total, True

    def show(self, preview: str) -> None:
        """Send this data URL with the next progress."""
        self._preview = preview

    def tick(self, now: float) -> Progress | None:
        """The progress to publish, at most `TICKS_PER_SECOND` times a second; `None` when it is too early."""
        if now - self._last_tick < 1 / TICKS_PER_SECOND:
            return None
        self._last_tick = now
        progress = self.progress(now)
        self._preview = None
        return progress

    def progress(self, now: float) -> Progress:
        """The progress at `now`."""
        known = max((slot.total for slot in self._slots), default=0)
        per_image = known or self._base_calls
        before = (self._images - len(self._slots)) * per_image
        done = before + sum(slot.done for slot in self._slots)
        return Progress(
            job_id=self._job_id,
            done=done,
            total=max(per_image * self._images, done),
            phase=self._phase,
            eta_seconds=self._eta(now),
            image=self._finished,
            images=self._images,
            preview=self._preview,
        )

    def _slot(self, request_id: str) -> _Slot:
        if request_id not in self._by_request:
            self._by_request[request_id] = self._slots[len(self._by_request)]
        return self._by_request[request_id]

    def _units(self, calls: int) -> float:
        base = min(calls, self._base_calls)
        return base + (calls - base) * self._hires_cost

    def _units_done(self) -> float:
        return sum(self._units(slot.done) for slot in self._slots)

    def _eta(self, now: float) -> float | None:
        if self._first_step is None:
            return None
        since, units_then = self._first_step
        done = self._units_done()
        if done <= units_then:
            return None
        known = max(slot.total for slot in self._slots)
        whole = sum(self._units(slot.total or known) for slot in self._slots)
        return (whole - done) * (now - since) / (done - units_then)


def _base_calls(spell: Spell) -> int:
    params = spell.params
    steps = params.steps or 1
    return steps * (sampler_named(params.sampler).calls_per_step if params.sampler else 1)


def _hires_cost(spell: Spell) -> float:
    params = spell.params
    if params.hires is None or not params.width or not params.height:
        return 1.0
    width, height = params.hires.target_size(params.width, params.height)
    return max(1.0, width * height / (params.width * params.height))
