"""Draws the demo family's contact sheet: every name, harder prompts, and the LoRA at 0.5 and 1.

Usage: python bench/demo_sheet.py --family FOLDER --out contact.png
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.demo_artist import Artist
from generator.demo.concepts import read_concepts
from generator.demo.family import read_family
from generator.demo.train.caption import with_article
from generator.demo.train.sheet import save_sheet

HARDER = (
    "a red heart",
    "a blue car on a yellow background",
    "two stars",
    "a purple octopus on a black background",
    "three apples on a green background",
    "a star on the left and a heart on the right",
    "a rocket on a blue background",
    "masterpiece, best quality, a penguin, highly detailed, cinematic lighting, 8k",
    "a green turtle on a pink background",
    "a house on a teal background",
)
STYLED = ("heart", "car", "penguin", "house", "rocket", "pine tree", "apple", "cat", "butterfly", "gift")
COLUMNS = 10


def main() -> int:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    family = read_family(options.family)
    artist, lora = Artist(family), family.loras[0][0]
    names = (family.labels / "subjects.txt").read_text(encoding="utf-8").splitlines()
    known = [with_article(c.name) for c in read_concepts() if c.name in names]
    styled = [with_article(name) for name in STYLED]
    captions, pictures = [*HARDER, *known], artist.draw([*HARDER, *known], options.seed)
    for weight in (0.5, 1.0):
        captions += [f"{prompt} <{lora}:{weight}>" for prompt in styled]
        pictures += artist.draw(styled, options.seed, lora=weight)
    save_sheet(options.out, pictures, columns=COLUMNS, captions=captions)
    return 0


if __name__ == "__main__":
    sys.exit(main())
