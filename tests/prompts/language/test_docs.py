"""The examples of the two pages about prompts and metadata are true."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from prompts.language import finding, linting
from prompts.language.spell_rules import PROSE_FAMILIES, TAG_FAMILIES

DOCS = Path(__file__).parents[3] / "docs"
RULE_FILES = ("text_rules", "spell_rules", "dialect_rules")


@pytest.mark.parametrize("page", ["prompt-language.md", "metadata.md"])
def test_the_examples_of_the_page_are_true(page: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page, page, 0)
    outcome = doctest.DocTestRunner().run(examples)
    assert outcome.attempted > 5
    assert outcome.failed == 0


def test_every_code_of_lint_is_on_the_page() -> None:
    folder = Path(finding.__file__).parent
    sources = [(folder / f"{name}.py").read_text("utf-8") for name in RULE_FILES]
    codes = {code for source in sources for code in re.findall(r'Finding\(\s*"(\w+)"', source)}
    page = (DOCS / "prompt-language.md").read_text("utf-8")
    assert len(codes) > 20
    assert {code for code in codes if f"`{code}`" not in page} == set()
    assert not TAG_FAMILIES & PROSE_FAMILIES
    assert linting.FIELDS[-1] == "loras"
