"""The mark that every picture of ours carries: XMP with IPTC's digital source type. Nothing private is in it.

Source: IPTC Photo Metadata Standard 2023.1, property Digital Source Type; the terms are those of
`cv.iptc.org/newscodes/digitalsourcetype`.
"""

from __future__ import annotations

import re
from enum import Enum

from prompts.metadata import read_xmp, write_xmp
from service.product import PRODUCT, product_version

_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_SOURCE_TYPE = re.compile(r'DigitalSourceType(?:="|>)\s*([^"<\s]+)')


class Mark(Enum):
    """How a picture came about."""

    GENERATED = _TERMS + "trainedAlgorithmicMedia"
    """Drawn by a model from words alone."""
    COMPOSITE = _TERMS + "compositeWithTrainedAlgorithmicMedia"
    """Partly drawn by a model, over a picture that somebody gave (img2img, inpainting)."""


def with_mark(data: bytes, mark: Mark) -> bytes:
    """The file with its mark; pixels and infotext stay as they are, and equal files stay equal.

    Raises:
        MetadataError: No PNG, JPEG or WebP, or a damaged one.
    """
    return write_xmp(data, packet_of(mark))


def mark_of(data: bytes) -> Mark | None:
    """The mark that a file carries, ours or another program's; `None` without one.

    Raises:
        MetadataError: code `metadata_too_large`.
    """
    found = _SOURCE_TYPE.search(read_xmp(data))
    return next((mark for mark in Mark if found is not None and found[1] == mark.value), None)


def packet_of(mark: Mark) -> str:
    """The XMP packet. It is made of constants only, so nothing a person wrote can break out of it."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        '  <rdf:Description rdf:about=""\n'
        '    xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n'
        '    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"\n'
        f'    xmp:CreatorTool="{PRODUCT} {product_version()}"\n'
        f'    Iptc4xmpExt:DigitalSourceType="{mark.value}"/>\n'
        " </rdf:RDF>\n"
        "</x:xmpmeta>\n"
        '<?xpacket end="r"?>'
    )
