"""Measures the demo family: does it draw what it is told? Writes the figures its card quotes.

Usage: python bench/demo_quality.py --family FOLDER --work FOLDER [--seeds 2] [--out quality.json]
FOLDER of --work is the training's workspace; its composed pictures give the ceiling.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional

from generator.demo.concepts import read_concepts
from generator.demo.family import DemoFamily, read_family
from generator.demo.networks import library
from generator.demo.palette import BACKGROUNDS, HUES
from generator.demo.train.caption import plural, with_article
from generator.demo.train.pictures import PictureFile, Pixels, open_pictures
from generator.demo.train.sprites import name_hue

STEPS, GUIDANCE, SIZE = 20, 5.0, 128
PAINTABLE = ("heart", "star", "car", "apple", "raised hand", "octopus", "balloon")
FOREIGN = "masterpiece, best quality, cinematic lighting, quokka, marmalade, highly detailed, 8k"


@dataclass
class Judge:
    """The family's dual encoder, asked which name fits a picture."""

    model: Any
    tokenizer: Any
    names: list[str]

    def scores(self, pictures: list[Pixels], terms: list[str]) -> np.ndarray:
        """Cosines [pictures, terms]."""
        side = self.model.visual.image_size[0]
        pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
        small = functional.interpolate(pixels, (side, side), mode="bilinear", antialias=True)
        with torch.no_grad():
            seen = self.model.encode_image(small, normalize=True)
            return (seen @ self.model.encode_text(self.tokenizer(terms), normalize=True).T).numpy()

    def hits(self, pictures: list[Pixels], truth: list[str], best: int = 1) -> list[bool]:
        """Whether the true name is among the `best` names of each picture."""
        ranked = self.scores(pictures, self.names).argsort(1)[:, ::-1][:, :best]
        return [self.names.index(name) in row for name, row in zip(truth, ranked, strict=True)]


@dataclass
class Artist:
    """The family's pipeline."""

    pipeline: Any

    def draw(self, prompts: list[str], seed: int = 1, negative: str = "", **options: Any) -> list[Pixels]:
        """One picture per prompt, uint8 [128, 128, 3]; each prompt has its own noise, the same for any text."""
        pictures: list[Pixels] = []
        for start in range(0, len(prompts), 8):
            part = prompts[start : start + 8]
            noise = [torch.Generator().manual_seed(1000 * seed + start + i) for i in range(len(part))]
            drawn = self.pipeline(
                part, negative_prompt=[negative] * len(part), generator=noise, output_type="np",
                **{"num_inference_steps": STEPS, "guidance_scale": GUIDANCE, "height": SIZE, "width": SIZE, **options},
            ).images  # fmt: skip
            pictures.extend((drawn * 255).round().astype(np.uint8))
        return pictures


def share(flags: list[bool]) -> float:
    """Percentage of true flags."""
    return round(100 * sum(flags) / max(1, len(flags)), 1)


def load(family: DemoFamily) -> tuple[Artist, Judge]:
    """The artist and the judge of a family."""
    pipeline = library("diffusers").StableDiffusionPipeline.from_pretrained(family.checkpoint, dtype=torch.float32)
    pipeline.scheduler = library("diffusers").DPMSolverMultistepScheduler.from_config(
        pipeline.scheduler.config, use_karras_sigmas=True
    )
    pipeline.set_progress_bar_config(disable=True)
    open_clip = library("open_clip")
    model = open_clip.create_model(f"local-dir:{family.clip}", precision="fp32").eval()
    names = (family.labels / "subjects.txt").read_text(encoding="utf-8").split("\n")
    return Artist(pipeline), Judge(model, open_clip.get_tokenizer(f"local-dir:{family.clip}"), [n for n in names if n])


def measure_following(artist: Artist, judge: Judge, seeds: int) -> dict[str, Any]:
    """Names, names on backgrounds, names in pairs."""
    result: dict[str, Any] = {}
    by_name: dict[str, list[bool]] = {n: [] for n in judge.names}
    for seed in range(seeds):
        hits = judge.hits(artist.draw([with_article(n) for n in judge.names], seed), judge.names)
        for name, hit in zip(judge.names, hits, strict=True):
            by_name[name].append(hit)
    result["name_top1"] = share([h for hits in by_name.values() for h in hits])
    result["weak_names"] = [n for n, hits in by_name.items() if not all(hits)]
    for label, wording in (
        ("name_on_blue_top1", "{} on a blue background"),
        ("name_with_foreign_top1", FOREIGN + ", {}"),
    ):
        prompts = [wording.format(with_article(n)) for n in judge.names]
        result[label] = share(judge.hits(artist.draw(prompts, 1), judge.names))
    pairs = artist.draw([f"two {plural(n)}" for n in judge.names], 1)
    result["two_top1"] = share(judge.hits(pairs, judge.names))
    return result


def measure_ceiling(judge: Judge, work: Path) -> dict[str, Any]:
    """The judge on composed pictures, and on drawings of another set that nothing was trained on."""

    def rate(pictures: PictureFile, best: int) -> float:
        rows = [i for i in pictures.rows_of(judge.names) if pictures.scenes[i].layout == "single"][-300:]
        return share(judge.hits([pictures.pixels[i] for i in rows], [pictures.scenes[i].name for i in rows], best))

    base, held = open_pictures(work / "pictures" / "base"), open_pictures(work / "pictures" / "held")
    return {"ceiling_top1": rate(base, 1), "held_out_top1": rate(held, 1), "held_out_top5": rate(held, 5)}


def border(picture: Pixels) -> np.ndarray:
    """The median colour of a picture's rim, [3]."""
    rim = np.concatenate([picture[:5].reshape(-1, 3), picture[:, :5].reshape(-1, 3), picture[:, -5:].reshape(-1, 3)])
    return np.median(rim, axis=0)


def hue_of_object(picture: Pixels) -> float | None:
    """The commonest hue, in degrees, of the pixels that are vivid and not background."""
    pixels = picture.reshape(-1, 3).astype(float)
    distance = np.abs(pixels - border(picture)).max(1)
    hsv = np.asarray(Image.fromarray(picture).convert("HSV")).reshape(-1, 3).astype(float)
    vivid = (distance > 40) & (hsv[:, 1] > 80)
    if vivid.sum() < 100:
        return None
    counts, edges = np.histogram(hsv[vivid, 0] * 360 / 255, bins=36, range=(0, 360))
    smooth = counts + np.roll(counts, 1) + np.roll(counts, -1)
    return float(edges[int(smooth.argmax())] + 5)


def measure_colours(artist: Artist) -> dict[str, Any]:
    """Backgrounds (12 x 4 things) and object colours (7 x 7 things)."""
    things = ("heart", "penguin", "house", "star")
    asked = [(b, t) for b in BACKGROUNDS for t in things]
    drawn = artist.draw([f"{with_article(t)} on {with_article(b.name)} background" for b, t in asked], 1)
    nearest = [min(BACKGROUNDS, key=lambda b: np.abs(border(p) - np.array(b.rgb)).sum()) for p in drawn]
    backgrounds = share([n.name == b.name for n, (b, _) in zip(nearest, asked, strict=True)])
    painted = [(h, t) for h in HUES for t in PAINTABLE]
    pictures = artist.draw([with_article(f"{h.name} {t}") for h, t in painted], 2)
    right = []
    for (hue, _), picture in zip(painted, pictures, strict=True):
        seen = hue_of_object(picture)
        right.append(seen is not None and name_hue(seen) == hue)
    return {"background_followed": backgrounds, "object_colour_followed": share(right)}


def measure_negative(artist: Artist, judge: Judge) -> dict[str, Any]:
    """Red pixels of hearts with and without negative `red`; hits of a name with the name as negative."""

    def red(pictures: list[Pixels]) -> float:
        pixels = np.stack(pictures).astype(int)
        return float(((pixels[..., 0] > 150) & (pixels[..., 1] < 100) & (pixels[..., 2] < 140)).mean() * 100)

    plain, without = (artist.draw(["a heart"] * 8, 3, negative=n) for n in ("", "red"))
    names = judge.names[:8]
    both = ["a star on the left and a heart on the right"] * 8
    kept = judge.scores(artist.draw(both, 3), ["a heart", "a star"])
    gone = judge.scores(artist.draw(both, 3, negative="heart"), ["a heart", "a star"])
    unsaid = judge.hits(artist.draw([with_article(n) for n in names], 3, negative="blurry"), names)
    return {
        "red_share_percent": [round(red(plain), 2), round(red(without), 2)],
        "heart_over_star": [round(float((s[:, 0] - s[:, 1]).mean()), 3) for s in (kept, gone)],
        "name_with_unrelated_negative": share(unsaid),
    }


def measure_lora(artist: Artist, judge: Judge, family: DemoFamily) -> dict[str, Any]:
    """Style similarity, chroma and names at LoRA weights 0, 0.5 and 1."""
    state = load_file(family.loras[0][1])
    layers = {"lora_unet_" + n.replace(".", "_"): m for n, m in artist.pipeline.unet.named_modules()}
    result: dict[str, Any] = {"lora_style": [], "lora_chroma": [], "lora_name_top1": []}
    prompts = [with_article(n) for n in judge.names]
    for weight in (0.0, 0.5, 1.0):
        if weight:
            add_lora(layers, state, 0.5)
        pictures = artist.draw(prompts, 1)
        style = judge.scores(pictures, ["ink drawing", "3d render"])
        spread = np.stack(pictures).astype(float)
        result["lora_style"].append(round(float((style[:, 0] - style[:, 1]).mean()), 3))
        result["lora_chroma"].append(round(float((spread.max(-1) - spread.min(-1)).mean()), 1))
        result["lora_name_top1"].append(share(judge.hits(pictures, judge.names)))
    add_lora(layers, state, -1.0)
    return result


def add_lora(layers: dict[str, Any], state: dict[str, Any], weight: float) -> None:
    """Merge `weight` times a kohya LoRA into the layers."""
    for key in sorted({k.split(".")[0] for k in state}):
        down, up = state[f"{key}.lora_down.weight"].float(), state[f"{key}.lora_up.weight"].float()
        delta = (up.flatten(1) @ down.flatten(1)) * (state[f"{key}.alpha"].item() / down.shape[0] * weight)
        with torch.no_grad():
            layers[key].weight += delta.reshape(layers[key].weight.shape)


def measure_hires(artist: Artist, judge: Judge) -> dict[str, Any]:
    """Hires fix to 256 against plain enlarging: sharpness and names."""
    prompts = [with_article(n) for n in judge.names]
    small = artist.draw(prompts, 1)
    plain = [np.asarray(Image.fromarray(p).resize((256, 256), Image.Resampling.LANCZOS)) for p in small]
    second = library("diffusers").StableDiffusionImg2ImgPipeline(
        **artist.pipeline.components, requires_safety_checker=False
    )
    second.set_progress_bar_config(disable=True)
    sharp: list[Pixels] = []
    for i, picture in enumerate(plain):
        noise = torch.Generator().manual_seed(i)
        drawn = second(
            prompts[i], image=Image.fromarray(picture), strength=0.5, num_inference_steps=STEPS,
            guidance_scale=GUIDANCE, generator=noise, output_type="np",
        ).images  # fmt: skip
        sharp.append((drawn[0] * 255).round().astype(np.uint8))
    gradient = [
        float(np.mean([np.abs(np.diff(p.astype(float), axis=0)).mean() for p in kind])) for kind in (plain, sharp)
    ]
    return {
        "sharpness_plain_and_hires": [round(g, 2) for g in gradient],
        "hires_name_top1": share(judge.hits(sharp, judge.names)),
    }


def measure_cost(artist: Artist) -> dict[str, Any]:
    """Seconds of one picture (the machine may be busy) and the process's peak memory."""
    began = time.perf_counter()
    artist.draw(["a red heart"], 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"seconds_per_picture": round(time.perf_counter() - began, 2), "peak_gigabytes": round(peak, 2)}


def main() -> int:
    """Measure everything and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    family = read_family(options.family)
    artist, judge = load(family)
    figures = {"concepts": len(judge.names), "known": len(read_concepts())}
    figures |= measure_cost(artist)
    figures |= measure_ceiling(judge, options.work)
    for measure in (
        lambda: measure_following(artist, judge, options.seeds),
        lambda: measure_colours(artist),
        lambda: measure_negative(artist, judge),
        lambda: measure_lora(artist, judge, family),
        lambda: measure_hires(artist, judge),
    ):
        figures |= measure()
        print(json.dumps(figures, indent=1), flush=True)
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
