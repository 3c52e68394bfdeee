"""A1111's rules written a second time, by definition and without regard for time, to compare with.

Nothing is shared with `prompts.language`: attention is a character loop that multiplies weights in place, the
schedule grammar is tried on every span of tokens.
"""

from __future__ import annotations

from functools import cache

OPEN_CLOSE = {"(": ")", "[": "]"}


def oracle_attention(text: str) -> list[tuple[str, float]]:  # noqa: C901, PLR0915  # one definition, one loop
    """Fragments and weights, quadratic; raises ValueError where A1111 does."""
    out: list[list[object]] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    i = 0
    while i < len(text):
        character = text[i]
        if character == "\\":
            following = text[i + 1] if i + 1 < len(text) and text[i + 1] in "()[]\\" else ""
            out.append([following, 1.0])
            i += 1 + len(following)
        elif character in "([":
            opened[character].append(len(out))
            i += 1
        elif character in ")]":
            opener = "(" if character == ")" else "["
            if opened[opener]:
                scale(out, opened[opener].pop(), 1.1 if opener == "(" else 1 / 1.1)
            else:
                out.append([character, 1.0])
            i += 1
        elif character == ":":
            end, digits = weight_at(text, i)
            if digits is None:
                out.append([":", 1.0])
                i += 1
            elif opened["("]:
                scale(out, opened["("].pop(), float(digits))
                i = end
            else:
                out.append([text[i:end], 1.0])
                i = end
        else:
            j = i
            while j < len(text) and text[j] not in "\\()[]:":
                j += 1
            words(out, text[i:j])
            i = j
    for opener in "([":
        for start in opened[opener]:
            scale(out, start, 1.1 if opener == "(" else 1 / 1.1)
    joined: list[tuple[str, float]] = []
    for piece, weight in out:
        if joined and joined[-1][1] == weight:
            joined[-1] = (joined[-1][0] + str(piece), float(weight))  # type: ignore[arg-type]
        else:
            joined.append((str(piece), float(weight)))  # type: ignore[arg-type]
    return joined or [("", 1.0)]


def scale(out: list[list[object]], start: int, factor: float) -> None:
    for entry in out[start:]:
        entry[1] *= factor  # type: ignore[operator]


def weight_at(text: str, i: int) -> tuple[int, str | None]:
    j = i + 1
    while j < len(text) and text[j].isspace():
        j += 1
    start = j
    if j < len(text) and text[j] in "+-":
        j += 1
    first_digit = j
    while j < len(text) and (text[j] == "." or text[j].isdecimal()):
        j += 1
    if j == first_digit:
        return i, None
    digits = text[start:j]
    while j < len(text) and text[j].isspace():
        j += 1
    return (j + 1, digits) if j < len(text) and text[j] == ")" else (i, None)


def words(out: list[list[object]], text: str) -> None:
    """Split at every `BREAK` that stands as a word of its own."""
    at = 0
    first = True
    while True:
        found = text.find("BREAK", at)
        while found >= 0 and (is_word(text, found - 1) or is_word(text, found + 5)):
            found = text.find("BREAK", found + 1)
        piece = text[at:] if found < 0 else text[at:found].rstrip()
        out.append([piece if first else piece.lstrip(), 1.0])
        if found < 0:
            return
        out.append(["BREAK", -1])
        at, first = found + 5, False


def is_word(text: str, i: int) -> bool:
    return 0 <= i < len(text) and (text[i].isalnum() or text[i] == "_")


def oracle_schedule(  # noqa: C901, PLR0915  # the grammar in one place, its rules closed over the tokens
    text: str, steps: int, hires_steps: int | None = None
) -> list[tuple[int, str]]:
    """What is drawn until when; cubic in the number of tokens."""
    length = steps if hires_steps is None else hires_steps
    tokens = tokens_of(text)
    if tokens is None:
        return [(length, text)]
    n = len(tokens)

    @cache
    def end_of_prompt(i: int) -> frozenset[int]:
        """Every j such that tokens[i:j] is a `prompt`."""
        ends = {i}
        todo = [i]
        while todo:
            k = todo.pop()
            if k < n:
                steps_on = {k + 1} if len(tokens[k]) > 1 or tokens[k] not in "()[]:|" else set()
                steps_on |= {j for j, _ in constructs(k)}
                todo += steps_on - ends
                ends |= steps_on
        return frozenset(ends)

    @cache
    def constructs(i: int) -> tuple[tuple[int, tuple[object, ...]], ...]:
        """Every construct that starts at i: where it ends, and what it is."""
        if tokens[i] not in OPEN_CLOSE:
            return ()
        found = []
        for shape in divisions(i + 1):
            j = shape[-1][1]
            if j < n and tokens[j] == OPEN_CLOSE[tokens[i]]:
                what = meaning(tokens[i], shape)
                if what is not None:
                    found.append((j + 1, what))
        return tuple(found)

    @cache
    def divisions(i: int) -> tuple[tuple[tuple[int, int, str], ...], ...]:
        """Prompts from i on, divided by `:` or `|`: (start, end, divider behind)."""
        result = []
        for j in end_of_prompt(i):
            result.append(((i, j, ""),))
            if j < n and tokens[j] in ":|":
                result += [((i, j, tokens[j]), *rest) for rest in divisions(j + 1)]
        return tuple(result)

    def meaning(opener: str, shape: tuple[tuple[int, int, str], ...]) -> tuple[object, ...] | None:
        dividers = "".join(part[2] for part in shape)
        if dividers == "" or (dividers == ":" and opener == "("):
            return ("text",)
        if opener == "[" and set(dividers) == {"|"}:
            return ("turns", shape)
        last = "".join(tokens[shape[-1][0] : shape[-1][1]])
        if opener == "[" and dividers in (":", "::") and number_of(last) is not None:
            return ("edit", shape[0] if len(shape) == 3 else None, shape[-2], number_of(last))
        return None

    def until(number: str) -> int:
        value = float(number)
        if "." in number:
            value = (value - (0 if hires_steps is None else 1)) * length
        elif hires_steps is not None:
            value -= steps
        return min(length, int(value))

    def render(i: int, j: int, step: int) -> str:
        out = ""
        while i < j:
            known = [c for c in constructs(i) if c[0] <= j]
            if not known:
                out += tokens[i]
                i += 1
                continue
            end, what = known[0]
            if what[0] == "text":
                out += tokens[i] + render(i + 1, end - 1, step) + tokens[end - 1]
            elif what[0] == "turns":
                part = what[1][(step - 1) % len(what[1])]
                out += render(part[0], part[1], step)
            else:
                part = what[1] if step <= until(what[3]) else what[2]
                out += render(part[0], part[1], step) if part else ""
            i = end
        return out

    ends = {length}
    i = 0
    while i < n:
        known = constructs(i)
        if tokens[i] == "|":
            return [(length, text)]
        i = known[0][0] if known else i + 1
    for k in range(n):
        for _, what in constructs(k):
            if what[0] == "turns":
                ends |= set(range(1, length + 1))
            elif what[0] == "edit":
                ends |= {until(what[3])}
    return [(end, render(0, n, end)) for end in sorted(ends) if end >= 1]


def tokens_of(text: str) -> list[str] | None:
    tokens: list[str] = []
    i = 0
    while i < len(text):
        if text[i] in "()[]:|":
            tokens.append(text[i])
            i += 1
            continue
        j = i
        while j < len(text) and text[j] not in "()[]:|":
            if text[j] == "\\":
                if j + 1 >= len(text) or text[j + 1] == "\n":
                    return None
                j += 1
            j += 1
        tokens.append(text[i:j])
        i = j
    return tokens


def number_of(text: str) -> str | None:
    """The number as written when `text` is one signed decimal number with white space around."""
    bare = text.strip()
    digits = bare[1:] if bare[:1] in ("+", "-") else bare
    if not digits or not set(digits) <= set("0123456789.eE+-") or not (digits[0].isdigit() or digits[0] == "."):
        return None
    try:
        float(bare)
    except ValueError:
        return None
    return bare


def oracle_and(text: str) -> list[tuple[str, float]]:
    """`AND` by hand: the shortest text such that what follows is nothing, or a colon and a number."""
    parts: list[str] = []
    at = start = 0
    while (found := text.find("AND", at)) >= 0:
        if not is_word(text, found - 1) and not is_word(text, found + 3):
            parts.append(text[start:found])
            start = found + 3
        at = found + 3
    parts.append(text[start:])
    return [shortest(part) for part in parts]


def shortest(part: str) -> tuple[str, float]:
    for cut in range(len(part) + 1):
        rest = part[cut:].strip()
        if not rest:
            return part[:cut], 1.0
        if rest[0] == ":":
            digits = rest[1:].strip()
            unsigned = digits[1:] if digits[:1] in ("+", "-") else digits
            whole, point, fraction = unsigned.partition(".")
            is_number = unsigned.replace(".", "", 1).isdecimal() and (whole or fraction) and (point or whole)
            if is_number and not (point and not whole and not fraction):
                return part[:cut], float(digits)
    return part, 1.0
