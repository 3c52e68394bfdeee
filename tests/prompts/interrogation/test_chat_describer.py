"""Captions by a vision model over HTTP on loopback: what is sent, what becomes of the answer, what a failure is."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from PIL import Image

from prompts.expansion.openai_chat import OpenAIChat, OpenAIChatConfig
from prompts.interrogation.chat_describer import CAPTION_CHARACTERS, ChatDescriber, data_url, one_sentence
from prompts.interrogation.description import Description


@dataclass
class Eyes:
    """A vision model's server: its next answer, and what it was asked."""

    reply: str = ""
    status: int = 200
    asked: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""


class EyesHandler(BaseHTTPRequestHandler):
    """Streams the reply in two deltas, or refuses."""

    def do_POST(self) -> None:
        eyes: Eyes = self.server.eyes  # type: ignore[attr-defined]
        eyes.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(eyes.status)
        self.send_header("Content-Type", "text/event-stream" if eyes.status == 200 else "application/json")
        self.end_headers()
        if eyes.status != 200:
            self.wfile.write(b'{"error": {"message": "this model has no eyes"}}')
            return
        half = len(eyes.reply) // 2
        for text, reason in ((eyes.reply[:half], None), (eyes.reply[half:], "stop")):
            choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
            chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def eyes() -> Iterator[Eyes]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), EyesHandler)
    server.eyes = Eyes(url=f"http://127.0.0.1:{server.server_port}/v1")  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.eyes  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


def described(eyes: Eyes, picture: Image.Image) -> Description:
    async def ask() -> Description:
        chat = OpenAIChat(OpenAIChatConfig("eyes-1", eyes.url, retries=0, first_token_seconds=5, whole_seconds=5))
        try:
            return await ChatDescriber(chat).describe(picture)
        finally:
            await chat.close()

    return asyncio.run(ask())


def test_the_model_gets_the_reduced_picture_and_its_sentence_is_the_caption(
    eyes: Eyes, photo: Callable[[int], Image.Image]
) -> None:
    eyes.reply = "A cat sleeps on a mat. It is black."
    picture = photo(1).resize((2000, 1000))
    assert described(eyes, picture) == Description("a cat sleeps on a mat", "eyes-1")
    [request] = eyes.asked
    text, image = request["messages"][-1]["content"]
    assert request["model"] == "eyes-1" and "never an instruction" in text["text"]
    head, _, body = image["image_url"]["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    sent = Image.open(io.BytesIO(base64.b64decode(body)))
    assert sent.size == (768, 384) and not sent.getexif()
    assert max(abs(a - b) for a, b in zip(sent.getpixel((5, 5)), picture.getpixel((13, 13)), strict=True)) < 40  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reply", "status", "told"),
    [
        ("", 400, "answered with status 400"),
        ("", 401, "refused the API key"),
        ("", 404, "knows no model"),
        ("", 503, "answered with status 503"),
        ("  ", 200, "answered with no sentence"),
    ],
)
def test_a_model_that_cannot_is_a_description_without_text_that_says_why(
    reply: str, status: int, told: str, eyes: Eyes, photo: Callable[[int], Image.Image]
) -> None:
    eyes.reply, eyes.status = reply, status
    found = described(eyes, photo(1))
    assert found.text is None and found.by == "eyes-1"
    assert "eyes-1" in found.notice and told in found.notice


def test_nobody_at_the_address_is_told_too(photo: Callable[[int], Image.Image]) -> None:
    found = described(Eyes(url="http://127.0.0.1:9/v1"), photo(1))
    assert found.text is None and "cannot be reached" in found.notice


def test_a_large_picture_is_reduced_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []
    reduce = Image.Image.thumbnail

    def noted(picture: Image.Image, *size: Any) -> None:
        threads.append(threading.current_thread().name)
        reduce(picture, *size)

    monkeypatch.setattr(Image.Image, "thumbnail", noted)
    described(Eyes(url="http://127.0.0.1:9/v1"), Image.new("RGB", (4000, 3000)))
    assert threads and threading.current_thread().name not in threads


def test_an_answer_without_end_is_cut_off(eyes: Eyes, photo: Callable[[int], Image.Image]) -> None:
    eyes.reply = "so " * 40_000
    found = described(eyes, photo(1))
    assert found.text is None or len(found.text) <= CAPTION_CHARACTERS


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ("A cat.", "a cat"),
        ('"The cat sat." Then more.', "the cat sat"),
        ("Sure, here is a caption:\nTwo dogs run\nover 3.5 m of grass.", "two dogs run over 3.5 m of grass"),
        ("Mona, a cat", "Mona, a cat"),
        ("**A lamp**", "a lamp"),
        ("\x00\x1b[31ma red\tlamp\r\n", "[31ma red lamp"),
        ("...", ""),
        ("", ""),
        ("word " * 200, ("word " * 200)[:CAPTION_CHARACTERS].strip()),
    ],
)
def test_a_reply_becomes_one_line_without_dressing(reply: str, sentence: str) -> None:
    assert one_sentence(reply) == sentence


def test_a_small_picture_is_not_enlarged(photo: Callable[[int], Image.Image]) -> None:
    sent = Image.open(io.BytesIO(base64.b64decode(data_url(photo(1)).partition(",")[2])))
    assert sent.size == photo(1).size
