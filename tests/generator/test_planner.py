from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from generator.batch_key import BatchKey
from generator.planner import PATIENCE, Ticket, plan

KEYS = tuple(
    BatchKey(checkpoint, shape, chunks, loras)
    for checkpoint in ("a",)
    for shape in ((4, 8, 8), (4, 16, 16))
    for chunks in (1, 2)
    for loras in ((), (("style", 0.5),))
)
tickets = st.lists(
    st.builds(
        Ticket,
        request_id=st.uuids().map(str),
        key=st.sampled_from(KEYS),
        rows=st.integers(1, 12),
        order=st.integers(0, 1000),
        is_new=st.booleans(),
        last_tick=st.integers(0, 50),
    ),
    max_size=30,
    unique_by=lambda t: t.request_id,
)


def _ticket(name: str, order: int = 0, *, key: BatchKey = KEYS[0], rows: int = 2, is_new: bool = False) -> Ticket:
    return Ticket(name, key, rows, order, is_new, last_tick=10)


def test_nothing_to_plan_is_an_empty_plan() -> None:
    assert plan([], 8, 1) == ()


def test_equal_keys_share_a_call_up_to_the_rows() -> None:
    waiting = [_ticket(name, order) for order, name in enumerate("abcde")]
    assert plan(waiting, 8, 11) == ("a", "b", "c", "d")


def test_a_smaller_picture_fills_what_a_larger_one_leaves() -> None:
    waiting = [_ticket("a", 0, rows=3), _ticket("b", 1, rows=3), _ticket("c", 2, rows=1)]
    assert plan(waiting, 4, 11) == ("a", "c")


def test_newcomers_go_before_older_pictures_so_that_everybody_soon_has_a_preview() -> None:
    waiting = [_ticket("old", 0), _ticket("new", 1, is_new=True)]
    assert plan(waiting, 2, 11) == ("new",)


def test_an_overdue_picture_goes_before_newcomers() -> None:
    late = replace(_ticket("late", 0), last_tick=0)
    assert plan([_ticket("new", 1, is_new=True), late], 2, PATIENCE + 1) == ("late",)


def test_a_picture_with_more_rows_than_a_call_goes_alone() -> None:
    assert plan([_ticket("wide", 0, rows=20), _ticket("b", 1)], 8, 11) == ("wide",)


@settings(max_examples=500, deadline=None)
@given(waiting=tickets, max_rows=st.integers(1, 16), tick=st.integers(50, 80))
def test_a_plan_never_mixes_keys_repeats_a_picture_or_overflows(
    waiting: list[Ticket], max_rows: int, tick: int
) -> None:
    chosen = plan(waiting, max_rows, tick)
    by_id = {t.request_id: t for t in waiting}
    assert bool(chosen) == bool(waiting)
    assert len(set(chosen)) == len(chosen)
    assert len({by_id[i].key for i in chosen}) <= 1
    assert len(chosen) == 1 or sum(by_id[i].rows for i in chosen) <= max_rows
    assert chosen == plan(list(reversed(waiting)), max_rows, tick) or len({t.order for t in waiting}) < len(waiting)


def test_nobody_starves_under_an_endless_stream_of_newcomers() -> None:
    """10,000 random tickets come in one after the other; each waits a bounded number of ticks between calls."""
    rng = random.Random(7)
    running: dict[str, tuple[Ticket, int]] = {}  # ticket, calls left
    arrived = finished = longest = 0
    tick = 0
    while finished < 10_000:
        tick += 1
        while arrived < 10_000 and len(running) < 12:
            ticket = Ticket(str(arrived), rng.choice(KEYS), rng.choice((1, 2)), arrived, True, tick)
            running[ticket.request_id] = (ticket, rng.randint(1, 6))
            arrived += 1
        for name in plan([t for t, _ in running.values()], 8, tick):
            ticket, left = running.pop(name)
            longest = max(longest, tick - ticket.last_tick)
            if left > 1:
                running[name] = (replace(ticket, is_new=False, last_tick=tick), left - 1)
            else:
                finished += 1
    assert longest <= PATIENCE + 12
