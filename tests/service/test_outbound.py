from __future__ import annotations

import asyncio

import pytest

from generator.models.guarded import is_public
from service.errors import OutboundFailed, UrlNotAllowed
from service.outbound import ANYWHERE, NOT_ALLOWED, Outbound, OutboundRules

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
]


@pytest.mark.parametrize("url", ODD)
def test_an_odd_address_is_refused_with_the_one_sentence(url: str) -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        Outbound(OutboundRules()).check(url)
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
