"""Fetch the wheel that carries the hand networks, as data: it is unpacked, never installed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from generator.errors import DownloadFailed
from generator.hands.install import WHEEL, install_from_wheel

_PATIENCE_SECONDS = 600
_LAST_WORDS = 300  # characters of pip's complaint that are shown


def fetch_networks(folder: Path) -> tuple[Path, ...]:
    """Have pip download the wheel, from whatever index this machine's pip is set to, and unpack the networks.

    pip checks the wheel against the index's hash; `install_from_wheel` checks each network against ours.

    Raises:
        DownloadFailed: code `hand_wheel_unreachable`; pip is missing or could not get it.
        ModelRefused: See `install_from_wheel`.
        OSError: The folder cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="spellwright-") as there:
        name, version = WHEEL.split()
        # One wheel for every machine: the networks in it are the same whatever the platform.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary", ":all:", "--python-version", "3.11"]
        command += ["--platform", "manylinux_2_28_x86_64", "--dest", there, f"{name}=={version}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False)
        except subprocess.TimeoutExpired as late:
            raise _unreachable(f"pip took longer than {_PATIENCE_SECONDS} s") from late
        wheels = sorted(Path(there).glob("*.whl"))
        if done.returncode or not wheels:
            raise _unreachable(" ".join(done.stderr.split())[-_LAST_WORDS:] or "pip found none")
        return install_from_wheel(wheels[0], folder)


def _unreachable(reason: str) -> DownloadFailed:
    error = DownloadFailed(
        f"The wheel of {WHEEL} could not be downloaded: {reason}. Download it elsewhere and give it: "
        "`spellwright models add hands --wheel FILE`.",
        reason=reason,
    )
    error.with_code("hand_wheel_unreachable")
    return error
