from __future__ import annotations

from collections.abc import Callable

import pytest

from generator.errors import GeneratorError, OutOfMemory, QueueFull
from generator.events import Cancelled, Failed, ImageReady, PreviewReady, Started, StepDone
from generator.request import GenerationRequest
from generator.testing import FakeEngine
from prompts.spell import HiresFix

Ask = Callable[..., GenerationRequest]


def _drain(engine: FakeEngine) -> list[object]:
    events: list[object] = []
    while engine.has_work():
        events += engine.step()
    return events


def test_the_same_spell_draws_the_same_bytes_and_another_seed_does_not(ask: Ask) -> None:
    engine = FakeEngine()
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        engine.add(ask(name, seed=seed))
    pictures = {e.request_id: e.picture for e in _drain(engine) if isinstance(e, ImageReady)}
    assert pictures["a"] == pictures["b"] != pictures["c"]


def test_events_come_in_the_engines_order_with_both_phases(ask: Ask) -> None:
    engine = FakeEngine()
    engine.add(ask(preview_every=3, steps=2, sampler="Heun", hires=HiresFix(steps=2)))
    events = _drain(engine)
    assert events[0] == Started("a", 6)
    assert [(e.phase, e.done) for e in events if isinstance(e, StepDone)] == [
        *[("base", i) for i in (1, 2, 3)],
        *[("hires", i) for i in (4, 5, 6)],
    ]
    assert sum(isinstance(e, PreviewReady) for e in events) == 1
    last = events[-1]
    assert isinstance(last, ImageReady)
    assert (last.picture.width, len(last.picture.rgb)) == (128, 128 * 128 * 3)


def test_the_fail_hook_ends_a_picture_at_the_call_it_chooses(ask: Ask) -> None:
    error = OutOfMemory("too big")
    engine = FakeEngine(fail=lambda _, done: error if done == 2 else None)
    engine.add(ask())
    events = _drain(engine)
    assert events[-1] == Failed("a", error)
    assert sum(isinstance(e, StepDone) for e in events) == 2


def test_abort_ends_a_picture_at_the_next_step_and_unknown_ids_are_ignored(ask: Ask) -> None:
    engine = FakeEngine()
    engine.add(ask())
    engine.step()
    engine.abort("a")
    engine.abort("nobody")
    assert engine.step() == [Cancelled("a")]
    assert not engine.has_work()


def test_a_full_queue_and_a_duplicate_id_are_refused(ask: Ask) -> None:
    engine = FakeEngine(max_waiting=2)
    engine.add(ask("a"))
    with pytest.raises(GeneratorError) as duplicate:
        engine.add(ask("a"))
    assert duplicate.value.stable_code == "duplicate_request"
    engine.add(ask("b"))
    with pytest.raises(QueueFull):
        engine.add(ask("c"))
