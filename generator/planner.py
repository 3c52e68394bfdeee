"""The step planner: which pictures take part in the next UNet call. Pure, and without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from generator.batch_key import BatchKey

PATIENCE = 8
"""Calls of its own tenant that a picture sits out at most before it goes first of them."""


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
    tenant: str = "local"

    @property
    def cost(self) -> float:
        """What one call of it costs the device, in latent cells."""
        _, height, width = self.key.shape
        return float(self.rows * height * width)


def plan(
    tickets: Sequence[Ticket],
    max_rows: int | Callable[[BatchKey], int],
    tick: int,
    served: Mapping[str, float] | None = None,
) -> tuple[str, ...]:
    """The requests of the next UNet call: equal keys, at most `max_rows` rows.

    The tenant that has had the least of the device sets the key, with its most urgent picture: overdue ones first
    (so nobody starves), then newcomers (so that everybody soon sees a first preview), then the oldest. The call is
    filled up with pictures of the same key, again from whichever tenant has had the least. A picture that alone
    brings more than `max_rows` rows goes alone.

    Args:
        tickets: All running pictures, in any order.
        max_rows: At least 1; a function where it differs by key.
        tick: The number of this call; rises by one each time.
        served: What each tenant has had, in the units of `Ticket.cost`; nobody there has had 0.

    Returns:
        Request ids, the one that set the key first; empty when there are no tickets.
    """
    had = dict(served or {})
    waiting = sorted(tickets, key=lambda t: (had.get(t.tenant, 0.0), *_urgency(t, tick)))
    if not waiting:
        return ()
    first = waiting[0]
    limit = max_rows(first.key) if callable(max_rows) else max_rows
    chosen, rows = [first.request_id], first.rows
    had[first.tenant] = had.get(first.tenant, 0.0) + first.cost
    rest = [t for t in waiting[1:] if t.key == first.key]
    while fitting := [t for t in rest if rows + t.rows <= limit]:
        following = min(fitting, key=lambda t: (had.get(t.tenant, 0.0), *_urgency(t, tick)))
        rest.remove(following)
        chosen.append(following.request_id)
        rows += following.rows
        had[following.tenant] = had.get(following.tenant, 0.0) + following.cost
    return tuple(chosen)


def _urgency(ticket: Ticket, tick: int) -> tuple[int, int, int]:
    waited = tick - ticket.last_tick
    if waited > PATIENCE:
        return (0, ticket.last_tick, ticket.order)
    return (1 if ticket.is_new else 2, 0, ticket.order)
