from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

INFOTEXT = (
    "a cat, 猫\nNegative prompt: bad\n"
    "Steps: 20, Sampler: DPM++ SDE Karras, CFG scale: 7, Seed: 1, Size: 64x48, Model: demo"
)


@pytest.fixture(scope="session")
def infotext() -> str:
    return INFOTEXT


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """`picture("PNG", mode="RGBA", **save)`: the bytes of a small noisy picture."""

    def make(kind: str, mode: str = "RGB", size: tuple[int, int] = (64, 48), **save: object) -> bytes:
        noise = Image.effect_noise(size, 60)
        image = Image.merge("RGB", (noise, noise.transpose(Image.Transpose.FLIP_LEFT_RIGHT), noise)).convert(mode)
        buffer = io.BytesIO()
        image.save(buffer, kind, **save)
        return buffer.getvalue()

    return make


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.fixture(scope="session")
def with_chunks(picture: Callable[..., bytes]) -> Callable[..., bytes]:
    """`with_chunks((kind, body), …)`: a PNG with these chunks behind its header."""

    def make(*extra: tuple[bytes, bytes]) -> bytes:
        data = picture("PNG")
        return data[:33] + b"".join(png_chunk(kind, body) for kind, body in extra) + data[33:]

    return make
