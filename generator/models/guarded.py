"""Requests to model hubs: parsed once, resolved once, sent to exactly the address that was checked. No torch.

The rule: https only, public addresses only, no cookies, no proxy of the environment, every
redirect checked anew. A base address on this machine's own loopback (tests, mirrors) may be called without TLS.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from generator.errors import DownloadFailed, ModelMissing

if TYPE_CHECKING:
    import httpx

Resolve = Callable[[str, int], list[str]]
"""(host, port) -> every address of the host."""
_TIMEOUT_SECONDS, _CONNECT_SECONDS = 30.0, 10.0
_JSON_BYTES, _WHOLE_SECONDS = 4_000_000, 60.0
_PORTS = {"https": 443, "http": 80}
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_DOCUMENTATION = ipaddress.IPv6Network("3fff::/20")


class Guard:
    """Sends GET requests by the rule.

    Args:
        base: The hub's address; decides whether loopback may be called.
        keys: Bearer keys by origin (`https://host`); a key goes to its own origin and nowhere else.
        resolve: Gives a host's addresses; the system's resolver unless a test brings its own.
    """

    def __init__(self, base: str, keys: Mapping[str, str] | None = None, resolve: Resolve | None = None) -> None:
        self._allows_loopback = is_loopback(urlsplit(base).hostname or "")
        self._keys = dict(keys or {})
        self._resolve = resolve or _system_addresses

    def check(self, url: str) -> None:
        """Raise unless `url` may be called as far as it can be told without asking for its address.

        Raises:
            DownloadFailed: code `url_not_allowed`.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as odd:
            raise _refused(url) from odd
        host = parts.hostname or ""
        is_own = self._allows_loopback and is_loopback(host)
        is_secure = parts.scheme == "https" and port in (None, 443)
        is_plain = not any(c <= " " or c == "\\" or c > "~" for c in url) and "@" not in parts.netloc
        if not host or not is_plain or not (is_secure or (is_own and parts.scheme == "http")):
            raise _refused(url)

    @contextmanager
    def stream(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Response]:
        """The answer to a GET, its body not read yet; redirects are not followed.

        Raises:
            DownloadFailed: The address, or one of those it stands for, may not be called.
            httpx.HTTPError: No connection, or none in time.
        """
        import httpx  # noqa: PLC0415 (a sixth of the start-up time, and most servers load no models)

        self.check(url)
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        address = self._address(host, port)
        shown = f"[{address}]" if ":" in address else address
        target = parts._replace(netloc=f"{shown}:{port}", fragment="").geturl()
        own = {"Host": parts.netloc, "User-Agent": "Spellwright", "Accept-Encoding": "identity"}
        key = self._keys.get(f"{parts.scheme}://{parts.netloc}")
        if key:
            own["Authorization"] = f"Bearer {key}"
        patience = httpx.Timeout(_TIMEOUT_SECONDS, connect=_CONNECT_SECONDS)
        with (
            httpx.Client(trust_env=False, follow_redirects=False, timeout=patience) as client,
            client.stream(
                "GET", target, headers={**(headers or {}), **own}, extensions={"sni_hostname": host}
            ) as answer,
        ):
            yield answer

    def json(self, url: str) -> Any:
        """What a hub's API says.

        Raises:
            ModelMissing: It knows no such thing (404).
            DownloadFailed: Anything else than a JSON answer of sensible size.
        """
        import httpx  # noqa: PLC0415 (see `stream`)

        try:
            with self.stream(url) as answer:
                if answer.status_code == 404:
                    raise ModelMissing(f"{urlsplit(url).hostname} knows no such model.", url=url)
                if answer.status_code != 200:
                    raise DownloadFailed(
                        f"{urlsplit(url).hostname} answered {answer.status_code}. It may want a key (hub_key).",
                        status=answer.status_code,
                    )
                body = _whole_body(answer, urlsplit(url).hostname or "")
        except httpx.HTTPError as failed:
            raise DownloadFailed(f"{urlsplit(url).hostname} cannot be reached ({type(failed).__name__}).") from failed
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as odd:
            raise DownloadFailed(f"{urlsplit(url).hostname} did not answer in JSON.") from odd

    def _address(self, host: str, port: int) -> str:
        """The address to connect to; every address of the host must be allowed."""
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as unknown:  # a label that is empty or too long is the latter
            raise DownloadFailed(f"The name {host!r} is not known: is this machine online?", host=host) from unknown
        allowed = [a for a in addresses if is_public(a) or (self._allows_loopback and is_loopback(a))]
        if not addresses or len(allowed) != len(addresses):
            raise _refused(host)
        return addresses[0]


def _whole_body(answer: httpx.Response, host: str) -> bytes:
    body, end = b"", time.monotonic() + _WHOLE_SECONDS
    for piece in answer.iter_raw():
        body += piece
        if len(body) > _JSON_BYTES:
            raise DownloadFailed(f"{host} answered with too much.", host=host)
        if time.monotonic() > end:
            raise DownloadFailed(f"{host} answers too slowly. Try again later.", host=host)
    return body


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own loopback."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def is_public(address: str) -> bool:
    """Whether an IP address is a public one, also behind IPv4-in-IPv6 forms."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1] or _nat64(ip)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
        if ip not in _GLOBAL_UNICAST or ip in _DOCUMENTATION:
            return False  # among them old forms that the standard library calls global: fec0::, ::127.0.0.1
    return ip.is_global and not ip.is_multicast


def _nat64(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    inside = ip in ipaddress.IPv6Network("64:ff9b::/96")
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if inside else None


def _system_addresses(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _refused(url: str) -> DownloadFailed:
    shown = url[:200]
    refused = DownloadFailed(f"{shown!r} may not be called: models come over https from public hosts.", url=shown)
    refused.with_code("url_not_allowed")
    return refused
