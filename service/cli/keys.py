"""`keys`: make, list and revoke the API keys of this installation."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.show import print_json

Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    keys = typer.Typer(help="The API keys of this installation.", no_args_is_help=True, rich_markup_mode=None)
    keys.command("add")(add)
    keys.command("list")(show)
    keys.command("revoke")(revoke)
    app.add_typer(keys, name="keys")


def add(
    name: Annotated[str, typer.Argument(help="Your label for the key.")],
    tenant: Annotated[str, typer.Option(help="Whose things it sees: tenants know nothing of each other.")] = "local",
    scopes: Annotated[str, typer.Option(help="read, generate, admin; commas between.")] = "read,generate",
    as_json: Json = False,
) -> None:
    """Make a key and show it this once."""
    from service.assembly import key_cabinet
    from service.auth.keys import scopes_named
    from service.settings import load_settings

    with key_cabinet(load_settings()) as cabinet:
        key, token = cabinet.create(name, tenant, scopes_named(scopes.split(",")))
    if as_json:
        print_json({"id": key.id, "tenant": key.tenant, "scopes": sorted(key.scopes), "key": token})
        return
    typer.echo(token)
    typer.echo(
        f"Shown this once. Send it as: Authorization: Bearer {token[:8]}…  (tenant {key.tenant}, id {key.id}). "
        "From now on the server asks for a key.",
        err=True,
    )


def show(as_json: Json = False) -> None:
    """List the keys; the keys themselves are not stored and cannot be shown."""
    from service.assembly import key_cabinet
    from service.settings import load_settings

    with key_cabinet(load_settings()) as cabinet:
        found = cabinet.all()
    if as_json:
        print_json(
            [
                {"id": k.id, "name": k.name, "tenant": k.tenant, "scopes": sorted(k.scopes), "revoked": k.is_revoked}
                for k in found
            ]
        )
        return
    for key in found:
        state = "revoked" if key.is_revoked else ",".join(sorted(key.scopes))
        typer.echo(f"{key.id}  {key.tenant:<16} {state:<22} {key.name}")
    if not found:
        typer.echo("There are no keys: the server answers only to this machine.")


def revoke(key_id: Annotated[str, typer.Argument(help="Its id, from `spellwright keys list`.")]) -> None:
    """End a key: nothing opens with it any more."""
    from service.assembly import key_cabinet
    from service.settings import load_settings

    with key_cabinet(load_settings()) as cabinet:
        key = cabinet.revoke(key_id)
    typer.echo(f"{key.id} ({key.name}) opens nothing any more.")
