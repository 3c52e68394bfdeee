from __future__ import annotations

import pytest

from prompts.spell import Params, Spell
from service.errors import IllegalTransition
from service.ids import utc_now
from service.jobs import TRANSITIONS, Job, JobKind, JobStatus, check_transition


def test_every_status_has_a_row_and_only_the_three_ends_have_no_way_out() -> None:
    assert set(TRANSITIONS) == set(JobStatus)
    assert {s for s in JobStatus if s.is_final} == {JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED}


def test_a_job_that_is_being_cancelled_never_comes_back_into_the_queue() -> None:
    with pytest.raises(IllegalTransition):
        check_transition(JobStatus.CANCELLING, JobStatus.QUEUED)


@pytest.mark.parametrize(("seed", "slot", "expected"), [(5, 0, 5), (5, 3, 8), (2**32 - 1, 1, 0)])
def test_each_slot_draws_with_its_own_seed(seed: int, slot: int, expected: int) -> None:
    job = Job("x", JobKind.GENERATE, utc_now(), spell=Spell("a", params=Params(seed=seed)))
    assert job.slot_spell(slot).params.seed == expected


def test_a_spell_without_a_drawn_seed_has_no_slots() -> None:
    with pytest.raises(ValueError, match="seed"):
        Job("x", JobKind.GENERATE, utc_now(), spell=Spell("a")).slot_spell(0)
