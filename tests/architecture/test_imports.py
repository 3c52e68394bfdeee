"""What a process must not pay for until it needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "diffusers", "transformers", "open_clip", "torchvision")


@pytest.mark.parametrize(
    "module",
    [
        "service.app",
        "service.cli",
        "service.assembly",
        "prompts",
        "prompts.interrogation",
        "prompts.expansion",
        "generator",
    ],
)
def test_importing_it_leaves_torch_and_its_friends_unimported(module: str) -> None:
    code = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_core_of_prompts_imports_only_the_standard_library() -> None:
    code = (
        "import sys, prompts, prompts.language, prompts.limits, prompts.resolve, prompts.vocabulary\n"
        "own = {'prompts'}\n"
        "tops = {m.split('.')[0] for m in sys.modules}\n"
        "print(sorted(t for t in tops - own - set(sys.stdlib_module_names) if not t.startswith('_')))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False, cwd=_root())
    assert done.stdout.strip() == "[]", done.stderr


def _root() -> str:
    import prompts

    return str(prompts.__path__[0]).rsplit("/", 1)[0]
