"""A server that cannot start says why in one line, and nothing of it runs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SPELLWRIGHT = [sys.executable, "-c", "from service.cli import main; main()"]
SECONDS = 60


def environment(data_dir: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SPELLWRIGHT_", "OPENAI_"))}
    return kept | {"SPELLWRIGHT_DATA_DIR": str(data_dir)}


def spell_process(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SPELLWRIGHT, *arguments], env=environment(data_dir), capture_output=True, text=True, timeout=SECONDS
    )


def test_a_taken_port_is_one_line_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = spell_process(tmp_path / "data", "serve", "--port", str(port))
    assert ran.returncode == 2
    [line] = ran.stderr.splitlines()
    assert line.startswith(f"spellwright: Port {port} of 127.0.0.1 is taken") and line.endswith("[port_taken]")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_a_host_that_is_not_this_machine_is_one_line(tmp_path: Path, host: str) -> None:
    ran = spell_process(tmp_path / "data", "serve", "--host", host, "--port", "0")
    assert ran.returncode == 2
    [line] = ran.stderr.splitlines()
    assert host in line and line.endswith("[host_unknown]")
    assert not (tmp_path / "data").exists()


def a_file_in_the_way(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("no folder")
    return tmp_path / "file"


def a_folder_below_a_file(tmp_path: Path) -> Path:
    return a_file_in_the_way(tmp_path) / "data"


def a_folder_where_the_database_should_be(tmp_path: Path) -> Path:
    (tmp_path / "data" / "spellwright.db").mkdir(parents=True)
    return tmp_path / "data"


def a_read_only_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("this account may write everywhere")
    return folder


def a_file_system_that_takes_no_files(tmp_path: Path) -> Path:
    folder = Path("/proc/self")  # there for the superuser too, whom no mode bits stop
    if not folder.is_dir():
        pytest.skip("no /proc on this machine")
    return folder


PLACES = (
    a_file_in_the_way,
    a_folder_below_a_file,
    a_folder_where_the_database_should_be,
    a_read_only_folder,
    a_file_system_that_takes_no_files,
)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
@pytest.mark.parametrize("arguments", [("serve", "--port", "0"), ("expand", "a cat", "--json")], ids=lambda a: a[0])
def test_a_data_folder_that_cannot_be_written_is_named(
    tmp_path: Path, place: Callable[[Path], Path], arguments: tuple[str, ...]
) -> None:
    folder = place(tmp_path)
    ran = spell_process(folder, *arguments)
    assert ran.returncode == 2, ran.stderr
    [line] = ran.stderr.splitlines()
    detail = json.loads(line)["detail"] if "--json" in arguments else line
    assert str(folder) in detail and "SPELLWRIGHT_DATA_DIR" in detail
    assert "data_dir_unusable" in line


def test_a_server_answers_at_the_address_that_it_tells(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*SPELLWRIGHT, "serve", "--port", "0", "--host", "localhost"],
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert child.stderr is not None
            line = next(line for line in child.stderr if "outcome=ready address=" in line)
            port = int(line.split("http://localhost:")[1].split()[0])
            with socket.create_connection(("localhost", port), timeout=10) as client:
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert client.recv(100).startswith(b"HTTP/1.1 200")
        finally:
            child.kill()  # its engine is still starting; how a server ends is tested with the engine's double
