"""The engine beside diffusers' own pipeline: same weights, same seeds, one run, ratios.

    python bench/engine.py [--users 16] [--steps 20] [--side 128] [--rounds 5] [--threads 1] [--true-shape]

Both draw the same pictures with Euler on evenly spaced timesteps, to PNG bytes. Rounds alternate (A/B/B/A), so that a
busy machine hurts both alike; the figure is the median of the ratios, by the wall and by processor time, which others'
work touches less. A row whose pictures or latents differ by more than a stated tolerance is void and the script ends
with status 1. `--true-shape` adds single calls of networks of SD1.5's shape with random weights (4 GB).
"""

from __future__ import annotations

import argparse
import asyncio
import io
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
LATENT_TOLERANCE = 1e-3
LIMITS = {"one picture": 0.80, "first preview": 0.20, "fairness": 0.95, "throughput": 0.97}
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
        from prompts.metadata import png_with_infotext

        start, worked = time.perf_counter(), time.process_time()
        for i in range(count):
            self.engine.add(self.request(i))
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
                    png_with_infotext(event.picture.width, event.picture.height, event.picture.rgb, PROMPT)
        names = [str(i) for i in range(count)]
        return Drawn(
            time.perf_counter() - start,
            time.process_time() - worked,
            [pictures[n] for n in names],
            [first_step[n] for n in names],
            [ready[n] for n in names],
        )

    def latents(self) -> np.ndarray:
        """The finished latents of the first picture."""
        self.engine.add(self.request(0))
        found = None
        while self.engine.has_work():
            for sample in self.engine._running.values():  # noqa: SLF001 - nothing public shows latents
                found = sample
            self.engine.step()
        return np.asarray(found.trajectory.latents) if found is not None else np.zeros(1)

    def served(self, users: int) -> dict[str, Any]:
        """One picture for each of so many tenants, asked for at once through the service's engine thread.

        Fairness is Jain's index of the steps every tenant had when the first of them was done.
        """
        from dataclasses import replace

        from generator.events import ImageReady, StepDone
        from generator.tenants import jain
        from service.engine.local import LocalEngine

        local = LocalEngine(lambda: self.engine)
        steps: dict[str, int] = {}
        fair: list[float] = []

        async def draw(i: int) -> None:
            async for event in local.submit(replace(self.request(i), tenant=f"user{i}")):
                if isinstance(event, StepDone):
                    steps[event.request_id] = event.done
                if isinstance(event, ImageReady) and not fair:
                    fair.append(jain(steps.get(str(n), 0) for n in range(users)))

        async def everybody() -> tuple[float, float]:
            local.start()
            start, worked = time.perf_counter(), time.process_time()
            await asyncio.gather(*(draw(i) for i in range(users)))
            spent = time.perf_counter() - start, time.process_time() - worked
            await local.stop()
            return spent

        wall, cpu = asyncio.run(everybody())
        return {"seconds": wall, "cpu_seconds": cpu, "jain": fair[0]}

    def request(self, i: int) -> Any:
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
    cpu_seconds: float
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
        start, worked = time.perf_counter(), time.process_time()
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
            image.save(io.BytesIO(), "PNG")
            pictures.append(np.asarray(image))
            first_step.append(seen[0])
            ready.append(time.perf_counter() - start)
        return Drawn(time.perf_counter() - start, time.process_time() - worked, pictures, first_step, ready)

    def latents(self) -> np.ndarray:
        """The finished latents of the first picture, in the scale of the UNet."""
        made = self.pipeline(
            PROMPT,
            negative_prompt=NEGATIVE,
            num_inference_steps=self.plan.steps,
            guidance_scale=7.0,
            width=self.plan.side,
            height=self.plan.side,
            generator=self.torch.Generator("cpu").manual_seed(1000),
            output_type="latent",
        ).images
        return np.asarray(made)


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
    cpu = [a.cpu_seconds / b.cpu_seconds for a, b in zip(runs["ours"], runs["diffusers"], strict=True)]
    return {
        "pictures": count,
        "cpu_ratio": round(statistics.median(cpu), 3),
        "cpu_ratio_range": [round(min(cpu), 3), round(max(cpu), 3)],
        "last_user_s": [round(statistics.median(max(r.ready) for r in runs[n]), 3) for n in ("ours", "diffusers")],
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


def users(ours: Ours, count: int, rounds: int) -> dict[str, Any]:
    """So many users at once through the service's engine thread, beside the engine driven directly."""
    ratios, fairness = [], []
    for _ in range(rounds):
        served, direct = ours.served(count), ours.draw(count)
        ratios.append(direct.cpu_seconds / served["cpu_seconds"])
        fairness.append(served["jain"])
    return {
        "users": count,
        "throughput_of_in_process": round(statistics.median(ratios), 3),
        "jain": round(min(fairness), 3),
    }


def true_shape(rounds: int, threads: int) -> dict[str, Any]:
    """One guided UNet call at 32x32 cells and one VAE decoding to 256x256, SD1.5's shapes, random weights."""
    import torch

    from generator.device import Compute, lay_out

    torch.set_num_threads(threads)
    unet, vae = _true_networks()
    ceiling = _matmul_ceiling()
    latents, times = torch.randn(2, 4, 32, 32), torch.tensor([500.0, 500.0])
    context = torch.randn(2, 77, 768)
    compute = Compute.resolve("cpu", "float32")
    rows = {}
    with torch.inference_mode():
        plain = vae.decode(latents[:1], return_dict=False)[0]
        theirs = [_cpu_time(lambda: vae.decode(latents[:1], return_dict=False)) for _ in range(rounds)]
        lay_out(vae, compute, is_vae=True)
        difference = float((vae.decode(latents[:1], return_dict=False)[0] - plain).abs().max())
        ours = [_cpu_time(lambda: vae.decode(latents[:1], return_dict=False)) for _ in range(rounds)]
        rows["vae_decode"] = _row(theirs, ours, 622e9, ceiling, difference)
    with torch.no_grad():
        theirs = [_cpu_time(lambda: unet(latents, times[0], context, return_dict=False)) for _ in range(rounds)]
        plain = unet(latents, times[0], context, return_dict=False)[0]
    with torch.inference_mode():
        ours = [_cpu_time(lambda: unet(latents, times, context, return_dict=False)) for _ in range(rounds)]
        difference = float((unet(latents, times, context, return_dict=False)[0] - plain).abs().max())
    rows["unet_step"] = _row(theirs, ours, 360e9, ceiling, difference)
    return {"matmul_gflops": round(ceiling / 1e9, 1), **rows}


def _row(theirs: list[float], ours: list[float], flop: float, ceiling: float, difference: float) -> dict[str, Any]:
    return {
        "diffusers_s": round(min(theirs), 2),
        "ours_s": round(min(ours), 2),
        "times_as_fast": round(min(theirs) / min(ours), 3),
        "share_of_matmul": round(flop / min(ours) / ceiling, 3),
        "worst_difference": difference,
    }


def _cpu_time(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def _matmul_ceiling() -> float:
    """Floating point operations a second of the best of some 2048^3 float32 products, by processor time."""
    import torch

    a = torch.randn(2048, 2048)
    return 2 * 2048**3 / min(_cpu_time(lambda: a @ a) for _ in range(8))


def _true_networks() -> tuple[Any, Any]:
    from prompts.torch_guard import ensure_torchvision

    ensure_torchvision()
    from diffusers import AutoencoderKL, UNet2DConditionModel

    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768).eval()
    blocks = ("DownEncoderBlock2D",) * 4, ("UpDecoderBlock2D",) * 4
    vae = AutoencoderKL(
        down_block_types=blocks[0],
        up_block_types=blocks[1],
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
    ).eval()
    return unet, vae


def main() -> int:
    """Run it; 0 when every row's answers agree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for flag, default in (("users", 16), ("steps", 20), ("side", 128), ("rounds", 5), ("threads", 1), ("rows", 8)):
        parser.add_argument(f"--{flag}", type=int, default=default)
    parser.add_argument("--true-shape", action="store_true")
    options = parser.parse_args()
    plan = Plan(options.users, options.steps, options.side, options.threads)
    warnings.simplefilter("ignore")
    from generator.demo.family import find_family

    family = find_family(Path(tempfile.gettempdir()) / "spellwright-bench")
    ours, peer = Ours(family, plan, options.rows), Pipeline(family, plan)
    for count in (1, 1, 1, 3, options.users):  # until every shape that comes often is recorded
        ours.draw(count)
    peer.draw(1)
    latents = float(np.abs(ours.latents() - peer.latents()).max())
    rows = [compare(ours, peer, 1, options.rounds), compare(ours, peer, plan.pictures, max(options.rounds // 2, 1))]
    served = users(ours, options.users, max(options.rounds // 2, 1))
    switching = lora_switches(ours, family, 200)
    shapes = true_shape(max(options.rounds // 2, 1), options.threads) if options.true_shape else None
    told = {"family": family.kind, "plan": vars(options), "latent_difference": latents, "rows": rows, "users": served}
    print(json.dumps(told | {"lora": switching, "true_shape": shapes, "limits": LIMITS}, indent=1))
    is_equal = all(row["worst_difference_of_255"] <= TOLERANCE for row in rows) and switching["drift"] == 0.0
    if not is_equal or latents > LATENT_TOLERANCE:
        print("VOID: pictures, latents or weights differ", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
