"""What was done to keys, models and safety can be read afterwards, and a changed line shows."""

from __future__ import annotations

import json
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.audit import ACTOR, FIRST, KEY_CREATED, SERVER_STARTED, Actor, AuditLog
from service.policy import Policy, PolicyBlocked
from service.settings import load_settings
from service.testing import quiet_settings, running_server

OWN_KEY = "audit-operator-secret"
BLOCKED = "a nude schoolgirl"


@pytest.fixture
def audit(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "audit.jsonl", lambda: datetime(2026, 11, 23, 12, tzinfo=UTC))


def values(log: AuditLog) -> list[dict[str, Any]]:
    entries = list(log.entries())
    assert all(entry.is_chained for entry in entries)
    return [entry.values for entry in entries]


def test_a_line_says_who_did_what_to_what_and_when(audit: AuditLog) -> None:
    assert values(audit) == []
    audit.record(KEY_CREATED, "done", "01KEY", scopes=["read"])
    (line,) = values(audit)
    assert line == {
        "at": line["at"], "actor": "local", "tenant": "local", "action": "key_created", "outcome": "done",
        "object": "01KEY", "request": "", "scopes": ["read"], "previous": FIRST,
    }  # fmt: skip
    assert line["at"].startswith("2026-11-23T12:00")


@pytest.mark.skipif(sys.platform == "win32", reason="no such rights there")
def test_only_its_owner_reads_the_log(audit: AuditLog) -> None:
    audit.record(KEY_CREATED, "done")
    assert stat.S_IMODE(audit.file.stat().st_mode) == 0o600


def test_a_line_that_was_changed_or_taken_out_shows_behind_it(audit: AuditLog) -> None:
    for number in range(5):
        audit.record(KEY_CREATED, "done", f"key {number}")
    whole = audit.file.read_bytes()
    lines = whole.splitlines(keepends=True)
    for harmed, at in (
        (whole.replace(b"key 1", b"key 9"), 2),
        (b"".join(lines[:2] + lines[3:]), 2),
        (b"".join([lines[1], lines[0], *lines[2:]]), 0),
        (whole.replace(lines[3], b"nonsense\n"), 3),
    ):
        audit.file.write_bytes(harmed)
        entries = [entry.is_chained for entry in audit.entries()]
        assert not entries[at] and all(entries[:at])


def test_a_line_that_was_torn_by_a_crash_is_closed_and_the_log_goes_on(audit: AuditLog) -> None:
    audit.record(KEY_CREATED, "done")
    whole = audit.file.read_bytes()
    audit.file.write_bytes(whole + whole[:20])
    audit.record(KEY_CREATED, "done", "after")
    first, torn, after = audit.entries()
    assert first.is_chained and not torn.is_chained and after.is_chained and after.values["object"] == "after"


def test_many_writers_at_once_make_one_chain(audit: AuditLog) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: audit.record(KEY_CREATED, "done", str(number)), range(200)))
    assert {line["object"] for line in values(audit)} == {str(number) for number in range(200)}


def test_a_long_line_stays_one_line_that_the_next_one_finds(audit: AuditLog) -> None:
    audit.record(KEY_CREATED, "done", "x" * 9000, note="y" * 90_000)
    audit.record(KEY_CREATED, "done")
    assert len(values(audit)) == 2 and len(audit.file.read_bytes()) < 4096


def test_a_line_of_many_wide_characters_stays_within_what_the_next_one_looks_back(audit: AuditLog) -> None:
    for _ in range(2):
        audit.record(KEY_CREATED, "done", "\U0001f600" * 200, **{name: "\U0001f600" * 500 for name in "abcd"})
    assert [entry.is_chained for entry in audit.entries()] == [True, True]


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    AuditLog(tmp_path / "file" / "audit.jsonl").record(KEY_CREATED, "done")


def test_a_refusal_names_the_category_and_whoever_asked_and_not_the_words(audit: AuditLog) -> None:
    before = ACTOR.set(Actor("01KEY", "ann", "01REQUEST"))
    try:
        with pytest.raises(PolicyBlocked):
            Policy(audit=audit).check_text(BLOCKED)
    finally:
        ACTOR.reset(before)
    (line,) = values(audit)
    assert (line["action"], line["outcome"], line["category"]) == ("policy_refused", "refused", "minors")
    assert (line["actor"], line["tenant"], line["request"]) == ("01KEY", "ann", "01REQUEST")
    assert "schoolgirl" not in audit.file.read_text() and "nude" not in audit.file.read_text()


def test_settings_that_weaken_the_defaults_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "C2PA"):
        monkeypatch.delenv(f"SPELLWRIGHT_{name}", raising=False)
    assert load_settings(data_dir=tmp_path).weakened == ()
    bold = load_settings(data_dir=tmp_path, host="0.0.0.0", adult_mode=True, c2pa="off", public_hosts=("a.example",))
    assert bold.weakened == ("host", "public_hosts", "adult_mode", "c2pa")


def test_what_comes_in_by_http_is_written_with_its_key_and_request_and_without_secrets(tmp_path: Path) -> None:
    settings = quiet_settings(tmp_path, api_key=OWN_KEY)
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as web:
        own = {"authorization": f"Bearer {OWN_KEY}"}
        made = web.post("/api/keys", json={"name": "phone", "tenant": "ann"}, headers=own)
        key, key_id = made.json()["key"], made.json()["id"]
        hers = {"authorization": f"Bearer {key}"}
        wrong = web.get("/api/jobs", headers={"authorization": f"Bearer {key[:-2]}xy"})
        assert web.get("/api/jobs").status_code == wrong.status_code == 401
        order = {"spell": {"prompt": BLOCKED}}
        refused = [web.post("/api/jobs", json=order, headers=hers)]
        refused.append(web.post("/sdapi/v1/txt2img", json={"prompt": BLOCKED}, headers=hers))
        refused.append(web.post("/v1/images/generations", json={"prompt": BLOCKED}, headers=hers))
        ended = web.delete(f"/api/keys/{key_id}", headers=own)
    lines = values(AuditLog(settings.audit_path))
    told = [(line["action"], line["outcome"], line["actor"], line["tenant"], line["object"]) for line in lines]
    assert told == [
        ("key_created", "done", "operator", "local", key_id),
        ("login_refused", "refused", "", "", key_id),
        *[("policy_refused", "refused", key_id, "ann", "")] * 3,
        ("key_revoked", "done", "operator", "local", key_id),
    ]
    answers = [made, wrong, *refused, ended]
    assert [line["request"] for line in lines] == [answer.headers["x-request-id"] for answer in answers]
    text = settings.audit_path.read_text()
    for secret in (key, key[-20:], OWN_KEY, "schoolgirl"):
        assert secret not in text


def test_a_flood_of_wrong_keys_floods_no_log(tmp_path: Path) -> None:
    settings = quiet_settings(tmp_path, api_key=OWN_KEY)
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as web:
        for number in range(60):
            web.get("/api/jobs", headers={"authorization": f"Bearer nonsense-{number:020}"})
    assert 1 <= len(values(AuditLog(settings.audit_path))) <= 12


def test_the_start_of_a_server_is_a_line(audit: AuditLog) -> None:
    audit.record(SERVER_STARTED, "done", weakened=["adult_mode"])
    assert json.loads(audit.file.read_text())["weakened"] == ["adult_mode"]
