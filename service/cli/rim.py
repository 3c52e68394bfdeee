"""The one place where errors become lines on a terminal and exit codes."""

from __future__ import annotations

import errno
import json
import sys

from prompts.errors import SpellwrightError

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


def report(error: SpellwrightError, *, as_json: bool) -> int:
    """Print one line (or one JSON object) on stderr and return the exit code for it.

    Args:
        error: What went wrong.
        as_json: A program is reading: print `{"code": …, "detail": …, facts…}` instead.
    """
    if as_json:
        text = json.dumps(
            {"code": error.stable_code, "detail": error.detail, **error.facts}, ensure_ascii=False, default=str
        )
    else:
        text = f"spellwright: {' '.join(error.detail.split())} [{error.stable_code}]"
    print(text, file=sys.stderr)  # noqa: T201 - the terminal is this file's job
    return EXIT_BAD_INPUT


def from_os_error(error: OSError) -> SpellwrightError:
    """A file-system fault as one of ours: full disk, missing file, no permission."""
    name = error.filename or "the file"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SpellwrightError(
            "The disk is full. Free some space and run the command again; nothing was lost."
        ).with_code("disk_full")
    if error.errno == errno.ENOENT:
        return SpellwrightError(f"There is no file {name}.", file=str(name)).with_code("file_not_found")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return SpellwrightError(f"No permission for {name}.", file=str(name)).with_code("file_not_permitted")
    return SpellwrightError(f"{name}: {error.strerror or error}.").with_code("file_error")
