from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from generator.engine import Engine
from generator.events import Event, ImageReady, Picture
from generator.models.checkpoint import AddedConditions, Checkpoint
from generator.replay import BUCKETS, Call, CpuTrace, CudaGraphs, Replay, ReplayRules
from generator.request import GenerationRequest
from prompts.spell import Lora

Ask = Callable[..., GenerationRequest]
RunAll = Callable[[Engine, Sequence[GenerationRequest]], list[Event]]
AT_ONCE = ReplayRules(after_calls=0, slowest_seconds=100.0)


def _inputs(checkpoint: Checkpoint, rows: int, seed: int = 0, side: int = 8) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    width = checkpoint.towers[0].encoder.config.hidden_size
    latents = torch.randn((rows, 4, side, side), generator=generator)
    return latents, torch.linspace(900, 100, rows), torch.randn((rows, 77, width), generator=generator)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_replayed_call_answers_as_a_plain_one(tiny_checkpoint: Checkpoint, rows: int) -> None:
    replay = Replay(tiny_checkpoint, CpuTrace(), AT_ONCE)
    replay.predict(*_inputs(tiny_checkpoint, rows))
    assert replay.recordings == 1
    for seed in (1, 2):
        given = _inputs(tiny_checkpoint, rows, seed)
        assert torch.allclose(replay.predict(*given), tiny_checkpoint.predict(*given), atol=1e-6)
    assert replay.recordings == 1
    replay.predict(*_inputs(tiny_checkpoint, rows, side=16))
    assert replay.recordings == 2


def test_weights_that_change_in_place_are_in_the_next_replay(engine: Engine, ask: Ask, run_all: RunAll) -> None:
    """A LoRA put on after the recording is drawn with, and one taken off leaves nothing."""

    def picture(*loras: Lora) -> Picture:
        return next(e for e in run_all(engine, [ask(loras=loras)]) if isinstance(e, ImageReady)).picture

    plain = picture(), picture(Lora("demo-style", 1.0))
    assert engine.resident is not None
    replay = Replay(engine.resident.checkpoint, CpuTrace(), AT_ONCE)
    engine._replay = replay
    replayed = [picture(), picture(Lora("demo-style", 1.0)), picture()]
    assert replay.recordings == 1
    for one, other in zip((plain[0], plain[1], plain[0]), replayed, strict=True):
        difference = np.frombuffer(one.rgb, np.uint8).astype(int) - np.frombuffer(other.rgb, np.uint8).astype(int)
        assert np.abs(difference).max() <= 1
    assert plain[0] != plain[1]


def test_only_shapes_that_come_often_and_quickly_are_recorded(tiny_checkpoint: Checkpoint) -> None:
    often = Replay(tiny_checkpoint, CpuTrace(), ReplayRules(after_calls=2, slowest_seconds=100.0))
    slow = Replay(tiny_checkpoint, CpuTrace(), ReplayRules(after_calls=0, slowest_seconds=0.0))
    for calls in range(1, 4):
        often.predict(*_inputs(tiny_checkpoint, 1))
        slow.predict(*_inputs(tiny_checkpoint, 1))
        assert often.recordings == (1 if calls > 2 else 0)
    assert slow.recordings == 0


class _Fills:
    """Records nothing; fills up to buckets as a GPU does."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def rows(self, wanted: int) -> int:
        return CudaGraphs().rows(wanted)

    def record(self, call: Call, inputs: tuple[Tensor, ...]) -> Call:
        self.seen.append(inputs[0].shape[0])
        return call


def test_numbers_of_rows_share_a_bucket_and_the_filling_is_cut_off_again(tiny_checkpoint: Checkpoint) -> None:
    recorder = _Fills()
    replay = Replay(tiny_checkpoint, recorder, AT_ONCE)
    for rows in (3, 4, 3):
        given = _inputs(tiny_checkpoint, rows)
        answer = replay.predict(*given)
        assert answer.shape[0] == rows
        assert torch.allclose(answer, tiny_checkpoint.predict(*given), atol=1e-5)
    assert recorder.seen == [4]
    assert [CudaGraphs().rows(n) for n in (1, 2, 3, 9, 33)] == [2, 2, 4, 16, 33]
    assert list(BUCKETS) == sorted(BUCKETS)


class _Refuses(CpuTrace):
    tries = 0

    def record(self, call: Call, inputs: tuple[Tensor, ...]) -> Call:
        type(self).tries += 1
        raise RuntimeError("cannot be captured")


def test_a_shape_that_cannot_be_recorded_stays_plain_and_is_not_tried_again(tiny_checkpoint: Checkpoint) -> None:
    replay = Replay(tiny_checkpoint, _Refuses(), AT_ONCE)
    given = _inputs(tiny_checkpoint, 2)
    expected = tiny_checkpoint.predict(*given)
    for _ in range(3):
        assert torch.equal(replay.predict(*given), expected)
    assert (_Refuses.tries, replay.recordings) == (1, 0)


def test_the_oldest_recording_is_forgotten(tiny_checkpoint: Checkpoint) -> None:
    replay = Replay(tiny_checkpoint, _Fills(), AT_ONCE)
    for side in range(1, 12):
        replay.predict(*_inputs(tiny_checkpoint, 2, side=8 * side // 8 * 8 if side > 4 else 8 * side))
    assert 0 < replay.recordings <= 8


def test_the_added_conditions_of_sdxl_travel_with_the_call() -> None:
    class Wide:
        def predict(self, latents: Tensor, timesteps: Tensor, context: Tensor, added: AddedConditions) -> Tensor:
            return latents + timesteps.reshape(-1, 1, 1, 1) + added.pooled.sum(1).reshape(-1, 1, 1, 1)

    replay = Replay(Wide(), CpuTrace(), AT_ONCE)  # type: ignore[arg-type]
    latents, times, context = torch.zeros(2, 4, 8, 8), torch.tensor([1.0, 2.0]), torch.zeros(2, 77, 8)
    for value in (1.0, 5.0):
        added = AddedConditions(torch.full((2, 3), value), torch.zeros(2, 6))
        answer = replay.predict(latents, times, context, added)
        assert torch.equal(answer[:, 0, 0, 0], times + 3 * value)
    assert replay.recordings == 1
