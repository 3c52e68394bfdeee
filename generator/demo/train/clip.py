"""Stage `clip`: the dual encoder, whose text half is the pipeline's text tower."""

from __future__ import annotations

import json
import logging
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.demo.concepts import read_concepts
from generator.demo.networks import build_dual_encoder, dual_encoder_config, library
from generator.demo.shape import TRAINED_SHAPE
from generator.demo.tokenizer import CONTEXT_LENGTH
from generator.demo.train.caption import Teller
from generator.demo.train.data import vocabulary
from generator.demo.train.foreign import foreign_words
from generator.demo.train.pairs import SHARES, Pairs, attribute_sizes
from generator.demo.train.pictures import PictureFile, Pixels, open_pictures
from generator.demo.train.run import Recipe, TrainingRun, read_average
from generator.demo.train.vae import to_tensor
from generator.demo.train.workspace import Workspace

_log = logging.getLogger(__name__)
_HIGHEST_SCALE = 50.0
_PADDING_SEEN = 45  # positions after the longest caption of a batch, at most
_SHARPNESS = 10.0  # the towers' vectors have length 1: without it no answer could be certain


class PairLoss(nn.Module):
    """The losses of an open_clip `CLIP`: contrastive, and the naming of attributes by both towers.

    The heads that name the attributes are shared by the towers, which brings the two into one space long
    before a contrastive loss of small batches would.

    Args:
        model: The dual encoder.
        heads: Number of answers of each attribute.
    """

    def __init__(self, model: nn.Module, heads: dict[str, int]) -> None:
        super().__init__()
        self.model: Any = model
        width = TRAINED_SHAPE.text_width
        self.heads = nn.ModuleDict({name: nn.Linear(width, count) for name, count in heads.items()})

    def forward(self, pictures: Tensor, ids: Tensor, same: Tensor, answers: dict[str, Tensor]) -> Tensor:
        """Mean cross-entropy of both directions, plus that of the attributes.

        Args:
            pictures: [batch, 3, side, side] in -1..1.
            ids: [batch, 77], int64.
            same: [batch, batch], 1.0 where two captions are equal.
            answers: Of every attribute, int64 [2, batch]: what the picture shows and what the caption
                tells; -100 where it tells nothing.
        """
        seen = functional.normalize(self.model.encode_image(pictures).float(), dim=-1)
        told, padding = (functional.normalize(vector.float(), dim=-1) for vector in self._tell(ids))
        scale = self.model.logit_scale.exp().clamp(max=_HIGHEST_SCALE)
        scores = scale * seen @ told.T
        targets = same / same.sum(1, keepdim=True)
        loss = (functional.cross_entropy(scores, targets) + functional.cross_entropy(scores.T, targets)) / 2
        for name, head in self.heads.items():
            shown, said = answers[name]
            for side, right in ((seen, shown), (told, said), (padding, said)):
                if (right >= 0).any():
                    loss = loss + 0.5 * functional.cross_entropy(_SHARPNESS * head(side), right)
        return loss

    def _tell(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The model's own `encode_text`, and the same of one padding position of every caption.

        A UNet sees all positions, most of them padding. What they hold is a summary that does not care where
        in the caption foreign words stand, if it is asked for; unasked it is left to chance.
        """
        model = self.model
        ends = ids.argmax(1)
        rows = torch.arange(len(ids))
        seen = min(CONTEXT_LENGTH, int(ends.max()) + 2 + int(torch.randint(_PADDING_SEEN, ())))
        hidden = model.token_embedding(ids[:, :seen]) + model.positional_embedding[:seen]
        hidden = model.ln_final(model.transformer(hidden, attn_mask=model.attn_mask[:seen, :seen]))
        after = (ends + (torch.rand(len(ids)) * (seen - ends)).long()).clamp(max=seen - 1)
        pooled: Tensor = hidden[rows, ends] @ model.text_projection
        padding: Tensor = hidden[rows, after] @ model.text_projection
        return pooled, padding


def train_clip(workspace: Workspace, minutes: float) -> None:
    """Train the dual encoder on the drawing style, a second set of drawings and the LoRA's style."""
    recipe = Recipe(
        minutes, peak_rate=1e-3, weight_decay=0.02, average_decay=0.995, warm_up_steps=60, seed=workspace.plan.seed + 1
    )
    loss = _new_loss(workspace)
    if workspace.start_of("clip"):
        _warm_up(loss, workspace)
    _train(workspace, TrainingRun(loss, recipe, workspace.checkpoint("clip")))


def _warm_up(loss: PairLoss, workspace: Workspace) -> None:
    """Take over from an earlier training whatever still fits; the tokens' vectors by their text."""
    file = workspace.start_of("vision") or workspace.start_of("clip")
    old: dict[str, Tensor] = torch.load(str(file), map_location="cpu", weights_only=True)["average"]
    new = loss.state_dict()
    key = "model.token_embedding.weight"
    earlier = json.loads((workspace.warm or workspace.root).joinpath("tokenizer", "vocab.json").read_text("utf-8"))
    for token, row in enumerate(vocabulary(workspace).tokens):
        if row in earlier:
            new[key][token] = old[key][earlier[row]]
    kept = {n: t for n, t in old.items() if n != key and t.shape == new[n].shape and not n.startswith("heads.name")}
    loss.load_state_dict({**new, **kept})


def train_vision(workspace: Workspace, minutes: float) -> None:
    """Train the vision half on; the text half stays what the UNet has learnt, so this may run at any time."""
    recipe = Recipe(minutes, peak_rate=6e-4, weight_decay=0.02, average_decay=0.995, seed=workspace.plan.seed + 5)
    loss: Any = _read_loss(workspace).requires_grad_(requires_grad=False).train()
    loss.model.visual.requires_grad_(requires_grad=True)
    _train(workspace, TrainingRun(loss, recipe, workspace.checkpoint("vision")))


def _train(workspace: Workspace, run: TrainingRun) -> None:
    """Train a `PairLoss` to the end of its run and log how well it names pictures."""
    pairs = Pairs(
        {name: open_pictures(workspace.pictures(name)) for name in SHARES},
        make_teller(workspace),
        tuple(c.name for c in read_concepts()),
    )
    tokenizer = read_tokenizer(workspace)
    count = 2 * workspace.plan.batch
    while run.goes_on():
        batch = pairs.batch(count, run.rng)
        ids = tokenise(tokenizer, batch.captions)
        with torch.autocast("cpu", torch.bfloat16):
            loss = run.network(shrink(batch.pixels), ids, batch.same(), batch.answers)
        run.step(loss, samples=count)
    run.finish()
    for name in ("base", "held"):
        top1, top5 = name_accuracy(workspace, open_pictures(workspace.pictures(name)), limit=300)
        _log.info("clip: names of %s pictures: top-1 %.1f %%, top-5 %.1f %%", name, 100 * top1, 100 * top5)


def make_teller(workspace: Workspace) -> Teller:
    """The caption writer of this plan."""
    concepts = {c.name: c for c in read_concepts(workspace.plan.concepts)}
    return Teller(concepts, foreign_words(vocabulary(workspace)), names_style=True)


def read_dual_encoder(workspace: Workspace) -> Any:
    """The trained dual encoder, in evaluation mode."""
    return _read_loss(workspace).model.eval().requires_grad_(requires_grad=False)


def _read_loss(workspace: Workspace) -> Any:
    refined = workspace.checkpoint("vision")
    file = refined if refined.is_file() else workspace.checkpoint("clip")
    return read_average(_new_loss(workspace), file)


def _new_loss(workspace: Workspace) -> PairLoss:
    config = dual_encoder_config(TRAINED_SHAPE, len(vocabulary(workspace).tokens))
    return PairLoss(build_dual_encoder(config), attribute_sizes(len(read_concepts())))


def read_tokenizer(workspace: Workspace) -> Any:
    """The plan's `CLIPTokenizer`."""
    return library("transformers").CLIPTokenizer.from_pretrained(str(workspace.tokenizer))


def tokenise(tokenizer: Any, captions: list[str]) -> Tensor:
    """int64 [batch, 77]."""
    ids: Tensor = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
    return ids


def shrink(pixels: Pixels) -> Tensor:
    """uint8 [batch, h, w, 3] to the vision tower's [batch, 3, side, side] in -1..1."""
    side = TRAINED_SHAPE.vision_size
    return functional.interpolate(to_tensor(pixels), (side, side), mode="bilinear", antialias=True)


def name_accuracy(workspace: Workspace, pictures: PictureFile, limit: int) -> tuple[float, float]:
    """Top-1 and top-5 share of single-thing pictures whose concept the dual encoder names right."""
    names = [c.name for c in read_concepts(workspace.plan.concepts)]
    rows = [i for i in pictures.rows_of(names) if pictures.scenes[i].layout == "single"][:limit]
    model: Any = read_dual_encoder(workspace)
    with torch.no_grad():
        told = model.encode_text(tokenise(read_tokenizer(workspace), names), normalize=True)
        seen = model.encode_image(shrink(pictures.pixels[rows]), normalize=True)
    ranked = (seen @ told.T).argsort(dim=1, descending=True).numpy()
    truth = np.array([names.index(pictures.scenes[i].name) for i in rows])[:, None]
    return float((ranked[:, :1] == truth).any(1).mean()), float((ranked[:, :5] == truth).any(1).mean())


def name_certainty(workspace: Workspace, names: list[str], pixels: Pixels) -> dict[str, float]:
    """The share the dual encoder gives each name, against all the others, in the picture of the same place.

    Args:
        workspace: Of the dual encoder.
        names: One per picture.
        pixels: uint8 [len(names), h, w, 3].
    """
    model: Any = read_dual_encoder(workspace)
    with torch.no_grad():
        told = model.encode_text(tokenise(read_tokenizer(workspace), names), normalize=True)
        seen = model.encode_image(shrink(pixels), normalize=True)
        shares = (model.logit_scale.exp().clamp(max=_HIGHEST_SCALE) * seen @ told.T).softmax(1).diagonal()
    return dict(zip(names, shares.tolist(), strict=True))
