"""Measures the prompt language and the metadata readers: medians per call, pictures per second and core.

Usage: python bench/language.py [--seconds 2] [--json]
Targets: parse and lint of a 300-word prompt within 1 ms together; 2,000 PNGs a second. Pillow reads the same
files in the same run, for comparison.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import statistics
import time
from collections.abc import Callable

from PIL import Image

from prompts import Spell
from prompts.language import attention, chunk, explain, lint, parse, schedule
from prompts.metadata import format_infotext, parse_infotext, read, read_infotext, read_spell, write_infotext

WORDS = [
    "castle",
    "river",
    "portrait",
    "woman",
    "man",
    "lantern",
    "violet",
    "crimson",
    "oak",
    "meadow",
    "rain",
    "velvet",
    "copper",
    "statue",
    "harbour",
    "bridge",
    "morning",
    "evening",
    "shadow",
    "silver",
    "marble",
    "garden",
    "window",
    "mirror",
    "feather",
    "ribbon",
    "candle",
    "mountain",
    "valley",
    "glacier",
    "desert",
    "cinematic",
    "detailed",
    "painting",
    "photograph",
    "sketch",
    "watercolour",
    "oil",
    "charcoal",
    "pastel",
    "mosaic",
    "stained",
    "glass",
    "tapestry",
]
INFOTEXT_TAIL = (
    "\nNegative prompt: lowres, bad anatomy, (worst quality:1.4)\n"
    "Steps: 28, Sampler: DPM++ SDE Karras, CFG scale: 7, Seed: 965400086, Size: 512x768, Model hash: fc2511737a, "
    "Model: chilloutmix, Denoising strength: 0.45, Clip skip: 2, Hires upscale: 2, Hires upscaler: Latent, "
    'Lora hashes: "ink: 0a1b2c3d4e5f", Version: v1.6.0'
)


def prompt_of(count: int, seed: int) -> str:
    """A prompt of `count` words: phrases of one to four, every fifth with syntax."""
    source = random.Random(seed)
    phrases: list[str] = []
    words = 0
    while words < count:
        size = min(source.randint(1, 4), count - words)
        words += size
        text = " ".join(source.choice(WORDS) for _ in range(size))
        kind = source.random()
        if kind < 0.12:
            text = f"({text}:1.{source.randint(1, 4)})"
        elif kind < 0.16:
            text = f"[{text}:{source.choice(WORDS)}:0.5]"
        elif kind < 0.2:
            text = f"[{text}]"
        phrases.append(text)
    return ", ".join(phrases)


def median_ms(act: Callable[[], object], seconds: float) -> float:
    """The median time of one call, in milliseconds, over about `seconds`."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 20:
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def per_second(act: Callable[[bytes], object], files: list[bytes], seconds: float) -> float:
    """Files read in a second of processor time."""
    done = 0
    start = time.process_time()
    while time.process_time() - start < seconds:
        for data in files:
            act(data)
        done += len(files)
    return done / (time.process_time() - start)


def pictures(count: int) -> list[bytes]:
    """Small PNGs, each with an infotext of its own."""
    files = []
    for i in range(count):
        buffer = io.BytesIO()
        Image.effect_noise((256, 384), 40).convert("RGB").save(buffer, "PNG")
        files.append(write_infotext(buffer.getvalue(), prompt_of(60, i) + INFOTEXT_TAIL))
    return files


def pillow_text(data: bytes) -> object:
    """What a program without a reader of its own does; no parsing of the infotext."""
    with Image.open(io.BytesIO(data)) as image:
        return image.info["parameters"]


def measure(seconds: float) -> dict[str, float]:
    """All figures by name."""
    text = prompt_of(300, 1)
    spell = Spell(text, "lowres, bad anatomy, (worst quality:1.4)")
    infotext = text + INFOTEXT_TAIL
    read_back = parse_infotext(infotext)

    def tokenize(part: str) -> list[int]:
        return [1] * len(part.split())

    share = seconds / 8
    files = pictures(50)
    figures = {
        "parse ms": median_ms(lambda: parse(text), share),
        "lint ms": median_ms(lambda: lint(spell), share),
        "parse and lint ms": median_ms(lambda: (parse(text), lint(spell)), share),
        "attention ms": median_ms(lambda: attention(text), share),
        "schedule of 20 steps ms": median_ms(lambda: schedule(text, 20), share),
        "chunk ms": median_ms(lambda: chunk(text, tokenize, 1), share),
        "explain ms": median_ms(lambda: explain(spell, tokenize), share),
        "parse infotext ms": median_ms(lambda: parse_infotext(infotext), share),
        "format infotext ms": median_ms(lambda: format_infotext(read_back), share),
        "PNGs to spells per second": per_second(read_spell, files, seconds / 2),
        "PNGs to readings per second": per_second(read, files, seconds / 2),
        "PNG texts per second": per_second(read_infotext, files, seconds / 2),
        "PNG texts by Pillow per second": per_second(pillow_text, files, seconds / 2),
    }
    figures["our texts beside Pillow's"] = figures["PNG texts per second"] / figures["PNG texts by Pillow per second"]
    return figures


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=2.0)
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    figures = measure(given.seconds)
    if given.json:
        print(json.dumps(figures, indent=1))
        return
    for name, value in figures.items():
        print(f"{name:36} {value:10.3f}" if value < 100 else f"{name:36} {value:10.0f}")


if __name__ == "__main__":
    main()
