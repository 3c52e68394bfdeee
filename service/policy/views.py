"""Canonical views of a text: the same words, seen through the disguises people put on them."""

from __future__ import annotations

import html
import re
import unicodedata

_SYNTAX = re.compile(r"[()\[\]{}|<>\\_,.;!?\"“”‘’、。，；：！？（）【】《》「」~=+*/\-]|:(?:\s*[-+]?\d*\.?\d+)?")
_SINGLES = re.compile(r"(?<!\w)(?:[^\W\d_](?:[ ])){2,}[^\W\d_](?!\w)")
_RUNS = re.compile(r"([^\W\d_])\1{2,}")
SHORTEST_PIECE, LONGEST_PIECE = 4, 16  # letters
_LEET = str.maketrans("013457@$", "oieastas")
_HOMOGLYPHS = str.maketrans("аеорсухіѕјԁɡһкмтвнοερικντ", "aeopcyxisjdghkmtbhoeplkvt")
_OLD_FORMS = str.maketrans("兒蘿學陰莖頭體誘內畫強愛嬰沒", "儿萝学阴茎头体诱内画强爱婴没")


def canonical(text: str) -> str:
    """Entities decoded once, compatibility forms folded, invisible characters gone, lower case."""
    decoded = unicodedata.normalize("NFC", html.unescape(text))
    visible = "".join(c for c in decoded if unicodedata.category(c) != "Cf" and not "\ufe00" <= c <= "\ufe0f")
    return unicodedata.normalize("NFKC", visible).casefold()


def plain(text: str) -> str:
    """`canonical` with prompt syntax and punctuation as single spaces: every alternative is visible."""
    return " ".join(_spaced(text).split())


def _spaced(text: str) -> str:
    return _SYNTAX.sub(" ", canonical(text))


def views(text: str) -> tuple[str, ...]:
    """Every reading the screen looks at, without repeats: plain, look-alike letters, leet, spaced-out letters.

    Linear in the length of `text`. An empty text gives one empty view.
    """
    spaced = _spaced(text)
    folded = _folded(spaced)
    leet = re.sub(r"\S+", lambda word: _unleet(word.group()), folded)
    # Letters one space apart are one word; wider gaps stay gaps.
    squeezed = _RUNS.sub(r"\1", _SINGLES.sub(lambda letters: letters.group().replace(" ", ""), leet))
    return tuple(dict.fromkeys(" ".join(view.split()) for view in (spaced, folded, leet, squeezed)))


def spelled_out(text: str) -> frozenset[str]:
    """What can be read inside letters that stand one by one ("n.u.d.e c.h.i.l.d" has no word bounds left).

    Every piece of 4 to 16 letters of each such run, and its first and last three: linear in the length of `text`.
    """
    runs = [run.group().replace(" ", "") for run in _SINGLES.finditer(_folded(" ".join(_spaced(text).split())))]
    inside = (
        run[start:end]
        for run in runs
        for start in range(len(run))
        for end in range(start + SHORTEST_PIECE, min(start + LONGEST_PIECE, len(run)) + 1)
    )
    # Three letters are a word by chance too often, except where the run begins or ends with them.
    return frozenset((*inside, *(run[:3] for run in runs), *(run[-3:] for run in runs)))


def _folded(text: str) -> str:
    parts = unicodedata.normalize("NFD", text.translate(_HOMOGLYPHS))
    return "".join(c for c in parts if not unicodedata.combining(c))


def _unleet(word: str) -> str:
    is_disguised = any(c.isalpha() for c in word)
    return word.translate(_LEET) if is_disguised else word


def entry_views(entry: str) -> tuple[str, str]:
    """The readings of a word list's own entry: plain and folded ("xxx" squeezed would be one letter)."""
    return plain(entry), " ".join(_folded(_spaced(entry)).split())


def joined(text: str) -> str:
    """The view for scripts without spaces: no white space, older character forms folded to the newer."""
    return "".join(plain(text).split()).translate(_OLD_FORMS)
