"""A look at the finished picture before it is stored: the place where an operator's classifier stands.

None is shipped. Whoever has one gives `service.assembly.build` a `PictureCheck`; it is asked on a worker
thread for every picture, before a byte of it is stored; while there is one, no previews are sent.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from generator.events import Picture
from prompts.spell import Spell
from service.policy.screen import PolicyBlocked

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a classifier says about one picture."""

    is_allowed: bool
    category: str = ""
    """Why not, as one word that may be told to the person; empty when it is allowed."""


class PictureCheck(Protocol):
    """Looks at finished pictures. Called from several threads; may take its time."""

    def look(self, picture: Picture, spell: Spell) -> Verdict:
        """Whether this picture of this spell may leave; whatever it raises counts as no."""
        ...


def check_picture(check: PictureCheck, picture: Picture, spell: Spell) -> None:
    """Let the picture pass or not; a check that fails is a check that says no.

    Raises:
        PolicyBlocked: With `category`; `check_failed` when the check itself failed.
    """
    try:
        verdict = check.look(picture, spell)
    except Exception as failed:  # the rim of somebody else's code: fail closed, the log has the traceback
        log.exception("action=look outcome=failed")
        raise PolicyBlocked(
            "The finished picture could not be checked, so it is not shown. Try again.", category="check_failed"
        ) from failed
    if not verdict.is_allowed:
        raise PolicyBlocked(
            "The finished picture may not be shown. Change the prompt and try again.", category=verdict.category
        )
