"""A stored failure as the error it was: whoever waited for a job is told what the job was told."""

from __future__ import annotations

from collections.abc import Iterator

from generator.errors import GeneratorError
from prompts.errors import SpellwrightError
from service.jobs import Problem


def error_of(problem: Problem | None) -> SpellwrightError:
    """The error that `problem` was made from; `GeneratorError` with its code when no class has it."""
    if problem is None:
        return GeneratorError("The job was stopped before a picture was finished.").with_code("cancelled")
    for cls in _classes(SpellwrightError):
        if cls.code == problem.code:
            return cls(problem.detail, **problem.facts)
    return GeneratorError(problem.detail, **problem.facts).with_code(problem.code)


def _classes(root: type[SpellwrightError]) -> Iterator[type[SpellwrightError]]:
    for cls in root.__subclasses__():
        yield cls
        yield from _classes(cls)
