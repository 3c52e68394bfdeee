from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from service.ids import IdFactory
from service.owners import Owners

HOLD = """
import sys
from pathlib import Path
from service.ids import IdFactory
from service.owners import Owners
owners = Owners(Path(sys.argv[1]), IdFactory())
owners.enter()
print(owners.name, flush=True)
sys.stdin.read()
"""


def test_a_living_process_is_not_dead_and_a_killed_one_is(tmp_path: Path) -> None:
    mine = Owners(tmp_path, IdFactory())
    mine.enter()
    assert not mine.is_dead(mine.name)
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        assert not mine.is_dead(name)
        child.kill()
        child.wait()
        assert mine.is_dead(name)
    assert (tmp_path / f"{name}.lock").exists()
    later = Owners(tmp_path, IdFactory())
    later.enter()
    assert not (tmp_path / f"{name}.lock").exists()
    later.leave()
    assert mine.is_dead(later.name)
    mine.leave()


def test_one_that_never_was_counts_as_dead(tmp_path: Path) -> None:
    owners = Owners(tmp_path, IdFactory())
    owners.enter()
    for name in ("0" * 26, "", "../../etc/passwd"):
        assert owners.is_dead(name)
    owners.leave()
