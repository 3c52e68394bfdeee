"""The closest (or farthest) rows of a label table for one picture or many."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from prompts.interrogation.half_precision import is_half_faster

_WORTH_TIMING = 4096  # rows
# Of a half-precision product of unit vectors: rounding the query and the result costs 2**-11 each at most,
# summing up to 2,048 products in float32 the rest.
_HALF_ERROR = 2 * 2.0**-11 + 2048 * 2.0**-24
# Two float32 products of the same unit vectors, summed in another order, differ by less than this: where the
# last row kept and the next are closer, the library's own product decides which of them it is.
_FLOAT_ERROR = 1e-6
_TIE = 3e-8  # a float32's step below 0.5; rows as close as this may be the same phrase twice
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
    return features if is_half_faster(features) else features.float()


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


@torch.inference_mode()
def rank_by_chunks(
    picture: Tensor, features: Tensor, count: int, chunk_size: int = 2048, *, farthest: bool = False
) -> Ranked:
    """clip-interrogator's ranking, faults included: `LabelTable.rank` of 0.6.0.

    With more terms than a chunk only the best `chunk_size / chunks` of every chunk survive, and the final
    order forgets `farthest`. Half-precision features on a CPU give the same rows from half the bytes: see `rank`.

    Args:
        picture: (1, dim).
        features: (terms, dim) float32 or float16; products are float32 either way.
        count: At most.
        chunk_size: Terms per chunk.
        farthest: As `reverse` there.
    """
    if len(features) <= chunk_size:
        return _plain_top(picture, features.float(), count, farthest=farthest)
    chunks = math.ceil(len(features) / chunk_size)
    each = chunk_size // chunks
    if features.dtype == torch.float16 and features.device.type == "cpu" and each:
        kept = _kept_roughly(picture, features, each, chunk_size, farthest=farthest)
    else:
        kept = []
        for start in range(0, len(features), chunk_size):
            kept += _kept_of(picture, features, slice(start, start + chunk_size), each, farthest=farthest)
    final = _plain_top(picture, features[kept].float(), count, farthest=False)
    return Ranked(tuple(kept[row] for row in final.rows), final.similarities)


def _kept_of(picture: Tensor, features: Tensor, chunk: slice, count: int, *, farthest: bool) -> list[int]:
    """What the library keeps of one chunk, by its own product."""
    top = _plain_top(picture, features[chunk].float(), count, farthest=farthest)
    return [chunk.start + row for row in top.rows]


def _kept_roughly(picture: Tensor, features: Tensor, count: int, chunk_size: int, *, farthest: bool) -> list[int]:
    """What the library keeps of all chunks, `count` of each and best first.

    A half-precision product of bounded error finds the rows in question, a float32 product orders them; a
    chunk in which that order hangs on rounding is asked the library's way.
    """
    whole = len(features) // chunk_size
    rough = (features[: whole * chunk_size] @ picture[0].half()).float().view(whole, chunk_size)
    score = -rough if farthest else rough
    limits = torch.topk(score, count, dim=1).values[:, -1:] - 2 * _HALF_ERROR
    chunks, columns = torch.nonzero(score >= limits, as_tuple=True)
    exact = features[chunks * chunk_size + columns].float() @ picture[0]
    score.fill_(-math.inf)
    score[chunks, columns] = -exact if farthest else exact
    best = torch.topk(score, count + 1, dim=1)  # one more than kept: who comes next may be as good
    gaps = best.values[:, :-1] - best.values[:, 1:]
    is_clear = ((gaps[:, -1] >= _FLOAT_ERROR) & (gaps > _TIE).all(dim=1)).tolist()
    names = best.indices[:, :-1] + chunk_size * torch.arange(whole)[:, None]
    kept: list[int] = []
    for chunk, rows in enumerate(names.tolist()):
        start = chunk * chunk_size
        library = slice(start, start + chunk_size)
        kept += rows if is_clear[chunk] else _kept_of(picture, features, library, count, farthest=farthest)
    rest = slice(whole * chunk_size, len(features))
    return kept + _kept_of(picture, features, rest, count, farthest=farthest)


def _plain_top(picture: Tensor, features: Tensor, count: int, *, farthest: bool) -> Ranked:
    similarities = (picture @ features.T).float().cpu()
    score = -similarities if farthest else similarities
    rows = torch.topk(score, min(count, len(features)), dim=-1).indices[0]
    return Ranked(tuple(rows.tolist()), tuple(similarities[0, rows].tolist()))
