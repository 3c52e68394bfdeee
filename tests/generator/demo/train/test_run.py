"""A training run survives being killed, and ends when its minutes are spent."""

from pathlib import Path

import pytest
import torch
from torch import nn

from generator.demo.train.run import Recipe, TrainingRun, read_average, read_counts
from generator.demo.train.threads import ThreadTuner


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, 1)


def _steps(run: TrainingRun, count: int) -> None:
    for _ in range(count):
        inputs = torch.from_numpy(run.rng.normal(size=(8, 3))).float()
        run.step((run.network(inputs) - inputs.sum(1, keepdim=True)).square().mean(), samples=8)


def test_a_resumed_run_goes_on_exactly_where_it_stopped(tmp_path: Path) -> None:
    recipe = Recipe(minutes=1000, peak_rate=1e-2, warm_up_steps=1)
    straight = TrainingRun(_network(), recipe, tmp_path / "straight.pt")
    _steps(straight, 10)
    first = TrainingRun(_network(), recipe, tmp_path / "broken.pt")
    _steps(first, 5)
    first.save()
    resumed = TrainingRun(nn.Linear(3, 1), recipe, tmp_path / "broken.pt")
    _steps(resumed, 5)
    assert resumed.steps == straight.steps == 10
    for mine, theirs in zip(resumed.network.parameters(), straight.network.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)


def test_a_spent_budget_ends_the_run(tmp_path: Path) -> None:
    run = TrainingRun(_network(), Recipe(minutes=1e-9, peak_rate=1e-2), tmp_path / "run.pt")
    assert not run.goes_on()
    assert run.progress == 1.0


def test_saving_leaves_no_partial_file_and_counts_can_be_read(tmp_path: Path) -> None:
    run = TrainingRun(_network(), Recipe(minutes=1, peak_rate=1e-2), tmp_path / "run.pt")
    _steps(run, 3)
    run.finish()
    assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]
    assert read_counts(tmp_path / "run.pt")["samples"] == 24


def test_the_average_lags_behind_the_network(tmp_path: Path) -> None:
    run = TrainingRun(_network(), Recipe(minutes=1, peak_rate=1e-1), tmp_path / "run.pt")
    _steps(run, 20)
    run.save()
    average = read_average(nn.Linear(3, 1), tmp_path / "run.pt")
    assert not torch.equal(average.weight, run.network.weight)  # type: ignore[arg-type]


def test_reading_a_stage_that_never_ran_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_average(nn.Linear(3, 1), tmp_path / "none.pt")


def test_the_tuner_keeps_the_thread_count_it_started_with_when_there_is_only_one() -> None:
    before = torch.get_num_threads()
    tuner = ThreadTuner(1)
    for _ in range(5):
        tuner.step_done()
    assert torch.get_num_threads() == before


def test_a_new_run_starts_from_an_earlier_trainings_average_and_a_resumed_one_does_not(tmp_path: Path) -> None:
    earlier = TrainingRun(_network(), Recipe(minutes=1, peak_rate=1e-1), tmp_path / "earlier.pt")
    _steps(earlier, 20)
    earlier.save()
    recipe = Recipe(minutes=1, peak_rate=1e-2)
    run = TrainingRun(nn.Linear(3, 1), recipe, tmp_path / "run.pt", start=tmp_path / "earlier.pt")
    wanted = dict(earlier.average.named_parameters())
    assert all(torch.equal(p, wanted[n]) for n, p in run.network.named_parameters())
    _steps(run, 5)
    run.save()
    resumed = TrainingRun(nn.Linear(3, 1), recipe, tmp_path / "run.pt", start=tmp_path / "earlier.pt")
    assert (resumed.steps, read_counts(tmp_path / "run.pt")["earlier"]) == (5, 160)
    assert not any(torch.equal(p, wanted[n]) for n, p in resumed.network.named_parameters())
