"""The commands of the page about the other doors are run, one after the other, against a running server."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from service.testing import quiet_settings, running_server

PAGE = (Path(__file__).parents[2] / "docs" / "doors.md").read_text("utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S)
    for line in block.splitlines()
    if line.startswith(("curl ", "python3 "))
]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    assert len(COMMANDS) >= 10
    with running_server(quiet_settings(tmp_path / "data")) as server:
        for command in COMMANDS:
            line = command.replace("curl ", "curl --fail-with-body --max-time 60 ", 1)
            line = line.replace("localhost:7860", server.url.removeprefix("http://"))
            done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (command, done.stdout[-500:], done.stderr[-500:])
    assert (tmp_path / "heart.png").read_bytes().startswith(b"\x89PNG")
    assert '"b64_json"' in (tmp_path / "cat.json").read_text()
