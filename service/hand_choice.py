"""What somebody chose to have done about hands: by the plan itself, by named strategies, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from prompts.errors import PromptError
from prompts.hands import ActionKind

HandChoice = tuple[ActionKind, ...] | Literal["auto"]
"""The strategies to use: `auto` leaves it to the plan, an empty one does nothing. Where `None` may stand instead,
nobody has chosen, and the operator's default holds."""

DETAIL = "hands"
"""Key in `SpellVersion.details` under which the choice and what was done stand."""


def choice_from_text(text: str) -> HandChoice:
    """`auto`, `off`, or strategies with commas between: `pose,negatives`.

    Raises:
        PromptError: code `hand_strategy_unknown`.
    """
    words = [word.strip().casefold() for word in text.split(",") if word.strip()]
    if words in (["auto"], ["on"]):
        return "auto"
    if words in (["off"], ["none"], []):
        return ()
    return choice_of(words)


def choice_of(kinds: Sequence[str]) -> tuple[ActionKind, ...]:
    """The strategies called `kinds`.

    Raises:
        PromptError: code `hand_strategy_unknown`.
    """
    known = get_args(ActionKind)
    wrong = next((kind for kind in kinds if kind not in known), None)
    if wrong is not None:
        raise PromptError(
            f"There is no hand strategy {wrong[:40]!r}. Choose auto, off, or of: {', '.join(known)}.",
            field="hands",
            got=wrong[:40],
            near=list(known),
        ).with_code("hand_strategy_unknown")
    return tuple(kind for kind in known if kind in kinds)


def choice_in(details: Mapping[str, Any]) -> HandChoice | None:
    """The choice that a version's details hold; `None` where they hold none."""
    found = details.get(DETAIL)
    choice = found.get("choice") if isinstance(found, Mapping) else None
    if choice is None or choice == "auto":
        return "auto" if choice else None
    return choice_of([str(kind) for kind in choice])
