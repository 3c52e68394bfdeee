"""`accept` stores what `refine --propose` showed, once, and only while nobody else was first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path


def test_a_proposal_that_was_looked_at_is_accepted_as_it_was_shown(spellwright: Callable) -> None:
    spell_id = spellwright("expand", "a red heart", "--json").value["spell_id"]
    shown = spellwright("refine", spell_id, "30 steps", "--propose", "--json")
    assert len(spellwright("history", spell_id, "--json").value["versions"]) == 1
    Path("proposal.json").write_text(shown.out, "utf-8")
    ran = spellwright("accept", spell_id, "proposal.json", "--json")
    assert ran.code == 0, ran.err
    assert (ran.value["version"], ran.value["note"], ran.value["is_proposal"]) == (2, "30 steps", False)
    assert ran.value["spell"] == shown.value["spell"]
    again = spellwright("accept", spell_id, "proposal.json")
    assert again.code == 2 and "version 2" in again.err


def test_a_proposal_for_an_older_version_becomes_a_branch(spellwright: Callable) -> None:
    spell_id = spellwright("expand", "a red heart", "--json").value["spell_id"]
    spellwright("refine", spell_id, "30 steps")
    shown = spellwright("refine", spell_id, "seed 9", "--from", "1", "--propose", "--json")
    Path("proposal.json").write_text(shown.out, "utf-16")
    made = spellwright("accept", spell_id, "proposal.json", "--note", "mine", "--json").value
    assert (made["version"], made["parent"], made["note"]) == (3, 1, "mine")
    assert made["spell"]["params"]["steps"] != 30 and made["spell"]["params"]["seed"] == 9


def test_bare_edits_are_accepted_and_what_is_none_is_refused(spellwright: Callable) -> None:
    spell_id = spellwright("expand", "a red heart", "--json").value["spell_id"]
    edits = [{"kind": "add_phrase", "phrase": "on fire"}]
    Path("edits.json").write_text(json.dumps(edits), "utf-8")
    assert "on fire" in spellwright("accept", spell_id, "edits.json", "--json").value["spell"]["prompt"]
    for wrong in ("nonsense", "{}", "[1]", '{"edits": []}', '[{"kind": "delete_everything"}]', '{"edits": "all"}'):
        Path("wrong.json").write_text(wrong, "utf-8")
        ran = spellwright("accept", spell_id, "wrong.json")
        assert ran.code == 2 and "edit" in ran.err, wrong
    assert len(spellwright("history", spell_id, "--json").value["versions"]) == 2
