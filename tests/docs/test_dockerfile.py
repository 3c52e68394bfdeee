"""The Dockerfile's promises, read as text (no engine is needed to check them)."""

from __future__ import annotations

from pathlib import Path

DOCKERFILE = (Path(__file__).parents[2] / "Dockerfile").read_text("utf-8").splitlines()


def test_the_image_runs_as_a_user_without_privileges() -> None:
    last_user = [line.split()[1] for line in DOCKERFILE if line.startswith("USER ")][-1]
    assert last_user not in ("root", "0")


def test_the_image_checks_its_own_health() -> None:
    assert any(line.startswith("HEALTHCHECK") for line in DOCKERFILE)


def test_cpu_is_the_default_and_cuda_a_build_argument() -> None:
    assert "ARG TORCH_BACKEND=cpu" in DOCKERFILE


def test_state_lies_in_a_volume() -> None:
    assert "VOLUME /data" in DOCKERFILE
    assert any("SPELLWRIGHT_DATA_DIR=/data" in line for line in DOCKERFILE)
