"""File-system faults in plain words."""

from __future__ import annotations

import errno

import pytest

from service.cli.rim import from_os_error


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.ENOENT, "file_not_found"),
        (errno.EACCES, "file_not_permitted"),
        (errno.EROFS, "file_not_permitted"),
        (errno.EIO, "file_error"),
    ],
)
def test_a_file_system_fault_has_a_code_and_names_the_file(number: int, code: str) -> None:
    error = from_os_error(OSError(number, "why", "picture.png"))
    assert error.stable_code == code
    assert code == "disk_full" or "picture.png" in error.detail
