"""compel's (InvokeAI's) prompt dialect: `(words)1.3`, `word++`, `("a", "b").and()`."""

from __future__ import annotations

import re

from prompts.language.pieces import Join, Loss, Piece, Pieces, joined, weight_text

_TOKEN = re.compile(r"\\.|\(|\)(?P<after>\++|-+|\d+(?:\.\d+)?|\.\d+)?|[^\\()]+|\\", re.DOTALL)
_SIGNS = re.compile(r"(?<=[^\s,()+-])(?:\++|-{2,})(?=[\s,.]|\Z)")
_CALL = re.compile(r"\.(and|blend|swap)\(")
_CONJUNCTION = re.compile(r"\s*\(((?:\s*\"(?:\\.|[^\"\\])*\"\s*,?)+)\)\.(and|blend)\(([^()]*)\)\s*")
_QUOTED = re.compile(r"\"((?:\\.|[^\"\\])*)\"")
_EMBEDDING = re.compile(r"<([\w .-]+)>")
_SPECIAL = re.compile(r"[()\\]")
_BETWEEN = frozenset(" \t\r\n\f\v,()")
_UP, _DOWN = 1.1, 0.9


def read_compel(text: str) -> tuple[Pieces, tuple[Loss, ...]]:
    """Compel's dialect as pieces; `.blend()` and `.swap()` cannot be pieces and are reported."""
    conjunction = _CONJUNCTION.fullmatch(text)
    if conjunction is None:
        losses = [Loss("compel_call", f".{call}()", "Not translated; it stays text.") for call in _CALL.findall(text)]
        return _read_plain(text), tuple(losses)
    parts = [part.replace('\\"', '"') for part in _QUOTED.findall(conjunction[1])]
    found: list[Piece | Join] = []
    for i, part in enumerate(parts):
        if i:
            found.append(Join(is_break=True))
        found += _read_plain(part)
    if conjunction[2] == "and" and not _unequal(conjunction[3]):
        return tuple(found), ()
    message = "The parts are encoded one after the other as with .and(); their weights are lost."
    return tuple(found), (Loss("compel_call", f".{conjunction[2]}({conjunction[3]})", message),)


def _unequal(weights: str) -> bool:
    return len({weight.strip() for weight in weights.split(",") if weight.strip()} - {"1", "1.0"}) > 0


def _read_plain(text: str) -> Pieces:
    factors = _group_factors(text)
    weights = [1.0]
    found: list[Piece | Join] = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == "(":
            weights.append(weights[-1] * factors.get(match.start(), 1.0))
        elif token[0] == ")" and len(weights) > 1:
            weights.pop()
        elif len(token) == 2 and token[0] == "\\":
            found.append(Piece(token[1], weights[-1]))
        else:
            found += [Piece(p.text, p.weight * weights[-1]) for p in _signed(_EMBEDDING.sub(r"\1", token))]
    return joined(found)


def _group_factors(text: str) -> dict[int, float]:
    """For each bracket that is closed, where it opens and what stands behind it."""
    opened: list[int] = []
    factors: dict[int, float] = {}
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == "(":
            opened.append(match.start())
        elif token[0] == ")" and opened:
            factors[opened.pop()] = _factor(match["after"] or "")
    return factors


def _signed(words: str) -> list[Piece]:
    """`a word++ b` -> three pieces."""
    pieces: list[Piece] = []
    at = 0
    for match in _SIGNS.finditer(words):
        start = match.start()
        while start > at and words[start - 1] not in _BETWEEN:
            start -= 1
        pieces += [Piece(words[at:start]), Piece(words[start : match.start()], _factor(match.group()))]
        at = match.end()
    return [*pieces, Piece(words[at:])]


def _factor(suffix: str) -> float:
    """What stands behind a bracket or word, as a factor; compel's `(a)` without suffix only groups."""
    if not suffix:
        return 1.0
    if suffix[0] in "+-":
        return float((_UP if suffix[0] == "+" else _DOWN) ** len(suffix))
    return float(suffix)


def write_compel(pieces: Pieces) -> tuple[str, tuple[Loss, ...]]:
    """Pieces as compel text; `BREAK` becomes `.and()`, composition is reported."""
    losses: list[Loss] = []
    parts: list[list[str]] = [[]]
    for piece in pieces:
        if isinstance(piece, Piece):
            parts[-1].append(_written(piece, losses))
            continue
        parts.append([])
        if not piece.is_break:
            message = "compel's .and() puts prompts one after the other; A1111's AND adds their predictions."
            losses.append(Loss("and", "AND", message))
    texts = ["".join(part) for part in parts]
    if any(isinstance(piece, Piece) and piece.weight != 1 for piece in pieces):
        message = (
            "compel interpolates from the empty prompt where A1111 scales: equal weights act a little differently."
        )
        losses.append(Loss("weight_method", "", message))
    if len(texts) == 1:
        return texts[0], tuple(losses)
    quoted = ", ".join('"' + text.strip().replace('"', '\\"') + '"' for text in texts)
    return f"({quoted}).and()", tuple(losses)


def _written(piece: Piece, losses: list[Loss]) -> str:
    text = _SPECIAL.sub(r"\\\g<0>", piece.text)
    if _SIGNS.search(text):
        losses.append(Loss("signs", piece.text.strip(), "Signs at a word's end change its weight in compel."))
    if piece.weight == 1:
        return text
    weight = max(piece.weight, 0.0)
    if weight != piece.weight:
        losses.append(Loss("weight_negative", piece.text.strip(), "compel has no negative weights; 0 is written."))
    return f"({text}){weight_text(weight)}"
