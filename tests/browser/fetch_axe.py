"""Fetches axe-core, which judges the page's accessibility in the tests; it is not part of the product. Needs npm."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from service.web.vendoring import fetch

AXE = {
    "name": "axe-core",
    "version": "4.14.1",
    "integrity": "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
}
TARGET = Path(sys.prefix) / "axe-core"


def main() -> int:
    """Put axe.min.js and its licence into the environment; nothing to do when it is there."""
    if (TARGET / "axe.min.js").is_file():
        return 0
    if shutil.which("npm") is None:
        sys.stderr.write("No npm found: the accessibility test will be skipped.\n")
        return 0
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        package = fetch(AXE, Path(folder))
        for name in ("LICENSE", "axe.min.js"):
            shutil.copy(package / name, TARGET / name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
