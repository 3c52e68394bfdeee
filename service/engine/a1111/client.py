"""`EngineClient` over a remote A1111-compatible server: no torch, no models, no GPU on this machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar
from uuid import uuid4

from generator.errors import GeneratorError, UnsupportedSpell
from generator.events import FINAL_EVENTS, Cancelled, Event, Failed, ImageReady, PreviewReady, Started, StepDone
from generator.request import GenerationRequest
from prompts.errors import SpellwrightError
from service.engine.a1111.remote import Remote, RemoteConfig, is_spellwright
from service.engine.a1111.wire import body_of, calls_of, drawn_of, path_of, preview_of
from service.engine.base import EngineState, EngineStatus
from service.errors import EngineUnavailable

Result = TypeVar("Result")
Tell = Callable[[Event], None]
LOOK_SECONDS = 5.0  # between two looks whether the server is there
QUICK_SECONDS = 5.0  # for calls that tell or stop
log = logging.getLogger(__name__)


class RemoteEngine:
    """See `service.engine.base.EngineClient`.

    Args:
        config: Which server.
    """

    def __init__(self, config: RemoteConfig) -> None:
        self._config = config
        self._status = EngineStatus(EngineState.STARTING, "Looking for the remote engine.")
        self._open: dict[str, asyncio.Task[None]] = {}
        self._remote: Remote | None = None
        self._watching: asyncio.Task[None] | None = None
        self._room = asyncio.Semaphore(config.parallel)
        self._lane = ThreadPoolExecutor(1, "spellwright-device")
        self._side_calls: set[asyncio.Task[None]] = set()
        self._knows_tasks = False

    def start(self) -> None:
        """Begin looking for the server; must be called on the event loop."""
        self._remote = Remote(self._config)
        self._watching = asyncio.create_task(self._watch(self._remote))

    async def stop(self) -> None:
        """Open requests end with `Cancelled`, and the server is told."""
        if self._status.state is EngineState.STOPPED:
            return
        self._status = EngineStatus(EngineState.STOPPED)
        if self._watching is not None:
            self._watching.cancel()
        for task in list(self._open.values()):
            task.cancel()
        waited = [*self._open.values(), *self._side_calls, *([self._watching] if self._watching else [])]
        await asyncio.gather(*waited, return_exceptions=True)
        await asyncio.gather(*self._side_calls, return_exceptions=True)
        if self._remote is not None:
            await self._remote.close()
        self._lane.shutdown(wait=False, cancel_futures=True)

    async def submit(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Draw one picture; see `EngineClient.submit`."""
        name = request.request_id
        if self._status.state is EngineState.STOPPED or self._remote is None:
            yield Cancelled(name)
            return
        if name in self._open:
            error = GeneratorError(f"The request {name!r} is already there.", got=name)
            yield Failed(name, error.with_code("duplicate_request"))
            return
        events: asyncio.Queue[Event] = asyncio.Queue()
        drawing = asyncio.create_task(self._life(self._remote, request, events.put_nowait))
        self._open[name] = drawing
        is_over = False
        try:
            while not is_over:
                event = await events.get()
                is_over = isinstance(event, FINAL_EVENTS)
                yield event
        finally:
            drawing.cancel()

    def cancel(self, request_id: str) -> None:
        """Drop a request; unknown: no-op."""
        task = self._open.get(request_id)
        if task is not None:
            task.cancel()

    async def run_on_device(self, work: Callable[[], Result]) -> Result:
        """Run blocking `work` on this machine's one lane: there is no device here to share."""
        if self._status.state is EngineState.STOPPED:
            raise EngineUnavailable("The engine has stopped.")
        return await asyncio.get_running_loop().run_in_executor(self._lane, work)

    def status(self) -> EngineStatus:
        """The present state."""
        return EngineStatus(self._status.state, self._status.detail, len(self._open))

    async def fetch(self, path: str) -> Any:
        """The JSON of one of the server's listings.

        Raises:
            EngineUnavailable, GeneratorError: See `Remote.post`.
        """
        if self._remote is None or self._status.state is EngineState.STOPPED:
            raise EngineUnavailable("The engine has stopped.")
        return await self._remote.get(path)

    async def _watch(self, remote: Remote) -> None:
        """Keep the status true."""
        while True:
            try:
                await remote.get("/sdapi/v1/samplers")
            except SpellwrightError as failed:
                # Not FAILED: it may be back in a moment, and jobs wait that long by themselves.
                self._status = EngineStatus(EngineState.STARTING, failed.detail)
            else:
                if self._status.state is not EngineState.READY:
                    log.info("action=engine_start outcome=ready url=%s", self._config.url)
                self._status = EngineStatus(EngineState.READY)
                with suppress(SpellwrightError):
                    self._knows_tasks = is_spellwright(await remote.get("/sdapi/v1/extensions"))
            await asyncio.sleep(LOOK_SECONDS)

    async def _life(self, remote: Remote, request: GenerationRequest, tell: Tell) -> None:
        """Draw, and end with exactly one final event."""
        name = request.request_id
        end: Event = Cancelled(name)
        try:
            async with self._room:
                end = await self._draw(remote, request, tell)
        except SpellwrightError as failed:
            end = Failed(name, failed)
        except asyncio.CancelledError:
            end = Cancelled(name)
        except Exception:  # the rim of the request: it must end, the log has the traceback
            log.exception("action=remote_draw outcome=bug")
            end = Failed(name, GeneratorError("The remote engine's answer could not be used; the log has the reason."))
        finally:
            self._open.pop(name, None)
            tell(end)

    async def _draw(self, remote: Remote, request: GenerationRequest, tell: Tell) -> Event:
        task_id = f"task(spellwright-{uuid4().hex})"
        base, total = calls_of(request)
        steps = _Steps(request.request_id, base, total, tell)
        tell(Started(request.request_id, total))
        body = await asyncio.to_thread(body_of, request, task_id)
        drawing = asyncio.create_task(remote.draw(path_of(request), body))
        polling = asyncio.create_task(self._poll(remote, request, task_id, steps))
        try:
            answer = await drawing
        except asyncio.CancelledError:
            self._tell_server_to_stop(remote, task_id)
            raise
        finally:
            for task in (drawing, polling):
                task.cancel()
            await asyncio.gather(drawing, polling, return_exceptions=True)
        drawn = await asyncio.to_thread(drawn_of, answer, request.spell)
        steps.reach(total)
        return ImageReady(request.request_id, drawn.picture, drawn.notes)

    async def _poll(self, remote: Remote, request: GenerationRequest, task_id: str, steps: _Steps) -> None:
        """Tell steps and previews as the server tells them; a server that does not is no failure."""
        seen = -1
        while True:
            await asyncio.sleep(self._config.poll_seconds)
            ask = {"id_task": task_id, "id_live_preview": seen, "live_preview": request.preview_every > 0}
            told = await _progress(remote, ask)
            share, number = told.get("progress"), told.get("id_live_preview")
            if isinstance(share, int | float):
                steps.reach(min(int(share * steps.total), steps.total - 1))
            if request.preview_every and number != seen:
                seen = number if isinstance(number, int) else -1
                steps.show(await asyncio.to_thread(preview_of, told.get("live_preview")))

    def _tell_server_to_stop(self, remote: Remote, task_id: str) -> None:
        call = asyncio.create_task(self._interrupt(remote, task_id))
        self._side_calls.add(call)
        call.add_done_callback(self._side_calls.discard)

    async def _interrupt(self, remote: Remote, task_id: str) -> None:
        """Stop our picture and nobody else's: A1111 interrupts whatever it draws, so it is asked first."""
        with suppress(SpellwrightError):
            told = await _progress(remote, {"id_task": task_id, "live_preview": False})
            # Spellwright heeds `id_task`, so there a waiting picture can be taken out of the queue as well.
            if told.get("active") or (told.get("queued") and self._knows_tasks):
                await remote.post(f"/sdapi/v1/interrupt?id_task={task_id}", {}, QUICK_SECONDS)


async def _progress(remote: Remote, ask: dict[str, Any]) -> dict[str, Any]:
    """What the server tells about our task; about whatever it draws where it knows no tasks; empty for neither."""
    with suppress(SpellwrightError):
        try:
            told = await remote.post("/internal/progress", ask, QUICK_SECONDS)
        except UnsupportedSpell:  # 404: not every server that speaks /sdapi has the internal routes
            told = await remote.get("/sdapi/v1/progress", QUICK_SECONDS)
            if isinstance(told, dict):
                return {"progress": told.get("progress"), "live_preview": told.get("current_image")}
        if isinstance(told, dict):
            return told
    return {}


class _Steps:
    """Turns a share into steps that rise by one."""

    def __init__(self, request_id: str, base: int, total: int, tell: Tell) -> None:
        self.total = total
        self._request_id, self._base, self._tell = request_id, base, tell
        self._done = 0

    def reach(self, done: int) -> None:
        """Tell every step up to `done`; fewer than before tells nothing."""
        while self._done < min(done, self.total):
            self._done += 1
            phase = "base" if self._done <= self._base else "hires"
            self._tell(StepDone(self._request_id, phase, self._done, self.total))

    def show(self, picture: Any) -> None:
        """Tell a preview, unless there is none."""
        if picture is not None:
            self._tell(PreviewReady(self._request_id, picture))
