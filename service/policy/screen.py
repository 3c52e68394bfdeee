"""The one choke point: every resolved spell is screened here before it becomes a job.

The screen decides by combinations, never by one innocent word: `a girl` passes. It does not claim to catch
everything; it is the first layer (see `docs/safety.md`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from prompts.language import attention
from prompts.spell import Spell
from service.audit import POLICY_REFUSED, AuditLog
from service.errors import ServiceError
from service.policy.signals import Age, Lexicon, Sex, Signals

POLICY_VERSION = "1"

Category = Literal["minors", "real_person_sexual", "adult_content"]
Decision = Literal["pass", "block"]

_SENTENCES: dict[Category, str] = {
    "minors": "This request cannot be made: it combines minors with sexual content.",
    "real_person_sexual": "This request cannot be made: it combines a real person with sexual content.",
    "adult_content": (
        "This server makes pictures that are safe for work. Take the nudity or the sexual content out and try again."
    ),
}


class PolicyBlocked(ServiceError):
    """The request may not be made; `category` says which rule, never which word."""

    code = "policy_blocked"


@dataclass(frozen=True, slots=True)
class Stamp:
    """Proof that a spell passed: the worker refuses a job without a fitting one."""

    policy_version: str
    digest: str
    """SHA-256 of the text that was screened."""

    def fits(self, spell: Spell) -> bool:
        """Whether this stamp was given for exactly this spell's text, by this version of the rules."""
        return self.policy_version == POLICY_VERSION and self.digest == _digest(spell)


class Policy:
    """Screens spells. Holds the word lists; safe to share between threads.

    Args:
        adult_mode: The operator's own decision to allow adult nudity; minors and real persons stay blocked.
        audit: Where refusals are written down: their category, never the text.
    """

    def __init__(self, *, adult_mode: bool = False, audit: AuditLog | None = None) -> None:
        self._lexicon = Lexicon()
        self._audit = audit
        self._adult_mode = adult_mode

    def check(self, spell: Spell) -> Stamp:
        """A stamp for `spell`.

        Raises:
            PolicyBlocked: With `category`; the word that matched is not told.
        """
        wish = _wish(spell)
        self.check_text(wish)
        return Stamp(POLICY_VERSION, _digest_of(wish))

    def check_text(self, text: str) -> None:
        """The same rules on free text (an idea, a chat message, a language model's output).

        Raises:
            PolicyBlocked: With `category`.
        """
        category = self._category(self._lexicon.read(text))
        if category is not None:
            if self._audit is not None:
                self._audit.record(POLICY_REFUSED, "refused", category=str(category), policy=POLICY_VERSION)
            raise PolicyBlocked(_SENTENCES[category], category=category)

    def _category(self, found: Signals) -> Category | None:
        if found.sex is Sex.NONE:
            return None
        if found.age is Age.STRONG or (found.age is Age.YOUTH and found.sex >= Sex.NUDITY):
            return "minors"
        if found.real_person:
            return "real_person_sexual"
        if found.age is Age.YOUTH:
            return "minors"
        if found.sex is Sex.SUGGESTIVE:
            return None
        unclear_age = found.age is Age.GENERIC and not found.says_adult
        return None if self._adult_mode and not unclear_age else "adult_content"


def _wish(spell: Spell) -> str:
    """All text that asks for something: a negative weight turns a wish round, in either prompt."""
    hires = spell.params.hires
    positive = [spell.prompt, (hires.prompt if hires else None) or ""]
    negative = [spell.negative_prompt, (hires.negative_prompt if hires else None) or ""]
    wanted = [text for prompt in positive for text, weight in attention(prompt) if weight >= 0 or text == "BREAK"]
    wanted += [text for prompt in negative for text, weight in attention(prompt) if weight < 0 and text != "BREAK"]
    return " , ".join([*wanted, *(lora.name for lora in spell.loras)])


def _digest(spell: Spell) -> str:
    return _digest_of(_wish(spell))


def _digest_of(wish: str) -> str:
    return hashlib.sha256(wish.encode("utf-8", "surrogatepass")).hexdigest()
