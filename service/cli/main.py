"""The root of the command line: options that hold for every command, and the rim where errors end."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as package_version
from typing import Annotated

import typer

from prompts.errors import SpellwrightError
from service.cli import (
    ab,
    accept,
    audit,
    compare,
    draw,
    enlarge,
    hands,
    history,
    keys,
    language,
    look,
    make,
    models,
    photos,
    redraw,
    serve,
)
from service.cli.rim import EXIT_INTERRUPTED, from_os_error, report


def build() -> typer.Typer:
    """The command tree; built on demand so that importing this module does nothing."""
    app = typer.Typer(
        name="spellwright",
        help="Photos and ideas become spells; spells become pictures.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback(invoke_without_command=True)(_root)
    for register in (
        serve.register,
        keys.register,
        audit.register,
        photos.register,
        make.register,
        accept.register,
        history.register,
        draw.register,
        ab.register,
        redraw.register,
        enlarge.register,
        compare.register,
        look.register,
        language.register,
        models.register,
        hands.register,
    ):
        register(app)
    return app


def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(package_version("spellwright"))
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 findings, 2 bad input (one line on stderr), 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # Read when torch is loaded: spinning worker threads slow small models down many times over on shared cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    as_json = "--json" in arguments
    try:
        build()(arguments)
    except SpellwrightError as error:
        sys.exit(report(error, as_json=as_json))
    except OSError as error:
        sys.exit(report(from_os_error(error), as_json=as_json))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
