"""UNet calls by compiled blocks: compiled beside the plain calls, which answer until a shape is ready.

Only the blocks that repeat (transformers and residual ones, torch's *regional compilation*) are compiled, on a twin of
the UNet that shares its weights, so that a LoRA put on them in place is in the next call. The mechanism is tested on a
CPU with a backend that generates no code; compiling for CUDA has not run on a GPU yet.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace

import torch
from torch import Tensor, nn

from generator.models.checkpoint import AddedConditions, Checkpoint

_log = logging.getLogger(__name__)
Inputs = tuple[Tensor, Tensor, Tensor, AddedConditions | None]
_REPEATED = ("BasicTransformerBlock", "ResnetBlock2D")
"""Classes of diffusers' UNets that repeat; SDXL has seventy of the first."""


class CompiledBlocks:
    """Answers UNet calls of one checkpoint, by compiled blocks for the shapes that are ready. One thread at a time.

    A shape is compiled by a call on the executor's thread, whose answer is thrown away. Whatever fails there is told in
    the log once, and the plain calls go on.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        compile_block: Callable[[nn.Module], None] | None = None,
        executor: Executor | None = None,
    ) -> None:
        """Compiles nothing yet.

        Args:
            checkpoint: What is called until a shape is ready.
            compile_block: Compiles a module in place; torch's inductor unless a test brings its own.
            executor: Where it compiles; one thread of its own by default.
        """
        self._plain = checkpoint
        self._twin = replace(checkpoint, unet=twin_of(checkpoint.unet))
        self._compile = compile_block or _by_inductor
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix="compile")
        self._shapes: dict[tuple[torch.Size, torch.Size], Future[None]] = {}
        self._is_prepared = False

    def predict(
        self, latents: Tensor, timesteps: Tensor, context: Tensor, added: AddedConditions | None = None
    ) -> Tensor:
        """As `Checkpoint.predict`."""
        shape = (latents.shape, context.shape)
        warmed = self._shapes.get(shape)
        if warmed is None:
            given = (latents.clone(), timesteps.clone(), context.clone(), added)
            self._shapes[shape] = self._executor.submit(self._warm_up, given)
        elif warmed.done() and warmed.exception() is None:
            return self._twin.predict(latents, timesteps, context, added)
        return self._plain.predict(latents, timesteps, context, added)

    def is_ready(self, latents: Tensor, context: Tensor) -> bool:
        """Whether calls of this shape are compiled."""
        warmed = self._shapes.get((latents.shape, context.shape))
        return warmed is not None and warmed.done() and warmed.exception() is None

    def _warm_up(self, given: Inputs) -> None:
        try:
            if not self._is_prepared:
                for module in self._twin.unet.modules():
                    if type(module).__name__ in _REPEATED:
                        self._compile(module)
                self._is_prepared = True
            self._twin.predict(*given)
        except Exception as failed:
            _log.warning("shape %s is not compiled: %s", tuple(given[0].shape), type(failed).__name__)
            raise


def twin_of(network: nn.Module) -> nn.Module:
    """A copy of the network's modules that shares its weights and buffers."""
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    return copy.deepcopy(network, dict(shared))


def _by_inductor(module: nn.Module) -> None:
    module.compile(dynamic=False)
