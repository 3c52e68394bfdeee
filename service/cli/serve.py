"""`serve`: the HTTP service; `demo`: the whole job once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command("serve")(serve)
    app.command("demo")(demo)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; default 7860, 0 takes a free one.")] = None,
) -> None:
    """Run the service and its page until Ctrl+C."""
    from service.app import run
    from service.settings import load_settings

    run(load_settings(host=host, port=port))


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("out"),
    seed: Annotated[int, typer.Option(help="Seed of the picture.")] = 7,
) -> None:
    """Do the whole job once, offline: photo and ideas to spells, a chat turn, the hand plan, a picture."""
    from service.demo import run_demo

    run_demo(out, seed)
