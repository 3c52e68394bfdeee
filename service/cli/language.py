"""Commands of the prompt language: explain and convert."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from prompts.language import convert, normalise
from service.cli.show import lines, print_json
from service.cli.spell_io import load_spell
from service.prompt_study import explained

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
SOURCE_HELP = "A prompt, an infotext, a spell's JSON or picture, or - for standard input."


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command("explain")(explain_prompt)
    app.command("convert")(convert_prompt)


def explain_prompt(
    text: Annotated[str, typer.Argument(help=SOURCE_HELP)],
    steps: Annotated[int | None, typer.Option(help="Steps of the picture; otherwise the spell's, or 20.")] = None,
    as_json: Json = False,
) -> None:
    """Tell step by step which prompt is in force, with its weights and the words in each chunk of CLIP's tokens."""
    from generator.models.clip_words import clip_words

    spell = load_spell(text)
    if steps is not None:
        spell = spell.evolve(steps=steps)
    try:
        tokenize = clip_words()
    except FileNotFoundError:  # open_clip, which carries the table, is not installed
        tokenize = None
    told = explained(spell, tokenize)
    if as_json:
        print_json(told)
        return
    for one in told["passes"]:
        lines(_heading(one), _pass_lines(one, told["texts"]))
    for number, row in enumerate(told["texts"]):
        if row["text"].strip():
            lines(f"text {number}: {row['text'].strip()}", _text_lines(row))
    lines("LoRAs", (f"{lora['name']} at {lora['weight']:g}" for lora in told["loras"]))
    if told["note"]:
        typer.echo(told["note"])


def convert_prompt(
    text: Annotated[str, typer.Argument(help="A prompt, or - for standard input.")],
    source: Annotated[str, typer.Option("--from", help="a1111, comfyui, compel (InvokeAI) or novelai.")] = "a1111",
    target: Annotated[str, typer.Option("--to", help="a1111, comfyui or compel (InvokeAI).")] = "comfyui",
    plain_signs: Annotated[
        bool, typer.Option(help="First put plain signs for full-width brackets and commas.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say a prompt in another program's dialect; what that cannot say is told on standard error."""
    from prompts.limits import check_spell
    from prompts.spell import Spell

    prompt = typer.get_text_stream("stdin").read() if text == "-" else text
    check_spell(Spell(prompt))
    done = convert(normalise(prompt) if plain_signs else prompt, source, target)
    if as_json:
        print_json({"text": done.text, "losses": [asdict(loss) for loss in done.losses]})
        return
    typer.echo(done.text)
    for loss in done.losses:
        typer.echo(f"{loss.code}: {loss.text + ' - ' if loss.text else ''}{loss.message}", err=True)


def _heading(one: dict[str, Any]) -> str:
    size = f", {one['width']}x{one['height']}" if one["width"] and one["height"] else ""
    return f"{one['name']} pass, {one['steps']} steps{size}"


def _pass_lines(one: dict[str, Any], texts: list[dict[str, Any]]) -> list[str]:
    rows: list[str] = []
    for number, part in enumerate(one["prompt"]):
        if len(one["prompt"]) > 1:
            rows.append(f"AND part {number + 1} at {part['weight']}")
        rows += [_stretch_line(stretch) for stretch in part["stretches"]]
    negative = [_stretch_line(s) for s in one["negative_prompt"] if texts[s["text"]]["text"].strip()]
    return [*rows, *(["negative prompt", *negative] if negative else [])]


def _stretch_line(stretch: dict[str, Any]) -> str:
    first, last = stretch["first_step"], stretch["last_step"]
    steps = f"step {first}" if first == last else f"steps {first}-{last}"
    return f"{steps:14} text {stretch['text']}"


def _text_lines(row: dict[str, Any]) -> list[str]:
    if row["chunks"] is None:
        return [f"{weight['weight']}  {weight['text'].strip()}" for weight in row["weights"] if weight["text"].strip()]
    rows: list[str] = []
    for number, chunk in enumerate(row["chunks"]):
        rows.append(f"chunk {number + 1}: {chunk['tokens']} tokens, room for {chunk['room']}")
        rows.append("  " + " ".join(_word(word) for word in chunk["words"]))
    return rows


def _word(word: dict[str, Any]) -> str:
    weight = word["weight"]
    shown = "" if weight == 1 else ":inf" if weight is None else f":{weight:.4g}"
    return f"{word['text']}{shown}"
