"""Chinese, Japanese, Korean -> English: what describes a noun stands before it and is moved behind it.

A small phrase grammar, not a translator: it finds who or what is shown, how it looks, what it does and
where, and says that in the order an English prompt uses. Light, style, framing and mood become phrases
of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from prompts.expansion.language import Language
from prompts.expansion.offline.glossary import Term
from prompts.expansion.offline.noun_phrase import (
    ALIVE_KINDS,
    MODIFIER_KINDS,
    NOUN_KINDS,
    PLACE_KINDS,
    WORN_KINDS,
    NounPhrase,
)
from prompts.expansion.offline.segment import Token, segment
from prompts.expansion.offline.subjects import is_fantastic

_SPACE_BETWEEN_IDEOGRAPHS = re.compile(r"(?<=[\u3041-\u30ff\u4e00-\u9fff])\s+(?=[\u3041-\u30ff\u4e00-\u9fff])")
_DANGLING = frozenset({"at", "on", "over", "through", "by", "with", "of"})
_OF_HANDS = re.compile(r"^(?:holding|wearing|carrying) (?:an? )?")
_ACT, _PLACE, _AROUND = 0, 1, 2
"""Order behind the noun: what it does, where, in what weather and at what time."""


@dataclass(frozen=True, slots=True)
class Clause:
    """What one clause says, in English."""

    phrases: tuple[str, ...]
    negatives: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    has_subject: bool = True
    """Whether it names somebody or something, not only a style, a light or a time."""


def translate_prenominal(text: str, language: Language) -> Clause:
    """The phrases of one clause of Chinese, Japanese or Korean; nothing known: no phrases."""
    phrases: list[str] = []
    negatives: list[str] = []
    unknown: list[str] = []
    has_subject = False
    for part in _SPACE_BETWEEN_IDEOGRAPHS.split(text):
        reader = _Reader(verb_is_last=language != "zh")
        for token in segment(part, language):
            reader.read(token)
        clause = reader.finish()
        phrases += clause.phrases
        negatives += clause.negatives
        unknown += clause.unknown
        has_subject = has_subject or clause.has_subject
    return Clause(tuple(phrases), tuple(negatives), tuple(unknown), has_subject)


@dataclass(slots=True)
class _Frame:
    """A noun phrase that is being read; opened by a verb or a place word, or the clause's own."""

    opener: Term | None = None
    number: str = ""
    modifiers: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    noun: NounPhrase | None = None
    has_gap: bool = False
    """Something unknown stands in it."""
    owner: NounPhrase | None = None
    """What stood before `的`, `の`, `의`: it describes the next noun."""

    def make(self, term: Term) -> NounPhrase:
        owner, self.owner = self.owner, None
        noun = NounPhrase(term, self.number, self.modifiers, self.after)
        self.number, self.modifiers, self.after = "", [], []
        if owner is None:
            return noun
        if owner.noun.kind in PLACE_KINDS and term.kind in ALIVE_KINDS:
            noun.after.append(owner.as_place())
            return noun
        if owner.noun.kind in WORN_KINDS and term.kind in ALIVE_KINDS:
            noun.after.append(f"with {owner.text()}")
            return noun
        noun.modifiers.insert(0, owner.as_modifier())
        noun.number = noun.number or owner.number
        noun.after += owner.after
        return noun


class _Reader:
    """Reads the tokens of one clause from left to right."""

    def __init__(self, *, verb_is_last: bool) -> None:
        self._verb_is_last = verb_is_last
        self._root = _Frame()
        self._inner: _Frame | None = None
        self._loose: list[tuple[int, str]] = []
        self._more: list[NounPhrase] = []
        self._objects: list[NounPhrase] = []
        self._aside: list[str] = []
        self._negatives: list[str] = []
        self._unknown: list[str] = []
        self._owns = self._joins = self._forbids = self._gap = self._is_sealed = False

    def read(self, token: Token) -> None:
        term = token.term
        if term is None:
            self._unknown.append(token.source)
            self._gap = True
            if self._inner is not None:
                self._inner.has_gap = True
            return
        self._read_known(term, token)
        self._gap = False

    def _read_known(self, term: Term, token: Token) -> None:
        if term.kind in NOUN_KINDS:
            self._noun(term)
        elif term.kind in MODIFIER_KINDS:
            self._settle_owner()
            self._frame.modifiers.append(term.english or token.source)
        elif term.kind == "number":
            self._settle_owner()
            self._frame.number = term.english
        elif term.kind in ("verb", "pose"):
            self._act(term)
        elif term.kind in ("weather", "time"):
            self._around(term.english)
        elif term.kind == "word":
            self._function_word(term)
        else:
            self._aside.append(term.english)

    def finish(self) -> Clause:
        self._close()
        self._loose += [(_ACT, f"with {thing.text()}") for thing in self._objects]
        behind = [text for _, text in sorted(self._loose, key=lambda item: item[0])]
        subject = self._root.noun
        if subject is not None:
            # `头发很长`: what is said of the subject after it stands before it in English.
            subject.modifiers[:0] = self._root.modifiers
            self._root.modifiers = []
            subject.after += behind
            main = [subject.text()]
        elif any(rank == _ACT for rank, _ in self._loose):
            main = [" ".join(behind)]
        else:
            main = behind
        loose_modifiers = [" ".join(self._root.modifiers)] if self._root.modifiers else []
        phrases = [*main, *loose_modifiers, *(noun.text() for noun in self._more), *self._aside]
        return Clause(tuple(phrases), tuple(self._negatives), tuple(self._unknown), subject is not None)

    @property
    def _frame(self) -> _Frame:
        return self._inner or self._root

    def _noun(self, term: Term) -> None:
        if self._forbids:
            self._negatives.append(self._frame.make(term).bare())
            return
        self._settle_owner()
        frame = self._frame
        if frame.noun is None:
            frame.noun = frame.make(term)
            if frame is self._root:
                frame.noun.after += [text for _, text in sorted(self._loose, key=lambda item: item[0])]
                self._loose = []
        elif self._joins:
            frame.noun.after.insert(0, f"and {frame.make(term).text()}")
        elif frame is self._root and self._is_sealed:
            self._after_subject(frame.noun, term)
        elif frame is not self._root or not self._loose:
            self._beside(frame, term)
        else:
            self._more.append(frame.make(term))
        self._joins = False

    def _after_subject(self, subject: NounPhrase, term: Term) -> None:
        """After `が` another noun is no compound with the subject: `ロボットが海辺を`, `耳が長いウサギ`."""
        root = self._root
        if subject.noun.kind in WORN_KINDS and root.modifiers and not self._loose:
            subject.modifiers, root.modifiers = [*subject.modifiers, *root.modifiers], []
            root.noun = root.make(term)
            root.noun.after.append(f"with {subject.text()}")
            self._is_sealed = False
        else:
            self._more.append(root.make(term))

    def _beside(self, frame: _Frame, term: Term) -> None:
        """Two nouns in a row: a compound, a place before its subject, or two things."""
        first = frame.noun
        if first is None:
            return
        if first.noun.kind == "place" and term.kind in ALIVE_KINDS and frame is self._root:
            noun = frame.make(term)
            noun.after.append(first.as_place())
            frame.noun = noun
        elif (first.noun.kind == "person" and not is_fantastic(first.noun.english)) or (
            frame.modifiers and frame.number
        ):
            self._more.append(frame.make(term))
        else:
            frame.modifiers = [first.as_modifier().removesuffix("'s"), *frame.modifiers]
            frame.number = frame.number or first.number
            frame.noun = frame.make(term)
            frame.noun.after += first.after

    def _act(self, term: Term) -> None:
        if self._forbids:
            if term.kind == "pose":
                self._negatives.append(_OF_HANDS.sub("", term.english))
                self._forbids = False
            return  # `没有戴帽子`: what follows the verb is what must not be there
        self._close()
        if term.kind == "verb" and not self._verb_is_last:
            self._inner = _Frame(opener=term)
            return
        places = [thing.as_place() for thing in self._objects if thing.noun.kind in PLACE_KINDS]
        things = [thing.text() for thing in self._objects if thing.noun.kind not in PLACE_KINDS]
        self._objects = []
        said = f"{term.english} {' and '.join(things)}" if things else _alone(term.english)
        self._loose.append((_ACT, said))
        self._loose += [(_PLACE, place) for place in places]

    def _around(self, text: str) -> None:
        if self._inner is not None and self._inner.noun is None:
            self._inner.after.append(text)
        else:
            self._close()
            self._loose.append((_AROUND, text))

    def _function_word(self, term: Term) -> None:
        meaning = term.detail
        if meaning == "of":
            self._owns, self._forbids = not self._forbids, False
        elif meaning == "and":
            self._joins = True
        elif meaning == "subject":
            self._is_sealed = True
        elif meaning == "without":
            self._close()
            self._forbids = True
        elif meaning == "at":
            self._close()
            self._inner = _Frame()
        elif meaning == "side":
            self._side(term.english)
        else:
            self._after_noun(meaning)

    def _after_noun(self, meaning: str) -> None:
        """`を`, `で`, `なし` and their like: what the noun before them is."""
        if meaning not in ("lacking", "object", "place"):
            return
        noun = self._take_last_noun()
        if noun is None:
            return
        if meaning == "lacking":
            self._negatives.append(noun.bare())
        elif meaning == "object":
            self._objects.append(noun)
        else:
            self._loose.append((_PLACE, noun.as_place()))

    def _side(self, preposition: str) -> None:
        """`上`, `の下`, `옆에`: the noun before it is where something is."""
        self._owns = False
        if self._gap or (self._inner is not None and self._inner.noun is None):
            # Beside something unknown: no other noun may take its place.
            self._inner = None if self._inner is not None and self._inner.opener is None else self._inner
            return
        if self._inner is not None and self._inner.noun is not None:
            place = self._inner.noun.as_place(preposition)
            opener, self._inner = self._inner.opener, None
            self._loose += [(_ACT, opener.english)] if opener else []
            self._loose.append((_PLACE, place))
            return
        noun = self._take_last_noun()
        if noun is not None:
            self._loose.append((_PLACE, noun.as_place(preposition)))

    def _settle_owner(self) -> None:
        """After `的`, when more of a noun phrase follows: what stood before describes that noun."""
        if not self._owns:
            return
        self._owns = False
        if self._inner is not None:
            if self._inner.noun is None and not self._inner.has_gap:
                return
            if self._inner.noun is None or self._root.noun is None:
                self._close()
                return
        frame = self._frame
        if frame.noun is None:
            return
        if frame is self._root and self._is_sealed:
            # `少年が城の庭を`: the subject describes nothing, the noun after it may.
            frame.owner = self._more.pop() if self._more else frame.owner
            return
        if frame is self._root and self._loose:
            # `樱花飘落的学校`: what happens there describes the place.
            behind = [text for _, text in sorted(self._loose, key=lambda item: item[0])]
            frame.after.append(" ".join(["with", frame.noun.text(), *behind]))
            self._loose = []
        else:
            frame.owner = frame.noun
        frame.noun = None

    def _close(self) -> None:
        """The inner frame is complete: it says what is done, or where."""
        inner, self._inner = self._inner, None
        if inner is None:
            return
        rest = [" ".join(inner.modifiers)] if inner.modifiers else []
        if inner.opener is not None and inner.noun is None and inner.has_gap:
            return  # `打工`: a verb whose object is unknown says something else
        if inner.opener is not None:
            what = [inner.noun.text()] if inner.noun else rest
            said = [inner.opener.english if what else _alone(inner.opener.english), *what, *inner.after]
            self._loose.append((_ACT, " ".join(said)))
        elif inner.noun is not None:
            self._loose.append((_PLACE, inner.noun.as_place()))
        else:
            self._loose += [(_AROUND, text) for text in inner.after]
            self._root.modifiers += inner.modifiers

    def _take_last_noun(self) -> NounPhrase | None:
        self._owns = False
        if self._gap:
            return None
        if self._inner is not None and self._inner.noun is not None:
            noun, self._inner = self._inner.noun, None
            return noun
        if self._more:
            return self._more.pop()
        taken, self._root.noun = self._root.noun, None
        return taken


def _stands_alone(noun: NounPhrase) -> bool:
    """Whether a noun right after it is another thing (`女孩 帽子`) and no compound (`精灵公主`)."""
    return noun.noun.kind == "person" and not is_fantastic(noun.noun.english)


def _alone(verb: str) -> str:
    """`looking at` -> `looking`, when nothing is known of what is looked at."""
    head, _, last = verb.rpartition(" ")
    return head if head and last in _DANGLING else verb
