"""Whoever sent a request, after the keys were checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LOCAL = "local"
"""The tenant of this machine's own user: the command line, and a loopback server without keys."""


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    """Look at what is stored."""
    GENERATE = "generate"
    """Make and change spells, jobs and pictures."""
    ADMIN = "admin"
    """Make and revoke keys, read metrics; holds the other two."""


ALL_SCOPES = frozenset(Scope)
DEFAULT_SCOPES = frozenset({Scope.READ, Scope.GENERATE})


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's rights."""

    tenant: str
    """Whose things it sees; everything else does not exist for it."""
    scopes: frozenset[Scope]
    key_id: str | None = None
    """Which key; `None` when the server has none and this machine's own user calls."""
    name: str = ""
    """The key's label, which tells apart the people of one tenant; empty without keys."""

    def may(self, scope: Scope) -> bool:
        """Whether this caller may do things of `scope`."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


OWN_USER = Caller(LOCAL, ALL_SCOPES)
"""This machine's own user."""
