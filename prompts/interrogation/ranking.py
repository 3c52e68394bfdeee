"""The closest (or farthest) rows of a label table for one picture or many."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor

_WORTH_TIMING = 4096  # rows
# Of a half-precision product of unit vectors: rounding the query and the result costs 2**-11 each at most,
# summing up to 2,048 products in float32 the rest.
_HALF_ERROR = 2 * 2.0**-11 + 2048 * 2.0**-24
_STANDS_OUT = 1.5  # standard deviations; of 112,000 terms the first 32 lie beyond 3


@dataclass(frozen=True, slots=True)
class Ranked:
    """Rows of a table, best first, with their cosine similarity."""

    rows: tuple[int, ...]
    similarities: tuple[float, ...]
    usual: float = -1.0
    """Similarity below which a row does not stand out from its table: mean plus 1.5 standard deviations."""


@torch.inference_mode()
def rank(pictures: Tensor, features: Tensor, count: int, *, farthest: bool = False) -> list[Ranked]:
    """The exact `count` closest rows for every picture; equal similarities in table order.

    Half-precision features on a CPU are ranked in two passes: a product in half precision, whose error is
    bounded, then a float32 product over the rows that the bound leaves in question. Same rows, less memory
    to read.

    Args:
        pictures: (pictures, dim) float32, unit length.
        features: (terms, dim) float32 or float16, unit length.
        count: At most the number of terms; fewer terms give fewer rows.
        farthest: The least similar rows instead, least similar first.
    """
    count = min(count, len(features))
    if count == 0:
        return [Ranked((), ()) for _ in pictures]
    if features.dtype == torch.float16 and features.device.type == "cpu":
        return [_refined(picture, features, count, farthest=farthest) for picture in pictures]
    similarities = (pictures @ features.to(pictures.dtype).T).float().cpu()
    everything = torch.arange(len(features))
    return [_top(row, everything, count, _usual(row), farthest=farthest) for row in similarities]


def resident(features: Tensor, device: torch.device) -> Tensor:
    """`features` (float16) on `device`, in the precision that ranks fastest there.

    Half precision unless this CPU has no fast half-precision product: then float32, twice the memory.
    """
    features = features.to(device)
    if device.type != "cpu" or len(features) < _WORTH_TIMING:
        return features if device.type != "cpu" else features.float()
    probe = features[:_WORTH_TIMING]
    full, query = probe.float(), probe[0]
    return features if _seconds(probe, query) < _seconds(full, query.float()) else features.float()


def _refined(picture: Tensor, features: Tensor, count: int, *, farthest: bool) -> Ranked:
    roughly = (features @ picture.half()).float()
    score = -roughly if farthest else roughly
    least = torch.topk(score, count).values[-1]
    rows = torch.nonzero(score >= least - 2 * _HALF_ERROR).flatten()
    exact = features[rows].float() @ picture
    return _top(exact, rows, count, _usual(roughly), farthest=farthest)


def _top(similarities: Tensor, names: Tensor, count: int, usual: float, *, farthest: bool) -> Ranked:
    """The best of `similarities`; `names` are the rows of the table that they belong to, ascending."""
    score = -similarities if farthest else similarities
    least = torch.topk(score, count).values[-1]
    # topk leaves open which of equal values it takes: take all above the last value, then its first ties.
    above = torch.nonzero(score > least).flatten()
    ties = torch.nonzero(score == least).flatten()[: count - len(above)]
    rows = torch.cat([above, ties])
    rows = rows[torch.sort(score[rows], descending=True, stable=True).indices]
    return Ranked(tuple(names[rows].tolist()), tuple(similarities[rows].tolist()), usual)


def _usual(similarities: Tensor) -> float:
    return float(similarities.mean() + _STANDS_OUT * similarities.std(correction=0))


def _seconds(features: Tensor, query: Tensor) -> float:
    fastest = math.inf
    for _ in range(3):
        started = perf_counter()
        torch.mv(features, query)
        fastest = min(fastest, perf_counter() - started)
    return fastest


@torch.inference_mode()
def rank_by_chunks(
    picture: Tensor, features: Tensor, count: int, chunk_size: int = 2048, *, farthest: bool = False
) -> Ranked:
    """clip-interrogator's ranking, faults included: `LabelTable.rank` of 0.6.0.

    With more terms than a chunk only the best `chunk_size / chunks` of every chunk survive, and the final
    order forgets `farthest`.

    Args:
        picture: (1, dim).
        features: (terms, dim) float32 or float16; products are float32 either way.
        count: At most.
        chunk_size: Terms per chunk.
        farthest: As `reverse` there.
    """
    features = features.float()
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
