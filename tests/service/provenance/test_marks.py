from __future__ import annotations

import io
from xml.etree import ElementTree

import pytest
from PIL import Image

from prompts.metadata import embedded, read_infotext, read_spell, write_infotext
from prompts.metadata.bounds import XMP
from service.provenance.marks import Mark, mark_of, packet_of, with_mark

INFOTEXT = (
    "a 红 heart </rdf:RDF>\nNegative prompt: blurry\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 3, Size: 64x64"
)
FORMATS = ["PNG", "JPEG", "WEBP"]


def picture_file(kind: str, infotext: str = INFOTEXT) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((64, 48)).save(out, kind)
    return write_infotext(out.getvalue(), infotext) if infotext else out.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("mark", list(Mark))
def test_a_marked_file_says_so_and_keeps_pixels_and_infotext(kind: str, mark: Mark) -> None:
    plain = picture_file(kind)
    marked = with_mark(plain, mark)
    assert mark_of(plain) is None
    assert mark_of(marked) is mark
    assert read_infotext(marked) == INFOTEXT
    assert read_spell(marked) == read_spell(plain)
    before, after = (Image.open(io.BytesIO(data)).convert("RGB").tobytes() for data in (plain, marked))
    assert before == after


@pytest.mark.parametrize("kind", FORMATS)
def test_marking_twice_leaves_one_mark_and_the_same_bytes(kind: str) -> None:
    once = with_mark(picture_file(kind), Mark.GENERATED)
    assert with_mark(once, Mark.GENERATED) == once
    assert once.count(b"DigitalSourceType") == 1


@pytest.mark.parametrize("kind", FORMATS)
def test_infotext_may_be_written_into_a_marked_file(kind: str) -> None:
    marked = with_mark(picture_file(kind, ""), Mark.GENERATED)
    assert mark_of(write_infotext(marked, INFOTEXT)) is Mark.GENERATED


@pytest.mark.parametrize("kind", FORMATS)
def test_a_second_reader_finds_the_mark(kind: str) -> None:
    with Image.open(io.BytesIO(with_mark(picture_file(kind), Mark.GENERATED))) as picture:
        picture.load()
        packet = picture.info.get(XMP) or picture.info["xmp"]
    root = ElementTree.fromstring(packet if isinstance(packet, str) else packet.decode())
    values = [v for node in root.iter() for k, v in node.attrib.items() if k.endswith("DigitalSourceType")]
    assert values == ["http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"]


def test_another_programs_way_to_write_the_mark_is_read() -> None:
    element = packet_of(Mark.COMPOSITE).replace(
        f'Iptc4xmpExt:DigitalSourceType="{Mark.COMPOSITE.value}"/>',
        f"><Iptc4xmpExt:DigitalSourceType>{Mark.COMPOSITE.value}</Iptc4xmpExt:DigitalSourceType></rdf:Description>",
    )
    from prompts.metadata import write_xmp

    data = write_xmp(picture_file("PNG"), element)
    assert mark_of(data) is Mark.COMPOSITE
    found = embedded(data)
    assert found is not None
    assert XMP in found.texts
