"""The engine beside diffusers' own pipeline: same weights, same seeds, one run, ratios.

    python bench/engine.py [--pictures 8] [--steps 20] [--side 128] [--rounds 5] [--threads 1]

Both draw the same pictures with Euler on evenly spaced timesteps. Rounds alternate (A/B/B/A), so that a
busy machine hurts both alike; the figure is the median of the ratios. A row whose pictures differ by more
than a stated tolerance is void and the script ends with status 1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

TOLERANCE = 3  # of 255 levels, largest difference of any pixel
PROMPT, NEGATIVE = "a red cat on a blue background, best quality", "ugly, blurry"


@dataclass(frozen=True)
class Plan:
    """What every contestant draws."""

    pictures: int
    steps: int
    side: int
    threads: int


class Ours:
    """Spellwright's engine."""

    def __init__(self, family: Any, plan: Plan, max_rows: int) -> None:
        from generator.config import EngineConfig, ModelFolders
        from generator.engine import Engine

        nowhere = Path(tempfile.gettempdir()) / "spellwright-bench-no-models"
        folders = ModelFolders(nowhere, nowhere, (("bench", family.checkpoint),), family.loras)
        self.engine = Engine(EngineConfig(folders, device="cpu", threads=plan.threads, max_rows=max_rows))
        self.plan = plan

    def draw(self, count: int) -> Drawn:
        """`count` pictures, asked for at once."""
        from generator.events import Failed, ImageReady, StepDone

        start = time.perf_counter()
        for i in range(count):
            self.engine.add(self._request(i))
        first_step: dict[str, float] = {}
        ready: dict[str, float] = {}
        pictures: dict[str, np.ndarray] = {}
        while self.engine.has_work():
            for event in self.engine.step():
                now = time.perf_counter() - start
                if isinstance(event, Failed):
                    raise event.error
                if isinstance(event, StepDone):
                    first_step.setdefault(event.request_id, now)
                if isinstance(event, ImageReady):
                    ready[event.request_id] = now
                    shape = (event.picture.height, event.picture.width, 3)
                    pictures[event.request_id] = np.frombuffer(event.picture.rgb, np.uint8).reshape(shape)
        names = [str(i) for i in range(count)]
        return Drawn(
            time.perf_counter() - start,
            [pictures[n] for n in names],
            [first_step[n] for n in names],
            [ready[n] for n in names],
        )

    def _request(self, i: int) -> Any:
        from generator.request import GenerationRequest
        from prompts.spell import Params, Spell

        params = Params(
            steps=self.plan.steps,
            sampler="Euler",
            schedule_type="Uniform",
            cfg_scale=7.0,
            seed=1000 + i,
            width=self.plan.side,
            height=self.plan.side,
            checkpoint="bench",
        )
        return GenerationRequest(str(i), Spell(PROMPT, NEGATIVE, (), params, (("RNG", "CPU"),)))


@dataclass(frozen=True)
class Drawn:
    """Pictures and when they came, in seconds from the start of the round."""

    seconds: float
    pictures: list[np.ndarray]
    first_step: list[float]
    ready: list[float]


class Pipeline:
    """diffusers' StableDiffusionPipeline, one picture after the other, as a server behind a lock does it."""

    def __init__(self, family: Any, plan: Plan) -> None:
        from prompts.torch_guard import ensure_torchvision

        ensure_torchvision()
        import torch
        from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline

        self.torch = torch
        self.pipeline = StableDiffusionPipeline.from_pretrained(family.checkpoint, safety_checker=None)
        config = self.pipeline.scheduler.config
        self.pipeline.scheduler = EulerDiscreteScheduler.from_config(config, timestep_spacing="linspace")
        self.pipeline.set_progress_bar_config(disable=True)
        self.plan = plan

    def draw(self, count: int) -> Drawn:
        """`count` pictures, one after the other."""
        start = time.perf_counter()
        pictures, first_step, ready = [], [], []
        for i in range(count):
            seen: list[float] = []

            def on_step(_: Any, __: int, ___: Any, kept: Any, seen: list[float] = seen) -> Any:
                seen.append(time.perf_counter() - start)
                return kept

            image = self.pipeline(
                PROMPT,
                negative_prompt=NEGATIVE,
                num_inference_steps=self.plan.steps,
                guidance_scale=7.0,
                width=self.plan.side,
                height=self.plan.side,
                generator=self.torch.Generator("cpu").manual_seed(1000 + i),
                callback_on_step_end=on_step,
            ).images[0]
            pictures.append(np.asarray(image))
            first_step.append(seen[0])
            ready.append(time.perf_counter() - start)
        return Drawn(time.perf_counter() - start, pictures, first_step, ready)


def worst_difference(a: list[np.ndarray], b: list[np.ndarray]) -> int:
    """The largest difference of any pixel, in levels of 255."""
    return max(int(np.abs(x.astype(int) - y.astype(int)).max()) for x, y in zip(a, b, strict=True))


def compare(ours: Ours, peer: Pipeline, count: int, rounds: int) -> dict[str, Any]:
    """`count` pictures each, alternating; medians over the rounds."""
    runs: dict[str, list[Drawn]] = {"ours": [], "diffusers": []}
    draws: dict[str, Callable[[], Drawn]] = {"ours": lambda: ours.draw(count), "diffusers": lambda: peer.draw(count)}
    for i in range(rounds):
        order = ("ours", "diffusers") if i % 2 == 0 else ("diffusers", "ours")
        for name in order:
            runs[name].append(draws[name]())
    ratios = [a.seconds / b.seconds for a, b in zip(runs["ours"], runs["diffusers"], strict=True)]
    previews = [
        statistics.mean(a.first_step) / statistics.mean(b.first_step)
        for a, b in zip(runs["ours"], runs["diffusers"], strict=True)
    ]
    return {
        "pictures": count,
        "ours_s": round(statistics.median(r.seconds for r in runs["ours"]), 3),
        "diffusers_s": round(statistics.median(r.seconds for r in runs["diffusers"]), 3),
        "time_ratio": round(statistics.median(ratios), 3),
        "time_ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
        "mean_first_step_ratio": round(statistics.median(previews), 3),
        "worst_difference_of_255": worst_difference(runs["ours"][0].pictures, runs["diffusers"][0].pictures),
    }


def lora_switches(ours: Ours, family: Any, switches: int) -> dict[str, Any]:
    """Switch between ten strengths of a LoRA, then drop it: time per switch, and what is left behind."""
    from generator.models.lora import lora_uses

    resident: Any = ours.engine.resident
    lora = resident.lora(family.loras[0][0])
    before = {k: v.clone() for k, v in resident.checkpoint.unet.state_dict().items()}
    start = time.perf_counter()
    for i in range(switches):
        resident.set_unet_loras(lora_uses([(lora, 0.1 + 0.01 * (i % 10))]))
    resident.set_unet_loras(())
    seconds = time.perf_counter() - start
    drift = max(float((before[k] - v).abs().max()) for k, v in resident.checkpoint.unet.state_dict().items())
    return {
        "switches": switches,
        "modules": len(lora.unet),
        "ms_each": round(1000 * seconds / switches, 2),
        "drift": drift,
    }


def main() -> int:
    """Run it; 0 when every row's pictures agree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for flag, default in (("pictures", 8), ("steps", 20), ("side", 128), ("rounds", 5), ("threads", 1), ("rows", 8)):
        parser.add_argument(f"--{flag}", type=int, default=default)
    options = parser.parse_args()
    plan = Plan(options.pictures, options.steps, options.side, options.threads)
    warnings.simplefilter("ignore")
    from generator.demo.family import find_family

    family = find_family(Path(tempfile.gettempdir()) / "spellwright-bench")
    ours, peer = Ours(family, plan, options.rows), Pipeline(family, plan)
    ours.draw(2)
    peer.draw(1)
    rows = [compare(ours, peer, 1, options.rounds), compare(ours, peer, plan.pictures, options.rounds)]
    switching = lora_switches(ours, family, 200)
    print(json.dumps({"family": family.kind, "plan": vars(options), "rows": rows, "lora": switching}, indent=1))
    is_equal = all(row["worst_difference_of_255"] <= TOLERANCE for row in rows) and switching["drift"] == 0.0
    if not is_equal:
        print("VOID: pictures or weights differ", file=sys.stderr)
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
