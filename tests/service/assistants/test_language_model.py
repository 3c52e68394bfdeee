"""Token budgets, and a server on this machine found by setting."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from prompts.errors import ChatModelBudgetSpent
from prompts.expansion.chat_model import Message
from prompts.expansion.proposals import TurnProposal
from service.describers import Describers
from service.discovery import with_local_model
from service.language_model import PICTURE_TOKENS, TokenBudget, TokenLimits, estimated_tokens
from service.services import Services
from service.store.database import Database
from service.store.token_ledger import SqlTokenLedger
from service.testing import quiet_settings

SPELL = {"prompt": "1girl, lighthouse, storm", "negative_prompt": "blurry"}
TURN = {"reply": "Done.", "understood": True, "edits": [{"kind": "set_param", "name": "steps", "value": 30}]}


class Answers:
    """Answers every turn."""

    name = "answers"

    async def complete(self, messages: Any, schema: Any, on_text: Any = None) -> Any:
        on_text("x" * 30)
        return schema.model_validate(TURN)

    async def stream(self, messages: Any) -> Any:
        yield "word " * 6


class Ledger:
    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], int] = {}

    def spent(self, tenant: str, day: str) -> int:
        return self.rows.get((tenant, day), 0)

    def add(self, tenant: str, day: str, tokens: int) -> None:
        self.rows[tenant, day] = self.spent(tenant, day) + tokens


def ask(ledger: Ledger, tenant: str, limits: TokenLimits, text: str = "a" * 300, day: int = 1) -> None:
    budget = TokenBudget(ledger, limits, lambda: datetime(2026, 11, day, tzinfo=UTC))
    chat = budget.watched(Answers(), tenant)
    asyncio.run(chat.complete([Message("user", text)], TurnProposal))


def test_what_is_sent_and_what_comes_back_is_counted_by_tenant_and_day() -> None:
    ledger, limits = Ledger(), TokenLimits()
    ask(ledger, "ann", limits)
    ask(ledger, "bob", limits, day=2)
    assert ledger.rows == {("ann", "2026-11-01"): 110, ("bob", "2026-11-02"): 110}


def test_a_tenant_s_day_ends_when_its_tokens_are_spent_and_begins_again_the_next() -> None:
    ledger, limits = Ledger(), TokenLimits(per_day=200)
    ask(ledger, "ann", limits)
    with pytest.raises(ChatModelBudgetSpent) as caught:
        ask(ledger, "ann", limits)
    assert caught.value.stable_code == "llm_budget_spent" and caught.value.facts["limit"] == 200
    ask(ledger, "bob", limits)
    ask(ledger, "ann", limits, day=2)


def test_one_call_that_is_too_large_is_refused_before_it_is_sent_or_counted() -> None:
    ledger = Ledger()
    with pytest.raises(ChatModelBudgetSpent):
        ask(ledger, "ann", TokenLimits(per_request=99))
    assert ledger.rows == {}


def test_a_picture_costs_tokens_too_and_one_that_nothing_is_left_for_is_not_sent() -> None:
    ledger = Ledger()
    describer = Describers(True, Answers(), TokenBudget(ledger, TokenLimits(per_day=2_000), lambda: datetime.now(UTC)))
    asked = describer.of("ann")
    assert asked is not None
    picture = Image.new("RGB", (2000, 1500))
    first, second, third = (asyncio.run(asked.describe(picture)) for _ in range(3))
    assert first.text == second.text == "word word word word word word"
    [spent] = ledger.rows.values()
    words = (spent - 2 * PICTURE_TOKENS) / 2
    assert 100 < words < 235  # the order and the sentence
    assert third.text is None and "budget of this day is spent" in third.notice


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("abc", 1), ("abcd", 2), ("帽子", 2)])
def test_tokens_are_estimated_on_the_dear_side(text: str, tokens: int) -> None:
    assert estimated_tokens(text) == tokens


def test_the_ledger_adds_up_and_survives_the_process(tmp_path: Path) -> None:
    for _ in range(2):
        database = Database(quiet_settings(tmp_path).database_place)
        database.migrate()
        ledger = SqlTokenLedger(database)
        ledger.add("ann", "2026-11-23", 20)
        ledger.add("ann", "2026-11-23", 1)
        database.close()
    database = Database(quiet_settings(tmp_path).database_place)
    ledger = SqlTokenLedger(database)
    assert (ledger.spent("ann", "2026-11-23"), ledger.spent("bob", "2026-11-23")) == (42, 0)
    database.close()


def test_a_spent_budget_means_the_offline_expander_and_says_so(with_services: Callable, scripted: Callable) -> None:
    async def work(services: Services) -> Any:
        made = await services.expansion.create("暴风雨中的灯塔")
        again = await services.expansion.create("暴风雨中的灯塔")
        turn = await services.chat.turn(made.spell_id, "换成夜晚")
        return made, again, turn

    made, again, turn = with_services(work, scripted(SPELL), llm_tokens_per_day=1_000)
    assert made.details["by"] == "scripted"
    assert again.details["by"] == "offline" and "lighthouse" in again.spell.prompt
    assert again.details["notes_texts"][0]["key"] == "llm.budget_spent"
    assert "额度" in again.details["notes_texts"][0]["zh"]
    assert turn.turn.by == "offline" and "额度" in turn.turn.reply and "night" in turn.version.spell.prompt


class Models(BaseHTTPRequestHandler):
    """Lists models as Ollama does."""

    listed: tuple[str, ...] = ("qwen3:4b", "llama3.1")

    def do_GET(self) -> None:
        body = json.dumps({"data": [{"id": name} for name in self.listed]}).encode()
        self.send_response(200 if self.path == "/v1/models" else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def listening() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Models) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def found(tmp_path: Path, **values: Any) -> Any:
    return asyncio.run(with_local_model(quiet_settings(tmp_path, **values)))


def test_a_server_on_this_machine_is_found_when_the_operator_wants_it(tmp_path: Path) -> None:
    with listening() as port:
        taken = found(tmp_path, llm_discover=True, llm_discover_ports=(port,))
        assert (taken.llm_base_url, taken.llm_model) == (f"http://127.0.0.1:{port}/v1", "qwen3:4b")
        assert taken.has_llm
        named = found(tmp_path, llm_discover=True, llm_discover_ports=(port,), llm_model="llama3.1")
        assert named.llm_model == "llama3.1"


@pytest.mark.parametrize(
    "values", [{}, {"llm_discover": True, "llm_model": "gpt-9"}, {"llm_discover": True, "llm_api_key": "sk-own"}]
)
def test_nothing_is_taken_that_nobody_asked_for(tmp_path: Path, values: dict[str, Any]) -> None:
    with listening() as port:
        assert found(tmp_path, llm_discover_ports=(port,), **values).llm_base_url is None


def test_nobody_listening_leaves_the_offline_expander(tmp_path: Path) -> None:
    with listening() as port:
        pass
    assert not found(tmp_path, llm_discover=True, llm_discover_ports=(port,)).has_llm
