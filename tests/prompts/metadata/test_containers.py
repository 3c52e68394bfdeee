from __future__ import annotations

import io
import random
import struct
import time
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from prompts import Params, Spell
from prompts.errors import MetadataError
from prompts.metadata import (
    embedded,
    parse_infotext,
    png_with_infotext,
    read_infotext,
    read_spell,
    write,
    write_infotext,
)
from prompts.metadata.exif import user_comment

Picture = Callable[..., bytes]
KINDS = [
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("JPEG", "RGB", {}),
    ("JPEG", "L", {"progressive": True}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("WEBP", "RGBA", {"quality": 50}),
]


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.tobytes()


@pytest.mark.parametrize(("kind", "mode", "save"), KINDS)
def test_what_is_written_into_a_picture_is_read_back(
    kind: str, mode: str, save: dict[str, object], picture: Picture, infotext: str
) -> None:
    before = picture(kind, mode, **save)
    after = write_infotext(before, infotext)
    assert read_infotext(before) is None
    assert read_infotext(after) == infotext
    assert pixels(after) == pixels(before)
    assert write_infotext(after, infotext) == after
    assert read_infotext(write_infotext(after, "b\nSteps: 1, Seed: 2")) == "b\nSteps: 1, Seed: 2"


@pytest.mark.parametrize(("kind", "mode", "save"), KINDS)
def test_a_picture_with_exif_of_its_own_takes_a_spell(
    kind: str, mode: str, save: dict[str, object], picture: Picture
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    spell = Spell("a cat", "bad", params=Params(steps=5, seed=7))
    assert read_spell(write(picture(kind, mode, exif=exif, **save), spell)) == spell


def test_pillow_finds_our_text_where_a1111_looks(picture: Picture, infotext: str) -> None:
    with Image.open(io.BytesIO(write_infotext(picture("PNG"), infotext))) as image:
        assert image.info["parameters"] == infotext
    with Image.open(io.BytesIO(write_infotext(picture("JPEG"), infotext))) as image:
        comment = image.getexif().get_ifd(0x8769)[0x9286]
    assert comment == b"UNICODE\0" + infotext.encode("utf-16-be")


def test_pixels_become_a_png_that_carries_its_infotext(infotext: str) -> None:
    rgb = random.Random(1).randbytes(20 * 10 * 3)
    data = png_with_infotext(20, 10, rgb, infotext)
    assert pixels(data) == rgb
    assert read_infotext(data) == infotext
    assert read_infotext(png_with_infotext(20, 10, rgb, "")) is None
    with pytest.raises(MetadataError):
        png_with_infotext(20, 11, rgb, infotext)


@pytest.mark.parametrize(
    "chunk",
    [
        (b"tEXt", b"parameters\0" + b"a\nSteps: 1, Seed: 2"),
        (b"zTXt", b"parameters\0\0" + zlib.compress(b"a\nSteps: 1, Seed: 2")),
        (b"iTXt", b"parameters\0\0\0en\0Parameter\0" + b"a\nSteps: 1, Seed: 2"),
        (b"iTXt", b"parameters\0\1\0\0\0" + zlib.compress(b"a\nSteps: 1, Seed: 2")),
    ],
)
def test_every_kind_of_png_text_is_read(chunk: tuple[bytes, bytes], with_chunks: Picture) -> None:
    assert read_infotext(with_chunks(chunk)) == "a\nSteps: 1, Seed: 2"


def test_utf8_in_a_latin_chunk_is_repaired(with_chunks: Picture) -> None:
    assert read_infotext(with_chunks((b"tEXt", "parameters\0猫\nSteps: 1".encode()))) == "猫\nSteps: 1"
    assert read_infotext(with_chunks((b"tEXt", "parameters\0caf\xe9\nSteps: 1".encode("latin-1")))) == "café\nSteps: 1"


@pytest.mark.parametrize(
    "raw",
    [
        b"UNICODE\0" + "{t}".encode("utf-16-be"),
        b"UNICODE\0" + "{t}".encode("utf-16-le"),
        b"UNICODE\0" + b"\xff\xfe" + "{t}".encode("utf-16-le"),
        b"UNICODE\0" + b"{t}",
        b"ASCII\0\0\0{t}",
        b"\0\0\0\0\0\0\0\0{t}",
        b"JIS\0\0\0\0\0{t}",
        b"{t}",
        b"ASCII\0\0\0{t}\0\0",
    ],
)
def test_a_user_comment_is_read_in_every_encoding(raw: bytes) -> None:
    wide = (raw.startswith(b"UNICODE") and b"{\0" in raw) or b"\0{" in raw[8:]
    assert user_comment(raw) == "{t}", wide


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("text", ["猫猫猫\nSteps: 20, Sampler: Euler a", "a cat\nNegative prompt: 猫\nSteps: 1"])
def test_chinese_comments_come_out_whatever_the_byte_order(encoding: str, text: str) -> None:
    assert user_comment(b"UNICODE\0" + text.encode(encoding)) == text


def test_a_phone_s_comment_is_no_infotext(picture: Picture) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0Screenshot"
    assert read_infotext(picture("JPEG", exif=exif.tobytes())) is None


def test_exif_wins_over_the_png_text_as_in_a1111(picture: Picture) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + "b\nSteps: 2, Seed: 1".encode("utf-16-be")
    assert (
        read_infotext(write_infotext(picture("PNG", exif=exif.tobytes()), "a\nSteps: 1, Seed: 1"))
        == "b\nSteps: 2, Seed: 1"
    )


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"\xff\xd8\xff", b"text"])
def test_bytes_that_are_no_picture_carry_nothing(data: bytes) -> None:
    assert read_infotext(data) is None


@pytest.mark.parametrize("data", [b"GIF89a", b"RIFF\0\0\0\0WEBP", b""])
def test_writing_into_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(MetadataError):
        write_infotext(data, "a")


def test_a_jpeg_cannot_hold_more_than_a_segment(picture: Picture) -> None:
    with pytest.raises(MetadataError) as caught:
        write_infotext(picture("JPEG"), "a" * 40_000)
    assert caught.value.stable_code == "metadata_too_large"
    assert read_infotext(write_infotext(picture("WEBP"), "Steps: 1\n" + "a" * 40_000)) is not None


def bomb(kind: bytes, prefix: bytes) -> tuple[bytes, bytes]:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
    return kind, prefix + packed


@pytest.mark.parametrize(
    "extra",
    [
        [bomb(b"zTXt", b"parameters\0\0")],
        [bomb(b"iTXt", b"parameters\0\1\0\0\0")],
        [(b"tEXt", b"parameters\0" + b"a" * (2 << 20))],
        [(b"tEXt", b"k\0v")] * 10_000,
        [(b"zTXt", b"k\0\0" + zlib.compress(bytes(300_000)))] * 5,
    ],
    ids=["ztxt", "itxt", "long", "many", "sum"],
)
def test_a_bomb_is_refused_and_not_unpacked(extra: list[tuple[bytes, bytes]], with_chunks: Picture) -> None:
    data = with_chunks(*extra)
    start = time.perf_counter()
    with pytest.raises(MetadataError) as caught:
        read_infotext(data)
    assert caught.value.stable_code == "metadata_too_large"
    assert time.perf_counter() - start < 2  # 256 MiB would take far longer to hold


@pytest.mark.parametrize(("kind", "mode", "save"), KINDS)
def test_damaged_files_raise_only_our_errors(
    kind: str, mode: str, save: dict[str, object], picture: Picture, infotext: str
) -> None:
    source = random.Random(5)
    whole = write_infotext(picture(kind, mode, **save), infotext)
    for _ in range(300):
        data = bytearray(whole[: source.randrange(len(whole))] if source.random() < 0.5 else whole)
        for _ in range(source.randrange(1, 8)):
            if data:
                data[source.randrange(min(len(data), 400))] = source.randrange(256)
        try:
            embedded(bytes(data))
            read_spell(bytes(data))
            write_infotext(bytes(data), infotext)
        except MetadataError:
            continue


def test_exif_that_points_into_itself_ends(picture: Picture) -> None:
    tiff = b"MM\0*" + struct.pack(">I", 8) + struct.pack(">H", 1) + struct.pack(">HHII", 0x8769, 4, 1, 8)
    body = b"Exif\0\0" + tiff + struct.pack(">I", 8)
    data = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(body) + 2) + body + picture("JPEG")[2:]
    assert read_infotext(data) is None


def test_the_container_survives_every_spell(picture: Picture) -> None:
    spell = parse_infotext('a "q" \\ \n猫\nNegative prompt: é\nSteps: 3, Seed: 4, Foo: "x\\ny"')
    for kind in ("PNG", "JPEG", "WEBP"):
        assert read_spell(write(picture(kind), spell)) == spell
