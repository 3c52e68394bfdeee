"""What every engine promises, run on the real one and on its double."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from generator.engine import Engine
from generator.errors import GeneratorError
from generator.events import FINAL_EVENTS, Cancelled, Event, ImageReady, PreviewReady, Started, StepDone
from generator.request import GenerationRequest
from generator.testing import FakeEngine
from prompts.spell import HiresFix

Ask = Callable[..., GenerationRequest]
AnyEngine = Engine | FakeEngine
RunAll = Callable[[AnyEngine, Sequence[GenerationRequest]], list[Event]]


@pytest.fixture(params=["real", "fake"])
def any_engine(request: pytest.FixtureRequest) -> AnyEngine:
    if request.param == "fake":
        return FakeEngine()
    real: Engine = request.getfixturevalue("engine")
    return real


SPELLS: list[dict[str, object]] = [
    {"steps": 1},
    {"steps": 5, "sampler": "DPM++ SDE", "schedule_type": "Karras"},
    {"steps": 3, "sampler": "Heun", "hires": HiresFix(1.5, steps=2)},
    {"steps": 2, "hires": HiresFix(2.0, denoising_strength=0.0)},
    {"steps": 2, "hires": HiresFix(1.3, steps=0, denoising_strength=0.6, sampler="DPM++ 2S a")},
]


@pytest.mark.parametrize("spell", SPELLS)
def test_started_then_steps_rising_by_one_to_the_total_then_the_picture(
    any_engine: AnyEngine, ask: Ask, run_all: RunAll, spell: dict[str, object]
) -> None:
    events = run_all(any_engine, [ask(**spell)])
    started, *steps, ready = events
    assert isinstance(started, Started)
    assert all(isinstance(e, StepDone) for e in steps)
    assert [e.done for e in steps if isinstance(e, StepDone)] == list(range(1, started.total + 1))
    phases = [e.phase for e in steps if isinstance(e, StepDone)]
    assert phases == sorted(phases)
    assert isinstance(ready, ImageReady)
    assert len(ready.picture.rgb) == ready.picture.width * ready.picture.height * 3


def test_both_engines_count_the_same_calls_and_draw_the_same_size(engine: Engine, ask: Ask, run_all: RunAll) -> None:
    for i, spell in enumerate(SPELLS):
        real, fake = (run_all(e, [ask(str(i), **spell)]) for e in (engine, FakeEngine()))
        assert real[0] == fake[0]
        assert [e.phase for e in real if isinstance(e, StepDone)] == [e.phase for e in fake if isinstance(e, StepDone)]
        sizes = [(e.picture.width, e.picture.height) for e in (real[-1], fake[-1]) if isinstance(e, ImageReady)]
        assert sizes[0] == sizes[1]


def test_every_request_ends_with_exactly_one_final_event(any_engine: AnyEngine, ask: Ask, run_all: RunAll) -> None:
    for name in "abcd":
        any_engine.add(ask(name, seed=ord(name), steps=3))
    any_engine.step()
    any_engine.abort("b")
    events = run_all(any_engine, [])
    final = [(e.request_id, type(e)) for e in events if isinstance(e, FINAL_EVENTS)]
    assert sorted(final, key=lambda f: f[0]) == [
        ("a", ImageReady),
        ("b", Cancelled),
        ("c", ImageReady),
        ("d", ImageReady),
    ]
    for name in "abcd":
        last = [e.request_id for e in events].index(name)
        assert all(not isinstance(e, FINAL_EVENTS) for e in events[:last] if e.request_id == name)


def test_an_id_can_be_used_again_once_its_picture_is_done(any_engine: AnyEngine, ask: Ask, run_all: RunAll) -> None:
    first, again = (run_all(any_engine, [ask("a")])[-1] for _ in range(2))
    assert isinstance(first, ImageReady)
    assert first == again


def test_a_living_id_is_refused(any_engine: AnyEngine, ask: Ask) -> None:
    any_engine.add(ask("a"))
    with pytest.raises(GeneratorError) as refused:
        any_engine.add(ask("a"))
    assert refused.value.stable_code == "duplicate_request"


@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_abort_takes_effect_at_the_next_step(any_engine: AnyEngine, ask: Ask, after: int) -> None:
    any_engine.add(ask("a", steps=9))
    for _ in range(after):
        any_engine.step()
    any_engine.abort("a")
    any_engine.abort("a")
    assert any_engine.step() == [Cancelled("a")]
    assert not any_engine.has_work()
    assert any_engine.step() == []


def test_previews_come_every_so_many_calls_but_never_with_the_last(
    any_engine: AnyEngine, ask: Ask, run_all: RunAll
) -> None:
    events = run_all(any_engine, [ask(steps=6, preview_every=2)])
    at = [i for i, e in enumerate(events) if isinstance(e, PreviewReady)]
    assert [events[i - 1].done for i in at if isinstance(events[i - 1], StepDone)] == [2, 4]  # type: ignore[union-attr]
    sizes = {(e.picture.width, e.picture.height) for e in events if isinstance(e, PreviewReady)}
    assert sizes == {(8, 8)}


def test_a_request_added_while_others_run_is_served(any_engine: AnyEngine, ask: Ask, run_all: RunAll) -> None:
    any_engine.add(ask("a", steps=5))
    any_engine.step()
    events = run_all(any_engine, [ask("b", steps=1)])
    assert {e.request_id for e in events if isinstance(e, ImageReady)} == {"a", "b"}
