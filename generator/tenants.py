"""Whose turn it is: the requests that wait, tenant by tenant, and what each tenant has had of the device. No torch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from generator.request import GenerationRequest


class WaitingRoom:
    """Requests in order of arrival, one line for each tenant."""

    def __init__(self) -> None:
        """Empty."""
        self._lines: dict[str, deque[GenerationRequest]] = {}
        self._arrival: dict[str, int] = {}
        self._arrived = 0

    def __len__(self) -> int:
        """How many wait."""
        return sum(len(line) for line in self._lines.values())

    def __iter__(self) -> Iterator[GenerationRequest]:
        """All that wait, tenant by tenant."""
        return (request for line in self._lines.values() for request in line)

    def __contains__(self, request_id: object) -> bool:
        """Whether a request of that id waits."""
        return request_id in self._arrival

    def add(self, request: GenerationRequest) -> None:
        """At the end of its tenant's line."""
        self._lines.setdefault(request.tenant, deque()).append(request)
        self._arrival[request.request_id] = self._arrived
        self._arrived += 1

    def heads(self, running: Mapping[str, int]) -> list[GenerationRequest]:
        """The first of every line; those first whose tenant has the fewest pictures running, then by arrival."""
        first = [line[0] for line in self._lines.values()]
        return sorted(first, key=lambda r: (running.get(r.tenant, 0), self._arrival[r.request_id]))

    def remove(self, request_id: str) -> bool:
        """Take a request out, wherever it stands; whether it was there."""
        if request_id not in self._arrival:
            return False
        del self._arrival[request_id]
        for tenant, line in list(self._lines.items()):
            kept = deque(r for r in line if r.request_id != request_id)
            if not kept:
                del self._lines[tenant]
            elif len(kept) < len(line):
                self._lines[tenant] = kept
        return True

    def tenants(self) -> frozenset[str]:
        """Everybody who waits for something."""
        return frozenset(self._lines)


class Shares:
    """What each tenant has had of the device, in the units of `Ticket.cost`.

    Start-time fair queueing: who comes, or comes back, starts level with whoever has had the least, so that nobody
    saves up time while idle or is made to pay for time when nobody else wanted any.
    """

    def __init__(self) -> None:
        """Nobody has had anything."""
        self._had: dict[str, float] = {}
        self._level = 0.0

    def keep(self, tenants: Iterable[str]) -> None:
        """Forget who is gone, and let newcomers start level with the others."""
        present = set(tenants)
        staying = {t: had for t, had in self._had.items() if t in present}
        self._level = max(self._level, min(staying.values(), default=self._level))
        self._had = {t: staying.get(t, self._level) for t in present}

    def charge(self, tenant: str, cost: float) -> None:
        """`tenant` had this much more."""
        self._had[tenant] = self._had.get(tenant, self._level) + cost

    def had(self) -> Mapping[str, float]:
        """What everybody present has had."""
        return dict(self._had)


def jain(shares: Iterable[float]) -> float:
    """Jain's fairness index of some shares: 1 when all are equal, 1/n when one has everything; 1 for none.

    (sum x)^2 / (n sum x^2); Jain, Chiu and Hawe 1984, DEC-TR-301.
    """
    values = list(shares)
    squares = sum(value * value for value in values)
    return 1.0 if squares == 0 else sum(values) ** 2 / (len(values) * squares)
