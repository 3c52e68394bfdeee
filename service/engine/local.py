"""`EngineClient` in this process: one thread owns the engine, asyncio stays outside.

The thread loops: take what arrived, take one step, hand the events over. Work for the device (reading
a photo) runs between two steps, one piece at a time, so neither lane starves the other.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from generator.errors import GeneratorError
from generator.events import FINAL_EVENTS, Cancelled, Event, Failed
from generator.request import GenerationRequest
from prompts.errors import SpellwrightError
from service.engine.base import EngineState, EngineStatus
from service.errors import EngineUnavailable

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class SyncEngine(Protocol):
    """The part of `generator.engine.Engine` used here; all calls come from one thread."""

    def add(self, request: GenerationRequest) -> None:
        """Accept a request, or raise a `GeneratorError`."""
        ...

    def abort(self, request_id: str) -> None:
        """Drop a request; its `Cancelled` comes out of the next `step`."""
        ...

    def step(self) -> Iterable[Event]:
        """Do the next piece of work and tell what happened."""
        ...

    def has_work(self) -> bool:
        """Whether `step` would do anything."""
        ...


@dataclass(frozen=True, slots=True)
class _Add:
    request: GenerationRequest
    events: asyncio.Queue[Event]


@dataclass(frozen=True, slots=True)
class _Abort:
    request_id: str


@dataclass(frozen=True, slots=True)
class _Work:
    run: Callable[[], Any]
    answer: Future[Any]


@dataclass(frozen=True, slots=True)
class _Stop:
    pass


_Order = _Add | _Abort | _Work | _Stop


class LocalEngine:
    """See `service.engine.base.EngineClient`.

    Args:
        build: Makes the engine; called on the engine's thread, where it may import torch.
        is_lazy: Load when the first work comes instead of at the start (the command line, most of
            whose commands draw nothing).
    """

    def __init__(self, build: Callable[[], SyncEngine], *, is_lazy: bool = False) -> None:
        self._build = build
        self._is_lazy = is_lazy
        # Unbounded on purpose: the runner bounds the jobs in work, and an abort must never be refused.
        self._inbox: queue.SimpleQueue[_Order] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[None] | None = None
        self._status = EngineStatus(EngineState.STARTING, "Loading the libraries and the model.")
        self._open: dict[str, asyncio.Queue[Event]] = {}

    def start(self) -> None:
        """Begin loading in the background; must be called on the event loop."""
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._thread = threading.Thread(target=self._life, name="spellwright-engine", daemon=True)
        if not self._is_lazy:
            self._thread.start()

    async def stop(self) -> None:
        """End at the next step boundary; open requests end with `Cancelled`."""
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        self._inbox.put(_Stop())
        if thread.ident is None:  # lazy, and nothing ever came
            self._status = EngineStatus(EngineState.STOPPED)
            self._refuse_leftovers()
        elif self._ended is not None:
            # Not `to_thread(thread.join)`: whoever loses patience would still wait for that join at exit.
            await asyncio.shield(self._ended)

    async def submit(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Draw one picture; see `EngineClient.submit`."""
        events: asyncio.Queue[Event] = asyncio.Queue()
        self._send(_Add(request, events))
        is_over = False
        try:
            while not is_over:
                event = await events.get()
                is_over = isinstance(event, FINAL_EVENTS)
                yield event
        finally:
            if not is_over:
                self.cancel(request.request_id)

    def cancel(self, request_id: str) -> None:
        """Drop a request at the next step boundary; unknown: no-op."""
        self._inbox.put(_Abort(request_id))

    async def run_on_device(self, work: Callable[[], Result]) -> Result:
        """Run blocking `work` on the engine's thread between two steps."""
        answer: Future[Result] = Future()
        self._send(_Work(work, answer))
        return await asyncio.wrap_future(answer)

    def _send(self, order: _Order) -> None:
        self._inbox.put(order)
        if self._thread is not None and self._thread.ident is None:
            self._thread.start()
        elif self._status.state is EngineState.STOPPED:
            self._refuse_leftovers()

    def status(self) -> EngineStatus:
        """The present state."""
        return EngineStatus(self._status.state, self._status.detail, len(self._open))

    # Everything below runs on the engine's thread.

    def _life(self) -> None:
        try:
            self._main()
        finally:
            self._on_loop(self._tell_ended)

    def _tell_ended(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _on_loop(self, call: Callable[[], object]) -> None:
        """Do `call` on the event loop; a loop that is gone has nobody left to tell."""
        with suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(call)

    def _main(self) -> None:
        try:
            engine: SyncEngine = self._build()
        except SpellwrightError as failed:
            engine = _BrokenEngine(failed)
        except Exception as failed:  # the rim of the thread: a dead thread would hang every request
            log.exception("action=engine_start outcome=failed")
            engine = _BrokenEngine(EngineUnavailable("The engine could not be started; `spellwright doctor` says why."))
            engine.error.__cause__ = failed
        if isinstance(engine, _BrokenEngine):
            self._status = EngineStatus(EngineState.FAILED, engine.error.detail)
        else:
            self._status = EngineStatus(EngineState.READY)
            log.info("action=engine_start outcome=ready")
        while self._take_orders(engine):
            self._take_step(engine)
        for request_id in list(self._open):
            self._deliver(Cancelled(request_id))
        # First the state, then the leftovers: an order that comes in between is refused by `_send`.
        self._status = EngineStatus(EngineState.STOPPED)
        self._refuse_leftovers()

    def _take_orders(self, engine: SyncEngine) -> bool:
        """Everything that arrived; waits while there is nothing to do. `False` ends the thread."""
        has_worked = False
        while True:
            may_wait = not engine.has_work() and not has_worked
            try:
                order = self._inbox.get(block=may_wait)
            except queue.Empty:
                return True
            match order:
                case _Add():
                    self._add(engine, order)
                case _Abort():
                    self._abort(engine, order.request_id)
                case _Work():
                    _run_work(order)
                    has_worked = True
                    if engine.has_work():
                        return True  # one piece of foreign work between two steps
                case _Stop():
                    return False

    def _add(self, engine: SyncEngine, order: _Add) -> None:
        request_id = order.request.request_id
        self._open[request_id] = order.events
        try:
            engine.add(order.request)
        except SpellwrightError as refused:
            self._deliver(Failed(request_id, refused))
        except Exception:  # the rim of the thread
            log.exception("action=engine_add outcome=failed")
            self._deliver(Failed(request_id, _unexpected()))

    def _abort(self, engine: SyncEngine, request_id: str) -> None:
        if request_id in self._open:
            engine.abort(request_id)

    def _take_step(self, engine: SyncEngine) -> None:
        if not engine.has_work():
            return
        try:
            for event in engine.step():
                self._deliver(event)
        except Exception as failed:  # the rim of the thread
            log.exception("action=engine_step outcome=failed")
            error = failed if isinstance(failed, SpellwrightError) else _unexpected()
            for request_id in list(self._open):
                engine.abort(request_id)
                self._deliver(Failed(request_id, error))

    def _deliver(self, event: Event) -> None:
        is_final = isinstance(event, FINAL_EVENTS)
        events = self._open.pop(event.request_id, None) if is_final else self._open.get(event.request_id)
        if events is not None:
            self._on_loop(partial(events.put_nowait, event))

    def _refuse_leftovers(self) -> None:
        while True:
            try:
                order = self._inbox.get(block=False)
            except queue.Empty:
                return
            if isinstance(order, _Add):
                self._open[order.request.request_id] = order.events
                self._deliver(Cancelled(order.request.request_id))
            elif isinstance(order, _Work):
                order.answer.set_exception(EngineUnavailable("The engine has stopped."))


class _BrokenEngine:
    """Stands in for an engine that could not be built: every request fails with the reason."""

    def __init__(self, error: SpellwrightError) -> None:
        self.error = error

    def add(self, request: GenerationRequest) -> None:
        raise self.error

    def abort(self, request_id: str) -> None:
        """Nothing is ever inside."""

    def step(self) -> Iterable[Event]:
        return ()

    def has_work(self) -> bool:
        return False


def _run_work(order: _Work) -> None:
    if not order.answer.set_running_or_notify_cancel():
        return
    try:
        order.answer.set_result(order.run())
    except BaseException as failed:  # noqa: BLE001 - it belongs to whoever asked for the work
        order.answer.set_exception(failed)


def _unexpected() -> GeneratorError:
    return GeneratorError("The engine failed while drawing; the log has the reason. The next picture is not affected.")
