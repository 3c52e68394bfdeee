"""The step planner: which pictures take part in the next UNet call. Pure, and without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from generator.batch_key import BatchKey

PATIENCE = 8
"""Ticks a picture waits at most before it goes first, however many newcomers there are."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One picture that wants a UNet call."""

    request_id: str
    key: BatchKey
    rows: int
    """UNet rows it brings: one, two with guidance, more with `AND`."""
    order: int
    """Rises with arrival."""
    is_new: bool
    """Whether it has had no call yet."""
    last_tick: int
    """The tick of its last call, or of its arrival."""


def plan(tickets: Sequence[Ticket], max_rows: int, tick: int) -> tuple[str, ...]:
    """The requests of the next UNet call: equal keys, at most `max_rows` rows.

    Overdue pictures go first (so nobody starves), then newcomers (so that everybody soon sees a first
    preview), then the oldest. The first in that order sets the key; others with the same key fill up
    the call in the same order. A picture that alone brings more than `max_rows` rows goes alone.

    Args:
        tickets: All running pictures, in any order.
        max_rows: At least 1.
        tick: The number of this call; rises by one each time.

    Returns:
        Request ids, the one that set the key first; empty when there are no tickets.
    """
    waiting = sorted(tickets, key=lambda t: _urgency(t, tick))
    if not waiting:
        return ()
    first = waiting[0]
    chosen, rows = [first.request_id], first.rows
    for ticket in waiting[1:]:
        if ticket.key == first.key and rows + ticket.rows <= max_rows:
            chosen.append(ticket.request_id)
            rows += ticket.rows
    return tuple(chosen)


def _urgency(ticket: Ticket, tick: int) -> tuple[int, int, int]:
    waited = tick - ticket.last_tick
    if waited > PATIENCE:
        return (0, ticket.last_tick, ticket.order)
    return (1 if ticket.is_new else 2, 0, ticket.order)
