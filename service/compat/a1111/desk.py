"""What A1111's API remembers between two calls, per caller instead of once for the whole world."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from service.compat.a1111.options import Options

CALLERS = 1024  # the one that was quiet longest is forgotten first
TASKS = 64  # named calls of one caller


@dataclass(slots=True)
class OpenCall:
    """A drawing call that is being answered."""

    job_id: str
    count: int
    started: str
    """A1111's `job_timestamp`: `YYYYMMDDHHMMSS`."""
    task_id: str = ""
    was_interrupted: bool = False
    skipped: int = 0
    """Pictures of it that were passed over."""


@dataclass(slots=True)
class Desk:
    """One caller's place."""

    options: Options = field(default_factory=Options)
    calls: list[OpenCall] = field(default_factory=list)
    """Oldest first, as they are worked on."""
    tasks: OrderedDict[str, tuple[str, str]] = field(default_factory=OrderedDict)
    """`force_task_id` -> (job id, fingerprint of the request), until its pictures were fetched."""
    done: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """`force_task_id` -> job id of the last fetched ones, for `/internal/progress`."""

    def task(self, task_id: str, fingerprint: str) -> str | None:
        """The job of a named call that was not answered yet; `None` for a new one."""
        known = self.tasks.get(task_id)
        return known[0] if known is not None and known[1] == fingerprint else None

    def name_task(self, task_id: str, job_id: str, fingerprint: str) -> None:
        """Remember which job a named call made."""
        self.tasks[task_id] = (job_id, fingerprint)
        while len(self.tasks) > TASKS:
            self.tasks.popitem(last=False)

    def answered(self, task_id: str) -> None:
        """The pictures of a named call were fetched: the next call of that name is a new one."""
        known = self.tasks.pop(task_id, None)
        if known is not None:
            self.done[task_id] = known[0]
            while len(self.done) > TASKS:
                self.done.popitem(last=False)

    def job_of(self, task_id: str) -> str | None:
        """The job of a named call, answered or not."""
        known = self.tasks.get(task_id)
        return known[0] if known is not None else self.done.get(task_id)


class Desks:
    """The desks of all callers; used on the event loop only."""

    def __init__(self) -> None:
        self._desks: OrderedDict[str, Desk] = OrderedDict()

    def of(self, caller: str) -> Desk:
        """The desk of `caller`, a fresh one at his first call."""
        desk = self._desks.setdefault(caller, Desk())
        self._desks.move_to_end(caller)
        while len(self._desks) > CALLERS:
            self._desks.popitem(last=False)
        return desk
