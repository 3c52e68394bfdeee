"""The round trip: with made-up evidence for the proposals, with the demo family for the whole way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from prompts.expansion.applying import apply
from prompts.expansion.edits import AddNegative, AddPhrase, Edit, RemoveNegative, RemovePhrase, Reweight
from prompts.interrogation.compare import Comparison
from prompts.interrogation.measured_interrogator import MeasuredInterrogator
from prompts.interrogation.result import Term
from prompts.interrogation.round_trip import MOST_EDITS, propose, round_trip
from prompts.spell import Spell


def compared(missing: tuple[str, ...] = (), surplus: tuple[str, ...] = ()) -> Comparison:
    return Comparison(
        0.5,
        tuple(Term(text, "flavors", 0.3) for text in missing),
        tuple(Term(text, "flavors", 0.3) for text in surplus),
        0.7,
    )


@pytest.mark.parametrize(
    ("spell", "found", "edits", "prompt", "negative"),
    [
        (Spell("a cat"), compared(), [], "a cat", ""),
        (Spell("a cat"), compared(("soft light",)), [AddPhrase("soft light")], "a cat, soft light", ""),
        (Spell("a cat, Mist"), compared(("mist",)), [Reweight("mist", 1.2)], "a cat, (Mist:1.2)", ""),
        (Spell("a cat, (mist:1.3)"), compared(("mist",)), [], "a cat, (mist:1.3)", ""),
        (Spell("A cat in mist."), compared(("mist",)), [], "A cat in mist.", ""),
        (Spell("a cat", "mist, fog"), compared(("mist",)), [RemoveNegative("mist")], "a cat", "fog"),
        (Spell("a cat, fog"), compared((), ("fog",)), [RemovePhrase("fog")], "a cat", ""),
        (Spell("a cat"), compared((), ("fog",)), [AddNegative("fog")], "a cat", "fog"),
        (Spell("a cat", "fog"), compared((), ("fog",)), [], "a cat", "fog"),
        (
            Spell("a cat"),
            compared(("a (b)", "<lora:x:1>")),
            [AddPhrase(r"a \(b\)"), AddPhrase("lora:x:1")],
            r"a cat, a \(b\), lora:x:1",
            "",
        ),
    ],
)
def test_what_is_missing_is_said_and_what_is_too_much_unsaid(
    spell: Spell, found: Comparison, edits: list[Edit], prompt: str, negative: str
) -> None:
    proposals, proposed = propose(spell, found)
    assert [proposal.edit for proposal in proposals] == edits
    assert (proposed.prompt, proposed.negative_prompt) == (prompt, negative)
    assert apply(spell, [proposal.edit for proposal in proposals]) == proposed


def test_only_the_strongest_are_proposed() -> None:
    many = tuple(f"term {n}" for n in range(9))
    proposals, _ = propose(Spell("a cat"), compared(many, tuple(f"un{t}" for t in many)))
    assert [p.because.text for p in proposals] == [*many[:MOST_EDITS], *(f"un{t}" for t in many[:MOST_EDITS])]


def test_a_proposal_that_the_spell_refuses_is_left_out() -> None:
    full = Spell("cat " * 5000)
    proposals, proposed = propose(full, compared(("soft light",)))
    assert proposals == () and proposed == full


def test_a_proposal_names_its_evidence() -> None:
    [said, unsaid], _ = propose(Spell("a cat"), compared(("mist",), ("fog",)))
    assert said.to_json() == {
        "edit": {"kind": "add_phrase", "phrase": "mist", "where": "end"},
        "because": {
            "term": "mist",
            "category": "flavors",
            "source": "clip",
            "similarity": 0.3,
            "only_in": "reference",
        },
    }
    assert unsaid.to_json()["because"]["only_in"] == "drawn"


def test_without_a_model_the_measured_facts_make_the_round() -> None:
    def draw(spell: Spell) -> Image.Image:
        assert "red" in spell.prompt
        return Image.new("RGB", (256, 256), (0, 0, 200))

    photo = Image.new("RGB", (256, 256), (200, 0, 0))
    trip = round_trip(photo, MeasuredInterrogator(), draw)
    assert trip.comparison.similarity is None
    assert trip.comparison.palette_distance == 1.0
    assert any("red" in term.text for term in trip.comparison.missing)
    assert any(isinstance(p.edit, AddNegative) and "blue" in p.edit.phrase for p in trip.proposals)
    same = round_trip(photo, MeasuredInterrogator(), lambda spell: photo)
    assert same.proposals == () and same.proposed == same.spell and same.comparison.palette_distance == 0.0


def drawer(engine: Any) -> Callable[[Spell], Image.Image]:
    """Draws a spell at once, small and in few steps."""
    from generator.events import Failed, ImageReady
    from generator.request import GenerationRequest

    def draw(spell: Spell) -> Image.Image:
        params = {"steps": 4, "seed": 1, "width": 128, "height": 128, "sampler": "Euler", "schedule_type": "Automatic"}
        resolved = spell.evolve(cfg_scale=5.0, clip_skip=1, checkpoint="demo", **params)
        engine.add(GenerationRequest("draw", resolved))
        while engine.has_work():
            for event in engine.step():
                assert not isinstance(event, Failed), event
                if isinstance(event, ImageReady):
                    picture = event.picture
                    return Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
        raise AssertionError("nothing was drawn")

    return draw


@pytest.mark.slow
def test_the_demo_family_goes_the_whole_way(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Interrogate, generate, compare, propose; and what is proposed can be drawn and read again."""
    from generator.config import EngineConfig, ModelFolders
    from generator.demo.family import find_family
    from generator.engine import Engine
    from prompts.interrogation.clip_model_interrogator import ClipInterrogator, ClipPaths

    family = find_family(tmp_path_factory.mktemp("family"))
    empty = tmp_path_factory.mktemp("empty")
    folders = ModelFolders(empty, empty, (("demo", family.checkpoint),))
    engine = Engine(EngineConfig(folders, device="cpu", threads=1))
    draw = drawer(engine)
    clip = ClipInterrogator.from_paths(ClipPaths(family.clip, family.labels), "trained-demo")
    photo = draw(Spell("a red heart on a white background"))
    trip = round_trip(photo, clip, draw)
    assert trip.reference.is_trusted and "white" in trip.spell.prompt
    assert trip.comparison.similarity is not None and -1.0 <= trip.comparison.similarity <= 1.0
    assert 0.0 <= trip.comparison.palette_distance <= 1.0
    assert trip.proposals or not (trip.comparison.missing or trip.comparison.surplus)
    assert apply(trip.spell, [p.edit for p in trip.proposals]) == trip.proposed
    assert draw(trip.proposed).size == photo.size
    told = trip.to_json()
    assert set(told) == {"comparison", "proposals", "reference", "drawn"}
