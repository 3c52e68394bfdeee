from __future__ import annotations

import pytest

from generator.events import Event, ImageReady, Picture, Started, StepDone
from prompts.spell import HiresFix, Params, Spell
from service.progress import TICKS_PER_SECOND, Meter

PLAIN = Spell("a", params=Params(steps=10, sampler="Euler", width=64, height=64, seed=1))
HIRES = PLAIN.evolve(hires=HiresFix(upscale_by=2.0))


def steps(request: str, first: int, last: int, total: int, base: int = 10**9) -> list[Event]:
    return [StepDone(request, "base" if n <= base else "hires", n, total) for n in range(first, last + 1)]


def run(meter: Meter, events: list[Event], start: float, seconds_each: float) -> float:
    now = start
    for event in events:
        now += seconds_each
        meter.take(event, now)
    return now


def test_nothing_is_known_before_the_first_step() -> None:
    progress = Meter("j", PLAIN, 2, 0).progress(0.0)
    assert (progress.done, progress.total, progress.phase, progress.eta_seconds) == (0, 20, "waiting", None)


def test_the_time_left_is_the_steps_left_at_the_pace_so_far() -> None:
    meter = Meter("j", PLAIN, 1, 0)
    now = run(meter, [Started("j/0", 10), *steps("j/0", 1, 5, 10)], 0.0, 2.0)
    progress = meter.progress(now)
    assert (progress.done, progress.total) == (5, 10)
    assert progress.eta_seconds == pytest.approx(10.0)


def test_hires_steps_weigh_as_much_more_as_their_area() -> None:
    meter = Meter("j", HIRES, 1, 0)
    now = run(meter, [Started("j/0", 20), *steps("j/0", 1, 10, 20, 10)], 0.0, 1.0)
    assert meter.progress(now).eta_seconds == pytest.approx(40.0)


def test_pictures_that_were_there_before_a_restart_count_as_done() -> None:
    meter = Meter("j", PLAIN, 3, 2)
    run(meter, [Started("j/2", 10), *steps("j/2", 1, 5, 10)], 0.0, 1.0)
    progress = meter.progress(9.0)
    assert (progress.done, progress.total, progress.image, progress.images) == (25, 30, 2, 3)


def test_a_finished_job_has_no_time_left() -> None:
    meter = Meter("j", PLAIN, 1, 0)
    picture = ImageReady("j/0", Picture(1, 1, b"abc"))
    now = run(meter, [Started("j/0", 10), *steps("j/0", 1, 10, 10), picture], 0.0, 1.0)
    progress = meter.progress(now)
    assert (progress.done, progress.total, progress.image, progress.eta_seconds) == (10, 10, 1, 0.0)
    assert progress.to_json()["share"] == 1.0


def test_ticks_are_coalesced_and_a_preview_is_sent_once() -> None:
    meter = Meter("j", PLAIN, 1, 0)
    meter.show("data:x")
    ticks = [meter.tick(n / 100) for n in range(100)]
    sent = [tick for tick in ticks if tick is not None]
    assert len(sent) <= TICKS_PER_SECOND + 1
    assert [tick.preview for tick in sent] == ["data:x", *[None] * (len(sent) - 1)]
