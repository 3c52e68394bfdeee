"""A comparison as one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from PIL import Image

from service.ab.figures import Paired
from service.ab.sheet import small
from service.ab.study import Outcome, Side

_NOTE = (
    "Difference: mean over pairs of the same seed. In brackets the 95 % interval (paired bootstrap, 2,000 resamples). "
    "“No clear change”: the interval holds zero. Likeness: cosine of a picture to the one of the same seed without the "
    "change."
)


def report(outcome: Outcome, title: str) -> str:
    """The whole page: the figures first, then what was changed, then every picture with its scores."""
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(f'<p class="quiet">{escape(notice)}</p>' for notice in outcome.notices),
        _figures(outcome),
        f'<p class="quiet">{_NOTE}</p>',
        *(part for sides in outcome.sides for part in _pictures(sides, outcome.order.seeds)),
    ]
    head = f"<meta charset=utf-8><title>{escape(title)}</title><style>{_style()}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def markdown(outcome: Outcome) -> str:
    """The figures as a table for a text."""
    rows = ["| change | measure | without | with | difference | 95 % interval | better / worse | verdict |"]
    rows.append("|---|---|---|---|---|---|---|---|")
    for name, measures in outcome.figures().items():
        rows += [
            f"| {name} | {m.name} | {m.before:.3f} | {m.after:.3f} | {m.difference:+.3f} | "
            f"{m.low:+.3f} … {m.high:+.3f} | {m.better} / {m.worse} of {m.pairs} | {m.verdict} |"
            for m in measures
        ]
    return "\n".join(rows)


def _figures(outcome: Outcome) -> str:
    names = ("change", "measure", "without", "with", "difference", "better / worse", "verdict", "likeness")
    head = "".join(f"<th>{name}</th>" for name in names)
    rows: list[str] = []
    for place, (name, measures) in enumerate(outcome.figures().items(), 1):
        alike = outcome.likeness(place)
        rows += [_row(name, m, "" if alike is None else f"{alike:.3f}") for m in measures]
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _row(name: str, m: Paired, alike: str) -> str:
    kind = ' class="clear"' if m.is_clear else ""
    change = f"{m.difference:+.3f} <span class=quiet>[{m.low:+.3f}, {m.high:+.3f}]</span>"
    cells = [
        f"<td>{escape(name)}</td><td>{escape(m.name)}</td>",
        f"<td class=n>{m.before:.3f}</td><td class=n>{m.after:.3f}</td><td class=n>{change}</td>",
        f"<td class=n>{m.better} / {m.worse} of {m.pairs}</td><td{kind}>{m.verdict}</td><td class=n>{alike}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _pictures(sides: Sequence[Side], seeds: Sequence[int]) -> Iterable[str]:
    yield f"<h2>{escape(sides[0].spell.prompt)}</h2>"
    for side in sides:
        yield f"<h3>{escape(side.name)}</h3>"
        if side.name != sides[0].name:
            said = "; ".join(side.changes) or "changes nothing here: the pictures are the same"
            yield f"<p><code>{escape(said)}</code></p>"
        figures = "".join(
            _figure(p, seed, _said(side, at)) for at, (p, seed) in enumerate(zip(side.pictures, seeds, strict=True))
        )
        yield f"<div class=row>{figures}</div>"


def _said(side: Side, place: int) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in side.scores[place].items())


def _figure(picture: Image.Image, seed: int, said: str) -> str:
    encoded = io.BytesIO()
    small(picture).save(encoded, "JPEG", quality=88)
    data = base64.b64encode(encoded.getvalue()).decode("ascii")
    alt = f"seed {seed}"
    shown = f'<img alt="{alt}" src="data:image/jpeg;base64,{data}">'
    return f"<figure>{shown}<figcaption>{alt}<br>{escape(said)}</figcaption></figure>"


def _style() -> str:
    return files("service").joinpath("ab", "report.css").read_text("utf-8")
