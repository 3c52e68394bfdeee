"""`history`: the versions of a stored spell as a tree; undo, go back, compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from service.cli.run import run
from service.cli.show import lines, print_json
from service.services import Services
from service.spells import SpellVersion
from service.version_tree import SAME_AS

Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command("history")(history)


def history(
    spell: Annotated[str, typer.Argument(help="A spell's id.")],
    undo: Annotated[bool, typer.Option("--undo", help="Go back to the version before.")] = False,
    to: Annotated[int | None, typer.Option("--to", help="Go back to this version.")] = None,
    compare: Annotated[
        tuple[int, int] | None, typer.Option(help="Two versions: what changed from one to the other.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the versions of a spell and who made them; go back, or compare two. Nothing is ever lost."""

    async def work(services: Services) -> dict[str, Any]:
        if compare is not None:
            return {"diff": (await services.library.difference(spell, *compare)).to_json()}
        if undo or to is not None:
            await services.chat.go_back(spell, to)
        return {"versions": [_version(v) for v in await services.library.versions(spell)]}

    found = run(work)
    if as_json:
        print_json(found)
    elif compare is not None:
        lines(f"from version {compare[0]} to {compare[1]}", found["diff"]["lines"] or ["nothing differs"])
    else:
        lines(f"spell {spell}", _tree(found["versions"]))


def _version(version: SpellVersion) -> dict[str, Any]:
    return {
        "number": version.number,
        "parent": version.parent,
        "author": str(version.author),
        "person": version.person,
        "note": version.note,
        "same_as": version.details.get(SAME_AS),
        "prompt": version.spell.prompt,
    }


def _tree(versions: Sequence[dict[str, Any]]) -> list[str]:
    rows = []
    for version in versions:
        parent = "" if version["parent"] is None else f" from {version['parent']}"
        who = ", ".join(name for name in (version["author"], version["person"]) if name)
        mark = " (newest)" if version is versions[-1] else ""
        rows.append(f"{version['number']}{parent}{mark}  {who}: {version['note']}")
        rows.append(f"   {version['prompt'][:110]}")
    return rows
