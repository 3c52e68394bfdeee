"""Fetches what the page uses of others: `python -m service.web.vendoring`. Needs npm; the product does not.

The packages of `vendor.toml` are fetched by `npm pack`, checked against their digests, and joined into one
module: browsers do not know names like `preact` without an inline import map, which the page's security policy forbids.
"""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LIST = HERE / "vendor.toml"
FOOTER = """export const { Component, Fragment, h, render } = modules["preact"];
export const { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } = modules["preact/hooks"];
export const { batch, computed, effect, signal, useComputed, useSignal } = modules["@preact/signals"];
export const html = modules["htm"].default.bind(h);
"""
_IMPORT = re.compile(r'import\{([^}]*)\}from"([^"]+)";')
_PASS_ON = re.compile(r'export\{[^}]*\}from"([^"]+)";')
_EXPORT = re.compile(r"export\{([^}]*)\};")
_DEFAULT = re.compile(r"export default ")
_MAP = re.compile(r"//# sourceMappingURL=.*")


def fetch(package: dict[str, Any], folder: Path) -> Path:
    """The package's tarball, unpacked under `folder`.

    Raises:
        ValueError: Its digest is not the one of the list.
    """
    wanted = f"{package['name']}@{package['version']}"
    packed = subprocess.run(
        ["npm", "pack", "--silent", "--pack-destination", str(folder), wanted],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    tarball = folder / packed.stdout.strip().splitlines()[-1]
    digest = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if digest != package["integrity"]:
        raise ValueError(f"{wanted} has the digest {digest}, not the one in {LIST.name}.")
    place = folder / tarball.stem
    with tarfile.open(tarball) as archive:
        archive.extractall(place, filter="data")
    return place / "package"


def wrapped(name: str, source: str) -> str:
    """A minified ES module as an entry of `modules`, its imports taken from the entries above it."""
    body = _MAP.sub("", source)
    passed_on = _PASS_ON.findall(body)
    body = _IMPORT.sub(lambda m: f'const{{{_as_pattern(m[1])}}}=modules["{m[2]}"];', _PASS_ON.sub("", body))
    exported = [f'...modules["{other}"]' for other in passed_on]
    exported += [_as_pairs(names) for names in _EXPORT.findall(body)]
    body = _EXPORT.sub("", body)
    if _DEFAULT.search(body):
        body = _DEFAULT.sub("const $default=", body)
        exported.append("default:$default")
    if "export" in re.sub(r'"[^"]*"', "", body) or re.search(r'\bimport[{"]', body):
        raise ValueError(f"{name} has an import or export that this script does not know.")
    return f'modules["{name}"]=(()=>{{{body.strip()}\nreturn{{{",".join(exported)}}}}})();\n'


def _as_pattern(names: str) -> str:
    return ",".join(part.replace(" as ", ":") for part in names.split(","))


def _as_pairs(names: str) -> str:
    pairs = [part.split(" as ") for part in names.split(",")]
    return ",".join(f"{pair[-1]}:{pair[0]}" for pair in pairs)


def joined(packages: list[dict[str, Any]], folder: Path, licences: Path) -> str:
    """All modules in one; each package's licence is put beside it."""
    head = "".join(f"// {p['name']} {p['version']}, {p['licence']}\n" for p in packages)
    parts = [head + "// Made by service/web/vendoring.py; do not edit.\nconst modules = {};\n"]
    for package in packages:
        place = fetch(package, folder)
        name = package["name"].replace("@", "").replace("/", "-")
        (licences / f"{name}.LICENSE.txt").write_text((place / "LICENSE").read_text("utf-8"), "utf-8")
        parts += [wrapped(name, (place / path).read_text("utf-8")) for name, path in package["modules"].items()]
    return "".join(parts) + FOOTER


def main() -> int:
    """Write the module and its digest; 1 when a digest is wrong."""
    listed = tomllib.loads(LIST.read_text("utf-8"))
    target = HERE / listed["file"]["path"]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            text = joined(listed["package"], Path(folder), target.parent)
        except ValueError as wrong:
            sys.stderr.write(f"{wrong}\n")
            return 1
    target.write_text(text, "utf-8")
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    LIST.write_text(re.sub(r'(?m)^sha256 = ".*"', f'sha256 = "{digest}"', LIST.read_text("utf-8"), count=1), "utf-8")
    sys.stdout.write(f"{target} ({target.stat().st_size} bytes, SHA-256 {digest})\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
