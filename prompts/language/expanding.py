"""Dynamic prompts expanded: how many there are, any one by its number, or one drawn by a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from prompts.errors import PromptError, near_hint, near_names
from prompts.language.dynamic import Assignment, Choice, Literal, Option, Part, Template, Use, Wildcard, parse_template

Wildcards = Mapping[str, Sequence[str]]
"""Lines by wildcard name; lines may be templates themselves."""
_Variables = Mapping[str, Template]
WORK = 1_000_000
"""Parts looked at in one expansion."""
CHARACTERS = 100_000
"""Characters written in one expansion: wildcards in wildcards grow without bound otherwise."""
_NESTING = 64
"""Choices, wildcards and variables inside each other."""


class Expander:
    """Expands templates with one set of wildcards, whose parsed lines it remembers.

    Args:
        wildcards: Lines by name.
        work: Parts that all expansions together may look at; `None`: each may look at `WORK`.
    """

    def __init__(self, wildcards: Wildcards | None = None, work: int | None = None) -> None:
        self._wildcards = wildcards or {}
        self._parsed: dict[str, tuple[Template, ...]] = {}
        self._shared = None if work is None else _Purse(work)

    def count(self, text: str) -> int:
        """How many prompts `text` stands for, without making them.

        Raises:
            PromptError: code `wildcard_not_found`, `variable_not_found`, `template_too_deep`, `template_too_large`.
        """
        return self._run().count(parse_template(text))

    def every(self, text: str, limit: int) -> list[str]:
        """The first `limit` prompts of `text`, options in the order they are written; raises as `count`."""
        template = parse_template(text)
        total = self._run().count(template)
        return [self._run().nth(template, i) for i in range(min(total, limit))]

    def draw(self, text: str, seed: int) -> str:
        """One prompt of `text`; equal seeds draw equal prompts. Raises as `count`."""
        return self._run().draw(parse_template(text), random.Random(seed))  # no secret

    def _run(self) -> _Run:
        return _Run(self._wildcards, self._parsed, self._shared or _Purse(WORK))


class _Purse:
    """Parts that may still be looked at."""

    def __init__(self, work: int) -> None:
        self._left = self._whole = work

    def spend(self, parts: int) -> None:
        self._left -= parts
        if self._left < 0:
            error = PromptError(f"Expanding this prompt takes more than {self._whole} steps.", limit=self._whole)
            error.with_code("template_too_large")
            raise error


class _Run:
    """One expansion; refuses when it has looked at more parts than its purse holds."""

    def __init__(self, wildcards: Wildcards, parsed: dict[str, tuple[Template, ...]], purse: _Purse) -> None:
        self._wildcards = wildcards
        self._parsed = parsed
        self._purse = purse
        self._room = CHARACTERS

    def count(self, template: Template) -> int:
        return self._count(template, {}, 0)

    def nth(self, template: Template, index: int) -> str:
        return self._nth(template, index, {}, 0)

    def draw(self, template: Template, source: random.Random) -> str:
        return self._draw(template, {}, 0, source)

    def _spend(self, template: Template, depth: int) -> None:
        self._purse.spend(1 + len(template.parts))
        if depth > _NESTING:
            error = PromptError("Choices, wildcards or variables are nested too deep, or in a circle.", limit=_NESTING)
            error.with_code("template_too_deep")
            raise error

    def _written(self, text: str) -> str:
        """`text`, counted against `CHARACTERS`."""
        self._room -= len(text)
        if self._room < 0:
            error = PromptError(f"This prompt grows over {CHARACTERS} characters.", limit=CHARACTERS)
            error.with_code("template_too_large")
            raise error
        return text

    def _joined(self, choice: Choice, texts: Sequence[str]) -> str:
        self._written(choice.separator * (len(texts) - 1))
        return choice.separator.join(texts)

    def _count(self, template: Template, variables: _Variables, depth: int) -> int:
        return math.prod(self._counts(template, variables, depth))

    def _counts(self, template: Template, variables: _Variables, depth: int) -> list[int]:
        """How many ways each part has."""
        self._spend(template, depth)
        counts: list[int] = []
        for part in template.parts:
            if isinstance(part, Assignment):
                value = self._bound(part.value, variables)
                counts.append(self._count(value, variables, depth + 1) if part.is_drawn_once else 1)
                variables = {**variables, part.name: Template() if part.is_drawn_once else value}
            else:
                counts.append(self._count_part(part, variables, depth))
        return counts

    def _count_part(self, part: Part, variables: _Variables, depth: int) -> int:
        match part:
            case Wildcard(name=name):
                return sum(self._count(line, {}, depth + 1) for line in self._lines(name))
            case Choice():
                options = self._options(part)
                ways = [self._count(option.template, variables, depth + 1) for option in options]
                sizes = _sizes(part, options)
                sums = _elementary(ways, sizes[-1])
                return sum(math.factorial(size) * sums[size] for size in sizes)
            case Use():
                return self._count(self._value(part, variables), variables, depth + 1)
            case _:
                return 1

    def _nth(self, template: Template, index: int, variables: _Variables, depth: int) -> str:
        """The prompt number `index`; the last part changes fastest."""
        digits: list[int] = []
        for count in reversed(self._counts(template, variables, depth)):
            index, digit = divmod(index, count)
            digits.append(digit)
        out: list[str] = []
        for part, digit in zip(template.parts, reversed(digits), strict=True):
            if isinstance(part, Assignment):
                value = self._bound(part.value, variables)
                if part.is_drawn_once:
                    value = Template((Literal(self._nth(value, digit, variables, depth + 1)),))
                variables = {**variables, part.name: value}
            else:
                out.append(self._nth_part(part, digit, variables, depth))
        return "".join(out)

    def _nth_part(self, part: Part, index: int, variables: _Variables, depth: int) -> str:
        match part:
            case Literal(text=text):
                return self._written(text)
            case Use():
                return self._nth(self._value(part, variables), index, variables, depth + 1)
            case Choice():
                return self._nth_choice(part, index, variables, depth)
            case Wildcard(name=name):
                for line in self._lines(name):
                    count = self._count(line, {}, depth + 1)
                    if index < count:
                        return self._nth(line, index, {}, depth + 1)
                    index -= count
        return ""

    def _nth_choice(self, choice: Choice, index: int, variables: _Variables, depth: int) -> str:
        options = self._options(choice)
        ways = [self._count(option.template, variables, depth + 1) for option in options]
        picked, index = _arrangement(ways, _sizes(choice, options), index)
        texts: list[str] = []
        for i in reversed(picked):
            index, digit = divmod(index, ways[i])
            texts.append(self._nth(options[i].template, digit, variables, depth + 1))
        return self._joined(choice, texts[::-1])

    def _draw(self, template: Template, variables: _Variables, depth: int, source: random.Random) -> str:
        self._spend(template, depth)
        out: list[str] = []
        for part in template.parts:
            if isinstance(part, Assignment):
                value = self._bound(part.value, variables)
                if part.is_drawn_once:
                    value = Template((Literal(self._draw(value, variables, depth + 1, source)),))
                variables = {**variables, part.name: value}
            else:
                out.append(self._draw_part(part, variables, depth + 1, source))
        return "".join(out)

    def _draw_part(self, part: Part, variables: _Variables, depth: int, source: random.Random) -> str:
        match part:
            case Wildcard(name=name):
                return self._draw(source.choice(self._lines(name)), {}, depth, source)
            case Use():
                return self._draw(self._value(part, variables), variables, depth, source)
            case Choice():
                options = list(self._options(part))
                sizes = _sizes(part, options)
                picked = _pick(options, source.randint(sizes[0], sizes[-1]), source)
                return self._joined(part, [self._draw(o.template, variables, depth, source) for o in picked])
            case Literal(text=text):
                return self._written(text)
        return ""

    def _options(self, choice: Choice) -> tuple[Option, ...]:
        """The options; of `{2$$__colour__}` the lines of the wildcard."""
        only = choice.options[0].template.parts if len(choice.options) == 1 else ()
        if choice.most > 1 and len(only) == 1 and isinstance(only[0], Wildcard):
            return tuple(Option(line) for line in self._lines(only[0].name))
        return choice.options

    def _lines(self, name: str) -> tuple[Template, ...]:
        if name not in self._parsed:
            names = [known for known in self._wildcards if known == name or fnmatchcase(known, name)]
            lines = [parse_template(line) for known in sorted(names) for line in self._wildcards[known]]
            if not lines:
                raise _unknown("wildcard", name, self._wildcards)
            self._parsed[name] = tuple(lines)
        return self._parsed[name]

    def _bound(self, value: Template, variables: _Variables) -> Template:
        """`value` with the variables it uses put in, so that it cannot refer to itself."""
        parts: list[Part] = []
        for part in value.parts:
            if isinstance(part, Use) and part.name in variables:
                self._spend(variables[part.name], 0)
                parts += variables[part.name].parts
            else:
                parts.append(part)
        return Template(tuple(parts))

    def _value(self, use: Use, variables: _Variables) -> Template:
        value = variables.get(use.name, use.default)
        if value is None:
            raise _unknown("variable", use.name, variables)
        return value


def _unknown(kind: str, name: str, known: Mapping[str, object]) -> PromptError:
    near = near_names(name, known)
    error = PromptError(f"There is no {kind} {name!r}.{near_hint(near)}", got=name, near=list(near))
    error.with_code(f"{kind}_not_found")
    return error


def _sizes(choice: Choice, options: Sequence[Option]) -> range:
    """How many options may be taken at once."""
    return range(min(choice.least, len(options)), min(choice.most, len(options)) + 1)


def _pick(options: list[Option], size: int, source: random.Random) -> list[Option]:
    """`size` options drawn by their shares, none twice; empties `options` of them."""
    picked: list[Option] = []
    for _ in range(size):
        shares = [option.share for option in options]
        index = source.choices(range(len(options)), shares if sum(shares) else None)[0]
        picked.append(options.pop(index))
    return picked


def _elementary(ways: Sequence[int], most: int) -> list[int]:
    """Elementary symmetric sums e_0..e_most of `ways`: how to take k options, whatever their order."""
    sums = [1] + [0] * most
    for count in ways:
        for k in range(most, 0, -1):
            sums[k] += sums[k - 1] * count
    return sums


def _without(sums: Sequence[int], count: int) -> list[int]:
    """The symmetric sums when an option with `count` ways is left out."""
    left = [1]
    for value in sums[1:]:
        left.append(value - count * left[-1])
    return left


def _arrangement(ways: Sequence[int], sizes: range, index: int) -> tuple[list[int], int]:
    """Which options, in which order, the choice number `index` takes, and the number among their own ways."""
    sums = _elementary(ways, sizes[-1])
    size = sizes[0]
    for size in sizes:
        block = math.factorial(size) * sums[size]
        if index < block:
            break
        index -= block
    picked: list[int] = []
    taken = 1
    while len(picked) < size:
        later = math.factorial(size - len(picked) - 1)
        for i, count in enumerate(ways):
            if i in picked:
                continue
            left = _without(sums[: size - len(picked) + 1], count)
            block = taken * count * later * left[size - len(picked) - 1]
            if index < block:
                picked.append(i)
                taken *= count
                sums = left
                break
            index -= block
    return picked, index
