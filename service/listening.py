"""Takes the address that the server will answer at, before anything else is started."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable

from prompts.errors import SpellwrightError
from service.errors import SettingsError
from service.settings import PREFIX, Settings

BACKLOG = 2048
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def listen(settings: Settings) -> list[socket.socket]:
    """Listening sockets at the host and port of `settings`, one for each address of the host; close them after use.

    Raises:
        SettingsError: code `host_unknown`, `port_taken`, `port_not_permitted` or `address_unusable`; nothing is open.
    """
    host, port = settings.host, settings.port
    found: list[socket.socket] = []
    for family, address in _addresses(host, port):
        # Port 0: the second address of a host takes the port that the first was given.
        wanted = (address, found[0].getsockname()[1] if found and not port else port)
        try:
            found.append(_open(family, wanted))
        except OSError as failed:
            if failed.errno in _NOT_HERE and family == socket.AF_INET6:
                continue  # many machines name an IPv6 address and have no IPv6
            _close(found)
            raise _refusal(host, wanted[1], failed) from failed
    if not found:
        raise _unknown(host)
    return found


def address_of(listener: socket.socket, host: str) -> str:
    """What to type into a browser for `listener`, which was opened for `host`."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def _addresses(host: str, port: int) -> list[tuple[int, str]]:
    try:
        known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as failed:
        raise _unknown(host) from failed
    # A host can have one address several times over.
    return list(dict.fromkeys((int(family), str(address[0])) for family, _, _, _, address in known))


def _open(family: int, address: tuple[str, int]) -> socket.socket:
    # With the protocol named, asyncio turns off the delay of small packets (40 ms an answer) on what is accepted.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # on Windows this would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _close(listeners: Iterable[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


def _unknown(host: str) -> SpellwrightError:
    return SettingsError(
        f"{host!r} is not an address of this machine. Take 127.0.0.1, or 0.0.0.0 for every address "
        f"(--host or {PREFIX}HOST).",
        field="host",
        got=host,
    ).with_code("host_unknown")


def _refusal(host: str, port: int, failed: OSError) -> SpellwrightError:
    facts = {"host": host, "port": port}
    if failed.errno == errno.EADDRINUSE:
        return SettingsError(
            f"Port {port} of {host} is taken by another program. Stop that, or choose another port "
            f"(--port or {PREFIX}PORT; 0 takes a free one).",
            **facts,
        ).with_code("port_taken")
    if failed.errno in _NOT_HERE:
        return _unknown(host)
    if failed.errno in (errno.EACCES, errno.EPERM):
        return SettingsError(
            f"Port {port} of {host} may not be used by this account. Choose one from 1024 on (--port or {PREFIX}PORT).",
            **facts,
        ).with_code("port_not_permitted")
    reason = failed.strerror or "unknown reason"
    return SettingsError(f"Nothing can listen at port {port} of {host}: {reason}.", **facts).with_code(
        "address_unusable"
    )
