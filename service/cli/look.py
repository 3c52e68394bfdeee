"""Commands that look and change nothing: inspect, lint, doctor."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from prompts.language import lint
from prompts.metadata import Verdict, examine, format_infotext, read, read_infotext
from service.cli.local_shelf import known_loras, local_shelf
from service.cli.show import lines, print_json, spell_lines
from service.cli.spell_io import LARGEST_FILE_BYTES, load_spell
from service.machine import machine_for
from service.pictures_in import examine as check_upload
from service.spell_json import spell_to_json

FINDINGS = 1  # exit code when something was found, as linters do


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command("inspect")(inspect_picture)
    app.command("lint")(lint_prompt)
    app.command("doctor")(doctor)


def inspect_picture(
    picture: Annotated[Path, typer.Argument(help="A PNG, JPEG or WebP file.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Read the spell that a picture carries, and tell whether it can be drawn again here; nothing is guessed."""
    data = picture.read_bytes()
    spell = check_upload(data, LARGEST_FILE_BYTES)
    reading = None if spell is None else read(data)
    verdicts = () if reading is None else examine(reading, machine_for(reading.spell, local_shelf()))
    if as_json:
        print_json(
            {
                "found": spell is not None,
                "tool": reading and reading.tool,
                "spell": spell and spell_to_json(spell),
                "infotext": read_infotext(data),
                "verdicts": [_verdict_json(verdict) for verdict in verdicts],
            }
        )
        return
    if spell is None:
        typer.echo(
            f"{picture.name} carries no spell. `spellwright interrogate {picture.name}` reads the picture itself."
        )
        return
    lines(picture.name, spell_lines(spell))
    lines("infotext", format_infotext(spell).splitlines())
    lines("can it be drawn again here", (row for verdict in verdicts for row in _verdict_lines(verdict)))


def _verdict_json(verdict: Verdict) -> dict[str, str]:
    told = asdict(verdict)
    return {"field": told.pop("field"), "state": told.pop("status"), **told}


def _verdict_lines(verdict: Verdict) -> list[str]:
    asked = f"{verdict.asked}: " if verdict.asked else ""
    rows = [f"{verdict.status:13} {verdict.field:16} {asked}{verdict.message}"]
    return [*rows, f"{'':30} -> {verdict.remedy}"] if verdict.remedy else rows


def lint_prompt(
    text: Annotated[
        str, typer.Argument(help="A prompt, an infotext, a spell's JSON or picture, or - for standard input.")
    ],
    negative: Annotated[str, typer.Option(help="The negative prompt that goes with it.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Find what would go wrong in a prompt; ends with 1 when there are findings."""
    spell = load_spell(text)
    if negative:
        spell = spell.evolve(negative_prompt=negative)
    findings = lint(spell, known_loras())
    if as_json:
        print_json([asdict(finding) for finding in findings])
    elif not findings:
        typer.echo("Nothing found.")
    for finding in [] if as_json else findings:
        typer.echo(f"{finding.field}:{finding.start}-{finding.end}  {finding.code}  {finding.message}")
        if finding.fix is not None:
            typer.echo(f"    fix: {finding.fix}")
    if findings:
        raise typer.Exit(FINDINGS)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Tell what is there, what is missing and how to get it; ends with 1 when something is broken."""
    from service.doctor import as_json as checks_json
    from service.doctor import examine as examine_machine
    from service.doctor import is_healthy
    from service.settings import load_settings

    checks = examine_machine(load_settings())
    if as_json:
        print_json(checks_json(checks))
    else:
        for check in checks:
            typer.echo(f"{check.state:8} {check.name:15} {check.detail}")
            if check.remedy:
                typer.echo(f"{'':24} -> {check.remedy}")
    if not is_healthy(checks):
        raise typer.Exit(FINDINGS)
