"""Canonical views of a text: the same words, seen through the disguises people put on them."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

_SYNTAX = re.compile(r"[()\[\]{}|<>\\_,.;!?\"“”‘’、。，；：！？（）【】《》「」~=+*/\-]|:(?:\s*[-+]?\d*\.?\d+)?")
_SINGLES = re.compile(r"(?<!\w)(?:[^\W\d_](?:[ ])){2,}[^\W\d_](?!\w)")
_RUNS = re.compile(r"([^\W\d_])\1{2,}")
SHORTEST_PIECE, LONGEST_PIECE = 4, 16  # letters
_LEET = str.maketrans("013457@$", "oieastas")
_HOMOGLYPHS = str.maketrans("аеорсухіѕјԁɡһкмтвнοερικντ", "aeopcyxisjdghkmtbhoeplkvt")
_OLD_FORMS = str.maketrans("兒蘿學陰莖頭體誘內畫強愛嬰沒", "儿萝学阴茎头体诱内画强爱婴没")


def canonical(text: str) -> str:
    """Entities decoded once, compatibility forms folded, invisible characters gone, lower case."""
    decoded = html.unescape(text)
    if decoded.isascii():
        return decoded.casefold()
    decoded = unicodedata.normalize("NFC", decoded)
    visible = _without(decoded, lambda c: unicodedata.category(c) == "Cf" or "\ufe00" <= c <= "\ufe0f")
    return unicodedata.normalize("NFKC", visible).casefold()


def plain(text: str) -> str:
    """`canonical` with prompt syntax and punctuation as single spaces: every alternative is visible."""
    return " ".join(_spaced(text).split())


def _spaced(text: str) -> str:
    return _SYNTAX.sub(" ", canonical(text))


@dataclass(frozen=True, slots=True)
class Readings:
    """What the screen looks at in one text; made in time linear in its length."""

    views: tuple[str, ...]
    """Without repeats: plain, look-alike letters, leet, spaced-out letters; an empty text has one empty view."""
    runs: str
    """The letters that stand one by one ("n.u.d.e c.h.i.l.d" has no word bounds left), without their gaps: a line for
    each such run, with a line end before the first; empty without any."""
    unspaced: str
    """For scripts without spaces: see `joined`."""

    def spells(self, word: str) -> bool:
        """Whether one of the runs holds `word` (4 to 16 letters), or begins or ends with it (3 letters).

        Three letters are a word by chance too often elsewhere.
        """
        if len(word) == SHORTEST_PIECE - 1:
            return f"\n{word}" in self.runs or f"{word}\n" in self.runs
        return SHORTEST_PIECE <= len(word) <= LONGEST_PIECE and word in self.runs


def readings(text: str) -> Readings:
    """Every reading of `text`."""
    spaced = _spaced(text)
    plain_text = " ".join(spaced.split())
    runs = "".join(run.group().replace(" ", "") + "\n" for run in _SINGLES.finditer(_folded(plain_text)))
    return Readings(_views(spaced), runs and f"\n{runs}", _joined(plain_text))


def _views(spaced: str) -> tuple[str, ...]:
    folded = _folded(spaced)
    leet = folded
    if folded.translate(_LEET) != folded:
        leet = re.sub(r"\S+", lambda word: _unleet(word.group()), folded)
    # Letters one space apart are one word; wider gaps stay gaps.
    squeezed = _RUNS.sub(r"\1", _SINGLES.sub(lambda letters: letters.group().replace(" ", ""), leet))
    return tuple(dict.fromkeys(" ".join(view.split()) for view in (spaced, folded, leet, squeezed)))


def _folded(text: str) -> str:
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFD", text.translate(_HOMOGLYPHS))
    return _without(parts, lambda c: unicodedata.combining(c) != 0)


def _without(text: str, is_dropped: Callable[[str], bool]) -> str:
    """`text` without some characters; each is asked about once, however often it occurs."""
    dropped = [ord(c) for c in set(text) if is_dropped(c)]
    return text.translate(dict.fromkeys(dropped)) if dropped else text


def _unleet(word: str) -> str:
    is_disguised = any(c.isalpha() for c in word)
    return word.translate(_LEET) if is_disguised else word


def entry_views(entry: str) -> tuple[str, str]:
    """The readings of a word list's own entry: plain and folded ("xxx" squeezed would be one letter)."""
    return plain(entry), " ".join(_folded(_spaced(entry)).split())


def joined(text: str) -> str:
    """The view for scripts without spaces: no white space, older character forms folded to the newer."""
    return _joined(plain(text))


def _joined(plain_text: str) -> str:
    return plain_text.replace(" ", "").translate(_OLD_FORMS)
