"""`audit`: what was done to keys, models and safety on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.show import print_json

EXIT_FINDINGS = 1
COMMON = ("at", "actor", "tenant", "action", "outcome", "object", "request", "previous")
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Limit = Annotated[int, typer.Option(min=1, help="The newest so many lines.")]


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command("audit")(audit)


def audit(limit: Limit = 50, as_json: Json = False) -> None:
    """Show the audit log, oldest first; exit with 1 when a line was changed or taken out."""
    from service.audit import AuditLog
    from service.settings import load_settings

    entries = list(AuditLog(load_settings().audit_path).entries())
    broken = [number for number, entry in enumerate(entries, 1) if not entry.is_chained]
    shown = [entry.values for entry in entries[-limit:]]
    if as_json:
        print_json({"entries": shown, "broken_lines": broken})
    else:
        for values in shown:
            who = f"{values.get('actor', '?')} ({values.get('tenant', '?')})"
            what = f"{values.get('action', '?'):<15} {values.get('outcome', '?'):<8}"
            facts = " ".join(f"{key}={value}" for key, value in values.items() if key not in COMMON)
            typer.echo(f"{values.get('at', '?')}  {what} {who:<34} {values.get('object', '')}  {facts}".rstrip())
        if not entries:
            typer.echo("Nothing was recorded yet.")
        for number in broken:
            typer.echo(f"Line {number} does not follow the line before it: something was changed there.", err=True)
    if broken:
        raise typer.Exit(EXIT_FINDINGS)
