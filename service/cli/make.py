"""Commands that make spells: expand, refine."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from prompts.metadata import format_infotext
from service.chat import TurnOptions, TurnResult
from service.cli.hand_notes import HANDS_HELP, hand_notes
from service.cli.run import run
from service.cli.show import lines, print_json, spell_lines
from service.cli.spell_io import load_spell
from service.hand_choice import choice_from_text
from service.services import Services
from service.spell_json import spell_to_json
from service.spells import Author, SpellVersion

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Offline = Annotated[bool, typer.Option("--offline", help="Do without the language model although one is configured.")]
Hands = Annotated[str | None, typer.Option(help=HANDS_HELP)]
_SIZE = re.compile(r"(\d{1,5})[xX×](\d{1,5})")


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command("expand")(expand_idea)
    app.command("refine")(refine_spell)


def expand_idea(
    idea: Annotated[str, typer.Argument(help="A sentence in any language.")],
    checkpoint: Annotated[str | None, typer.Option(help="Whose family the prompt is written for.")] = None,
    seed: Annotated[int, typer.Option(help="Varies the offline expander's choices.")] = 0,
    offline: Offline = False,
    hands: Hands = None,
    as_json: Json = False,
) -> None:
    """Turn an idea in any language into a spell."""
    choice = None if hands is None else choice_from_text(hands)

    async def work(services: Services) -> SpellVersion:
        return await services.expansion.create(idea, checkpoint=checkpoint, seed=seed, offline=offline, hands=choice)

    version = run(work)
    if as_json:
        print_json(version_json(version))
    else:
        lines(f"spell {version.spell_id}  ({version.note})", spell_lines(version.spell))
        lines("notes", [*version.details.get("notes", ()), *hand_notes(version)])


def refine_spell(
    spell: Annotated[str, typer.Argument(help="A spell's id, JSON, infotext or picture, or - for standard input.")],
    message: Annotated[str, typer.Argument(help="What should change, in any language.")],
    base: Annotated[int | None, typer.Option("--from", help="Start from this version instead of the newest.")] = None,
    propose: Annotated[bool, typer.Option(help="Store nothing; show what would be done.")] = False,
    offline: Offline = False,
    hands: Hands = None,
    as_json: Json = False,
) -> None:
    """Change a spell by saying what should change; shows the difference."""
    choice = None if hands is None else choice_from_text(hands)
    options = TurnOptions(base=base, hands=choice, is_proposal=propose)

    async def work(services: Services) -> TurnResult:
        stored = await _stored(services, spell)
        return await services.chat.turn(stored.spell_id, message, offline=offline, options=options)

    report_turn(run(work), as_json=as_json)


def report_turn(turn: TurnResult, *, as_json: bool) -> None:
    """Say what a turn led to, for people or for programs."""
    version = turn.version
    if not as_json:
        lines(f"{turn.turn.by}: {turn.turn.reply}".removesuffix(": "), turn.diff.lines() or ["nothing changed"])
        state = " (not stored)" if turn.is_proposal else ""
        lines(f"spell {version.spell_id}, version {version.number}{state}", spell_lines(version.spell))
        return
    print_json(
        {
            **version_json(version),
            "note": version.note,
            "reply": turn.turn.reply,
            "by": turn.turn.by,
            "understood": turn.understood,
            "diff": turn.diff.to_json(),
            "edits": turn.edits,
            "is_proposal": turn.is_proposal,
        }
    )


async def _stored(services: Services, source: str) -> SpellVersion:
    if is_id(source):
        return await services.library.get(source)
    return await services.library.create(load_spell(source), Author.EDIT, note="Given on the command line.")


def is_id(text: str) -> bool:
    """Whether `text` has the form of a stored spell's id."""
    return re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", text) is not None


def version_json(version: SpellVersion) -> dict[str, object]:
    """A stored version for programs."""
    return {
        "spell_id": version.spell_id,
        "version": version.number,
        "parent": version.parent,
        "author": str(version.author),
        "idea": version.idea,
        "details": version.details,
        "spell": spell_to_json(version.spell),
        "infotext": format_infotext(version.spell),
    }
