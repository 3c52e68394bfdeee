"""Rankings against brute force, ties included."""

from __future__ import annotations

import pytest
import torch

from prompts.interrogation.ranking import rank, rank_by_chunks, resident


def unit_rows(count: int, dim: int, seed: int) -> torch.Tensor:
    rows = torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=-1)


def brute_force(picture: torch.Tensor, features: torch.Tensor, count: int, *, farthest: bool) -> list[int]:
    similarities = (features @ picture).tolist()
    order = sorted(range(len(similarities)), key=lambda i: (similarities[i] if farthest else -similarities[i], i))
    return order[:count]


@pytest.mark.parametrize("farthest", [False, True])
@pytest.mark.parametrize("count", [0, 1, 7, 499, 500, 800])
def test_ranks_equal_brute_force(count: int, farthest: bool) -> None:
    features, pictures = unit_rows(500, 16, 1), unit_rows(3, 16, 2)
    for picture, ranked in zip(pictures, rank(pictures, features, count, farthest=farthest), strict=True):
        assert list(ranked.rows) == brute_force(picture, features, count, farthest=farthest)
        assert ranked.similarities == pytest.approx([float(features[r] @ picture) for r in ranked.rows], abs=1e-6)


@pytest.mark.parametrize("farthest", [False, True])
def test_equal_similarities_come_in_table_order(farthest: bool) -> None:
    few = torch.eye(4)
    features = few[torch.arange(400) % 4]
    picture = torch.tensor([[0.6, 0.6, 0.3, -0.4]])
    ranked = rank(picture, features, 150, farthest=farthest)[0]
    assert list(ranked.rows) == brute_force(picture[0], features, 150, farthest=farthest)


@pytest.mark.parametrize("farthest", [False, True])
@pytest.mark.parametrize("spread", [0.02, 1.0, 50.0])
def test_half_precision_tables_rank_as_exactly_as_full_ones(spread: float, farthest: bool) -> None:
    # Rows close to one another: half precision alone would mix them up.
    middle = unit_rows(1, 64, 7)
    half = torch.nn.functional.normalize(middle + spread * unit_rows(3000, 64, 8), dim=-1).half()
    half[1500:1600] = half[:100]
    picture = torch.nn.functional.normalize(middle + 0.3 * unit_rows(1, 64, 9), dim=-1)
    exact = half.double() @ picture[0].double()
    for count in (1, 40, 2999, 3000):
        ranked = rank(picture, half, count, farthest=farthest)[0]
        order = sorted(range(3000), key=lambda i: (exact[i] if farthest else -exact[i], i))[:count]
        got = torch.tensor([exact[row] for row in ranked.rows])
        wanted = torch.tensor([exact[row] for row in order])
        assert torch.allclose(got, wanted, atol=3e-7), "only float32's own noise may swap neighbours"
        assert len(set(ranked.rows)) == count


@pytest.mark.parametrize("count", [0, 3, 5000])
def test_a_table_is_kept_in_one_of_two_precisions_with_the_same_values(count: int) -> None:
    half = unit_rows(count, 16, 3).half()
    kept = resident(half, torch.device("cpu"))
    assert kept.dtype in (torch.float16, torch.float32)
    assert torch.equal(kept.float(), half.float())


def test_a_batch_of_pictures_ranks_as_each_alone() -> None:
    features, pictures = unit_rows(300, 16, 3), unit_rows(9, 16, 4)
    together = rank(pictures, features, 20)
    alone = [rank(picture[None], features, 20)[0] for picture in pictures]
    assert [r.rows for r in together] == [r.rows for r in alone]


def test_an_empty_table_ranks_nothing() -> None:
    assert rank(unit_rows(2, 8, 0), torch.zeros((0, 8)), 5)[1].rows == ()


def test_chunked_ranking_keeps_only_the_best_of_every_chunk() -> None:
    features, picture = unit_rows(100, 16, 5), unit_rows(1, 16, 6)
    ranked = rank_by_chunks(picture, features, 100, chunk_size=20)
    survivors = [
        20 * c + r for c in range(5) for r in brute_force(picture[0], features[20 * c :][:20], 4, farthest=False)
    ]
    assert sorted(ranked.rows) == sorted(survivors)
    assert ranked.similarities == tuple(sorted(ranked.similarities, reverse=True))


def test_chunked_ranking_forgets_the_direction_in_the_end_as_the_library_does() -> None:
    features, picture = unit_rows(100, 16, 5), unit_rows(1, 16, 6)
    ranked = rank_by_chunks(picture, features, 3, chunk_size=20, farthest=True)
    assert ranked.similarities == tuple(sorted(ranked.similarities, reverse=True))
    exact = rank(picture, features, 3, farthest=True)[0]
    assert set(ranked.rows) != set(exact.rows)


@pytest.mark.parametrize("farthest", [False, True])
@pytest.mark.parametrize(("count", "chunk_size"), [(40, 64), (700, 64), (5, 100), (3000, 500), (20, 2999), (9, 50)])
@pytest.mark.parametrize("spread", [0.001, 0.3, 50.0])
def test_chunked_ranking_of_a_half_precision_table_gives_the_rows_of_the_full_one(
    spread: float, count: int, chunk_size: int, farthest: bool
) -> None:
    # From rows that only rounding tells apart to rows that a rough product orders; some are there twice.
    middle = unit_rows(1, 64, 7)
    half = torch.nn.functional.normalize(middle + spread * unit_rows(3000, 64, 8), dim=-1).half()
    half[1500:1600] = half[:100]
    for seed in range(3):
        picture = torch.nn.functional.normalize(middle + 0.3 * unit_rows(1, 64, seed), dim=-1)
        from_full = rank_by_chunks(picture, half.float(), count, chunk_size, farthest=farthest)
        assert rank_by_chunks(picture, half, count, chunk_size, farthest=farthest) == from_full


def test_chunked_ranking_of_a_small_table_is_exact() -> None:
    features, picture = unit_rows(30, 16, 5), unit_rows(1, 16, 6)
    assert rank_by_chunks(picture, features, 7).rows == rank(picture, features, 7)[0].rows
