"""The syntax tree as JSON-able values, for pages and other programs."""

from __future__ import annotations

import math
from typing import Any

from prompts.language.syntax import Alternating, And, Break, Comment, Network, Node, Prompt, Scheduled, Weighted, Words

Json = dict[str, Any]


def tree_json(prompt: Prompt) -> list[Json]:
    """The nodes of `prompt`: each an object with `kind`, `start`, `end` and what the node holds.

    A factor that is no finite number (hundreds of digits) is `None`: JSON has no word for it.
    """
    return [_node(child) for child in prompt.children]


def _node(node: Node) -> Json:
    """Recursive, but never deeper than `prompts.language.parsing.DEPTH`."""
    place: Json = {"kind": type(node).__name__.lower(), "start": node.start, "end": node.end}
    match node:
        case Words(text=text) | Comment(text=text):
            return place | {"text": text}
        case Weighted(children=children):
            factor = node.factor if math.isfinite(node.factor) else None
            return place | {"factor": factor, "children": _nodes(children)}
        case Scheduled(before=before, after=after, when=when):
            first = None if before is None else _nodes(before)
            return place | {"before": first, "after": _nodes(after), "when": when.strip()}
        case Alternating(options=options):
            return place | {"options": [_nodes(option) for option in options]}
        case Network(kind=kind, arguments=arguments):
            return place | {"network": kind, "arguments": list(arguments)}
        case Break() | And():
            return place


def _nodes(nodes: tuple[Node, ...]) -> list[Json]:
    return [_node(node) for node in nodes]
