"""What an interrogation found, with the evidence for every word of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from prompts.expansion.families import PromptStyle
from prompts.spell import Spell

WeightsKind = Literal["real", "trained-demo", "random", "none"]
"""Where the CLIP weights come from. `random` weights rank by chance: their terms are shown, never used.
`none`: no CLIP took part, only measurement."""

Source = Literal["measured", "clip", "caption"]
CaptionSource = Literal["none", "model", "chat"]
"""`model`: a caption model on this machine. `chat`: a vision model behind the configured chat server."""

_NOT_FOR_PROMPTS = frozenset({"format"})  # the picture's shape belongs to width and height
_ATTENTION_MARKS = re.compile(r"([\\()\[\]])")
_WORDS_AND_MARKS = re.compile(r"\w+|[^\w\s]")
_KEYWORDS = re.compile(r"\b(AND|BREAK)\b")


@dataclass(frozen=True, slots=True)
class Term:
    """One phrase and why it is there."""

    text: str
    """As it may stand in a prompt, unescaped."""
    category: str
    """The list it comes from (`flavors`, `movements`, …) or what was measured (`palette`, `light`, …)."""
    similarity: float | None = None
    """Cosine to the picture for CLIP terms, -1..1; for measured facts their strength, 0..1."""
    gain: float | None = None
    """Change of the prompt's similarity when this term was added after those before it; `None` where
    nothing was chained."""
    source: Source = "clip"


@dataclass(frozen=True, slots=True)
class Swatch:
    """One colour of the picture."""

    name: str
    """Plain English, e.g. `teal`."""
    hex: str
    """Mean of the pixels counted under this name, `#rrggbb`."""
    share: float
    """Part of all pixels, 0..1."""


@dataclass(frozen=True, slots=True)
class Interrogation:
    """The result for one picture."""

    caption: str | None
    """A sentence, or `None` when no caption model is here (`notice` says so)."""
    terms: tuple[Term, ...]
    """Evidence for the prompt, measured facts included, most important first."""
    negative_terms: tuple[Term, ...] = ()
    """Evidence for the negative prompt (mode `negative`)."""
    mode: str = "fast"
    model: str = "measurement"
    weights: WeightsKind = "none"
    seconds: float = 0.0
    notice: str = ""
    """What the reader must know: what is missing and how to get it; empty when nothing is."""
    palette: tuple[Swatch, ...] = ()
    """Named colours, largest share first."""
    prompt: str = ""
    """What the models wrote, caption and terms joined and cut to the text tower's length; empty without
    CLIP. For `negative` this is the negative prompt. Unescaped, and present for random weights too."""
    similarity: float | None = None
    """Cosine of `prompt` to the picture."""
    size: tuple[int, int] = (0, 0)
    """Width and height of the picture in pixels."""
    caption_by: str = ""
    """Name of the model that wrote `caption`; empty without one."""
    caption_source: CaptionSource = "none"
    target: PromptStyle = "tags"
    """What `prompt` is written for; the negative prompt is always tags."""
    tokens: int = 0
    """Tokens of `prompt` in the text tower, start and end included; 0 without one."""
    max_tokens: int | None = None
    """Longest prompt that was asked for, measured facts included; `None` sets no limit to those."""

    @property
    def is_trusted(self) -> bool:
        """Whether the models' words mean something, so that they may enter a spell.

        The demo's CLIP knows drawings on a plain ground and answers nonsense to photographs, with the
        same confidence; a measured plain background is what tells the two apart.
        """
        if self.weights == "trained-demo":
            return any(term.category == "background" for term in self.measured)
        return self.weights == "real"

    @property
    def measured(self) -> tuple[Term, ...]:
        """The terms that were measured, whatever the weights are."""
        return tuple(t for t in self.terms if t.source == "measured")

    def to_spell(self, *, with_measured: bool = True) -> Spell:
        """The spell these findings support.

        Words of random weights are left out; measured facts are true of any picture. Marks that the
        prompt language would read as syntax are escaped.

        Args:
            with_measured: Append the measured facts that the models' text does not already say.
        """
        positive = self.prompt if self.is_trusted and self.mode != "negative" else self._told
        negative = self.prompt if self.is_trusted and self.mode == "negative" else ""
        facts = self._unsaid(positive) if with_measured else []
        while facts and self._is_too_long(positive, self._addition(facts)):
            facts.pop()
        parts = [*filter(None, [positive]), *([self._addition(facts)] if facts else [])]
        joint = " " if self.target == "prose" else ", "
        return Spell(prompt=plain_text(joint.join(parts)), negative_prompt=plain_text(negative))

    def _addition(self, facts: list[str]) -> str:
        """Measured facts as they stand behind the models' words."""
        return f"The look: {listed(facts)}." if self.target == "prose" else ", ".join(facts)

    def _is_too_long(self, positive: str, addition: str) -> bool:
        if self.max_tokens is None:
            return False
        told = self.tokens if positive and positive == self.prompt else 2 + _about_tokens(positive)
        return told + 1 + _about_tokens(addition) > self.max_tokens  # 1: the comma between the two

    @property
    def _told(self) -> str:
        """The caption where the words of CLIP are not to be believed but those of a vision model are."""
        if self.caption_source != "chat" or not self.caption or self.mode == "negative":
            return ""
        words = self.caption.split(" ")
        while self.max_tokens is not None and len(words) > 1 and 3 + _about_tokens(" ".join(words)) > self.max_tokens:
            words.pop()
        told = " ".join(words)
        return f"{told[0].upper()}{told[1:]}." if self.target == "prose" else told

    def _unsaid(self, positive: str) -> list[str]:
        """Measured facts that `positive` does not say already."""
        wanted = {"background"} if self.target == "caption" else None
        facts = [t for t in self.measured if t.category not in _NOT_FOR_PROMPTS]
        said = positive.casefold()
        return [t.text for t in facts if t.text.casefold() not in said and (wanted is None or t.category in wanted)]

    def with_seconds(self, seconds: float) -> Interrogation:
        """A copy that says how long it took."""
        return replace(self, seconds=seconds)

    def to_json(self) -> dict[str, Any]:
        """Plain lists, numbers and strings for `json.dumps`; numbers rounded to six digits."""
        plain = asdict(self)
        plain["terms"] = [_rounded(asdict(t)) for t in self.terms]
        plain["negative_terms"] = [_rounded(asdict(t)) for t in self.negative_terms]
        plain["palette"] = [_rounded(asdict(s)) for s in self.palette]
        plain["size"] = list(self.size)
        plain["is_trusted"] = self.is_trusted
        spell = self.to_spell()
        plain["spell"] = {"prompt": spell.prompt, "negative_prompt": spell.negative_prompt}
        return _rounded(plain)


def listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`; empty for nothing."""
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def _about_tokens(text: str) -> int:
    """CLIP tokens of plain English without its tokenizer: one for each word and mark, more for long words."""
    return sum(1 + (len(word) - 1) // 10 for word in _WORDS_AND_MARKS.findall(text))


def plain_text(text: str) -> str:
    r"""`text` so that the prompt language reads it literally.

    Brackets and backslashes are escaped, the keywords AND and BREAK lose their capitals, and angle
    brackets (extra networks) are dropped: a caption must not be able to load a LoRA.

    >>> plain_text("a sign (old) AND <lora:x:1>")
    'a sign \\(old\\) and lora:x:1'
    """
    escaped = _ATTENTION_MARKS.sub(r"\\\1", text.replace("<", "").replace(">", ""))
    return _KEYWORDS.sub(lambda m: m[1].lower(), escaped)


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    return {k: round(v, 6) if isinstance(v, float) else v for k, v in record.items()}
