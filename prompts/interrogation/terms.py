"""The vocabulary: lists of phrases by category, published ones or your own, and what to leave out of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from prompts.errors import InterrogationError, UnknownName, near_hint, near_names

ARTISTS, FLAVORS, MEDIUMS, MOVEMENTS, TRENDINGS, NEGATIVE = (
    "artists",
    "flavors",
    "mediums",
    "movements",
    "trendings",
    "negative",
)
PUBLISHED_ORDER = (ARTISTS, FLAVORS, MEDIUMS, MOVEMENTS, TRENDINGS)
"""The order in which clip-interrogator merges its tables; ties are broken by it."""
PUBLISHED_LISTS = (*PUBLISHED_ORDER, NEGATIVE)
"""Every list that `published_lists` gives."""

# clip-interrogator 0.6.0 builds this list in code; its spelling is kept so that embeddings agree.
_SITES = (
    *("Artstation", "behance", "cg society", "cgsociety", "deviantart", "dribble", "flickr", "instagram", "pexels"),
    *("pinterest", "pixabay", "pixiv", "polycount", "reddit", "shutterstock", "tumblr", "unsplash", "zbrush central"),
)
_SITE_PATTERNS = ("{}", "trending on {}", "featured on {}", "{} contest winner")
_WORD = re.compile(r"\w+")
_MAX_LIST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TermList:
    """Phrases of one category, in file order."""

    category: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TermFilter:
    """What to leave out. The default leaves everything in."""

    with_artists: bool = True
    """False drops the list of artists and every phrase of another list that contains an artist's name."""
    with_brands: bool = True
    """False drops the sites of `trendings` and every phrase that names one."""
    blocked: frozenset[str] = frozenset()
    """Words or phrases, any case; a term that contains one as whole words is dropped."""
    lists: frozenset[str] = frozenset()
    """Names of the lists to take terms from; empty takes all."""


def published_lists() -> tuple[TermList, ...]:
    """clip-interrogator's lists from the installed package's data folder, and its generated trendings.

    The package is found, not imported: importing it would load torch and transformers.

    Returns:
        `artists` (each name twice, "by X" and "inspired by X"), `flavors`, `mediums`, `movements`,
        `trendings`, `negative`; about 112,000 phrases. Lines are kept as they are, duplicates too.

    Raises:
        InterrogationError: The package is not installed.
    """
    spec = find_spec("clip_interrogator")
    if spec is None or spec.origin is None:
        raise InterrogationError(
            "The published term lists come with the package clip-interrogator, which is not installed. "
            "Install it, or point to a folder of your own .txt lists."
        )
    folder = Path(spec.origin).parent / "data"
    names = _lines(folder / "artists.txt")
    by_category = {
        ARTISTS: [f"by {n}" for n in names] + [f"inspired by {n}" for n in names],
        **{name: _lines(folder / f"{name}.txt") for name in (FLAVORS, MEDIUMS, MOVEMENTS, NEGATIVE)},
        TRENDINGS: [pattern.format(site) for pattern in _SITE_PATTERNS for site in _SITES],
    }
    return tuple(TermList(name, tuple(by_category[name])) for name in PUBLISHED_LISTS)


def lists_in(folder: Path) -> tuple[TermList, ...]:
    """Your own lists: every `.txt` of `folder`, one phrase a line, the file's name is the category.

    Empty lines, lines starting with `#` and repeated phrases are skipped; files in alphabetical order.

    Raises:
        InterrogationError: No folder, or no phrase in it.
    """
    if not folder.is_dir():
        raise InterrogationError(f"There is no folder of term lists called {folder.name!r}.", field="terms")
    lists = []
    for file in sorted(folder.glob("*.txt")):
        texts = dict.fromkeys(line for line in _lines(file) if line and not line.startswith("#"))
        if texts:
            lists.append(TermList(file.stem, tuple(texts)))
    if not lists:
        raise InterrogationError(
            f"The folder {folder.name!r} holds no terms. Put .txt files there, one phrase a line.", field="terms"
        )
    return tuple(lists)


def filtered(lists: Iterable[TermList], rules: TermFilter) -> tuple[TermList, ...]:
    """The lists without what `rules` exclude; categories that become empty disappear.

    With the default rules the lists come back unchanged, object for object.
    """
    lists = tuple(lists)
    if rules == TermFilter():
        return lists
    allows = allowance(lists, rules)
    kept = (replace(each, texts=tuple(t for t in each.texts if allows(each.category, t))) for each in lists)
    return tuple(each for each in kept if each.texts)


def allowance(lists: Iterable[TermList], rules: TermFilter) -> Callable[[str, str], bool]:
    """Whether `rules` leave a term in: a function of its category and its text.

    Args:
        lists: All lists; the names of the artists are read out of them.
        rules: What is left out.

    Raises:
        UnknownName: code `list_not_found`: `rules.lists` names one that is not there.
    """
    lists = tuple(lists)
    check_lists(rules.lists, [each.category for each in lists])
    phrases = {_words(b) for b in rules.blocked}
    dropped: set[str] = set()
    if not rules.with_artists:
        dropped.add(ARTISTS)
        phrases |= _artist_names(lists)
    if not rules.with_brands:
        dropped.add(TRENDINGS)
        phrases |= {_words(site) for site in _SITES}
    phrases.discard(())
    longest = max(map(len, phrases), default=0)

    def allows(category: str, text: str) -> bool:
        if category in dropped or (rules.lists and category not in rules.lists):
            return False
        return not phrases or not _contains(_words(text), phrases, longest)

    return allows


def check_lists(names: Iterable[str], known: Collection[str]) -> None:
    """Raise unless every one of `names` is a list that is `known`.

    Raises:
        UnknownName: code `list_not_found`, with near names.
    """
    for name in sorted(names):
        if name not in known:
            near = near_names(name, known)
            raise UnknownName(
                f"There is no term list called {name[:40]!r}.{near_hint(near)} Lists: {', '.join(known)}.",
                field="lists",
                got=name[:40],
                near=list(near),
            ).with_code("list_not_found")


def _artist_names(lists: tuple[TermList, ...]) -> set[tuple[str, ...]]:
    """Full names of two words and more; single words ("Banksy", but also "Rain") would hit too much."""
    names = {_words(t.removeprefix("by ")) for each in lists if each.category == ARTISTS for t in each.texts}
    return {name for name in names if len(name) > 1}


def _contains(words: tuple[str, ...], phrases: set[tuple[str, ...]], longest: int) -> bool:
    return any(
        words[start : start + length] in phrases
        for start in range(len(words))
        for length in range(1, min(longest, len(words) - start) + 1)
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))


def _lines(file: Path) -> list[str]:
    if file.stat().st_size > _MAX_LIST_BYTES:
        raise InterrogationError(
            f"The term list {file.name} is larger than {_MAX_LIST_BYTES // 2**20} MiB.", limit=_MAX_LIST_BYTES
        )
    # By file iteration, not splitlines: one published phrase holds a control character that would split it.
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        return [line.strip() for line in lines]
