"""What the use cases need of an engine, wherever it runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from generator.events import Event
from generator.request import GenerationRequest

Result = TypeVar("Result")


class EngineState(StrEnum):
    """Where the engine is in its life."""

    STARTING = "starting"
    """Its libraries and models are being loaded; requests wait."""
    READY = "ready"
    FAILED = "failed"
    """It could not be started; requests fail with the reason."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What `/readyz` and `doctor` tell about the engine."""

    state: EngineState
    detail: str = ""
    running: int = 0
    """Requests inside the engine, waiting or drawn."""


class EngineClient(Protocol):
    """An engine seen from the event loop. `start` must be called once before anything else."""

    def start(self) -> None:
        """Begin loading in the background; returns at once."""
        ...

    async def stop(self) -> None:
        """End at the next step boundary; open requests end with `Cancelled`."""
        ...

    def submit(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Draw one picture. The last event is one of `FINAL_EVENTS`; leaving early aborts the request."""
        ...

    def cancel(self, request_id: str) -> None:
        """Drop a request at the next step boundary; unknown: no-op."""
        ...

    async def run_on_device(self, work: Callable[[], Result]) -> Result:
        """Run blocking `work` on the engine's own thread between two steps; what it raises comes out here."""
        ...

    def status(self) -> EngineStatus:
        """The present state."""
        ...
