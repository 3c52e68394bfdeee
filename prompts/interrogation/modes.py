"""The modes: from ranked terms and a caption to one prompt with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from prompts.expansion.families import PromptStyle
from prompts.interrogation.chain import Chain, ChainRules, grow
from prompts.interrogation.interrogator import WITHOUT_CAPTION
from prompts.interrogation.label_table import LabelTable
from prompts.interrogation.prose import prose
from prompts.interrogation.ranking import Ranked, rank, rank_by_chunks
from prompts.interrogation.result import Term
from prompts.interrogation.terms import ARTISTS, FLAVORS, MEDIUMS, MOVEMENTS, NEGATIVE, TRENDINGS
from prompts.interrogation.text_tower import SEPARATOR, TextTower, is_full

Step = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """Sizes of the modes; the defaults are clip-interrogator's."""

    max_terms: int = 32
    """Most ranked terms in `fast` and `tags`, most links in `best` and `negative`."""
    min_terms: int = 8
    """Links that `best` and `negative` take even when they do not help."""
    classic_flavors: int = 3
    shortlist: int = 2048
    """Candidates of a chain; 256 is eight times faster and rarely worse."""
    max_tokens: int | None = None
    """Longest prompt in the tower's tokens, start and end included; `None` is the tower's own limit (77)."""
    chunk_size: int = 2048
    """Terms per chunk of clip-interrogator's ranking; used with `compat` alone."""
    compat: bool = False
    """Give clip-interrogator's own string, faults included (see `docs/interrogation.md`)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A prompt and the terms it was made of."""

    prompt: str
    terms: tuple[Term, ...]
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Studio:
    """Everything a mode works with, for one picture."""

    picture: Tensor
    """(1, dim) unit length."""
    tower: TextTower
    table: LabelTable
    """All lists, `negative` included."""
    options: ClipOptions
    caption: str | None
    ranked: Ranked | None = None
    """The ranking of `positive_rows` shared by a batch of pictures; `None`: rank here."""
    on_step: Step | None = None


def positive_table(table: LabelTable) -> LabelTable:
    """The table without the list of negatives."""
    return table.part([name for name, _, _ in table.categories if name != NEGATIVE])


def tags(studio: Studio) -> Draft:
    """The closest terms, no caption; all of them unless somebody set a length."""
    terms = _closest(studio, studio.options.max_terms)
    if studio.options.max_tokens is not None:
        terms = terms[: len(fitted([t.text for t in terms], studio.tower, studio.options))]
    return Draft(SEPARATOR.join(t.text for t in terms), tuple(terms), None)


def fast(studio: Studio) -> Draft:
    """Caption, then the closest terms of all lists."""
    return _measured(studio, _fast_draft(studio))


def classic(studio: Studio) -> Draft:
    """Caption, medium and artist, trending, movement, flavors: the closest of each list."""
    return _measured(studio, _classic_draft(studio, studio.options.classic_flavors))


def best(studio: Studio) -> Draft:
    """The closest of: caption alone, classic with many flavors, fast, and a chain grown from the caption."""
    options = studio.options
    candidates = [t.text for t in _closest(studio, options.shortlist)]
    caption = studio.caption
    start = None if not caption else (caption, _similarities(studio, [caption])[0])
    rules = ChainRules(options.min_terms, options.max_terms, max_tokens=options.max_tokens, compat=options.compat)
    chain = grow(studio.picture, studio.tower, candidates, start, rules, studio.on_step)
    drafts = [
        _measured(studio, _classic_draft(studio, options.max_terms)),
        _measured(studio, _fast_draft(studio)),
        Draft(chain.prompt, _chain_terms(chain, studio.table), chain.similarity),
    ]
    if start is not None:
        drafts.insert(0, Draft(start[0], (), start[1]))
    return max(drafts, key=lambda draft: -1.0 if draft.similarity is None else draft.similarity)


def negative(studio: Studio) -> Draft:
    """A chain of what the picture is not, from the flavors (or, without them, every list) and `negative`."""
    options = studio.options
    names = [name for name, _, _ in studio.table.categories]
    pool = studio.table.part([FLAVORS]) if FLAVORS in names else positive_table(studio.table)
    if options.compat:
        far = rank_by_chunks(studio.picture, pool.features, options.shortlist, options.chunk_size, farthest=True)
    else:
        far = rank(studio.picture, pool.features, options.shortlist, farthest=True)[0]
    listed = studio.table.rows(NEGATIVE)
    candidates = [pool.texts[row] for row in far.rows] + list(studio.table.texts[listed])
    candidates = [text for text in candidates if _is_short(studio, text)]
    rules = ChainRules(max_count=options.max_terms, farthest=True, max_tokens=options.max_tokens, compat=options.compat)
    chain = grow(studio.picture, studio.tower, candidates, None, rules, studio.on_step)
    return Draft(chain.prompt, _chain_terms(chain, studio.table), chain.similarity)


def for_target(studio: Studio, mode: str, target: PromptStyle, draft: Draft) -> Draft:
    """`draft` written for another kind of model than SD1.5, its similarity measured anew.

    The ranked list and the negative prompt stay tags. Term gains stay those of the tags.
    """
    if target == "tags" or mode in WITHOUT_CAPTION:
        return draft

    def fits(text: str) -> bool:
        return studio.tower.length(text) <= min(studio.tower.max_tokens, studio.options.max_tokens or 10**9)

    if target == "prose":
        prompt = prose(studio.caption, draft.terms, fits)
    else:
        prompt = studio.caption or next((term.text for term in draft.terms), "")
    return replace(draft, prompt=prompt, similarity=_similarities(studio, [prompt])[0] if prompt else None)


def fitted(parts: Sequence[str], tower: TextTower, options: ClipOptions) -> list[str]:
    """The parts, in order, that together leave room in the tower; the first always stays.

    clip-interrogator tests each part without the separator before it and so may overfill by one token.
    """
    kept = list(parts[:1])
    for part in parts[1:]:
        joint = "" if options.compat else SEPARATOR
        if is_full(tower, SEPARATOR.join(kept) + joint + part, options.max_tokens):
            break
        kept.append(part)
    return kept


def _fast_draft(studio: Studio) -> Draft:
    terms = _closest(studio, studio.options.max_terms, only_outstanding=True)
    return _cut(studio, [studio.caption] if studio.caption else [], terms)


def _classic_draft(studio: Studio, flavors: int) -> Draft:
    counts = {name: 1 for name, _, _ in studio.table.categories if name not in (FLAVORS, NEGATIVE)}
    found = {name: _closest_in(studio, name, count) for name, count in counts.items()}
    found[FLAVORS] = _closest_in(studio, FLAVORS, flavors)
    order = (MEDIUMS, ARTISTS, TRENDINGS, MOVEMENTS)
    others = [name for name in found if name not in (*order, FLAVORS)]
    terms = [t for name in (*order, *others, FLAVORS) for t in found.get(name, [])]
    medium, artist = found.get(MEDIUMS, []), found.get(ARTISTS, [])
    if not (medium and artist):
        return _cut(studio, [studio.caption] if studio.caption else [], terms)
    lead = f"{medium[0].text} {artist[0].text}"
    if studio.caption and studio.caption.startswith(medium[0].text):
        lead = f"{studio.caption} {artist[0].text}"
    elif studio.caption:
        lead = f"{studio.caption}{SEPARATOR}{lead}"
    draft = _cut(studio, [lead], terms[2:])
    return replace(draft, terms=(medium[0], artist[0], *draft.terms))


def _cut(studio: Studio, lead: list[str], terms: Sequence[Term]) -> Draft:
    """Join and cut to the tower's length. Cutting goes by comma, as the library's does, also inside a term."""
    text = SEPARATOR.join([*lead, *(t.text for t in terms)])
    kept = SEPARATOR.join(fitted(text.split(SEPARATOR), studio.tower, studio.options))
    used: list[Term] = []
    reached = len(SEPARATOR.join(lead))
    for term in terms:
        reached += len(term.text) + (len(SEPARATOR) if reached else 0)
        if reached > len(kept):
            break
        used.append(term)
    return Draft(kept, tuple(used), None)


def _measured(studio: Studio, draft: Draft) -> Draft:
    """The draft with the similarity of its prompt and each term's marginal gain."""
    pieces = draft.prompt.split(SEPARATOR)
    if not draft.prompt:
        return draft
    after = (studio.tower.encode_growth(pieces) @ studio.picture.T).flatten().tolist()
    gains = {piece: after[i] - (after[i - 1] if i else 0.0) for i, piece in reversed(list(enumerate(pieces)))}
    terms = tuple(replace(t, gain=gains.get(t.text)) for t in draft.terms)
    return replace(draft, terms=terms, similarity=after[-1])


def _closest(studio: Studio, count: int, *, only_outstanding: bool = False) -> list[Term]:
    """The best terms; on request only those that stand out, so that a list of 80 does not give 32 of them."""
    table = positive_table(studio.table)
    if studio.options.compat:
        ranked = rank_by_chunks(studio.picture, table.features, count, studio.options.chunk_size)
    else:
        ranked = studio.ranked or rank(studio.picture, table.features, count)[0]
    terms = [term for term in _terms(table, ranked, count) if _is_short(studio, term.text)]
    if not only_outstanding:
        return terms
    return [t for i, t in enumerate(terms) if i == 0 or (t.similarity or 0.0) >= ranked.usual]


def _closest_in(studio: Studio, category: str, count: int) -> list[Term]:
    part = studio.table.part([category])
    if not part.texts:
        return []
    if studio.options.compat:
        ranked = rank_by_chunks(studio.picture, part.features, count, studio.options.chunk_size)
    else:
        ranked = rank(studio.picture, part.features, count)[0]
    return [term for term in _terms(part, ranked, count) if _is_short(studio, term.text)]


def _is_short(studio: Studio, text: str) -> bool:
    """Whether a term, with a full stop, fits into the length that somebody set; the tower's own takes every term."""
    limit = studio.options.max_tokens
    return limit is None or studio.tower.length(text) < limit


def shortened(text: str, tower: TextTower, limit: int | None) -> str:
    """`text` without its last words, so that it takes at most `limit` tokens; as it is for `None`."""
    words = text.split(" ")
    while limit is not None and len(words) > 1 and tower.length(" ".join(words)) > limit:
        words.pop()
    return " ".join(words)


def _terms(table: LabelTable, ranked: Ranked, count: int) -> list[Term]:
    pairs = list(zip(ranked.rows, ranked.similarities, strict=True))[:count]
    return [Term(table.texts[row], table.category_of(row), similarity) for row, similarity in pairs]


def _chain_terms(chain: Chain, table: LabelTable) -> tuple[Term, ...]:
    wanted = {link.text for link in chain.links}
    category: dict[str, str] = {}
    for name, start, stop in table.categories:
        for text in table.texts[start:stop]:
            if text in wanted:
                category.setdefault(text, name)
    return tuple(Term(link.text, category[link.text], link.similarity, link.gain) for link in chain.links)


def _similarities(studio: Studio, prompts: Sequence[str]) -> list[float]:
    values: list[float] = (studio.tower.encode(prompts) @ studio.picture.T).flatten().tolist()
    return values
