"""Stage `data`: drawings, tokenizer, composed pictures."""

from __future__ import annotations

import logging

import numpy as np

from generator.demo.concepts import read_concepts
from generator.demo.package import caption_words
from generator.demo.tokenizer import CutVocabulary, cut_vocabulary
from generator.demo.train.ink import half_ink_over, ink_over
from generator.demo.train.pictures import Composition, compose_pictures
from generator.demo.train.sources import PICTURE_SETS, PictureSet, read_drawings
from generator.demo.train.sprites import Sprite, cut_out
from generator.demo.train.workspace import Workspace

_log = logging.getLogger(__name__)


def make_data(workspace: Workspace) -> None:
    """Compose every picture set of the plan and write the tokenizer; finished sets are kept."""
    plan = workspace.plan
    vocabulary(workspace).write(workspace.tokenizer)
    extra = plan.extra_pictures
    jobs = {
        "base": Composition("3d", plan.pictures, plan.base_size),
        "hires": Composition("3d", plan.hires_pictures, plan.hires_size),
        "ink": Composition("ink", extra, plan.base_size),
        "half-ink": Composition("half-ink", extra, plan.base_size),
        "noto": Composition("noto", extra, plan.base_size),
        "held": Composition("flat", min(extra, 600), plan.base_size, single=True),
        "test": Composition("3d", min(extra, 600), plan.base_size, single=True),
    }
    sprites = {s.style: read_sprites(s, workspace) for s in PICTURE_SETS}
    sprites["ink"] = {name: ink_over(sprite) for name, sprite in sprites["3d"].items()}
    sprites["half-ink"] = {name: half_ink_over(sprite) for name, sprite in sprites["3d"].items()}
    for number, (name, what) in enumerate(jobs.items()):
        _log.info("composing %d pictures: %s", what.count, name)
        rng = np.random.default_rng((plan.seed, number))
        compose_pictures(workspace.pictures(name), sprites[what.style], what, rng)


def vocabulary(workspace: Workspace) -> CutVocabulary:
    """The tokenizer's vocabulary of this plan."""
    return cut_vocabulary(caption_words(read_concepts()), common=workspace.plan.common_merges)


def read_sprites(picture_set: PictureSet, workspace: Workspace) -> dict[str, Sprite]:
    """Every concept's sprite in one style."""
    concepts = read_concepts(workspace.plan.concepts)
    drawings = read_drawings(picture_set, concepts, workspace.downloads)
    return {name: cut_out(name, drawing) for name, drawing in drawings.items()}
