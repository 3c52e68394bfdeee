"""The closest (or farthest) rows of a label table for one picture or many."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Ranked:
    """Rows of a table, best first, with their cosine similarity."""

    rows: tuple[int, ...]
    similarities: tuple[float, ...]


@torch.inference_mode()
def rank(pictures: Tensor, features: Tensor, count: int, *, farthest: bool = False) -> list[Ranked]:
    """The exact `count` closest rows for every picture; equal similarities in table order.

    Args:
        pictures: (pictures, dim), unit length; they share one matrix product.
        features: (terms, dim).
        count: At most the number of terms; fewer terms give fewer rows.
        farthest: The least similar rows instead, least similar first.
    """
    count = min(count, len(features))
    if count == 0:
        return [Ranked((), ()) for _ in pictures]
    similarities = (pictures @ features.T).float()
    return [_top(row, count, farthest=farthest) for row in similarities.cpu()]


def _top(similarities: Tensor, count: int, *, farthest: bool) -> Ranked:
    score = -similarities if farthest else similarities
    least = torch.topk(score, count, sorted=True).values[-1]
    # topk leaves open which of equal values it takes: take all above the last value, then its first ties.
    above = torch.nonzero(score > least).flatten()
    ties = torch.nonzero(score == least).flatten()[: count - len(above)]
    rows = torch.cat([above, ties])
    order = torch.sort(score[rows], descending=True, stable=True).indices
    rows = rows[order]
    return Ranked(tuple(rows.tolist()), tuple(similarities[rows].tolist()))


@torch.inference_mode()
def rank_by_chunks(
    picture: Tensor, features: Tensor, count: int, chunk_size: int = 2048, *, farthest: bool = False
) -> Ranked:
    """clip-interrogator's ranking, faults included: `LabelTable.rank` of 0.6.0.

    With more terms than a chunk only the best `chunk_size / chunks` of every chunk survive, and the final
    order forgets `farthest`.

    Args:
        picture: (1, dim).
        features: (terms, dim) float32 holding half-precision values.
        count: At most.
        chunk_size: Terms per chunk.
        farthest: As `reverse` there.
    """
    if len(features) <= chunk_size:
        return _plain_top(picture, features, count, farthest=farthest)
    chunks = math.ceil(len(features) / chunk_size)
    kept: list[int] = []
    for chunk in range(chunks):
        start = chunk * chunk_size
        top = _plain_top(picture, features[start : start + chunk_size], chunk_size // chunks, farthest=farthest)
        kept += [start + row for row in top.rows]
    final = _plain_top(picture, features[kept], count, farthest=False)
    return Ranked(tuple(kept[row] for row in final.rows), final.similarities)


def _plain_top(picture: Tensor, features: Tensor, count: int, *, farthest: bool) -> Ranked:
    similarities = (picture @ features.T).float().cpu()
    score = -similarities if farthest else similarities
    rows = torch.topk(score, min(count, len(features)), dim=-1).indices[0]
    return Ranked(tuple(rows.tolist()), tuple(similarities[0, rows].tolist()))
