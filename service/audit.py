"""The audit log: who did what to keys, models and safety; one JSON line each, chained by hashes.

Only appended to, in the data folder of this machine. A line never holds a key, a prompt or a picture. The chain shows
a line that was changed or taken out; it cannot show that the newest lines were cut off.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.auth.caller import LOCAL
from service.ids import Clock, utc_now, utc_text

if sys.platform != "win32":
    import fcntl

KEY_CREATED, KEY_REVOKED, LOGIN_REFUSED = "key_created", "key_revoked", "login_refused"
POLICY_REFUSED, MODEL_ADDED, SERVER_STARTED = "policy_refused", "model_added", "server_started"
FIRST = "0" * 64
"""What the first line names as the hash of the line before it."""
_LONGEST_LINE = 4096  # bytes
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is at work: the sender of a request, or this machine's own user."""

    key_id: str = LOCAL
    tenant: str = LOCAL
    request_id: str = ""
    """Empty outside a request."""


OWN_USER = Actor()
WORKER = "worker"
"""In place of a key's id: a job is worked on, for its tenant."""
ACTOR: ContextVar[Actor] = ContextVar("audit_actor", default=OWN_USER)
"""Who the running task works for; set anew by the door for each request."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, as it was read."""

    values: dict[str, Any]
    is_chained: bool
    """Whether it names the hash of the line before it: if not, something was changed or taken out there."""


@dataclass(frozen=True, slots=True)
class AuditLog:
    """Synchronous; safe from any thread and process. A line that cannot be written is a warning in the log."""

    file: Path
    clock: Clock = field(default=utc_now)

    def record(self, action: str, outcome: str, object_id: str = "", **facts: str | list[str]) -> None:
        """Append one line for whoever is at work.

        Args:
            action: One of this module's names.
            outcome: `done` or `refused`.
            object_id: Of what it was done to: a key's id, a file's name.
            **facts: More of it; never a secret, never what somebody wrote.
        """
        actor = ACTOR.get()
        values = {
            "at": utc_text(self.clock()),
            "actor": actor.key_id,
            "tenant": actor.tenant,
            "action": action,
            "outcome": outcome,
            "object": object_id[:200],
            "request": actor.request_id,
            **facts,
        }
        try:
            self._append(values)
        except OSError as failed:
            log.warning("action=audit outcome=failed what=%s reason=%s", action, failed.strerror)

    def entries(self) -> Iterator[Entry]:
        """Every line, oldest first; a line that is no JSON object is not chained and empty.

        Raises:
            OSError: The log cannot be read; a log that was never begun is empty.
        """
        before = FIRST
        try:
            with self.file.open("rb") as lines:
                for line in lines:
                    values = _read(line)
                    yield Entry(values, values.get("previous") == before)
                    before = _hash(line)
        except FileNotFoundError:
            return

    def _append(self, values: dict[str, Any]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if sys.platform != "win32":
                fcntl.flock(handle, fcntl.LOCK_EX)
            size = os.fstat(handle).st_size
            os.lseek(handle, max(0, size - 2 * _LONGEST_LINE), os.SEEK_SET)
            tail = os.read(handle, 2 * _LONGEST_LINE)
            mend = b"" if not tail or tail.endswith(b"\n") else b"\n"  # the line of a process that died over it
            last = (tail + mend).splitlines(keepends=True)
            line = _line(values | {"previous": _hash(last[-1]) if last else FIRST})
            os.write(handle, mend + line)
        finally:
            os.close(handle)


def _line(values: dict[str, Any]) -> bytes:
    line = json.dumps(values, separators=(",", ":")).encode() + b"\n"
    for most in (200, 20):  # characters, of up to twelve bytes each
        if len(line) <= _LONGEST_LINE:
            break
        shortened = {key: value if key in ("at", "previous") else str(value)[:most] for key, value in values.items()}
        line = json.dumps(shortened, separators=(",", ":")).encode() + b"\n"
    return line


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _read(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
