from __future__ import annotations

import base64

import pytest
from starlette.datastructures import Headers

from service.api.credentials import is_direct, token_in
from service.errors import CredentialsUnclear

KEY = f"sw_01{24 * 'A'}_{43 * 'b'}"  # always the same: it is part of the tests' names


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, None),
        ({"authorization": f"Bearer {KEY}"}, KEY),
        ({"authorization": f"bearer   {KEY} "}, KEY),
        ({"authorization": basic(f"anybody:{KEY}")}, KEY),
        ({"authorization": basic(f"{KEY}:")}, KEY),
        ({"authorization": basic(f"{KEY}")}, KEY),
        ({"authorization": KEY}, KEY),
        ({"x-api-key": KEY}, KEY),
        ({"x-api-key": KEY, "authorization": f"Bearer {KEY}"}, KEY),
        ({"authorization": "Basic ???"}, "???"),
        ({"authorization": "Bearer "}, None),
        ({"x-api-key": " "}, None),
    ],
)
def test_the_key_is_found_wherever_clients_put_it(headers: dict[str, str], token: str | None) -> None:
    assert token_in(Headers(headers), ()) == token


def test_two_different_keys_in_one_request_are_refused() -> None:
    with pytest.raises(CredentialsUnclear) as refused:
        token_in(Headers({"authorization": f"Bearer {KEY}", "x-api-key": "another"}), ())
    assert refused.value.stable_code == "credentials_conflict"


def test_a_key_in_the_address_is_refused() -> None:
    with pytest.raises(CredentialsUnclear) as refused:
        token_in(Headers({"authorization": f"Bearer {KEY}"}), ("5", f"x{KEY}"))
    assert refused.value.stable_code == "key_in_url"
    assert KEY not in refused.value.detail


@pytest.mark.parametrize(
    ("headers", "peer", "direct"),
    [
        ({"host": "localhost:7860"}, "127.0.0.1", True),
        ({"host": "127.0.0.1"}, "127.0.0.1", True),
        ({"host": "[::1]:7860"}, "::1", True),
        ({"host": "[::1]"}, "::ffff:127.0.0.1", True),
        ({"host": "localhost"}, None, True),
        ({"host": "art.example"}, "127.0.0.1", False),
        ({"host": "localhost"}, "10.0.0.7", False),
        ({"host": "localhost", "x-forwarded-for": "1.2.3.4"}, "127.0.0.1", False),
        ({"host": "localhost", "cf-connecting-ip": "1.2.3.4"}, "127.0.0.1", False),
        ({"host": "localhost", "forwarded": "for=1.2.3.4"}, "127.0.0.1", False),
        ({}, "127.0.0.1", False),
    ],
)
def test_only_this_machine_itself_counts_as_direct(headers: dict[str, str], peer: str | None, direct: bool) -> None:
    assert is_direct(Headers(headers), peer) is direct
