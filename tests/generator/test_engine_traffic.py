"""Random traffic: whatever comes and goes, every request ends once, and the pictures do not depend on it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from generator.engine import Engine
from generator.events import FINAL_EVENTS, Cancelled, Event, Failed, ImageReady, Started, StepDone
from generator.request import GenerationRequest
from generator.sampling.samplers import SUPPORTED_SAMPLERS
from prompts.spell import HiresFix, Lora
from prompts.vocabulary import LATENT_UPSCALERS

Ask = Callable[..., GenerationRequest]
PROMPTS = ("a cat", "(a:1.4) [cat|dog] BREAK x", "[a:b:0.3] AND c :0.4", "", "猫, " * 30, "((((", "[:::]")


def _random_request(name: str, rng: random.Random, ask: Ask) -> GenerationRequest:
    changes: dict[str, object] = {
        "prompt": rng.choice(PROMPTS),
        "negative_prompt": rng.choice(("", "ugly", "bad " * 90)),
        "sampler": rng.choice(SUPPORTED_SAMPLERS),
        "steps": rng.randint(1, 4),
        "seed": rng.randint(0, 2**32 - 1),
        "cfg_scale": rng.choice((0.0, 1.0, 4.5, 12.0)),
        "width": rng.choice((64, 72, 128)),
        "clip_skip": rng.choice((1, 2)),
    }
    if rng.random() < 0.4:
        changes["loras"] = (Lora("demo-style", rng.choice((-0.5, 0.3, 1.0))),)
    if rng.random() < 0.3:
        changes["hires"] = HiresFix(1.5, steps=rng.randint(0, 2), upscaler=rng.choice(LATENT_UPSCALERS))
    if rng.random() < 0.1:
        changes["checkpoint"] = "nowhere"
    return ask(name, preview_every=rng.choice((0, 1, 3)), **changes)


def _levels(ready: ImageReady) -> np.ndarray:
    return np.frombuffer(ready.picture.rgb, np.uint8).astype(int)


def _check_steps(own: list[Event], *, chooses_its_steps: bool) -> None:
    """Every step is told once, and the total holds from the start where the sampler knows it."""
    started, steps = own[0], [e for e in own if isinstance(e, StepDone)]
    assert isinstance(started, Started)
    assert [e.done for e in steps] == list(range(1, steps[-1].total + 1))
    if not chooses_its_steps:
        assert {e.total for e in steps} == {started.total}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_traffic_with_aborts_ends_every_request_exactly_once(engine: Engine, ask: Ask, seed: int) -> None:
    rng = random.Random(seed)
    requests = {str(i): _random_request(str(i), rng, ask) for i in range(24)}
    waiting, aborted = list(requests), set()
    events: list[Event] = []
    while waiting or engine.has_work():
        for _ in range(rng.randint(0, 3)):
            if waiting:
                engine.add(requests[waiting.pop()])
        if rng.random() < 0.15:
            victim = rng.choice(list(requests))
            engine.abort(victim)
            aborted.add(victim)
        events += engine.step()
    final = {e.request_id: e for e in events if isinstance(e, FINAL_EVENTS)}
    assert Counter(e.request_id for e in events if isinstance(e, FINAL_EVENTS)) == Counter(list(requests))
    for name, last in final.items():
        own = [e for e in events if e.request_id == name]
        assert own[-1] is last
        if isinstance(last, Failed):
            assert last.error.stable_code == "checkpoint_not_found"
        elif isinstance(last, Cancelled):
            assert name in aborted
        else:
            _check_steps(own, chooses_its_steps=requests[name].spell.params.sampler == "DPM adaptive")
    done = sorted(name for name, last in final.items() if isinstance(last, ImageReady))
    for name in rng.sample(done, 3):
        engine.add(requests[name])
        alone = None
        while engine.has_work():
            alone = engine.step()[-1]
        assert isinstance(alone, ImageReady)
        together = final[name]
        assert isinstance(together, ImageReady)
        assert np.abs(_levels(alone) - _levels(together)).max() <= 2
