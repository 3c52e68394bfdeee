from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from service import owners as owners_module
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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")
def test_one_that_starts_while_another_puts_up_its_mark_does_not_take_that_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = Owners(tmp_path, IdFactory()), Owners(tmp_path, IdFactory())
    lock = owners_module._try_lock

    def lock_after_the_other_looked(handle: int) -> bool:
        monkeypatch.setattr(owners_module, "_try_lock", lock)
        other.enter()
        return lock(handle)

    monkeypatch.setattr(owners_module, "_try_lock", lock_after_the_other_looked)
    mine.enter()
    assert not other.is_dead(mine.name)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{o.name}.lock" for o in (mine, other))
    mine.leave()
    other.leave()
