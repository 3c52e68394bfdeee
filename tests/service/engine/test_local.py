from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from generator.errors import GeneratorError, OutOfMemory
from generator.events import Cancelled, Event, Failed, ImageReady, Started
from generator.request import GenerationRequest
from generator.testing import FakeEngine
from prompts.spell import Params, Spell
from service.engine.base import EngineState
from service.engine.local import LocalEngine, SyncEngine
from service.errors import EngineUnavailable

Result = TypeVar("Result")
SPELL = Spell("a", params=Params(5, "Euler", "Uniform", 7.0, 1, 64, 64, 1, "demo"))


def request(name: str = "j/0", steps: int = 5) -> GenerationRequest:
    return GenerationRequest(name, SPELL.evolve(steps=steps))


def with_engine(
    scene: Callable[[LocalEngine], Awaitable[Result]], build: Callable[[], SyncEngine] = FakeEngine
) -> Result:
    async def whole() -> Result:
        engine = LocalEngine(build)
        engine.start()
        try:
            return await asyncio.wait_for(scene(engine), 20)
        finally:
            await engine.stop()
            assert engine.status().state is EngineState.STOPPED

    return asyncio.run(whole())


async def drawn(engine: LocalEngine, asked: GenerationRequest) -> list[Event]:
    return [event async for event in engine.submit(asked)]


def test_a_picture_s_events_arrive_in_order_and_end_with_the_picture() -> None:
    events = with_engine(lambda engine: drawn(engine, request()))
    assert isinstance(events[0], Started) and isinstance(events[-1], ImageReady)
    assert len(events) == 1 + 5 + 1


def test_several_pictures_are_drawn_side_by_side_and_hear_only_their_own_events() -> None:
    async def scene(engine: LocalEngine) -> list[list[Event]]:
        return await asyncio.gather(*(drawn(engine, request(f"j/{n}")) for n in range(4)))

    for n, events in enumerate(with_engine(scene)):
        assert {event.request_id for event in events} == {f"j/{n}"}


def test_a_cancelled_picture_ends_with_cancelled_and_the_others_go_on() -> None:
    gate = threading.Event()

    async def scene(engine: LocalEngine) -> list[Event]:
        both = asyncio.gather(drawn(engine, request("a", 100)), drawn(engine, request("b", 3)))
        engine.cancel("nobody")
        await asyncio.sleep(0)
        engine.cancel("a")
        gate.set()
        first, second = await both
        return [first[-1], second[-1]]

    ends = with_engine(scene, lambda: FakeEngine(before_step=lambda: gate.wait(10) and None))
    assert isinstance(ends[0], Cancelled) and isinstance(ends[1], ImageReady)


def test_a_listener_that_leaves_early_aborts_its_picture() -> None:
    async def scene(engine: LocalEngine) -> int:
        events = engine.submit(request("a", 10_000))
        async for _ in events:
            break
        await events.aclose()
        await drawn(engine, request("b", 2))
        return engine.status().running

    assert with_engine(scene) == 0


def test_work_on_the_device_runs_between_steps_on_the_engine_s_thread() -> None:
    async def scene(engine: LocalEngine) -> tuple[str, Event]:
        picture = asyncio.create_task(drawn(engine, request("a", 200)))
        name = await engine.run_on_device(lambda: threading.current_thread().name)
        return name, (await picture)[-1]

    name, end = with_engine(scene)
    assert name == "spellwright-engine" and isinstance(end, ImageReady)


def test_what_device_work_raises_comes_out_where_it_was_asked_for() -> None:
    def broken() -> None:
        raise OutOfMemory("too large")

    async def scene(engine: LocalEngine) -> Event:
        with pytest.raises(OutOfMemory):
            await engine.run_on_device(broken)
        return (await drawn(engine, request()))[-1]

    assert isinstance(with_engine(scene), ImageReady)


@pytest.mark.parametrize(
    ("error", "code"), [(OutOfMemory("no"), "out_of_memory"), (RuntimeError("secret path"), "engine_unavailable")]
)
def test_an_engine_that_cannot_start_fails_every_request_with_the_reason(error: Exception, code: str) -> None:
    def build() -> SyncEngine:
        raise error

    async def scene(engine: LocalEngine) -> list[Event]:
        events = await drawn(engine, request())
        assert engine.status().state is EngineState.FAILED
        return events

    (only,) = with_engine(scene, build)
    assert isinstance(only, Failed)
    assert only.error.stable_code == code and "secret" not in only.error.detail


class Bug(FakeEngine):
    """Breaks once in the middle of a step."""

    has_broken = False

    def step(self) -> list[Event]:
        if not self.has_broken:
            self.has_broken = True
            raise RuntimeError("a bug")
        return super().step()


def test_a_bug_in_a_step_fails_the_pictures_in_work_and_the_next_one_is_drawn() -> None:
    async def scene(engine: LocalEngine) -> list[Event]:
        return [(await drawn(engine, request("a")))[-1], (await drawn(engine, request("b")))[-1]]

    first, second = with_engine(scene, Bug)
    assert isinstance(first, Failed) and isinstance(first.error, GeneratorError)
    assert isinstance(second, ImageReady)


def test_stopping_ends_what_is_open_and_what_comes_too_late() -> None:
    async def whole() -> list[object]:
        engine = LocalEngine(FakeEngine)
        engine.start()
        picture = asyncio.create_task(drawn(engine, request("a", 100_000)))
        await asyncio.sleep(0.05)
        await engine.stop()
        end = (await asyncio.wait_for(picture, 5))[-1]
        with pytest.raises(EngineUnavailable):
            await asyncio.wait_for(engine.run_on_device(lambda: None), 5)
        late = await asyncio.wait_for(drawn(engine, request("late")), 5)
        return [end, late[-1]]

    first, second = asyncio.run(whole())
    assert isinstance(first, Cancelled) and isinstance(second, Cancelled)


def test_a_lazy_engine_is_built_by_its_first_order_and_stops_unbuilt_without_one() -> None:
    built: list[str] = []

    def build() -> SyncEngine:
        built.append(threading.current_thread().name)
        return FakeEngine()

    async def whole() -> tuple[Event, list[str]]:
        idle = LocalEngine(build, is_lazy=True)
        idle.start()
        await idle.stop()
        before = list(built)
        engine = LocalEngine(build, is_lazy=True)
        engine.start()
        end = (await drawn(engine, request()))[-1]
        await engine.stop()
        return end, before

    end, before = asyncio.run(whole())
    assert isinstance(end, ImageReady)
    assert before == [] and built == ["spellwright-engine"]


def test_whoever_loses_patience_with_a_loading_engine_is_not_held_up_at_exit() -> None:
    """Ctrl+C while torch is being imported: the process must not wait for the import."""
    release, begun = threading.Event(), threading.Event()

    def slow() -> FakeEngine:
        begun.set()
        release.wait(30)
        return FakeEngine()

    async def scene() -> None:
        engine = LocalEngine(slow)
        engine.start()
        await asyncio.to_thread(begun.wait)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await engine.stop()

    asyncio.run(scene())  # would wait for the engine's thread here
    assert not release.is_set()
    release.set()
