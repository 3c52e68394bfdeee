"""Use case: who may come in, with which rights; and the keys that open the door."""

from __future__ import annotations

import asyncio
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.audit import LOGIN_REFUSED
from service.auth.cabinet import KeyCabinet
from service.auth.caller import ALL_SCOPES, LOCAL, OWN_USER, Caller, Scope
from service.auth.guesses import Guesses
from service.auth.keys import ApiKey, digest_of, is_same, key_id_in
from service.auth.pace import Pace
from service.errors import KeyRefused, KeyRequired, RateLimited

FRESH_SECONDS = 2.0
"""How long a look at the store is believed: a key that was revoked elsewhere opens nothing after that."""
MOST_REMEMBERED = 1024
OPERATOR_KEY = "operator"
"""The key id of the key in the settings."""


@dataclass(frozen=True, slots=True)
class AccessConfig:
    """How the door is set up."""

    own_key: str | None
    """The operator's key from the settings; `None`: there is none."""
    is_private: bool
    """Whether only this machine can reach the server: then it may be used without keys."""
    requests_per_minute: int


class Access:
    """Checks keys and counts requests; `admit` runs on the event loop only."""

    def __init__(
        self,
        cabinet: KeyCabinet,
        config: AccessConfig,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cabinet = cabinet
        self._keys = cabinet.store
        self._own_digest = None if config.own_key is None else digest_of(config.own_key)
        self._is_private = config.is_private
        self._monotonic = monotonic
        self._pace = Pace(config.requests_per_minute, monotonic)
        self._guesses = Guesses(monotonic)
        self._known: OrderedDict[str, tuple[ApiKey | None, float]] = OrderedDict()
        self._has_keys = self._own_digest is not None
        self._looked_at = float("-inf")

    async def admit(self, token: str | None, peer: str, *, is_direct: bool) -> Caller:
        """Who calls.

        Args:
            token: The credential of the request; `None`: it has none.
            peer: Where it comes from; wrong keys are counted for it.
            is_direct: Whether the request came straight from this machine (no proxy, no tunnel, a loopback name).

        Raises:
            KeyRequired: There are no keys, and the request comes from elsewhere.
            KeyRefused: code `key_missing` or `key_invalid`, with one sentence for both.
            RateLimited: Too many wrong keys, or too many requests of this tenant.
            DatabaseUnavailable: The keys cannot be looked up.
        """
        if not await self.needs_key():
            if not (self._is_private and is_direct):
                raise KeyRequired
            return OWN_USER  # whatever credential a client sends by habit is no key of ours
        if token is None:
            raise KeyRefused().with_code("key_missing")
        caller = await self._holder(token)
        if caller is None:
            self._count_guess(peer, token)  # over the limit this raises, so a flood of guesses floods no log
            self._cabinet.note(LOGIN_REFUSED, "refused", key_id_in(token) or "", peer=peer)
            raise KeyRefused
        wait = None if caller.tenant == LOCAL else self._pace.take(caller.tenant)
        if wait is not None:
            seconds = max(1, math.ceil(wait))
            raise RateLimited(f"Too many requests. Try again in {seconds} s.", retry_after=seconds)
        return caller

    async def needs_key(self) -> bool:
        """Whether nobody comes in without a key: there is one, or there was one."""
        now = self._monotonic()
        if not self._has_keys and now - self._looked_at > FRESH_SECONDS:
            self._has_keys = await asyncio.to_thread(self._keys.has_any)
            self._looked_at = now
        return self._has_keys

    async def is_valid(self, caller: Caller) -> bool:
        """Whether the key that an open answer was started with still opens the door."""
        if caller.key_id is None or caller.key_id == OPERATOR_KEY:
            return True
        key = await self._look_up(caller.key_id)
        return key is not None and not key.is_revoked

    async def create(self, name: str, tenant: str, scopes: frozenset[Scope]) -> tuple[ApiKey, str]:
        """A new key and its text, which is not kept and cannot be shown again.

        Raises:
            RequestInvalid: The name or the tenant.
            DatabaseUnavailable, DiskFull: It was not stored.
        """
        key, token = await asyncio.to_thread(self._cabinet.create, name, tenant, scopes)
        self._has_keys = True
        return key, token

    async def all(self) -> Sequence[ApiKey]:
        """Every key, oldest first, revoked ones too."""
        return await asyncio.to_thread(self._cabinet.all)

    async def revoke(self, key_id: str) -> ApiKey:
        """End a key, at once in this process.

        Raises:
            NotFound: No such key.
        """
        try:
            return await asyncio.to_thread(self._cabinet.revoke, key_id)
        finally:
            self._known.pop(key_id, None)

    async def _holder(self, token: str) -> Caller | None:
        if self._own_digest is not None and hmac.compare_digest(digest_of(token), self._own_digest):
            return Caller(LOCAL, ALL_SCOPES, OPERATOR_KEY, OPERATOR_KEY)
        key_id = key_id_in(token)
        key = None if key_id is None else await self._look_up(key_id)
        # An unknown id is compared too: the time must not tell which ids exist.
        is_right = is_same(token, "0" * 64 if key is None else key.digest)
        if key is None or key.is_revoked or not is_right:
            return None
        return Caller(key.tenant, key.scopes, key.id, key.name)

    async def _look_up(self, key_id: str) -> ApiKey | None:
        now = self._monotonic()
        known = self._known.get(key_id)
        if known is not None and now - known[1] <= FRESH_SECONDS:
            return known[0]
        key = await asyncio.to_thread(self._keys.get, key_id)
        self._known[key_id] = (key, now)
        self._known.move_to_end(key_id)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        return key

    def _count_guess(self, peer: str, token: str) -> None:
        key_id = key_id_in(token)
        tried = [f"peer {peer}", *([] if key_id is None else [f"key {key_id}"])]
        waits = [wait for who in tried if (wait := self._guesses.failed(who)) is not None]
        if waits:
            seconds = max(1, math.ceil(max(waits)))
            raise RateLimited(f"Too many wrong keys. Try again in {seconds} s.", retry_after=seconds)
