"""`accept`: store what typed edits make of a spell: a proposal that was looked at, or edits of your own."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from prompts.errors import EditError
from prompts.expansion.edit_json import edits_from_json
from prompts.expansion.edits import Edit
from service.chat import TurnOptions, TurnResult
from service.cli.hand_notes import HANDS_HELP
from service.cli.make import report_turn
from service.cli.run import run
from service.hand_choice import choice_from_text
from service.services import Services

LARGEST_BYTES = 1_000_000


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command("accept")(accept)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a file of edits holds."""

    edits: tuple[Edit, ...]
    note: str = ""
    head: int | None = None
    """The version that was the newest when it was proposed; `None`: whichever is now."""
    base: int | None = None
    """The version that the edits are for; `None`: the newest."""


def accept(
    spell: Annotated[str, typer.Argument(help="A spell's id.")],
    edits: Annotated[
        str,
        typer.Argument(help="File with the answer of `refine --propose --json`, or with edits; - for standard input."),
    ],
    base: Annotated[int | None, typer.Option("--from", help="The version the edits are for.")] = None,
    note: Annotated[str | None, typer.Option(help="For the list of versions; otherwise the message.")] = None,
    hands: Annotated[str | None, typer.Option(help=HANDS_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Store a proposal of `refine --propose` as the next version; refused when the spell has moved on since."""
    proposal = read_proposal(_content(edits))
    choice = None if hands is None else choice_from_text(hands)
    options = TurnOptions(base=proposal.base if base is None else base, hands=choice)

    async def work(services: Services) -> TurnResult:
        head = proposal.head or (await services.library.get(spell)).number
        words = proposal.note if note is None else note
        return await services.chat.accept(spell, proposal.edits, head, note=words, options=options)

    report_turn(run(work), as_json=as_json)


def read_proposal(content: bytes) -> Proposal:
    """The edits in `content`: a JSON array of them, or the whole answer to a turn.

    Raises:
        EditError: Neither, no edits at all, or one that is none.
    """
    try:
        found = json.loads(content)  # knows UTF-16 too, which PowerShell's > writes
    except ValueError as broken:
        raise EditError(f"The edits are not valid JSON: {broken}.", field="edits") from broken
    if not isinstance(found, Mapping):
        return Proposal(edits_from_json(found))
    made = edits_from_json(found.get("edits"))
    if not made:
        raise EditError("There is nothing to accept: the list of edits is empty.", field="edits")
    if found.get("is_proposal") is not True:
        return Proposal(made)
    number = _number(found, "version")
    head = None if number is None else number - 1
    return Proposal(made, str(found.get("note", "")), head, _number(found, "parent"))


def _number(found: Mapping[str, Any], name: str) -> int | None:
    value = found.get(name)
    return value if isinstance(value, int) and value > 0 else None


def _content(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(LARGEST_BYTES)
    with Path(source).open("rb") as file:
        return file.read(LARGEST_BYTES)
