from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from service.auth.access import FRESH_SECONDS, Access, AccessConfig
from service.auth.cabinet import KeyCabinet
from service.auth.caller import ALL_SCOPES, DEFAULT_SCOPES, LOCAL, OWN_USER, Scope
from service.auth.guesses import MOST_IN_WINDOW
from service.errors import KeyRefused, KeyRequired, RateLimited, RequestInvalid
from service.ids import IdFactory, utc_now
from service.store.database import Database
from service.store.key_store import SqlKeyStore

OWN_KEY = "an operator's own secret"


@dataclass
class Door:
    """An `Access` with a clock that is set by hand."""

    cabinet: KeyCabinet
    now: float = 0.0
    config: AccessConfig = field(default_factory=lambda: AccessConfig(None, True, 60))

    def open(self, **config: Any) -> Access:
        values = {"own_key": None, "is_private": True, "requests_per_minute": 60} | config
        return Access(self.cabinet, AccessConfig(**values), lambda: self.now)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    database = Database(tmp_path / "keys.db")
    database.migrate()
    yield Door(KeyCabinet(SqlKeyStore(database), utc_now, IdFactory()))
    database.close()


def admit(access: Access, token: str | None, peer: str = "1.2.3.4", *, is_direct: bool = True) -> Any:
    return asyncio.run(access.admit(token, peer, is_direct=is_direct))


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises((KeyRefused, KeyRequired, RateLimited)) as refused:
        call()
    return refused.value.stable_code


def test_without_any_key_this_machine_s_own_user_comes_in_whatever_its_client_sends(door: Door) -> None:
    access = door.open()
    assert admit(access, None) == admit(access, "sk-whatever") == OWN_USER


@pytest.mark.parametrize(("is_private", "is_direct"), [(True, False), (False, True), (False, False)])
def test_without_any_key_nobody_comes_in_from_elsewhere(door: Door, is_private: bool, is_direct: bool) -> None:
    access = door.open(is_private=is_private)
    assert refusal(lambda: admit(access, None, is_direct=is_direct)) == "key_required"


def test_a_key_opens_for_its_tenant_with_its_scopes_and_nothing_else_does(door: Door) -> None:
    key, token = door.cabinet.create("laptop", "ann", DEFAULT_SCOPES)
    access = door.open()
    caller = admit(access, token)
    assert (caller.tenant, caller.scopes, caller.key_id) == ("ann", DEFAULT_SCOPES, key.id)
    assert not caller.may(Scope.ADMIN)
    assert refusal(lambda: admit(access, None)) == "key_missing"
    other = f"sw_{IdFactory()()}_{token[-43:]}"
    for wrong in (token[:-1] + ("A" if token[-1] != "A" else "B"), other, token.lower(), "x", "", f" {token}"):
        assert refusal(lambda wrong=wrong: admit(access, wrong, peer=wrong)) == "key_invalid"


def test_a_missing_and_a_wrong_key_are_told_in_the_same_words(door: Door) -> None:
    door.cabinet.create("laptop", "ann", DEFAULT_SCOPES)
    access = door.open()
    said = set()
    for token in (None, "sw_wrong"):
        with pytest.raises(KeyRefused) as refused:
            admit(access, token)
        said.add(refused.value.detail)
    assert len(said) == 1


def test_the_operator_s_own_key_from_the_settings_opens_everything(door: Door) -> None:
    access = door.open(own_key=OWN_KEY, is_private=False)
    caller = admit(access, OWN_KEY, is_direct=False)
    assert (caller.tenant, caller.scopes) == (LOCAL, ALL_SCOPES)
    assert refusal(lambda: admit(access, OWN_KEY + "x")) == "key_invalid"


def test_a_key_revoked_in_this_process_opens_nothing_at_once_and_elsewhere_soon(door: Door) -> None:
    here, elsewhere = door.open(), door.open()
    key, token = door.cabinet.create("laptop", "ann", DEFAULT_SCOPES)
    caller = admit(here, token)
    admit(elsewhere, token)
    asyncio.run(here.revoke(key.id))
    assert refusal(lambda: admit(here, token)) == "key_invalid"
    assert not asyncio.run(here.is_valid(caller))
    door.now += FRESH_SECONDS + 0.1
    assert refusal(lambda: admit(elsewhere, token)) == "key_invalid"


def test_the_last_key_revoked_does_not_open_the_door_again(door: Door) -> None:
    key, _ = door.cabinet.create("laptop", "ann", DEFAULT_SCOPES)
    door.cabinet.revoke(key.id)
    assert refusal(lambda: admit(door.open(), None)) == "key_missing"


def test_wrong_keys_are_counted_by_who_tries_and_a_right_one_is_never_slowed(door: Door) -> None:
    _, token = door.cabinet.create("laptop", "ann", DEFAULT_SCOPES)
    access = door.open()
    codes = [refusal(lambda: admit(access, "guess", peer="9.9.9.9")) for _ in range(MOST_IN_WINDOW + 2)]
    assert codes == ["key_invalid"] * MOST_IN_WINDOW + ["rate_limited"] * 2
    assert admit(access, token, peer="9.9.9.9").tenant == "ann"
    assert refusal(lambda: admit(access, "guess", peer="8.8.8.8")) == "key_invalid"
    door.now += 61
    assert refusal(lambda: admit(access, "guess", peer="9.9.9.9")) == "key_invalid"


def test_a_tenant_s_requests_are_counted_and_it_is_told_when_to_come_again(door: Door) -> None:
    tokens = [door.cabinet.create("laptop", name, DEFAULT_SCOPES)[1] for name in ("ann", "bob")]
    access = door.open(requests_per_minute=6)
    for _ in range(6):
        admit(access, tokens[0])
    with pytest.raises(RateLimited) as refused:
        admit(access, tokens[0])
    assert refused.value.facts["retry_after"] == 10
    admit(access, tokens[1])
    door.now += 10.1
    admit(access, tokens[0])


def test_nothing_that_is_stored_opens_the_door(door: Door) -> None:
    key, token = door.cabinet.create("laptop", "ann", DEFAULT_SCOPES)
    assert token not in repr(key) and token[-43:] not in repr(door.cabinet.all())
    assert refusal(lambda: admit(door.open(), key.digest)) == "key_invalid"


@pytest.mark.parametrize("tenant", ["", "Ann", "a b", "../x", "a" * 65, "ａ", "-a", "a\n"])
def test_a_tenant_s_name_is_plain(door: Door, tenant: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        door.cabinet.create("laptop", tenant, DEFAULT_SCOPES)
    assert refused.value.stable_code == "tenant_invalid"


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\u202eb", "a\x00b"])
def test_a_key_s_name_can_be_shown(door: Door, name: str) -> None:
    with pytest.raises(RequestInvalid):
        door.cabinet.create(name, "ann", DEFAULT_SCOPES)
