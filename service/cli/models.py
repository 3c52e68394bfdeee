"""`models`: what is on this machine, and how to get more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.hands import add_networks
from service.cli.show import lines, print_json

Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    """Add the command group of this file to `app`."""
    group = typer.Typer(help="List, add, fetch and convert models.", invoke_without_command=True, rich_markup_mode=None)
    group.callback()(list_models)
    group.command("show")(show)
    group.command("add")(add)
    group.command("fetch")(fetch)
    group.command("convert")(convert_pickle)
    app.add_typer(group, name="models")


def list_models(context: typer.Context, as_json: Json = False) -> None:
    """List the models on this machine, and what can be fetched."""
    if context.invoked_subcommand is not None:
        return
    from generator.models.download import KNOWN_MODELS
    from service.cli.run import run
    from service.services import Services

    async def work(services: Services) -> dict[str, list[dict[str, object]]]:
        checkpoints, loras = await services.catalogue.checkpoints(), await services.catalogue.loras()
        shelf = services.catalogue
        parts = {
            "embeddings": await shelf.embeddings(),
            "vaes": await shelf.vaes(),
            "upscalers": await shelf.upscalers(),
        }
        return {
            "checkpoints": [
                {"name": c.name, "family": c.family, "is_demo": c.is_demo, "is_usable": c.is_usable, "notice": c.notice}
                for c in checkpoints
            ],
            "loras": [
                {"name": x.name, "family": x.family, "is_usable": x.is_usable, "notice": x.notice} for x in loras
            ],
            **{
                kind: [
                    {"name": x.name, "family": x.family, "is_usable": x.is_usable, "notice": x.notice} for x in found
                ]
                for kind, found in parts.items()
            },
            "fetchable": [{"name": m.name, "what": m.what, "megabytes": m.megabytes} for m in KNOWN_MODELS],
        }

    found = run(work)
    if as_json:
        print_json(found)
        return
    lines("checkpoints", (f"{c['name']}  ({c['family']})  {c['notice']}".rstrip() for c in found["checkpoints"]))
    lines("LoRAs", (f"{x['name']}  ({x['family']})  {x['notice']}".rstrip() for x in found["loras"]))
    for kind, title in (("embeddings", "embeddings"), ("vaes", "VAEs"), ("upscalers", "upscalers")):
        if found[kind]:
            lines(title, (f"{x['name']}  {x['notice']}".rstrip() for x in found[kind]))
    lines("spellwright models fetch", (f"{m['name']:16} {m['what']}, {m['megabytes']} MB" for m in found["fetchable"]))


def add(
    source: Annotated[
        str,
        typer.Argument(
            help="A .safetensors file or diffusers folder; owner/repository or hf:owner/repository/file; a Civitai "
            "page, download link, AIR or hash; or `hands`: the hand detector's networks."
        ),
    ],
    wheel: Annotated[Path | None, typer.Option(help="For `hands`: the wheel that carries them.")] = None,
    sha256: Annotated[str | None, typer.Option(help="The hash that a file must have.")] = None,
    as_json: Json = False,
) -> None:
    """Bring a checkpoint, LoRA, embedding, VAE or upscaler to where it is found; its kind is read from its keys."""
    if source == "hands" and not Path(source).exists():
        add_networks(wheel, as_json=as_json)
        return
    from rich.progress import Progress

    from service.audit import MODEL_ADDED, AuditLog
    from service.model_sources import add_model
    from service.settings import load_settings

    settings = load_settings()
    with Progress(transient=True, disable=as_json or Path(source).exists()) as bar:
        task = bar.add_task(source[:60], total=None, visible=False)
        kind, path = add_model(
            source, settings, sha256, lambda done, total: bar.update(task, completed=done, total=total, visible=True)
        )
    AuditLog(settings.audit_path).record(MODEL_ADDED, "done", path.name, kind=kind)
    if as_json:
        print_json({"kind": kind, "path": str(path)})
    else:
        typer.echo(f"{kind} {path.stem} is at {path}")


def show(
    name: Annotated[str, typer.Argument(help="A checkpoint, LoRA, embedding, VAE or upscaler of this machine.")],
    as_json: Json = False,
) -> None:
    """Tell what is known of a model: its kind, family, hashes, trigger words, and what it draws well by."""
    from service.cli.local_shelf import local_shelf
    from service.model_card import model_card

    card = model_card(name, local_shelf())
    if as_json:
        print_json(card)
        return
    for key, value in card.items():
        if value not in (None, "", [], {}):
            shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            typer.echo(f"{key:14} {', '.join(shown) if isinstance(shown, list) else shown}")


def fetch(name: Annotated[str, typer.Argument(help="A name from `spellwright models`.")]) -> None:
    """Fetch a known model from its hub: resumable, checked, only when asked for by name."""
    from rich.progress import Progress

    from generator.models.download import fetch_model
    from service.audit import MODEL_ADDED, AuditLog
    from service.settings import load_settings

    settings = load_settings()
    with Progress() as bar:
        task = bar.add_task(name, total=None)
        paths = fetch_model(
            name, settings.data_dir / "models", lambda done, total: bar.update(task, completed=done, total=total)
        )
    AuditLog(settings.audit_path).record(MODEL_ADDED, "done", name, kind="fetched")
    lines("fetched", (str(path) for path in paths))


def convert_pickle(
    file: Annotated[Path, typer.Argument(help="A .ckpt, .pt, .pth or .bin file.")],
    out: Annotated[Path | None, typer.Option(help="Where to; default: beside it, as .safetensors.")] = None,
) -> None:
    """Make a .safetensors of a pickled checkpoint, in a process that can do no harm."""
    from generator.models.convert import convert

    typer.echo(str(convert(file, out or file.with_suffix(".safetensors"))))
