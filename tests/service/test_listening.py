from __future__ import annotations

import socket
from pathlib import Path

from service.listening import listen
from service.testing import quiet_settings


def test_small_answers_are_not_held_back_for_an_acknowledgement(tmp_path: Path) -> None:
    """asyncio turns Nagle's delay off only on sockets that name their protocol; with it an answer takes 40 ms."""
    listeners = listen(quiet_settings(tmp_path, port=0))
    try:
        assert {listener.proto for listener in listeners} == {socket.IPPROTO_TCP}
    finally:
        for listener in listeners:
            listener.close()
