"""Wildcard files of a folder: `colours/warm.txt` is `__colours/warm__`, one entry a line."""

from __future__ import annotations

from pathlib import Path

FILE_BYTES = 4 * 1024 * 1024
"""Larger files are left out."""
FILES = 2_000


def load_wildcards(folder: Path) -> dict[str, tuple[str, ...]]:
    """Lines by name, `/` between folders; blank lines and lines that begin with `#` are left out.

    Links that lead out of `folder`, files over `FILE_BYTES` and everything behind the first `FILES` files are left
    out. Empty when there is no such folder.
    """
    root = folder.resolve()
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(root.rglob("*.txt"))[:FILES] if root.is_dir() else ():
        is_inside = path.resolve().is_relative_to(root)
        if not is_inside or not path.is_file() or path.stat().st_size > FILE_BYTES:
            continue
        lines = path.read_text("utf-8-sig", errors="replace").splitlines()
        entries = tuple(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
        found[path.relative_to(root).with_suffix("").as_posix()] = entries
    return found
