"""Rows G1 to G10 of the engine on one GPU, with random weights of the true shapes; on a CPU its logic, tiny.

    python bench/gpu.py [--steps 20] [--rounds 3] [--only G1 G10]

Speed and memory do not depend on what the weights hold. Peers are diffusers' own pipeline, as it comes and with
`torch.compile`. Each timing stands beside an equality check. A row that needs what is not here says so.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

PROMPT = "a red cat on a blue background, best quality"
SAME_DB = 45.0  # PSNR of pictures that count as the same


@dataclass(frozen=True)
class Bench:
    """What all rows share."""

    engine: Any
    folder: Path
    lora: str
    side: int
    steps: int
    rounds: int
    device: str

    def request(self, name: str, **changes: Any) -> Any:
        """A request with a seed of its own."""
        from generator.request import GenerationRequest
        from prompts.spell import Params, Spell

        params = Params(
            steps=self.steps,
            sampler="Euler",
            schedule_type="Uniform",
            cfg_scale=7.0,
            seed=11,
            width=self.side,
            height=self.side,
            checkpoint="bench",
        )
        return GenerationRequest(name, Spell(PROMPT, "", (), params, (("RNG", "CPU"),)).evolve(**changes))

    def draw(self, requests: Sequence[Any]) -> dict[str, np.ndarray]:
        """Their pictures, drawn together.

        Raises:
            SpellwrightError: One could not be drawn.
        """
        from generator.events import Failed, ImageReady

        for request in requests:
            self.engine.add(request)
        pictures = {}
        while self.engine.has_work():
            for event in self.engine.step():
                if isinstance(event, Failed):
                    raise event.error
                if isinstance(event, ImageReady):
                    shape = (event.picture.height, event.picture.width, 3)
                    pictures[event.request_id] = np.frombuffer(event.picture.rgb, np.uint8).reshape(shape).astype(int)
        return pictures

    def seconds(self, work: Callable[[], object]) -> float:
        """The median of the rounds, after one to warm up, with the device waited for."""
        import torch

        def wait() -> None:
            if self.device == "cuda":
                torch.cuda.synchronize()

        spent = []
        for _ in range(self.rounds + 1):
            wait()
            began = time.perf_counter()
            work()
            wait()
            spent.append(time.perf_counter() - began)
        return statistics.median(spent[1:])


def one_picture(bench: Bench) -> dict[str, Any]:
    """G1: one picture, beside diffusers eager and compiled."""
    peer = _pipeline(bench)
    ours = bench.seconds(lambda: bench.draw([bench.request("a")]))
    theirs = bench.seconds(lambda: _peer_picture(peer, bench))
    told = {
        "ours_ms": _ms(ours),
        "diffusers_ms": _ms(theirs),
        "times_as_fast": round(theirs / ours, 2),
        "psnr_db": psnr(bench.draw([bench.request("a")])["a"], _peer_picture(peer, bench)),
    }
    if bench.device == "cuda":
        import torch

        peer.unet = torch.compile(peer.unet, mode="reduce-overhead")
        began = time.perf_counter()
        _peer_picture(peer, bench)
        told["compile_s"] = round(time.perf_counter() - began, 1)
        told["compiled_ms"] = _ms(bench.seconds(lambda: _peer_picture(peer, bench)))
    return told


def hires(bench: Bench) -> dict[str, Any]:
    """G2: one picture with hires fix to twice the size, 12 steps."""
    from prompts.spell import HiresFix

    request = bench.request("a", hires=HiresFix(2.0, steps=min(12, bench.steps), denoising_strength=0.6))
    return {"ours_ms": _ms(bench.seconds(lambda: bench.draw([request])))}


def sdxl(bench: Bench) -> dict[str, Any]:
    """G3: one picture by SDXL (1024x1024 and 30 steps on a GPU), beside diffusers."""
    from bench import gpu_sdxl

    is_large = bench.device == "cuda"
    side, steps = (1024, 30) if is_large else (64, bench.steps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = gpu_sdxl.build(bench.folder / "xl" / "checkpoint", bench.device)
        own = replace(
            bench, engine=_engine(bench.folder / "xl", bench.lora, bench.device, deterministic=False), side=side
        )
        request = replace(own, steps=steps).request("xl")
        return gpu_sdxl.row(
            own.seconds,
            lambda: own.draw([request])["xl"],
            lambda: np.asarray(gpu_sdxl.peer_picture(peer, PROMPT, steps, side)).astype(int),
            psnr,
        )


def interrogation(bench: Bench) -> dict[str, Any]:
    """G6: `best` on one picture beside clip-interrogator 0.6.0, same string; ViT-L-14's shape on a GPU."""
    from bench.interrogation import Where, best

    if bench.device == "cuda":
        outcome = best("G6", 2048, 32, bench.rounds, Where("ViT-L-14", 20, "cuda"))
    else:
        outcome = best("G6", 8, 2, 1, Where(every=4000))
    theirs, ours = (statistics.median(s.wall for s in side) for side in (outcome.theirs, outcome.ours))
    return {
        "ours_ms": _ms(ours),
        "clip_interrogator_ms": _ms(theirs),
        "times_as_fast": round(theirs / ours, 2),
        "is_same_string": outcome.is_equal,
    }


def batch_sweep(bench: Bench) -> dict[str, Any]:
    """G4: pictures drawn together; image-steps a second, and the cap that the engine measured for itself."""
    bench.draw([bench.request(str(i), seed=i) for i in range(4)])
    rates = {}
    for count in (1, 2, 4, 8) if bench.device == "cpu" else (1, 2, 4, 8, 16):
        requests = [bench.request(str(i), seed=i) for i in range(count)]
        spent = bench.seconds(partial(bench.draw, requests))
        rates[count] = round(count * bench.steps / spent, 1)
    return {"image_steps_per_s": rates, "measured_rows": [*bench.engine._caps.known.values()]}  # noqa: SLF001


def decoding(bench: Bench) -> dict[str, Any]:
    """G5: one VAE decoding, by our layout and by diffusers' default."""
    import torch

    checkpoint = bench.engine.resident.checkpoint
    latents = torch.randn((1, 4, bench.side // 8, bench.side // 8), device=checkpoint.compute.device)
    ours = bench.seconds(lambda: checkpoint.decode(latents))
    pixels = checkpoint.decode(latents)
    checkpoint.vae.to(memory_format=torch.contiguous_format)
    theirs = bench.seconds(lambda: checkpoint.decode(latents))
    difference = float((checkpoint.decode(latents) - pixels).abs().max())
    return {"ours_ms": _ms(ours), "plain_ms": _ms(theirs), "worst_difference": round(difference, 6)}


def lora_switch(bench: Bench) -> dict[str, Any]:
    """G7: putting a LoRA on the UNet and taking it off; what is left behind."""
    from generator.models.lora import lora_uses

    resident = bench.engine.resident
    lora = resident.lora(bench.lora)
    before = {name: weight.clone() for name, weight in resident.checkpoint.unet.state_dict().items()}
    strengths = iter(range(1, 10_000))
    spent = bench.seconds(lambda: resident.set_unet_loras(lora_uses([(lora, 0.001 * next(strengths))])))
    resident.set_unet_loras(())
    after = resident.checkpoint.unet.state_dict()
    drift = max(float((before[name] - weight).abs().max()) for name, weight in after.items())
    return {"modules": len(lora.unet), "ms_each": round(1000 * spent, 2), "drift": drift}


def memory(bench: Bench) -> dict[str, Any]:
    """G8: the most memory a picture with hires fix took."""
    if bench.device != "cuda":
        return {"skipped": "counts a GPU's memory"}
    import torch

    torch.cuda.reset_peak_memory_stats()
    told = hires(bench)
    return told | {"peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2)}


def cold_start(bench: Bench) -> dict[str, Any]:
    """G9: a new engine up to its first picture."""
    began = time.perf_counter()
    fresh = replace(bench, engine=_engine(bench.folder, bench.lora, bench.device, deterministic=False))
    fresh.draw([fresh.request("a")])
    return {"first_picture_s": round(time.perf_counter() - began, 2)}


def determinism(bench: Bench) -> dict[str, Any]:
    """G10: one seed alone, beside seven others, and after LoRAs came and went."""
    from prompts.spell import Lora

    told = {}
    for is_strict in (True, False):
        own = replace(bench, engine=_engine(bench.folder, bench.lora, bench.device, deterministic=is_strict))
        alone = own.draw([own.request("a")])["a"]
        others = [own.request(str(i), seed=100 + i, loras=(Lora(bench.lora, 0.5),) * (i % 2)) for i in range(7)]
        beside = own.draw([*others, own.request("a")])["a"]
        after = own.draw([own.request("a")])["a"]
        key = "deterministic" if is_strict else "plain"
        told[f"{key}_psnr_db"] = min(psnr(alone, beside), psnr(alone, after))
        told[f"{key}_is_bit_equal"] = bool((alone == beside).all() and (alone == after).all())
    return told


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal to noise ratio of two pictures in dB; 99 for equal ones."""
    error = float(np.mean((a - b) ** 2))
    return 99.0 if error == 0 else round(10 * float(np.log10(255**2 / error)), 1)


ROWS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "G1": one_picture,
    "G2": hires,
    "G3": sdxl,
    "G4": batch_sweep,
    "G5": decoding,
    "G6": interrogation,
    "G7": lora_switch,
    "G8": memory,
    "G9": cold_start,
    "G10": determinism,
}


def void(rows: dict[str, dict[str, Any]]) -> list[str]:
    """The rows whose answers differ where they must not."""
    wrong = [name for name, row in rows.items() if row.get("psnr_db", 99.0) < SAME_DB or row.get("drift", 0.0) != 0.0]
    if not rows.get("G6", {}).get("is_same_string", True):
        wrong.append("G6")
    strict = rows.get("G10", {})
    if not strict.get("deterministic_is_bit_equal", True) or strict.get("plain_psnr_db", 99.0) < SAME_DB:
        wrong.append("G10")
    return wrong


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)


def _engine(folder: Path, lora: str, device: str, *, deterministic: bool) -> Any:
    from generator.config import EngineConfig, ModelFolders
    from generator.engine import Engine

    nowhere = folder / "nothing"
    file = folder / f"{lora}.safetensors"
    loras = ((lora, file),) if file.is_file() else ()
    folders = ModelFolders(nowhere, nowhere, (("bench", folder / "checkpoint"),), loras)
    return Engine(EngineConfig(folders, device=device, deterministic=deterministic))


def _pipeline(bench: Bench) -> Any:
    from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline

    from generator.device import Compute

    dtype = Compute.resolve(bench.device, "auto").dtype
    peer = StableDiffusionPipeline.from_pretrained(bench.folder / "checkpoint", safety_checker=None, torch_dtype=dtype)
    peer.scheduler = EulerDiscreteScheduler.from_config(peer.scheduler.config, timestep_spacing="linspace")
    peer.set_progress_bar_config(disable=True)
    return peer.to(bench.device)


def _peer_picture(peer: Any, bench: Bench) -> np.ndarray:
    import torch

    made = peer(
        PROMPT,
        num_inference_steps=bench.steps,
        guidance_scale=7.0,
        width=bench.side,
        height=bench.side,
        generator=torch.Generator("cpu").manual_seed(11),
    )
    return np.asarray(made.images[0]).astype(int)


def _build(folder: Path, device: str) -> str:
    """A checkpoint and a LoRA of random weights in `folder`: SD1.5's shape on a GPU, tiny elsewhere."""
    from generator.demo.family import read_family
    from generator.demo.random_family import build_once
    from prompts.torch_guard import ensure_torchvision

    ensure_torchvision()
    tiny = read_family(build_once(folder / "tiny"))
    shutil.copytree(tiny.checkpoint, folder / "checkpoint", dirs_exist_ok=True)
    name, lora = tiny.loras[0]
    shutil.copy(lora, folder / f"{name}.safetensors")
    if device == "cuda":
        _enlarge(folder / "checkpoint")
    return name


def _enlarge(checkpoint: Path) -> None:
    """Networks of SD1.5's shape in place of the tiny ones; the tokenizer stays."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    UNet2DConditionModel(sample_size=64, cross_attention_dim=768).save_pretrained(checkpoint / "unet")
    AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
    ).save_pretrained(checkpoint / "vae")
    text = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
    CLIPTextModel(text).save_pretrained(checkpoint / "text_encoder")


def run(device: str, steps: int, rounds: int, only: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The rows asked for (all for none)."""
    with tempfile.TemporaryDirectory(prefix="spellwright-gpu-") as place:
        folder = Path(place)
        lora = _build(folder, device)
        engine = _engine(folder, lora, device, deterministic=False)
        bench = Bench(engine, folder, lora, 512 if device == "cuda" else 64, steps, rounds, device)
        bench.draw([bench.request("warm")])
        return {name: row(bench) for name, row in ROWS.items() if not only or name in only}


def main() -> int:
    """Run it; 0 when every answer that must be equal is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], choices=[*ROWS])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU (tiny shapes: logic only)"
    rows = run(device, options.steps, options.rounds, options.only)
    print(json.dumps({"device": name, "torch": torch.__version__, "steps": options.steps, "rows": rows}, indent=1))
    wrong = void(rows)
    if wrong:
        print(f"VOID: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
