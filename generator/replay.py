"""UNet calls without the cost of walking its thousand Python objects: recorded once for a shape, then replayed.

On a CPU a call is traced to a graph of kernels, on CUDA it is captured as a CUDA graph. Both read the UNet's own
weights, so that a LoRA put on them in place (`generator.models.lora`) is in the next replay. The CUDA part is written
after torch's documentation and has not run on a GPU yet.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from generator.compiled import CompiledBlocks
from generator.models.checkpoint import AddedConditions, Checkpoint

_log = logging.getLogger(__name__)
_REMEMBERED = 8
_WARM_UPS = 3  # calls before a capture, so that lazy initialisation is not in it
BUCKETS = (2, 4, 8, 16, 32)
"""Rows of a CUDA graph; other numbers are filled up with zeros."""

Call = Callable[..., Tensor]
"""The UNet on (latents, timesteps, context) or, for SDXL, on (…, pooled, size_ids)."""
Key = tuple[tuple[int, ...], ...]
"""The shapes of all inputs."""


class Predictor(Protocol):
    """What answers UNet calls; `Checkpoint` is the plain one."""

    def predict(
        self, latents: Tensor, timesteps: Tensor, context: Tensor, added: AddedConditions | None = None
    ) -> Tensor:
        """See `Checkpoint.predict`."""
        ...


class Recorder(Protocol):
    """Makes a replay of a call."""

    def rows(self, wanted: int) -> int:
        """How many rows a recording for `wanted` has; at least as many."""
        ...

    def record(self, call: Call, inputs: tuple[Tensor, ...]) -> Call:
        """`call`, recorded at the shapes of `inputs`."""
        ...


class CpuTrace:
    """Records by tracing: what is left is one loop over the kernels."""

    def rows(self, wanted: int) -> int:
        """As wanted: a CPU pays for every row."""
        return wanted

    def record(self, call: Call, inputs: tuple[Tensor, ...]) -> Call:
        """A traced graph that shares the UNet's weights."""
        with warnings.catch_warnings():
            # torch wants `compile` instead, which needs a C++ compiler on the user's machine.
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(call, inputs, check_trace=False)  # type: ignore[no-untyped-call]

        def replay(*given: Tensor) -> Tensor:
            return torch.as_tensor(traced(*given))

        return replay


class CudaGraphs:
    """Records by capturing a CUDA graph with buffers of its own."""

    def rows(self, wanted: int) -> int:
        """The next bucket: a GPU hardly notices, and a graph for every number would hold too much memory."""
        return next((rows for rows in BUCKETS if rows >= wanted), wanted)

    def record(self, call: Call, inputs: tuple[Tensor, ...]) -> Call:
        """A captured graph; its answers are copies, so that the next replay does not write over them."""
        buffers = tuple(given.clone() for given in inputs)
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                call(*buffers)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            output = call(*buffers)

        def replay(*given: Tensor) -> Tensor:
            for buffer, value in zip(buffers, given, strict=True):
                buffer.copy_(value)
            graph.replay()
            return output.clone()

        return replay


@dataclass(frozen=True, slots=True)
class ReplayRules:
    """When recording pays."""

    after_calls: int = 40
    """Plain calls of a shape before it is recorded: recording costs about twenty."""
    slowest_seconds: float = 0.25
    """A plain call that takes longer has nothing to gain: its time is arithmetic."""


class Replay:
    """Answers UNet calls of one checkpoint, from recordings where there are any. One thread at a time."""

    def __init__(self, checkpoint: Checkpoint, recorder: Recorder, rules: ReplayRules | None = None) -> None:
        """Records nothing yet."""
        self._checkpoint = checkpoint
        self._recorder = recorder
        self._rules = rules or ReplayRules()
        self._calls: Counter[Key] = Counter()
        self._recorded: OrderedDict[Key, Call] = OrderedDict()
        self._refused: set[Key] = set()

    @property
    def recordings(self) -> int:
        """How many shapes are recorded."""
        return len(self._recorded)

    @torch.inference_mode()
    def predict(
        self, latents: Tensor, timesteps: Tensor, context: Tensor, added: AddedConditions | None = None
    ) -> Tensor:
        """As `Checkpoint.predict`, with the same answer."""
        rows = latents.shape[0]
        inputs = (latents, timesteps, context, *((added.pooled, added.size_ids) if added is not None else ()))
        padded = tuple(_filled(given, self._recorder.rows(rows)) for given in inputs)
        key = tuple(tuple(given.shape) for given in padded)
        if key in self._recorded:
            self._recorded.move_to_end(key)
            return self._recorded[key](*padded)[:rows]
        began = time.perf_counter()
        output = self._checkpoint.predict(latents, timesteps, context, added)
        self._calls[key] += 1
        if key not in self._refused and self._calls[key] > self._rules.after_calls:
            self._consider(key, padded, time.perf_counter() - began)
        return output

    def _consider(self, key: Key, inputs: tuple[Tensor, ...], seconds: float) -> None:
        """Record a shape that comes often; one that cannot be recorded stays plain."""
        if seconds > self._rules.slowest_seconds:
            self._refused.add(key)
            return
        try:
            self._recorded[key] = self._recorder.record(self._plain, inputs)
        except Exception as failed:  # noqa: BLE001 - the plain call works; whatever a tracer raises must not end it
            _log.warning("shape %s is not recorded: %s", key[0], type(failed).__name__)
            self._refused.add(key)
            return
        while len(self._recorded) > _REMEMBERED:
            self._recorded.popitem(last=False)

    def _plain(self, latents: Tensor, timesteps: Tensor, context: Tensor, *added: Tensor) -> Tensor:
        conditions = AddedConditions(*added) if added else None
        return self._checkpoint.predict(latents, timesteps, context, conditions)


def replay_of(checkpoint: Checkpoint, rules: ReplayRules | None = None, *, compiles: bool = False) -> Predictor:
    """What answers the UNet calls of `checkpoint` fastest on its device; by compiled blocks on CUDA where wanted.

    Compiled blocks and CUDA graphs exclude each other: a capture fails while another thread prepares kernels.
    """
    kind = checkpoint.compute.device.type
    if kind == "cuda" and compiles:
        return CompiledBlocks(checkpoint)
    if kind == "cuda":
        return Replay(checkpoint, CudaGraphs(), rules or ReplayRules(after_calls=8))
    return Replay(checkpoint, CpuTrace(), rules) if kind == "cpu" else checkpoint


def _filled(given: Tensor, rows: int) -> Tensor:
    """`given` with rows of zeros up to `rows`."""
    missing = rows - given.shape[0]
    return given if missing <= 0 else torch.cat([given, given.new_zeros((missing, *given.shape[1:]))])
