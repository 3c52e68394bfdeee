from __future__ import annotations

import json
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from service.search import Search
from service.store.database import MIGRATIONS, Database
from service.store.spell_store import SqlSpellStore

OLD = {
    "prompt": "A Red  Fox",
    "negative_prompt": "",
    "loras": [{"name": "Ink", "weight": 1.0, "unet_weight": None}],
    "params": {"checkpoint": "painterly", "hires": None},
    "extra": [],
}


def test_spells_from_before_the_search_are_found_after_the_update(tmp_path: Path) -> None:
    database = Database(tmp_path / "old.db")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
    at = "2026-01-01T00:00:00.000000Z"
    spell = {"id": "0" * 26, "head": 2, "title": "t", "at": at}
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO spells (id, tenant, head, title, created_at, updated_at) "
                "VALUES (:id, 'local', :head, :title, :at, :at)"
            ),
            spell,
        )
        for number, idea, stored in ((1, "Ein Fuchs", {"prompt": "old words"}), (2, None, OLD)):
            connection.execute(
                text(
                    "INSERT INTO spell_versions (spell_id, number, author, spell, note, idea, details, created_at) "
                    "VALUES (:id, :number, 'edit', :spell, '', :idea, '{}', :at)"
                ),
                {"id": spell["id"], "number": number, "spell": json.dumps(stored), "idea": idea, "at": at},
            )
    database.migrate()
    store = SqlSpellStore(database)
    for search in (
        Search.of("red FOX"),
        Search.of("fuchs"),
        Search.of(checkpoint="Painterly"),
        Search.of(lora="ink"),
    ):
        assert [found.spell_id for found in store.page(10, None, search)] == [spell["id"]]
    assert store.page(10, None, Search.of("old")) == []
    database.close()
