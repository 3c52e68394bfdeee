from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def test_keys_made_on_the_command_line_are_in_the_audit_log_and_a_change_is_found(
    spellwright: Callable, cli_data_dir: Path, tmp_path: Path
) -> None:
    made = spellwright("keys", "add", "audited", "--tenant", "audit-tests", "--json").value
    spellwright("keys", "revoke", made["id"])
    told = spellwright("audit", "--json")
    assert told.code == 0 and told.value["broken_lines"] == []
    mine = [(line["action"], line["actor"]) for line in told.value["entries"] if line["object"] == made["id"]]
    assert mine == [("key_created", "local"), ("key_revoked", "local")]
    assert made["id"] in spellwright("audit").out and made["key"] not in told.out
    file = cli_data_dir / "audit.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"key_created", b"key_changed"))
    try:
        changed = spellwright("audit")
        assert changed.code == 1 and "something was changed" in changed.err
    finally:
        file.write_bytes(whole)
