"""One UNet call for several pictures: stack their rows, call once, hand each its own guided output."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from generator.models.checkpoint import AddedConditions, Checkpoint
from generator.replay import Predictor
from generator.sample import Sample
from generator.sampling.guidance import guide


def run(
    samples: Sequence[Sample], checkpoint: Predictor, max_rows: int, *, is_deterministic: bool = False
) -> list[Sample]:
    """Advance every sample by one UNet call.

    Args:
        samples: With equal batch keys; at least one.
        checkpoint: What answers the UNet calls, with the samples' LoRAs on its UNet.
        max_rows: More rows than this (one picture of many `AND` parts) are called in pieces.
        is_deterministic: Fill every piece up to `max_rows`, so that the kernels run the same way whatever
            the number of pictures.

    Returns:
        The samples whose output was not finite; they did not advance.
    """
    calls = [s.trajectory.next_call() for s in samples]
    contexts = [s.contexts() for s in samples]
    latents, timesteps, context = [], [], []
    for call, rows in zip(calls, contexts, strict=True):
        latents += [call.model_input] * len(rows)
        timesteps += [call.timestep] * len(rows)
        context += rows
    if is_deterministic:
        missing = -len(latents) % max_rows
        latents += [torch.zeros_like(latents[0])] * missing
        timesteps += [0.0] * missing
        context += [torch.zeros_like(context[0])] * missing
    times = torch.tensor(timesteps, dtype=torch.float32, device=latents[0].device)
    pieces = [slice(i, i + max_rows) for i in range(0, len(latents), max_rows)]
    added = _stacked([row for s in samples for row in s.added()], len(latents))
    outputs = [
        checkpoint.predict(torch.cat(latents[p]), times[p], torch.cat(context[p]), added.rows(p) if added else None)
        for p in pieces
    ]
    output = torch.cat(outputs)
    broken = []
    first = 0
    for sample, rows in zip(samples, contexts, strict=True):
        own = output[first : first + len(rows)]
        guided = guide(own, sample.weights, sample.guidance)
        first += len(rows)
        if not bool(torch.isfinite(guided).all()):
            broken.append(sample)
            continue
        expected = sample.trajectory.total
        sample.trajectory.advance(guided, own[-1:] if sample.has_negative else None)
        sample.done += 1
        sample.total += sample.trajectory.total - expected  # differs where a sampler chooses its steps itself
    return broken


def probe(sample: Sample, checkpoint: Checkpoint, rows: int) -> None:
    """One UNet call of the shape of `sample`'s next one with `rows` rows, for measuring; changes nothing."""
    call = sample.trajectory.next_call()
    context = sample.contexts()[0].expand(rows, -1, -1)
    times = torch.full((rows,), call.timestep, dtype=torch.float32, device=call.model_input.device)
    added = _stacked(sample.added()[:1] * rows, rows)
    output = checkpoint.predict(call.model_input.expand(rows, -1, -1, -1), times, context, added)
    output.flatten()[0].item()  # waits for the device


def _stacked(rows: list[AddedConditions], count: int) -> AddedConditions | None:
    """The added conditions of all rows, zeros up to `count`; `None` when there are none (SD1.x)."""
    if not rows:
        return None
    blank = AddedConditions(torch.zeros_like(rows[0].pooled), torch.zeros_like(rows[0].size_ids))
    filled = [*rows, *[blank] * (count - len(rows))]
    return AddedConditions(torch.cat([r.pooled for r in filled]), torch.cat([r.size_ids for r in filled]))
