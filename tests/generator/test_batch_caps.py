from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from generator.batch_caps import BatchCaps, CapLimits
from generator.batch_key import BatchKey
from generator.config import EngineConfig, ModelFolders
from generator.engine import Engine
from generator.events import Event, ImageReady
from generator.failures import is_out_of_memory
from generator.request import GenerationRequest

Ask = Callable[..., GenerationRequest]
RunAll = Callable[[Engine, Sequence[GenerationRequest]], list[Event]]
KEY = BatchKey("a", (4, 8, 8), 1, ())


class _Device:
    """A device whose calls cost `fixed + each * rows` seconds, and that holds `fits` rows."""

    def __init__(self, fixed: float, each: float, fits: int = 1000) -> None:
        self.fixed, self.each, self.fits = fixed, each, fits
        self.now = 0.0
        self.calls: list[int] = []

    def clock(self) -> float:
        return self.now

    def call(self, rows: int) -> None:
        self.calls.append(rows)
        if rows > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.now += self.fixed + self.each * rows


def _caps(device: _Device, **limits: float) -> BatchCaps:
    return BatchCaps(CapLimits(**limits), is_out_of_memory, device.clock)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("device", "cap"),
    [
        (_Device(0.010, 0.0), 32),  # rows cost nothing: as many as the ladder has
        (_Device(0.0, 0.010), 2),  # they share nothing
        (_Device(0.006, 0.0065), 16),  # an H100's SD1.5 at 512x512, by performance.md 4.3: 5 % are gone at 16
        (_Device(0.010, 0.001, fits=8), 8),  # memory ends first
        (_Device(16.0, 0.1), 2),  # a CPU and true SD1.5: one call is the whole budget
        (_Device(0.010, 0.0, fits=1), 2),  # not even one guided picture: the engine splits it when it comes to that
    ],
)
def test_the_cap_is_where_more_rows_stop_paying(device: _Device, cap: int) -> None:
    caps = _caps(device)
    assert not caps.is_known(KEY)
    assert caps.measure(KEY, device.call) == cap == caps.rows(KEY)
    assert caps.is_known(KEY)


def test_measuring_stops_when_its_time_is_up() -> None:
    device = _Device(0.3, 0.0)
    _caps(device, budget_seconds=2.0).measure(KEY, device.call)
    assert device.now <= 2.0


def test_the_operators_number_is_not_measured_but_lowered_when_memory_says_so() -> None:
    caps = _caps(_Device(0.01, 0.0), fixed=12)
    assert caps.is_known(KEY) and caps.rows(KEY) == 12
    caps.lower(KEY, 8)
    assert caps.rows(KEY) == 4
    caps.lower(KEY, 1)
    assert caps.rows(KEY) == 1


def test_loras_share_a_measurement_and_other_shapes_do_not() -> None:
    device = _Device(0.01, 0.0)
    caps = _caps(device)
    caps.measure(KEY, device.call)
    assert caps.is_known(BatchKey("a", (4, 8, 8), 1, (("style", 1.0),)))
    assert not caps.is_known(BatchKey("a", (4, 8, 16), 1, ()))


def test_an_engine_measures_a_shape_when_two_pictures_could_share_a_call_and_not_before(
    model_folders: ModelFolders, ask: Ask, run_all: RunAll
) -> None:
    engine = Engine(EngineConfig(model_folders, device="cpu", threads=1))
    run_all(engine, [ask("alone")])
    assert engine._caps.known == {}
    events = run_all(engine, [ask(str(i), seed=i) for i in range(3)])
    assert sum(isinstance(e, ImageReady) for e in events) == 3
    ((measured, rows),) = engine._caps.known.items()
    assert measured[1] == (4, 8, 8)
    assert rows in engine._caps.limits.ladder
