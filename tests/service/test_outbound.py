from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from generator.models.guarded import is_public
from service.errors import OutboundFailed, UrlNotAllowed
from service.outbound import ANYWHERE, NOT_ALLOWED, Outbound, OutboundRules, Reply

PRIVATE = [
    "127.0.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "fe80::1%lo",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b:1::7f00:1",
    "fec0::1",
    "3fff::1",
    "5f00::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "nonsense",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_inside_are_not_public_in_any_spelling(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


ODD = [
    "ftp://a.example/",
    "https://",
    "https:///x",
    "https://user@a.example/",
    "https://a.example\\@b.example/",
    "https://a.example:80:80/",
    "https://a.example:22/",
    "https://a.ex\tample/",
    "https://a.example/\r\nX: y",
    "https://\u00e4.example/",
    "http://a.example/",
    "https://a.example/" + "x" * 2000,
    "javascript:alert(1)",
    "//a.example/",
    "https://a.example:0/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://0/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://169.254.169.254/latest",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[fe80::1%25lo]/",
    "https://[fec0::1]/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost/",
    "https://[/",
    "https://a.example:\u0664\u0664\u0663/",
    "https://a.example\u3002com/",
    "https://ok.example@127.0.0.1/",
]


@pytest.mark.parametrize("url", ODD)
def test_an_odd_address_is_refused_with_the_one_sentence(url: str) -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        Outbound(OutboundRules()).check(url)
    assert refused.value.detail == NOT_ALLOWED


@pytest.mark.parametrize("url", ["https://a..example/", f"https://{'x' * 64}.example/", "https://%00/", "https://.../"])
def test_a_name_that_cannot_be_looked_up_is_refused_in_the_same_words(url: str) -> None:
    """With other words a stranger could ask which names there are inside."""
    with pytest.raises(UrlNotAllowed) as refused:
        asyncio.run(Outbound(OutboundRules()).post(url, b"", {}))
    assert refused.value.detail == NOT_ALLOWED


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::ffff:10.0.0.1"], []])
def test_a_name_that_leads_inside_even_in_part_is_refused_before_any_connection(answers: list[str]) -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        return answers

    with pytest.raises(UrlNotAllowed) as refused:
        asyncio.run(Outbound(OutboundRules(), resolve).post("https://a.example/", b"", {}))
    assert refused.value.detail == NOT_ALLOWED


def test_only_the_checked_address_is_connected_to_and_the_name_is_asked_once() -> None:
    asked: list[str] = []
    seen: list[bytes] = []

    async def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    async def scene() -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n" + b"x" * 9000)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reply = await Outbound(ANYWHERE, resolve).post(f"http://a.example:{port}/p?q=1", b"hi", {"X-A": "b"})
            assert len(reply.body) == 4096
            return reply.status

    assert asyncio.run(scene()) == 200
    assert asked == ["a.example"]
    assert seen[0].startswith(b"POST /p?q=1 HTTP/1.1\r\n")
    assert b"host: a.example:" in seen[0].lower()


def test_a_receiver_that_never_answers_is_given_up() -> None:
    async def scene() -> None:
        over = asyncio.Event()

        async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await over.wait()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Outbound(ANYWHERE, timeout_seconds=0.1)
        with pytest.raises(OutboundFailed):
            await client.post(f"http://127.0.0.1:{port}/", b"", {})
        over.set()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)  # the transport closes in a later turn of the loop

    asyncio.run(scene())


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def answered(answer: Answer, timeout_seconds: float = 5.0) -> tuple[Reply | OutboundFailed, list[bytes]]:
    """What comes of a call to a server on loopback that answers like this, and the heads of what it was asked."""
    asked: list[bytes] = []
    over = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        with suppress(ConnectionError):
            await answer(reader, writer)
        await over.wait()

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    result: Reply | OutboundFailed
    try:
        result = await Outbound(ANYWHERE, resolve, timeout_seconds).post(f"http://a.example:{port}/", b"hi", {})
    except OutboundFailed as failed:
        result = failed
    over.set()
    for writer in writers:
        writer.transport.abort()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.05)  # the transports close in a later turn of the loop
    return result, asked


def saying(head: str, body: bytes = b"", times: int = 1) -> Answer:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        for _ in range(times):
            writer.write(body)
            await writer.drain()

    return answer


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_never_followed(status: int) -> None:
    head = f"HTTP/1.1 {status} Moved\nLocation: /inside\nRefresh: 0;url=/inside\nContent-Length: 0"
    reply, asked = asyncio.run(answered(saying(head)))
    assert isinstance(reply, Reply) and reply.status == status
    assert len(asked) == 1


def test_an_endless_answer_is_read_no_further_than_asked_for() -> None:
    head = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked"
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    reply, _ = asyncio.run(answered(saying(head, chunk, times=10_000)))
    assert isinstance(reply, Reply) and len(reply.body) == 4096


def test_a_compressed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    head = f"HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: {len(bomb)}"
    reply, asked = asyncio.run(answered(saying(head, bomb)))
    assert isinstance(reply, Reply) and reply.body == bomb[:4096]
    assert b"accept-encoding: identity" in asked[0].lower()


def endless_informations() -> Answer:
    return saying("HTTP/1.1 103 Early Hints", b"HTTP/1.1 103 Early Hints\r\n\r\n", times=100_000)


def dripping() -> Answer:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    return answer


ODD_ANSWERS = {
    "drips": dripping(),
    "informs for ever": endless_informations(),
    "has a huge header": saying("HTTP/1.1 200 OK\nX: " + "x" * 300_000),
    "is no HTTP": saying("SSH-2.0-OpenSSH_9.6"),
    "breaks off": saying("HTTP/1.1 200 OK\nContent-Length: -5"),
    "is 99": saying("HTTP/1.1 99 Odd"),
}


@pytest.mark.parametrize("name", ODD_ANSWERS)
def test_an_odd_answer_ends_in_time_as_a_failure_that_says_no_address(name: str) -> None:
    began = time.monotonic()
    reply, _ = asyncio.run(answered(ODD_ANSWERS[name], timeout_seconds=0.5))
    assert isinstance(reply, OutboundFailed)
    assert "127.0.0.1" not in reply.detail
    assert time.monotonic() - began < 5


def test_a_name_that_moves_inside_after_the_check_is_still_called_where_it_was() -> None:
    """DNS rebinding: the resolver's second answer is never asked for."""
    answers = iter([["198.51.100.1", "93.184.216.34"], ["127.0.0.1"]])
    public = iter([["93.184.216.34"], ["127.0.0.1"]])

    async def mixed(_host: str, _port: int) -> list[str]:
        return next(answers)

    async def flips(_host: str, _port: int) -> list[str]:
        return next(public)

    async def scene() -> list[str]:
        called: list[str] = []

        class Recorded(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                called.append("inside")
                transport.close()

        loop = asyncio.get_running_loop()
        server = await loop.create_server(Recorded, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        rules = OutboundRules(ports=None)
        with pytest.raises(UrlNotAllowed):
            await Outbound(rules, mixed).post(f"https://a.example:{port}/", b"", {})
        with pytest.raises(OutboundFailed):  # it is on its way to the public address, which nobody answers at here
            await Outbound(rules, flips, timeout_seconds=0.2).post(f"https://a.example:{port}/", b"", {})
        with pytest.raises(UrlNotAllowed):
            await Outbound(rules, flips).post(f"https://a.example:{port}/", b"", {})
        server.close()
        await server.wait_closed()
        return called

    assert asyncio.run(scene()) == []
