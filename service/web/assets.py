"""The page's files in memory: compressed once, addressed by what is in them, so that browsers keep them for good."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
COMPRESSED_FROM = 512
"""Smaller files gain nothing."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    gzipped: bytes | None
    """`None` where compression does not pay."""
    media_type: str
    etag: str


class Assets:
    """All files under a folder; read once, when made.

    Every page names its scripts and styles as `/static/FILE`; it is served with `/static/VERSION/FILE`, where `version`
    stands for the whole folder. An address with a version therefore never changes its meaning.
    """

    def __init__(self, folder: Path) -> None:
        raw = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.suffix in MEDIA_TYPES and path.is_file()
        }
        digest = hashlib.sha256()
        for name, body in raw.items():
            digest.update(f"{name}\0{len(body)}\0".encode() + body)
        self.version = digest.hexdigest()[:12]
        self._assets = {name: _asset(name, self._addressed(name, body)) for name, body in raw.items()}

    def find(self, name: str) -> Asset | None:
        """The file of this name (`lang/en.json`); `None` when there is none."""
        return self._assets.get(name)

    def _addressed(self, name: str, body: bytes) -> bytes:
        if not name.endswith(".html"):
            return body
        return body.replace(b'="/static/', f'="/static/{self.version}/'.encode())


def _asset(name: str, body: bytes) -> Asset:
    packed = gzip.compress(body, 9, mtime=0) if len(body) >= COMPRESSED_FROM else body
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    return Asset(body, packed if len(packed) < len(body) else None, MEDIA_TYPES[Path(name).suffix], etag)
