"""Figures for whoever watches the server, in Prometheus' text format; names of routes and states only, never values."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)  # seconds
Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class RequestFigures:
    """Answers by method, route and status, and how long each route took. Used on the event loop only."""

    answers: Counter[Labels] = field(default_factory=Counter)
    buckets: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By route and the place in `BUCKETS`; the last place holds everything slower."""
    seconds: Counter[str] = field(default_factory=Counter)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one answer; `route` is a template such as `/api/jobs/{id}`."""
        self.answers[("method", method), ("route", route), ("status", str(status))] += 1
        self.buckets[route, bisect_left(BUCKETS, seconds)] += 1
        self.seconds[route] += seconds  # type: ignore[assignment]  # a Counter adds fractions as well

    def lines(self) -> Iterable[str]:
        """The lines of these figures."""
        yield from series("spellwright_requests_total", "counter", "Answers sent.", self.answers)
        name = "spellwright_request_seconds"
        yield from head(name, "histogram", "Time from a request's arrival to the end of its answer.")
        for route in sorted(self.seconds):
            total = 0
            for place, bound in enumerate((*map(str, BUCKETS), "+Inf")):
                total += self.buckets[route, place]
                yield line(f"{name}_bucket", (("route", route), ("le", bound)), total)
            yield line(f"{name}_sum", (("route", route),), round(self.seconds[route], 6))
            yield line(f"{name}_count", (("route", route),), total)


def series(name: str, kind: str, about: str, values: Mapping[Labels, float]) -> Iterable[str]:
    """One metric with all its labels."""
    yield from head(name, kind, about)
    for labels in sorted(values):
        yield line(name, labels, values[labels])


def head(name: str, kind: str, about: str) -> Iterable[str]:
    """The two lines above a metric."""
    return (f"# HELP {name} {about}", f"# TYPE {name} {kind}")


def line(name: str, labels: Labels, value: float) -> str:
    """One figure."""
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    return f"{name}{{{shown}}} {value}" if shown else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
