from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from generator.batch_key import BatchKey
from generator.engine import Engine
from generator.events import ImageReady
from generator.planner import PATIENCE, Ticket, plan
from generator.request import GenerationRequest
from generator.tenants import Shares, WaitingRoom, jain

Ask = Callable[..., GenerationRequest]
KEYS = tuple(
    BatchKey("a", shape, chunks, loras)
    for shape in ((4, 8, 8), (4, 16, 16))
    for chunks in (1, 2)
    for loras in ((), (("style", 0.5),))
)


def test_jains_index_is_1_for_equals_and_falls_to_one_nth() -> None:
    assert jain([3, 3, 3]) == 1.0
    assert jain([1, 0, 0, 0]) == 0.25
    assert jain([]) == jain([0, 0]) == 1.0


def test_heads_are_ordered_by_what_runs_and_then_by_arrival(ask: Ask) -> None:
    room = WaitingRoom()
    for name, tenant in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("c1", "c")):
        room.add(replace(ask(name), tenant=tenant))
    assert [r.request_id for r in room.heads({})] == ["a1", "b1", "c1"]
    assert [r.request_id for r in room.heads({"a": 2, "b": 1})] == ["c1", "b1", "a1"]
    assert room.remove("a1") and not room.remove("a1")
    assert [r.request_id for r in room.heads({})] == ["a2", "b1", "c1"]
    assert len(room) == 3 and "a1" not in room and "a2" in room


def test_who_comes_back_starts_level_and_saves_nothing_up() -> None:
    shares = Shares()
    shares.keep({"a", "b"})
    shares.charge("a", 100)
    shares.charge("b", 90)
    shares.keep({"a"})  # b has nothing to draw
    shares.charge("a", 1000)
    shares.keep({"a", "b", "c"})
    assert shares.had() == {"a": 1100, "b": 1100, "c": 1100}


def test_a_flooder_gets_no_more_than_its_share_of_the_device() -> None:
    """One tenant with 60 pictures, seven with 4 each, of all keys: while all want something, all get the same."""
    rng = random.Random(3)
    running: dict[str, tuple[Ticket, int]] = {}
    order = 0
    for tenant, count in [("flood", 60), *((f"t{i}", 4) for i in range(7))]:
        for _ in range(count):
            # A call costs by rows and area: alike here, so that shares can be compared call by call.
            ticket = Ticket(str(order), rng.choice(KEYS[:4]), 2, order, True, 0, tenant)
            running[ticket.request_id] = (ticket, 20)
            order += 1
    shares, got, tick = Shares(), Counter[str](), 0
    while len({t.tenant for t, _ in running.values()}) == 8:
        tick += 1
        shares.keep({t.tenant for t, _ in running.values()})
        for name in plan([t for t, _ in running.values()], 8, tick, shares.had()):
            ticket, left = running.pop(name)
            shares.charge(ticket.tenant, ticket.cost)
            got[ticket.tenant] += ticket.rows
            if left > 1:
                running[name] = (replace(ticket, is_new=False, last_tick=tick), left - 1)
    assert jain(got.values()) >= 0.95


def test_ten_thousand_random_tickets_of_ten_tenants_end_without_starving_mixing_or_reviving() -> None:
    rng = random.Random(11)
    running: dict[str, tuple[Ticket, int]] = {}
    cancelled: set[str] = set()
    shares = Shares()
    arrived = finished = tick = longest = 0
    while finished + len(cancelled) < 10_000:
        tick += 1
        while arrived < 10_000 and len(running) < 24:
            # Tenant 0 floods: half of all that comes.
            tenant = f"t{0 if rng.random() < 0.5 else rng.randrange(1, 10)}"
            ticket = Ticket(str(arrived), rng.choice(KEYS), rng.choice((1, 2, 2, 5)), arrived, True, tick, tenant)
            running[ticket.request_id] = (ticket, rng.randint(1, 6))
            arrived += 1
        if rng.random() < 0.1:
            victim = rng.choice(list(running))
            del running[victim]
            cancelled.add(victim)
        shares.keep({t.tenant for t, _ in running.values()})
        chosen = plan([t for t, _ in running.values()], 8, tick, shares.had())
        assert chosen or not running
        assert not cancelled & set(chosen)
        assert len({running[i][0].key for i in chosen}) <= 1
        assert len(chosen) == 1 or sum(running[i][0].rows for i in chosen) <= 8
        for name in chosen:
            ticket, left = running.pop(name)
            shares.charge(ticket.tenant, ticket.cost)
            longest = max(longest, tick - ticket.last_tick)
            if left > 1:
                running[name] = (replace(ticket, is_new=False, last_tick=tick), left - 1)
            else:
                finished += 1
    # 24 pictures run at most: a tenth of the device for one with all 24 would be 10 ticks a call and picture.
    assert longest <= 10 * (PATIENCE + 24)


def test_a_small_tenant_is_drawn_long_before_the_flood_that_came_first(engine: Engine, ask: Ask) -> None:
    for i in range(60):
        engine.add(replace(ask(f"flood{i}", seed=i, steps=4), tenant="flood"))
    engine.step()
    engine.add(replace(ask("mine", seed=99, steps=4), tenant="small"))
    steps, done = 0, []
    while "mine" not in done:
        done += [e.request_id for e in engine.step() if isinstance(e, ImageReady)]
        steps += 1
    # It joins the next call and stays in every one; alone it would take 4 calls and a decoding.
    assert steps <= 12
    assert len(done) < 12
    for i in range(60):
        engine.abort(f"flood{i}")
    engine.step()
    assert not engine.has_work()
