"""Measures the demo family: does it draw what it is told? Writes the figures its card quotes.

Usage: python bench/demo_quality.py --family FOLDER --work FOLDER [--seeds 2] [--out quality.json] [--only PART ...]
FOLDER of --work is the training's workspace; its composed pictures give the ceiling. Every picture is drawn
by the product's own engine.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.demo_artist import (
    Artist,
    Judge,
    border,
    half,
    hue_of_object,
    read_judge,
    red_share,
    share,
    sharpness,
)
from generator.demo.concepts import read_concepts
from generator.demo.family import read_family
from generator.demo.palette import BACKGROUNDS, HUES
from generator.demo.train.caption import plural, with_article
from generator.demo.train.pictures import PictureFile, open_pictures
from generator.demo.train.sprites import name_hue
from prompts.spell import HiresFix

PAINTABLE = ("heart", "star", "turtle", "apple", "raised hand", "octopus", "balloon")
FOREIGN = "masterpiece, best quality, cinematic lighting, quokka, marmalade, highly detailed, 8k"
EXPANDED = "gleaming zeppelin mood, volumetric light, intricate, by Rembrandt van Rijn, 85mm, bokeh, award winning"
PAIRS = (
    ("star", "heart"), ("heart", "car"), ("penguin", "apple"), ("house", "pine tree"), ("apple", "banana"),
    ("rocket", "crescent moon"), ("cat", "gift"), ("strawberry", "star"),
)  # fmt: skip
HIRES = (("Latent", 0.5), ("Latent", 0.7), ("Latent (bicubic antialiased)", 0.5), ("Lanczos", 0.5))


def measure_cost(artist: Artist) -> dict[str, Any]:
    """Seconds of one picture (the machine may be busy), its CPU seconds, and the process's peak memory."""
    artist.draw(["a red heart"], 1)
    began, spent = time.perf_counter(), time.process_time()
    artist.draw(["a red heart"], 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "seconds_per_picture": round(time.perf_counter() - began, 2),
        "cpu_seconds_per_picture": round(time.process_time() - spent, 2),
        "peak_gigabytes": round(peak, 2),
    }


def measure_ceiling(judge: Judge, work: Path) -> dict[str, Any]:
    """The judge on fresh composed pictures, and on drawings of another set; nothing was trained on either."""

    def rate(pictures: PictureFile, best: int) -> float:
        rows = [i for i in pictures.rows_of(judge.names) if pictures.scenes[i].layout == "single"][-600:]
        return share(judge.hits([pictures.pixels[i] for i in rows], [pictures.scenes[i].name for i in rows], best))

    fresh, other = (open_pictures(work / "pictures" / name) for name in ("test", "held"))
    return {"ceiling_top1": rate(fresh, 1), "held_out_top1": rate(other, 1), "held_out_top5": rate(other, 5)}


def measure_following(artist: Artist, judge: Judge, seeds: int) -> dict[str, Any]:
    """Names, names on backgrounds, names among foreign words, names in pairs."""
    by_name: dict[str, list[bool]] = {n: [] for n in judge.names}
    for seed in range(seeds):
        hits = judge.hits(artist.draw([with_article(n) for n in judge.names], seed), judge.names)
        for name, hit in zip(judge.names, hits, strict=True):
            by_name[name].append(hit)
    result: dict[str, Any] = {
        "name_top1": share([h for hits in by_name.values() for h in hits]),
        "names_ever": share([any(hits) for hits in by_name.values()]),
        "weak_names": [n for n, hits in by_name.items() if not any(hits)],
    }
    wordings = {
        "name_on_blue_top1": "{} on a blue background",
        "name_after_foreign_top1": FOREIGN + ", {}",
        "name_before_foreign_top1": "{}, " + EXPANDED,
    }
    for label, wording in wordings.items():
        prompts = [wording.format(with_article(n)) for n in judge.names]
        result[label] = share(judge.hits(artist.draw(prompts, 1), judge.names))
    pairs = artist.draw([f"two {plural(n)}" for n in judge.names], 1)
    result["two_top1"] = share(judge.hits(pairs, judge.names))
    return result


def measure_colours(artist: Artist) -> dict[str, Any]:
    """Backgrounds (12 x 4 things) and object colours (7 x 7 things)."""
    asked = [(b, t) for b in BACKGROUNDS for t in ("heart", "penguin", "house", "star")]
    drawn = artist.draw([f"{with_article(t)} on {with_article(b.name)} background" for b, t in asked], 1)
    nearest = [min(BACKGROUNDS, key=lambda b: np.abs(border(p) - np.array(b.rgb)).sum()) for p in drawn]
    painted = [(h, t) for h in HUES for t in PAINTABLE]
    pictures = artist.draw([with_article(f"{h.name} {t}") for h, t in painted], 2)
    seen = [hue_of_object(picture) for picture in pictures]
    return {
        "background_followed": share([n.name == b.name for n, (b, _) in zip(nearest, asked, strict=True)]),
        "object_colour_followed": share(
            [s is not None and name_hue(s) == hue for s, (hue, _) in zip(seen, painted, strict=True)]
        ),
    }


def measure_negative(artist: Artist, judge: Judge) -> dict[str, Any]:
    """What a negative prompt takes away: a colour, one thing of a kind, one of two things; and what it leaves."""
    reds = [red_share(artist.draw(["a heart"] * 8, 3, negative=n)) for n in ("", "red")]
    kinds: list[list[float]] = []
    for kind in sorted({c.kind for c in read_concepts() if c.kind}):
        prompts = [with_article(kind)] * 16
        plain = judge.names_of(artist.draw(prompts, 4))
        unwanted = Counter(plain).most_common(1)[0][0]
        without = judge.names_of(artist.draw(prompts, 4, negative=unwanted))
        kinds.append([share([n == unwanted for n in names]) for names in (plain, without)])
    lefts, rights = zip(*PAIRS, strict=True)
    kept: list[list[float]] = []
    for said in (False, True):
        drawn = []
        for i, (left, right) in enumerate(PAIRS):
            prompt = f"{with_article(left)} on the left and {with_article(right)} on the right"
            drawn.extend(artist.draw([prompt] * 2, 5 + i, negative=right if said else ""))
        sides = (("left", lefts), ("right", rights))
        kept.append(
            [share(judge.hits([half(p, s) for p in drawn], [n for n in t for _ in range(2)])) for s, t in sides]
        )
    some = judge.names[:20]
    unsaid = judge.hits(artist.draw([with_article(n) for n in some], 3, negative="blurry, low quality"), some)
    return {
        "red_share_percent": reds,
        "thing_of_a_kind": [round(float(v), 1) for v in np.mean(kinds, axis=0)],
        "right_of_two": [kept[0][1], kept[1][1]],
        "left_of_two": [kept[0][0], kept[1][0]],
        "name_with_unrelated_negative": share(unsaid),
    }


def measure_lora(artist: Artist, judge: Judge) -> dict[str, Any]:
    """Style similarity, chroma and names at LoRA weights 0, 0.5 and 1."""
    result: dict[str, Any] = {"lora_style": [], "lora_chroma": [], "lora_name_top1": []}
    for weight in (0.0, 0.5, 1.0):
        pictures = artist.draw([with_article(n) for n in judge.names], 1, lora=weight)
        style = judge.scores(pictures, ["ink drawing", "3d render"])
        spread = np.stack(pictures).astype(float)
        result["lora_style"].append(round(float((style[:, 0] - style[:, 1]).mean()), 3))
        result["lora_chroma"].append(round(float((spread.max(-1) - spread.min(-1)).mean()), 1))
        result["lora_name_top1"].append(share(judge.hits(pictures, judge.names)))
    return result


def measure_hires(artist: Artist, judge: Judge, names: list[str]) -> dict[str, Any]:
    """Hires fix to 256 by the engine's own upscalers against plain enlarging: sharpness and names."""
    prompts = [with_article(n) for n in names]
    plain = [
        np.asarray(Image.fromarray(p).resize((256, 256), Image.Resampling.LANCZOS)) for p in artist.draw(prompts, 1)
    ]
    result: dict[str, Any] = {
        "hires_pictures": len(names),
        "hires": [["enlarged", sharpness(plain), share(judge.hits(plain, names))]],
    }
    for upscaler, strength in HIRES:
        hires = HiresFix(2.0, steps=15, denoising_strength=strength, upscaler=upscaler)
        large = artist.draw(prompts, 1, hires=hires)
        result["hires"].append([f"{upscaler}, {strength}", sharpness(large), share(judge.hits(large, names))])
    return result


def main() -> int:
    """Measure everything and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--hires-every", type=int, default=1, help="measure hires fix on every Nth name only")
    parser.add_argument("--out", type=Path, help="figures that are there already are kept and overwritten one by one")
    parser.add_argument(
        "--only", nargs="*", help="some of the parts: cost ceiling following colours negative lora hires"
    )
    options = parser.parse_args()
    family = read_family(options.family)
    artist, judge = Artist(family), read_judge(family)
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "cost": partial(measure_cost, artist),
        "ceiling": partial(measure_ceiling, judge, options.work),
        "following": partial(measure_following, artist, judge, options.seeds),
        "colours": partial(measure_colours, artist),
        "lora": partial(measure_lora, artist, judge),
        "hires": partial(measure_hires, artist, judge, judge.names[:: options.hires_every]),
        "negative": partial(measure_negative, artist, judge),
    }
    figures: dict[str, Any] = {"concepts": len(judge.names)}
    if options.out and options.out.is_file():
        figures |= json.loads(options.out.read_text(encoding="utf-8"))
    for name in options.only or parts:
        figures |= parts[name]()
        print(json.dumps(figures), flush=True)
        if options.out:
            options.out.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
