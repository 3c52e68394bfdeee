"""Commands that look at photos: interrogate, roundtrip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from prompts.errors import PictureError, SpellwrightError
from prompts.interrogation import TARGETS, TermFilter, Wishes, target_named
from prompts.interrogation.files import pictures_in
from prompts.interrogation.interrogator import Progress as Told
from prompts.interrogation.wishes import MAX_TOKENS
from service.cli.make import version_json
from service.cli.rim import EXIT_BAD_INPUT, report
from service.cli.run import run
from service.cli.show import lines, print_json, spell_lines
from service.photo_files import PhotoFile
from service.round_trip import RoundTripOrder, RoundTripState
from service.services import Services
from service.settings import Settings, load_settings
from service.spell_json import spell_to_json
from service.spells import SpellVersion

EVIDENCE_ROWS = 12
Mode = Annotated[str, typer.Option(help="fast, classic, best, negative or tags.")]
Target = Annotated[str, typer.Option(help=f"What the prompt is written for: {', '.join(TARGETS)}.")]
Artists = Annotated[bool, typer.Option("--artists/--no-artists", help="Names of artists.")]
Brands = Annotated[bool, typer.Option("--brands/--no-brands", help="Names of sites (artstation, pixiv, ...).")]
Block = Annotated[list[str] | None, typer.Option(help="Leave out terms with this word or phrase. Can be repeated.")]
Lists = Annotated[
    list[str] | None, typer.Option("--list", help="Take terms from this list alone (flavors, ...). Can be repeated.")
]
Terms = Annotated[
    Path | None,
    typer.Option(help="Folder of your own .txt lists.", exists=True, file_okay=False),
]
Tokens = Annotated[
    int | None, typer.Option(min=MAX_TOKENS[0], max=MAX_TOKENS[1], help="Longest prompt in CLIP tokens.")
]
Captions = Annotated[str | None, typer.Option(help="Who writes captions: auto, chat or none.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command("interrogate")(interrogate)
    app.command("roundtrip")(roundtrip)


def interrogate(
    pictures: Annotated[list[Path], typer.Argument(help="PNG, JPEG or WebP files, or folders of them.")],
    mode: Mode = "fast",
    target: Target = "tags",
    artists: Artists = True,
    brands: Brands = True,
    block: Block = None,
    lists: Lists = None,
    terms: Terms = None,
    max_tokens: Tokens = None,
    captions: Captions = None,
    as_json: Json = False,
) -> None:
    """Turn pictures into spells: exactly, when a picture carries its own; by measurement and CLIP otherwise.

    Several pictures share one ranking. A file that cannot be read is reported, the rest goes on, and the command
    ends with 2.
    """
    wishes = _wishes(target, artists, brands, block, lists, max_tokens)
    files = [file for path in pictures for file in (_pictures_of(path) if path.is_dir() else [path])]

    async def work(services: Services) -> list[PhotoFile]:
        with _bar(quiet=as_json) as told:
            results = []
            async for result in services.photo_files.read(files, mode, wishes, told):
                if result.error is not None:
                    report(_named(result.file, result.error), as_json=as_json)
                results.append(result)
            return results

    done = run(work, _settings(terms, captions))
    found = [(result.file, result.version) for result in done if result.version is not None]
    if as_json:
        print_json([{"picture": file.name, **version_json(version)} for file, version in found])
    else:
        for file, version in found:
            lines(f"{file.name}  ({version.note})", [*spell_lines(version.spell), *evidence_lines(version)])
    if len(found) < len(done):
        raise typer.Exit(EXIT_BAD_INPUT)


def roundtrip(
    picture: Annotated[Path, typer.Argument(help="A PNG, JPEG or WebP file.")],
    mode: Mode = "fast",
    target: Target = "tags",
    artists: Artists = True,
    brands: Brands = True,
    block: Block = None,
    lists: Lists = None,
    terms: Terms = None,
    max_tokens: Tokens = None,
    captions: Captions = None,
    checkpoint: Annotated[str | None, typer.Option(help="What draws; unset takes the default.")] = None,
    steps: Annotated[int | None, typer.Option(help="Sampling steps.")] = None,
    seed: Annotated[int | None, typer.Option(help="Unset draws one.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the drawn picture here (PNG).")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Store the proposed spell as the next version.")] = False,
    as_json: Json = False,
) -> None:
    """Read a photo, draw its spell, compare both pictures and propose what to change in the spell."""
    wishes = _wishes(target, artists, brands, block, lists, max_tokens)
    given = {"checkpoint": checkpoint, "steps": steps, "seed": seed}
    overrides = {name: value for name, value in given.items() if value is not None}
    order = RoundTripOrder(mode, wishes, overrides, is_applied=apply)

    async def work(services: Services) -> RoundTripState:
        state = await services.round_trip.run(picture.read_bytes(), order)
        if out is not None and state.image is not None:
            out.write_bytes(await services.gallery.read(state.image))
        return state

    state = run(work, _settings(terms, captions))
    if as_json:
        print_json(_round_trip_json(state))
    else:
        _show(picture.name, state)


def evidence_lines(version: SpellVersion) -> list[str]:
    """What an interrogated spell stands on, one line for each term that may be believed."""
    found = version.details.get("interrogation") or {}
    terms = [*found.get("terms", ()), *found.get("negative_terms", ())]
    counted = [t for t in terms if t["similarity"] is not None]
    believed = [t for t in counted if t["source"] == "measured" or found.get("is_trusted", True)]
    rows = [f"caption   {found['caption']}  ({found.get('caption_by', '')})"] if found.get("caption") else []
    rows += [f"evidence  {_evidence(term)}" for term in believed[:EVIDENCE_ROWS]]
    if len(believed) < len(counted):
        rows.append(
            f"evidence  {len(counted) - len(believed)} CLIP terms are not to be believed here: left out, see --json"
        )
    if found:
        rows.append(f"model     {found['model']}, {found['seconds']:.1f} s")
    notice = version.details.get("notice")
    return [*rows, f"notice    {notice}"] if notice else rows


def _evidence(term: dict[str, Any]) -> str:
    gain = "" if term["gain"] is None else f", {term['gain']:+.3f}"
    return f"{term['text']}  ({term['category']}, {term['similarity']:.2f}{gain})"


def _wishes(
    target: str,
    artists: bool,
    brands: bool,
    block: list[str] | None,
    lists: list[str] | None,
    max_tokens: int | None,
) -> Wishes:
    rules = TermFilter(artists, brands, frozenset(block or ()), frozenset(lists or ()))
    return Wishes(target_named(target), rules, max_tokens)


def _settings(terms: Path | None, captions: str | None) -> Settings:
    return load_settings(terms_dir=terms, captions=captions)


def _named(file: Path, error: SpellwrightError) -> SpellwrightError:
    """The error with the file that it is about in front."""
    facts = {**error.facts, "file": file.name}
    return PictureError(f"{file.name}: {error.detail}", **facts).with_code(error.stable_code)


def _pictures_of(folder: Path) -> list[Path]:
    found = pictures_in(folder)
    if not found:
        raise PictureError(f"There is no PNG, JPEG or WebP file in the folder {folder.name!r}.", folder=folder.name)
    return found


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Told]:
    """A progress bar over all pictures; what is told may come from another thread."""
    columns = (
        TextColumn("reading"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}% {task.fields[stage]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True, quiet=quiet)) as bar:
        task = bar.add_task("", total=1.0, stage="")

        def told(share: float, stage: str) -> None:
            bar.update(task, completed=share, stage=stage)

        yield told
        bar.update(task, completed=1.0, stage="done")


def _round_trip_json(state: RoundTripState) -> dict[str, Any]:
    found, difference = state.found, state.difference
    return {
        "spell": None if state.version is None else version_json(state.version),
        **({} if found is None else found.to_json()),
        "proposed": None if found is None else spell_to_json(found.proposed),
        "diff": None if difference is None else difference.to_json(),
        "applied": None if state.applied is None else version_json(state.applied),
    }


def _show(name: str, state: RoundTripState) -> None:
    if state.version is None or state.found is None or state.difference is None:  # only with a patience, not here
        return
    compared = state.found.comparison
    lines(f"{name}  ({state.version.note})", spell_lines(state.version.spell))
    likeness = "no CLIP to compare with" if compared.similarity is None else f"{compared.similarity:.3f}"
    lines("compared", [f"similarity        {likeness}", f"palette distance  {compared.palette_distance:.2f}"])
    lines("only in the photo", [term.text for term in compared.missing])
    lines("only in the drawn picture", [term.text for term in compared.surplus])
    lines("proposed", state.difference.lines() or ["nothing to say differently"])
    if state.applied is not None:
        lines(f"spell {state.applied.spell_id}, version {state.applied.number}", spell_lines(state.applied.spell))
