"""One training run: optimiser, learning rate, averaged weights, and a checkpoint that survives a kill."""

from __future__ import annotations

import copy
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from generator.demo.train.threads import ThreadTuner

_log = logging.getLogger(__name__)
_SAVE_EVERY = 60.0  # seconds
_LOG_EVERY = 30.0  # seconds
_LONGEST_STEP = 20.0  # seconds; a machine that slept has not trained


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained."""

    minutes: float
    """Training time, counted over all resumptions; the learning rate follows its share."""
    peak_rate: float
    weight_decay: float = 0.01
    average_decay: float = 0.999
    """Of the exponential moving average of the weights."""
    warm_up_steps: int = 100
    seed: int = 0


class TrainingRun:
    """Trains `network` until its minutes are spent.

    Usage: `while run.goes_on(): run.step(loss_of(batch(run.rng)), samples=n)`, then `run.finish()`.

    Args:
        network: What is trained, on its device.
        recipe: How.
        file: The checkpoint; resumed from when it is there.
        start: Another training's checkpoint, whose averaged weights a new run begins with.
    """

    def __init__(self, network: nn.Module, recipe: Recipe, file: Path, start: Path | None = None) -> None:
        self._earlier = 0.0
        if start is not None and not file.is_file():
            network.load_state_dict(torch.load(start, map_location="cpu", weights_only=True)["average"])
            self._earlier = read_counts(start)["samples"]
        self.network = network
        self.average = copy.deepcopy(network).requires_grad_(requires_grad=False)
        self.rng = np.random.default_rng(recipe.seed)
        self.steps = 0
        self.samples = 0
        self._recipe = recipe
        self._file = file
        self._seconds = 0.0
        self._loss = 0.0
        self._tuner = ThreadTuner(torch.get_num_threads())
        trained = [p for p in network.parameters() if p.requires_grad]
        self._optimiser = torch.optim.AdamW(
            trained, lr=recipe.peak_rate, betas=(0.9, 0.99), weight_decay=recipe.weight_decay, fused=True
        )
        if file.is_file():
            self._resume()
        self._last = self._last_save = self._last_log = time.monotonic()

    @property
    def progress(self) -> float:
        """The share of the training time that is spent, 0 to 1."""
        return min(1.0, self._seconds / (60 * self._recipe.minutes))

    def goes_on(self) -> bool:
        """Whether there is time left; writes the checkpoint every minute."""
        now = time.monotonic()
        self._seconds += min(now - self._last, _LONGEST_STEP)
        self._last = now
        if now - self._last_save > _SAVE_EVERY:
            self.save()
            self._last_save = now
        return self.progress < 1.0

    def step(self, loss: Tensor, samples: int) -> None:
        """One optimiser step on `loss`, which `samples` pictures gave."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate()
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimiser.step()
        self.steps += 1
        self.samples += samples
        self._update_average()
        self._tuner.step_done()
        self._tell(float(loss.detach()), samples)

    def save(self) -> None:
        """Replace the checkpoint in one move."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "counts": {
                "steps": self.steps,
                "samples": self.samples,
                "seconds": self._seconds,
                "loss": self._loss,
                "earlier": self._earlier,
            },
            "torch_rng": torch.get_rng_state(),
            "numpy_rng": _flat(dict(self.rng.bit_generator.state)),
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self._file)

    def finish(self) -> nn.Module:
        """Save, and return the averaged network."""
        self.save()
        _log.info(
            "%s: %d steps, %d samples in %.1f minutes", self._file.stem, self.steps, self.samples, self._seconds / 60
        )
        return self.average.eval()

    def _resume(self) -> None:
        state: dict[str, Any] = torch.load(self._file, map_location="cpu", weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        counts = state["counts"]
        self.steps, self.samples = counts["steps"], counts["samples"]
        self._seconds, self._loss = counts["seconds"], counts["loss"]
        self._earlier = counts.get("earlier", 0.0)
        torch.set_rng_state(state["torch_rng"])
        self.rng.bit_generator.state = _nested(state["numpy_rng"])
        _log.info("%s: resumed at step %d, %.1f minutes", self._file.stem, self.steps, self._seconds / 60)

    def _rate(self) -> float:
        warm_up = min(1.0, (self.steps + 1) / self._recipe.warm_up_steps)
        cosine = 0.5 * (1 + math.cos(math.pi * self.progress))
        return self._recipe.peak_rate * warm_up * (0.02 + 0.98 * cosine)

    def _update_average(self) -> None:
        decay = min(self._recipe.average_decay, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            averaged: list[Tensor] = list(self.average.parameters())
            torch._foreach_lerp_(averaged, [p.detach() for p in self.network.parameters()], 1 - decay)

    def _tell(self, loss: float, samples: int) -> None:
        self._loss = loss if self._loss == 0.0 else 0.99 * self._loss + 0.01 * loss
        now = time.monotonic()
        if now - self._last_log > _LOG_EVERY:
            rate = self.samples / max(self._seconds, 1.0)
            _log.info(
                "%s: step %d, %.0f %% of the time, loss %.4f, %d samples, %.1f/s, %d threads",
                self._file.stem, self.steps, 100 * self.progress, self._loss, self.samples, rate,
                torch.get_num_threads(),
            )  # fmt: skip
            self._last_log = now


def read_average(network: nn.Module, file: Path) -> nn.Module:
    """Load the averaged weights of a checkpoint into `network`.

    Raises:
        FileNotFoundError: The stage has not run.
    """
    state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    network.load_state_dict(state["average"])
    return network.eval()


def read_counts(file: Path) -> dict[str, float]:
    """Steps, samples, seconds and running loss of a checkpoint; `earlier`: samples of the training it started from."""
    state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    counts: dict[str, float] = state["counts"]
    return counts


def _flat(state: dict[str, Any]) -> dict[str, Any]:
    """A PCG64 state with its 128-bit integers as strings: `torch.load` reads plain values only."""
    inner = {name: str(value) for name, value in state["state"].items()}
    return {**state, "state": inner}


def _nested(state: dict[str, Any]) -> dict[str, Any]:
    inner = {name: int(value) for name, value in state["state"].items()}
    return {**state, "state": inner}
