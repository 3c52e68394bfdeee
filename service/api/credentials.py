"""Finds the credential of a request, wherever clients of each kind put it."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Iterable

from starlette.datastructures import Headers

from service.auth.keys import TOKEN
from service.errors import CredentialsUnclear

PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "cf-connecting-ip", "via")
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def token_in(headers: Headers, query_values: Iterable[str]) -> str | None:
    """The key of a request; `None` when it has none.

    Looked for in `Authorization: Bearer` (our own clients, OpenAI's), `Authorization: Basic` (A1111's
    `--api-auth`, browsers; the key is the password, or the name when there is no password) and `X-API-Key`.

    Raises:
        CredentialsUnclear: Two different ones, or a key in the address, where logs would keep it.
    """
    if any(TOKEN.search(value) for value in query_values):
        raise CredentialsUnclear(
            "The key is in the address, where logs keep it. Send it in the Authorization header, and revoke this one."
        ).with_code("key_in_url")
    given = [token for value in headers.getlist("authorization") if (token := _of_authorization(value)) is not None]
    given += [value.strip() for value in headers.getlist("x-api-key") if value.strip()]
    if len(set(given)) > 1:
        raise CredentialsUnclear("The request carries two different keys. Send one.")
    return given[0] if given else None


def is_direct(headers: Headers, peer: str | None) -> bool:
    """Whether a request came straight from this machine: no proxy or tunnel has touched it, and its name is ours."""
    host = headers.get("host", "").casefold()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name in LOOPBACK_NAMES and _is_loopback(peer) and not any(name in headers for name in PROXY_HEADERS)


def _is_loopback(peer: str | None) -> bool:
    if peer is None:  # a Unix socket, or an application called in its own process
        return True
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer == "testclient"
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def _of_authorization(value: str) -> str | None:
    kind, _, rest = value.strip().partition(" ")
    rest = rest.strip()
    if kind.casefold() == "bearer":
        return rest or None
    if kind.casefold() != "basic":
        return value.strip() or None  # a bare key, as some clients send it
    try:
        name, _, password = base64.b64decode(rest, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return rest or None
    return password or name or None
