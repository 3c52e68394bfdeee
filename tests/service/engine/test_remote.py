"""The remote engine against our own A1111 door, served by a second Spellwright with the engine's double."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from generator.errors import CheckpointNotFound, GeneratorError, UnsupportedSpell
from generator.events import (
    FINAL_EVENTS,
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
from generator.testing import FakeEngine
from prompts.img2img import Img2Img, Inpaint
from prompts.spell import HiresFix, Lora, Params, Spell
from service.engine.a1111.client import RemoteEngine
from service.engine.a1111.remote import RemoteConfig
from service.engine.a1111.shelves import RemoteShelves
from service.engine.base import EngineState
from service.errors import EngineUnavailable
from service.testing import RunningServer, quiet_settings, running_server

Result = TypeVar("Result")
SPELL = Spell("a", params=Params(5, "Euler", "Uniform", 7.0, 1, 64, 64, 1, "demo"))
CLOSED = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The other Spellwright."""
    settings = quiet_settings(tmp_path_factory.mktemp("far"), max_images_per_job=4)
    with running_server(settings) as server:
        yield server


def request(name: str = "j/0", **values: Any) -> GenerationRequest:
    return GenerationRequest(name, SPELL.evolve(**values), preview_every=2)


def remotely(scene: Callable[[RemoteEngine], Awaitable[Result]], url: str, **config: Any) -> Result:
    chosen = {"parallel": 4, "poll_seconds": 0.02, "retry_seconds": 0.01} | config

    async def whole() -> Result:
        engine = RemoteEngine(RemoteConfig(url, **chosen))
        engine.start()
        try:
            return await asyncio.wait_for(scene(engine), 30)
        finally:
            await engine.stop()
            assert engine.status().state is EngineState.STOPPED

    return asyncio.run(whole())


async def drawn(engine: RemoteEngine, asked: GenerationRequest) -> list[Event]:
    return [event async for event in engine.submit(asked)]


SPELLS: list[dict[str, Any]] = [
    {"steps": 1},
    {"steps": 5, "sampler": "DPM++ SDE", "schedule_type": "Karras"},
    {"steps": 3, "sampler": "Heun", "hires": HiresFix(1.5, steps=2)},
    {"steps": 2, "hires": HiresFix(2.0, denoising_strength=0.0)},
    {"steps": 2, "hires": HiresFix(1.3, steps=0, denoising_strength=0.6, sampler="DPM++ 2S a")},
]


@pytest.mark.parametrize("values", SPELLS)
def test_started_then_steps_rising_by_one_to_the_total_then_the_picture(
    far: RunningServer, values: dict[str, Any]
) -> None:
    asked = request(**values)
    events = [e for e in remotely(lambda engine: drawn(engine, asked), far.url) if not isinstance(e, PreviewReady)]
    local = FakeEngine()
    local.add(asked)
    expected: list[Event] = []
    while local.has_work():
        expected += [e for e in local.step() if not isinstance(e, PreviewReady)]
    assert events[:-1] == expected[:-1]
    ready, wanted = events[-1], expected[-1]
    assert isinstance(ready, ImageReady) and isinstance(wanted, ImageReady)
    assert (ready.picture.width, ready.picture.height) == (wanted.picture.width, wanted.picture.height)
    assert len(ready.picture.rgb) == ready.picture.width * ready.picture.height * 3


def test_the_same_request_is_the_same_picture_and_another_seed_another(far: RunningServer) -> None:
    async def scene(engine: RemoteEngine) -> list[list[Event]]:
        return await asyncio.gather(*(drawn(engine, request(f"j/{n}", seed=n // 2)) for n in range(4)))

    ends = [events[-1] for events in remotely(scene, far.url)]
    pictures = [end.picture for end in ends if isinstance(end, ImageReady)]
    assert pictures[0] == pictures[1] and pictures[2] == pictures[3]
    assert pictures[0] != pictures[2]


def test_several_pictures_hear_only_their_own_events(far: RunningServer) -> None:
    async def scene(engine: RemoteEngine) -> list[list[Event]]:
        return await asyncio.gather(*(drawn(engine, request(f"j/{n}")) for n in range(4)))

    for n, events in enumerate(remotely(scene, far.url)):
        assert {event.request_id for event in events} == {f"j/{n}"}
        assert sum(isinstance(event, FINAL_EVENTS) for event in events) == 1


def test_a_living_id_is_refused_and_a_finished_one_may_be_used_again(far: RunningServer) -> None:
    async def scene(engine: RemoteEngine) -> tuple[list[Event], list[Event], list[Event]]:
        first = asyncio.create_task(drawn(engine, request("a", steps=50)))
        await asyncio.sleep(0)
        second = await drawn(engine, request("a"))
        return await first, second, await drawn(engine, request("a"))

    first, second, third = remotely(scene, far.url)
    assert isinstance(first[-1], ImageReady) and isinstance(third[-1], ImageReady)
    assert isinstance(second[-1], Failed) and second[-1].error.stable_code == "duplicate_request"


class Gate:
    """Lets the far engine go on."""

    def __init__(self) -> None:
        self.open = threading.Event()

    def engine(self) -> FakeEngine:
        return FakeEngine(before_step=lambda: self.open.wait(0.05) and None)


def jobs(url: str) -> list[str]:
    return [job["status"] for job in httpx.get(f"{url}/api/jobs").json()["jobs"]]


def test_a_cancelled_picture_ends_there_as_well_and_the_others_go_on(tmp_path: Path) -> None:
    gate = Gate()
    with running_server(quiet_settings(tmp_path), gate.engine) as server:

        async def scene(engine: RemoteEngine) -> tuple[list[Event], list[Event]]:
            first = asyncio.create_task(drawn(engine, request("a", steps=140)))
            second = asyncio.create_task(drawn(engine, request("b", steps=3)))
            while len(await asyncio.to_thread(jobs, server.url)) < 2:
                await asyncio.sleep(0.01)
            engine.cancel("nobody")
            engine.cancel("a")
            ended = await first
            while "cancelled" not in await asyncio.to_thread(jobs, server.url):
                await asyncio.sleep(0.01)
            gate.open.set()
            return ended, await second

        first, second = remotely(scene, server.url)
        assert isinstance(first[-1], Cancelled) and isinstance(second[-1], ImageReady)
        assert sorted(jobs(server.url)) == ["cancelled", "done"]


def test_a_listener_that_leaves_early_and_a_stop_cancel_there_as_well(tmp_path: Path) -> None:
    gate = Gate()
    with running_server(quiet_settings(tmp_path), gate.engine) as server:

        async def scene(engine: RemoteEngine) -> None:
            events = engine.submit(request("a", steps=140))
            async for event in events:
                assert isinstance(event, Started)
                break
            asyncio.get_running_loop()
            while not await asyncio.to_thread(jobs, server.url):
                await asyncio.sleep(0.01)
            await events.aclose()
            while "cancelled" not in await asyncio.to_thread(jobs, server.url):
                await asyncio.sleep(0.01)

        remotely(scene, server.url)
        gate.open.set()


def test_progress_and_previews_come_while_it_is_drawn(tmp_path: Path) -> None:
    gate = Gate()
    with running_server(quiet_settings(tmp_path), gate.engine) as server:

        async def scene(engine: RemoteEngine) -> list[Event]:
            events: list[Event] = []
            async for event in engine.submit(request("a", steps=30)):
                events.append(event)
                if isinstance(event, PreviewReady):
                    gate.open.set()
            return events

        events = remotely(scene, server.url)
        assert [e.done for e in events if isinstance(e, StepDone)] == list(range(1, 31))
        shown = next(e for e in events if isinstance(e, PreviewReady))
        assert (shown.picture.width, shown.picture.height) == (8, 8)
        assert events.index(shown) < len(events) - 2


def test_img2img_and_inpainting_travel_with_their_pictures(far: RunningServer) -> None:
    grey, white = Picture(64, 64, b"\x50" * 64 * 64 * 3), Picture(64, 64, b"\xff" * 64 * 64 * 3)
    settings = Img2Img("s", 0.5, inpaint=Inpaint("m", blur=2, masked_content="latent noise"))
    plain = GenerationRequest("a", SPELL, source=SourcePicture(Img2Img("s", 0.5), grey))
    part = GenerationRequest("b", SPELL, source=SourcePicture(settings, grey, white))

    async def scene(engine: RemoteEngine) -> list[Event]:
        return [(await drawn(engine, asked))[-1] for asked in (plain, part)]

    assert all(isinstance(end, ImageReady) for end in remotely(scene, far.url))
    extras = [dict(job["spell"]["extra"]) for job in httpx.get(f"{far.url}/api/jobs?limit=2").json()["jobs"]]
    assert {"Denoising strength": "0.5", "Mask blur": "2", "Masked content": "latent noise"}.items() <= extras[
        0
    ].items()
    assert "Mask blur" not in extras[1]


def test_everything_of_the_spell_arrives(far: RunningServer) -> None:
    extra = (("Variation seed", "9"), ("Variation seed strength", "0.3"), ("ENSD", "31337"), ("RNG", "CPU"))
    spell = SPELL.evolve(negative_prompt="dull", clip_skip=2, schedule_type="SGM Uniform", extra=extra)
    ends = remotely(lambda engine: drawn(engine, GenerationRequest("a", spell)), far.url)
    assert isinstance(ends[-1], ImageReady)
    there = httpx.get(f"{far.url}/api/jobs?limit=1").json()["jobs"][0]["spell"]
    assert (there["negative_prompt"], there["params"]["clip_skip"]) == ("dull", 2)
    assert there["params"]["schedule_type"] == "SGM Uniform"
    assert dict(map(tuple, there["extra"])).items() >= dict(extra).items()


@pytest.mark.parametrize(
    ("spell", "error"),
    [
        (SPELL.evolve(checkpoint="nowhere"), CheckpointNotFound),
        (SPELL.evolve(loras=(Lora("nobody"),)), GeneratorError),
        (SPELL.evolve(prompt="x" * 9000), UnsupportedSpell),
    ],
)
def test_what_the_server_refuses_fails_with_its_sentence(
    far: RunningServer, spell: Spell, error: type[Exception]
) -> None:
    end = remotely(lambda engine: drawn(engine, GenerationRequest("a", spell)), far.url)[-1]
    assert isinstance(end, Failed)
    assert isinstance(end.error, error)
    assert end.error.detail.startswith("The remote engine says:")


def test_a_server_that_is_not_there_fails_the_picture_after_some_tries() -> None:
    async def scene(engine: RemoteEngine) -> Event:
        end = (await drawn(engine, request()))[-1]
        assert engine.status().state is EngineState.STARTING
        return end

    end = remotely(scene, CLOSED)
    assert isinstance(end, Failed)
    assert isinstance(end.error, EngineUnavailable)


def test_a_wrong_key_is_told_at_once(tmp_path: Path) -> None:
    with running_server(quiet_settings(tmp_path, api_key="0123456789abcdef")) as server:
        for auth in ("", "user:wrong", "wrong"):
            end = remotely(lambda engine: drawn(engine, request()), server.url, auth=auth)[-1]
            assert isinstance(end, Failed)
            assert "remote_engine_auth" in end.error.detail
        for auth in ("user:0123456789abcdef", "0123456789abcdef"):
            assert isinstance(remotely(lambda engine: drawn(engine, request()), server.url, auth=auth)[-1], ImageReady)


def test_a_stopped_engine_draws_nothing_and_work_for_the_device_is_done_here(far: RunningServer) -> None:
    async def scene(engine: RemoteEngine) -> tuple[str, list[Event]]:
        lane = await engine.run_on_device(lambda: threading.current_thread().name)
        with pytest.raises(ValueError, match="own"):
            await engine.run_on_device(lambda: int("own"))
        await engine.stop()
        with pytest.raises(EngineUnavailable):
            await engine.run_on_device(lambda: 1)
        return lane, await drawn(engine, request())

    lane, events = remotely(scene, far.url)
    assert lane.startswith("spellwright-device")
    assert events == [Cancelled("j/0")]


def test_the_catalogue_is_the_servers(far: RunningServer) -> None:
    async def scene(engine: RemoteEngine) -> Any:
        return await RemoteShelves(engine.fetch)()

    shelves = remotely(scene, far.url)
    assert [entry.name for entry in shelves.models.checkpoints()] == ["demo"]
    assert shelves.demo_name == "demo"
    with pytest.raises(CheckpointNotFound):
        shelves.models.checkpoint("nowhere")
