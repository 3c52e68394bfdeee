"""Two people with a key each talk about one spell over HTTP; the store knows who did what, and plays it all again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx

from prompts.spell import Spell
from service.assembly import build
from service.settings import Settings
from service.spells import ChatTurn, SpellVersion
from service.testing import quiet_settings, running_server
from service.version_tree import replayed

IDEA = "一个女孩在雨中的东京街头，夜景，霓虹灯"
TALK = [
    ("Ann", "make it snow"), ("小白", "加一只黑猫"), ("Ann", "30 steps"), ("小白", "保留 黑猫"),
    ("Ann", "less neon lights"),
    ("小白", "换成水彩风格"), ("Ann", "undo"), ("小白", "给她一把红色的伞"), ("Ann", "make the umbrella blue"),
    ("小白", 3, "改成白天"), ("Ann", "in a forest instead"), ("小白", "让她挥手"), ("Ann", "zoom in"),
    ("小白", "步数 24"),
    ("Ann", 2, "make it foggy"), ("小白", "亮一点"), ("Ann", "brighter"), ("小白", "撤销"), ("Ann", "add fireworks"),
    ("小白", "竖图"), ("Ann", "xyzzy plugh"), ("小白", "不要文字"), ("Ann", "use the second one but at sunset"),
    ("小白", "更高清"), ("Ann", "seed 42"), ("小白", 7, "油画风格"), ("Ann", "cfg 6"), ("小白", "加点樱花"),
    ("Ann", "no people in the background"), ("小白", "回到第一版"),
]  # fmt: skip


def test_thirty_turns_of_two_keys_with_branches_play_again_exactly_and_say_who_did_what(tmp_path: Path) -> None:
    settings = quiet_settings(tmp_path, default_checkpoint="demo", api_key="operator key of this test")
    with running_server(settings) as server:
        spell_id = talk(server.url)
    versions, turns = asyncio.run(stored(settings, spell_id))
    assert len(TALK) == 30 == len(turns)
    assert [turn.person for turn in turns] == [said[0] for said in TALK]
    assert versions[0].person == "Ann" and {version.person for version in versions} == {"Ann", "小白"}
    for turn in turns:
        if versions[turn.version - 1].note == turn.message:
            assert versions[turn.version - 1].person == turn.person
    parents = [version.parent for version in versions[1:]]
    assert {2, 3, 7} <= set(parents) and len(set(parents)) < len(parents), "no branches"
    assert replayed(versions) == tuple(version.spell for version in versions)
    assert replayed(without_spells(versions)) == tuple(version.spell for version in versions)
    assert versions[-1].spell == versions[0].spell


def talk(url: str) -> str:
    """Hold the conversation; each looks at the newest version before speaking."""
    with httpx.Client(base_url=url, timeout=30) as client:
        operator = {"Authorization": "Bearer operator key of this test"}
        keys = {}
        for name in ("Ann", "小白"):
            made = client.post("/api/keys", json={"name": name, "tenant": "studio"}, headers=operator)
            keys[name] = {"Authorization": f"Bearer {made.json()['key']}"}
        spell_id: str = client.post("/api/spells", json={"idea": IDEA}, headers=keys["Ann"]).json()["spell_id"]
        for name, *base, message in TALK:
            head = client.get(f"/api/spells/{spell_id}", headers=keys[name]).json()["head"]["number"]
            body = {"message": message, "parent": head, **({"base": base[0]} if base else {})}
            answer = client.post(f"/api/spells/{spell_id}/chat", json=body, headers=keys[name])
            assert answer.status_code == 200, answer.text
            assert answer.json()["turn"]["person"] == name
        assert client.get(f"/api/spells/{spell_id}", headers=operator).status_code == 404
        return spell_id


async def stored(settings: Settings, spell_id: str) -> tuple[Sequence[SpellVersion], Sequence[ChatTurn]]:
    """What a process that starts later finds."""
    async with build(settings, fake_engine=True) as services:
        library = services.of("studio", "").library
        return await library.versions(spell_id), await library.turns(spell_id)


def without_spells(versions: Sequence[SpellVersion]) -> list[SpellVersion]:
    """All spells but the first lost: only the edits are left."""
    lost = Spell("lost")
    return [versions[0], *(replace(version, spell=lost) for version in versions[1:])]
