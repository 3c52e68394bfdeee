"""The outermost layer: who may talk to this server, how large a body may be, and the headers every answer has."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prompts.errors import SpellwrightError
from service.api.problems import problem, problem_response
from service.audit import ACTOR, Actor
from service.errors import BodyTimeout, BodyTooLarge, HostNotAllowed, MediaTypeRefused, OriginRejected, RequestInvalid
from service.metrics import RequestFigures

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = SAFE_METHODS | {"POST", "PUT", "PATCH", "DELETE"}
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
ANY_ADDRESS = frozenset({"0.0.0.0", "::", ""})
BODY_TYPES = ("application/json", "multipart/form-data")
DISCARD_BYTES = 8 * 1024 * 1024
DISCARD_SECONDS = 2.0
PICTURE_PATHS = (
    "/api/interrogations",
    "/api/round-trips",
    "/api/inspect",
    "/api/generate",
    "/api/jobs",
    "/api/uploads",
    "/api/upscales",
    "/sdapi/v1/txt2img",
    "/sdapi/v1/img2img",
    "/sdapi/v1/extra-single-image",
    "/sdapi/v1/extra-batch-images",
    "/sdapi/v1/png-info",
    "/sdapi/v1/interrogate",
    "/v1/chat/completions",
    "/v1/images/edits",
    "/v1/images/variations",
)
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GuardConfig:
    """What the guard lets through."""

    hosts: frozenset[str]
    """Names this server answers to, lower case, without port."""
    max_json_bytes: int
    max_picture_body_bytes: int
    idle_seconds: float
    total_seconds: float
    new_id: Callable[[], str]
    figures: RequestFigures
    """Where answers are counted."""
    admit: Callable[[Request], Awaitable[object]]
    """Raises unless the sender may come in; asked before the first byte of a body is read."""


def allowed_hosts(bound: str, public: tuple[str, ...]) -> frozenset[str]:
    """Loopback names, the bound address unless it is the wildcard, and the operator's names."""
    own = frozenset() if bound in ANY_ADDRESS else frozenset({f"[{bound}]" if ":" in bound else bound.casefold()})
    return LOOPBACK | own | frozenset(public)


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, config: GuardConfig) -> None:
        self._app = app
        self._config = config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on; every way out is a complete answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._config.new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        ACTOR.set(Actor("", "", request_id))  # nobody yet
        answer, began = _Answer(send, request_id), time.monotonic()
        try:
            headers = Headers(scope=scope)
            self._check(scope["method"], headers)
            limit = self._body_limit(scope["path"], headers)
            await self._app(scope, _bounded(scope, receive, limit, self._config), answer)
        except SpellwrightError as refused:
            if isinstance(refused, BodyTooLarge):
                await _discard(receive)
            await answer.instead(scope, receive, problem(refused, request_id))
        except Exception:  # the rim of the request: nothing of ours may reach the client as a stack trace
            log.exception("action=request outcome=bug request=%s path=%s", request_id, scope["path"])
            detail = f"A fault in this program. Quote {request_id} when you report it; the log has the reason."
            await answer.instead(scope, receive, problem_response(500, "internal_error", detail, request_id))
        finally:
            self._config.figures.count(_method(scope), _route(scope), answer.status, time.monotonic() - began)

    def _check(self, method: str, headers: Headers) -> None:
        host = _checked_host(headers, self._config.hosts)
        if method in SAFE_METHODS:
            return
        _check_origin(headers, host)
        _check_body_type(headers)

    def _body_limit(self, path: str, headers: Headers) -> int:
        takes_picture = path.rstrip("/") in PICTURE_PATHS
        limit = self._config.max_picture_body_bytes if takes_picture else self._config.max_json_bytes
        declared = headers.get("content-length", "0")
        if not declared.isascii() or not declared.isdigit():
            raise RequestInvalid("The Content-Length header is not a number.", field="content-length")
        if int(declared) > limit:
            raise _too_large(int(declared), limit)
        return limit


class _Answer:
    """Adds the headers to an answer, and knows whether it has begun."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self._has_begun = False
        self.status = 499
        """What was answered; 499 when the client left before."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_begun = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers["x-request-id"] = self._request_id
        await self._send(message)

    async def instead(self, scope: Scope, receive: Receive, response: ASGIApp) -> None:
        """Send `response`, unless something was sent already: then the broken connection has to say it."""
        if self._has_begun:
            raise ConnectionError("the answer had begun")
        await response(scope, receive, self)


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else "OTHER"


def _route(scope: Scope) -> str:
    """The template of the route that answered: an address itself may hold anything."""
    return str(getattr(scope.get("route"), "path", "none"))


def _checked_host(headers: Headers, allowed: frozenset[str]) -> str:
    given = headers.getlist("host")
    host = given[0].casefold() if len(given) == 1 else ""
    name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not colon:
        name = host
    if name not in allowed or (colon and not port.isdigit()):
        shown = "".join(c for c in name[:80] if c.isalnum() or c in ".-_")
        raise HostNotAllowed(
            f"This server does not answer for the name {shown or '(none)'}. Add it under public_hosts.", host=shown
        )
    return host


def _check_origin(headers: Headers, host: str) -> None:
    origin = headers.get("origin")
    if origin is not None:
        is_ours = _host_of(origin) == host
    else:
        # Clients that are no browsers send neither header.
        is_ours = headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    if not is_ours:
        raise OriginRejected("This page may not call this server. Open the server's own page, or call it without one.")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.casefold()
    except ValueError:  # an unclosed bracket
        return None


def _check_body_type(headers: Headers) -> None:
    if headers.get("content-encoding", "identity") != "identity":
        raise MediaTypeRefused("Compressed request bodies are not read. Send the body as it is.")
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    media_type = headers.get("content-type", "").partition(";")[0].strip().casefold()
    if has_body and media_type not in BODY_TYPES:
        raise MediaTypeRefused(
            f"The body is sent as {media_type[:60] or 'nothing'}; send application/json, or multipart/form-data where "
            "a file is taken.",
            allowed=list(BODY_TYPES),
        )


def _bounded(scope: Scope, receive: Receive, limit: int, config: GuardConfig) -> Receive:
    """`receive` that ends a body which is a stranger's, too long or too slow.

    What it raises passes through the route that reads, so each door tells it in its own shape.
    """
    got, is_whole = 0, False
    is_admitted = scope["method"] in SAFE_METHODS  # no body of theirs is read, and some answer everybody
    deadline = time.monotonic() + config.total_seconds

    async def bounded() -> Message:
        nonlocal got, is_whole, is_admitted
        if not is_admitted:
            await config.admit(Request(scope))
            is_admitted = True
        if is_whole:  # what comes now is the news that the client has gone; it may take as long as it likes
            return await receive()
        patience = min(config.idle_seconds, deadline - time.monotonic())
        try:
            message = await asyncio.wait_for(receive(), max(0.0, patience))
        except TimeoutError as late:
            raise BodyTimeout(
                f"The upload was too slow: it may stand still for {config.idle_seconds:g} s and take "
                f"{config.total_seconds:g} s as a whole."
            ) from late
        if message["type"] == "http.request":
            got += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if got > limit:
                if not is_whole:
                    await _discard(receive)
                raise _too_large(got, limit)
        return message

    return bounded


async def _discard(receive: Receive) -> None:
    """Read on for a moment: a client that is cut off while it sends never sees why."""
    got = 0
    try:
        async with asyncio.timeout(DISCARD_SECONDS):
            while got < DISCARD_BYTES:
                message = await receive()
                got += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def _too_large(got: int, limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The request body has {got} bytes or more; the limit is {limit}.", got=got, limit=limit)
