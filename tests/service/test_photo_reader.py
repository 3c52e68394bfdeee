"""The reader shares the device with the engine: one lane, the event loop free, captions outside of it."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from generator.testing import FakeEngine
from prompts.errors import ClipModelMissing, InterrogationError, PictureError
from prompts.interrogation import Description, Interrogation, MeasuredInterrogator
from prompts.spell import Spell
from service.engine.local import LocalEngine
from service.photo_reader import DevicePhotoReader


def jpeg(colour: tuple[int, int, int] = (200, 0, 0)) -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", (96, 64), colour).save(encoded, "JPEG")
    return encoded.getvalue()


class Slow(MeasuredInterrogator):
    """Blocks for a while at every picture; notes its thread and whether anybody else was inside."""

    def __init__(self, seconds: float = 0.2) -> None:
        super().__init__()
        self.seconds = seconds
        self.threads: set[str] = set()
        self.inside = 0
        self.most_inside = 0

    def interrogate(self, *asked: Any, **named: Any) -> Interrogation:
        self.threads.add(threading.current_thread().name)
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        time.sleep(self.seconds)
        self.inside -= 1
        return super().interrogate(*asked, **named)


def on_device(work: Callable[[LocalEngine], Any]) -> Any:
    async def whole() -> Any:
        engine = LocalEngine(FakeEngine)
        engine.start()
        try:
            return await work(engine)
        finally:
            await engine.stop()

    return asyncio.run(whole())


def quiet(share: float, stage: str) -> None:
    pass


def test_photos_take_turns_on_the_engines_own_thread_and_leave_the_loop_free() -> None:
    slow = Slow()

    async def work(engine: LocalEngine) -> float:
        reader = DevicePhotoReader(engine, lambda: slow)
        engines_thread = await engine.run_on_device(lambda: threading.current_thread().name)
        reading = asyncio.gather(*(reader.read(jpeg(), "fast", quiet) for _ in range(3)))
        longest, before = 0.0, time.monotonic()
        while not reading.done():
            await asyncio.sleep(0.005)
            longest, before = max(longest, time.monotonic() - before), time.monotonic()
        await reading
        assert slow.threads == {engines_thread}
        return longest

    longest = on_device(work)
    assert slow.most_inside == 1, "one lane"
    assert longest < slow.seconds, "the event loop must go on while a photo is read"


def test_a_caption_is_asked_for_without_keeping_the_device() -> None:
    async def work(engine: LocalEngine) -> Interrogation:
        asked, answer = asyncio.Event(), asyncio.Event()

        class Thinking:
            async def describe(self, picture: Image.Image) -> Description:
                asked.set()
                await answer.wait()
                return Description("a red field", "eyes")

        reader = DevicePhotoReader(engine, MeasuredInterrogator)
        reading = asyncio.create_task(reader.read(jpeg(), "fast", quiet, None, Thinking()))
        await asked.wait()
        assert await engine.run_on_device(lambda: "free") == "free"
        answer.set()
        return await reading

    found = on_device(work)
    assert found.caption == "a red field" and found.caption_by == "eyes"
    assert found.to_spell().prompt.startswith("a red field, ")


@pytest.mark.parametrize("mode", ["tags", "negative"])
def test_modes_without_a_caption_ask_nobody(mode: str) -> None:
    class Never:
        async def describe(self, picture: Image.Image) -> Description:
            raise AssertionError("asked")

    read = on_device(
        lambda engine: DevicePhotoReader(engine, MeasuredInterrogator).read(jpeg(), mode, quiet, None, Never())
    )
    assert read.caption is None


def test_a_missing_model_leaves_measurement_and_is_looked_for_again() -> None:
    builds = []

    def build() -> MeasuredInterrogator:
        builds.append(1)
        raise ClipModelMissing("The CLIP model is not on this machine. Get it with: x")

    async def work(engine: LocalEngine) -> list[Interrogation]:
        reader = DevicePhotoReader(engine, build)
        return [await reader.read(jpeg(), "fast", quiet) for _ in range(2)]

    found = on_device(work)
    assert len(builds) == 2 and all("Get it with: x" in f.notice and f.measured for f in found)


def test_leaving_early_stops_the_work_at_its_next_report() -> None:
    begun, stopped = threading.Event(), threading.Event()

    class Endless(MeasuredInterrogator):
        def interrogate(self, picture: Any, mode: str = "fast", on_progress: Any = None, *rest: Any) -> Interrogation:
            begun.set()
            try:
                while True:
                    on_progress(0.5, "working")
                    time.sleep(0.01)
            except InterrogationError:
                stopped.set()
                raise

    async def work(engine: LocalEngine) -> None:
        reading = asyncio.create_task(DevicePhotoReader(engine, Endless).read(jpeg(), "fast", quiet))
        assert await asyncio.to_thread(begun.wait, 20)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await asyncio.to_thread(stopped.wait, 5)

    on_device(work)


def test_both_pictures_of_a_comparison_are_decoded_apart_and_refused_alike() -> None:
    async def work(engine: LocalEngine) -> Any:
        reader = DevicePhotoReader(engine, MeasuredInterrogator)
        for pair in ((b"no picture", jpeg()), (jpeg(), b"no picture")):
            with pytest.raises(PictureError):
                await reader.look_back(Spell("x"), *pair)
        return await reader.look_back(Spell("x"), jpeg(), jpeg((0, 0, 200)))

    trip = on_device(work)
    assert trip.comparison.palette_distance == 1.0 and trip.proposals
