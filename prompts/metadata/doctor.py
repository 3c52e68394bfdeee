"""The reproduction doctor: can this picture be drawn again here, field by field, and what to do about the rest?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from prompts import limits
from prompts.errors import UnknownName, near_hint, near_names
from prompts.metadata.civitai import Resource, resources
from prompts.metadata.reading import Reading
from prompts.metadata.verdicts import APPROXIMATED, EXACT, MISSING, Machine, ModelFile, Verdict, by_hash, by_name
from prompts.spell import HiresFix, Params, Spell
from prompts.vocabulary import sampler_named, schedule_type_named, split_sampler, upscaler_named

_VERSION = re.compile(r"(?:f\d[\w.]*?)?v?(\d+)\.(\d+)\.(\d+)(?:-\w+?-(\d+)|-(\d+))?")
_RANGES: tuple[tuple[str, str, tuple[float, float]], ...] = (
    ("steps", "Steps", limits.STEPS),
    ("cfg_scale", "CFG scale", limits.CFG_SCALE),
    ("seed", "Seed", limits.SEED),
    ("width", "width", limits.SIDE),
    ("height", "height", limits.SIDE),
    ("clip_skip", "Clip skip", limits.CLIP_SKIP),
)
_NEEDED = ("steps", "cfg_scale", "seed", "width", "height")
_UNSUPPORTED: tuple[tuple[str, str, str], ...] = (
    ("Denoising strength", MISSING, "The picture was drawn over another picture (img2img), which is not in it."),
    ("Init image hash", MISSING, "The picture it was drawn over is not in it."),
    ("Mask", MISSING, "It was inpainted; mask and original are not in it."),
    ("Refiner", MISSING, "A second checkpoint took over at some step; only the first one is drawn here."),
    ("ControlNet", MISSING, "ControlNet steered it; neither its model nor its picture is in the file."),
    ("ADetailer", APPROXIMATED, "Faces or hands were repainted afterwards by ADetailer; that is left out."),
    ("Face restoration", APPROXIMATED, "Faces were restored afterwards; that is left out."),
    ("Tiling", EXACT, "It is drawn as a seamless tile."),
    ("Hypernet", MISSING, "Hypernetworks are not used here."),
    ("AddNet", MISSING, "LoRAs of the Additional Networks extension are not loaded: add <lora:name:weight> tags."),
    ("Token merging", APPROXIMATED, "Tokens were merged for speed; here none are."),
    ("FP8 weight", APPROXIMATED, "The weights were stored in 8 bits; here they are not."),
    ("NGMS", APPROXIMATED, "The negative prompt was skipped at low noise; here it never is."),
    ("Skip Early CFG", APPROXIMATED, "Guidance was skipped in early steps; here it never is."),
    ("Hypertile", APPROXIMATED, "Attention was tiled for speed; here it is not."),
    ("Pad conds", APPROXIMATED, "Prompts of different length were padded in another way."),
    ("Script", APPROXIMATED, "A script changed values while it drew; only the values written here are used."),
    ("Template", EXACT, "The template is kept; the prompt is what it became."),
)
"""Key prefix, status and what follows, for what the engine does not do."""


def examine(what: Spell | Reading, machine: Machine | None = None) -> tuple[Verdict, ...]:
    """One verdict per field of the recipe, worst news not first but in the recipe's order.

    Args:
        what: The spell that a picture or an infotext gave.
        machine: What this machine has; `None` knows of no files at all.
    """
    spell = what.spell if isinstance(what, Reading) else what
    here = machine or Machine()
    found = list(_prompt(what))
    found += _sampling(spell, here)
    found += _numbers(spell.params)
    found += _noise(spell, here)
    found += _files(spell, here)
    if spell.params.hires is not None:
        found += _hires(spell.params.hires, here)
    found += _extras(spell, here)
    found += _history(spell)
    return tuple(found)


def _prompt(what: Spell | Reading) -> Iterator[Verdict]:
    if not isinstance(what, Reading):
        return
    for loss in what.losses:
        yield Verdict("prompt", APPROXIMATED, loss.text, loss.message)
    for note in what.approximations:
        yield Verdict(what.tool, APPROXIMATED, "", note)


def _sampling(spell: Spell, here: Machine) -> Iterator[Verdict]:
    params = spell.params
    if params.sampler is None:
        yield Verdict("sampler", APPROXIMATED, "", "It does not say its sampler; the default is used.", "Try a few.")
        return
    try:
        name, suffix = split_sampler(params.sampler)
    except UnknownName as unknown:
        yield Verdict("sampler", MISSING, params.sampler, unknown.detail, "Choose a near one and expect a difference.")
        return
    if name in here.refused_samplers:
        yield Verdict("sampler", MISSING, params.sampler, f"The engine has no {name}.", "Choose a near one.")
    elif name in here.near_samplers:
        yield Verdict("sampler", APPROXIMATED, params.sampler, f"{name} is drawn by another implementation.")
    else:
        yield Verdict("sampler", EXACT, params.sampler, f"{name} is drawn.")
    yield _schedule(params.schedule_type or suffix, name, _version(spell))


def _schedule(asked: str | None, sampler: str, version: tuple[int, ...] | None) -> Verdict:
    automatic = sampler_named(sampler).automatic
    if asked is None:
        if automatic != "Uniform" and (version is None or version < (1, 9)):
            message = f"Before version 1.9 {sampler} without a suffix used Uniform; Automatic now means {automatic}."
            return Verdict("schedule type", APPROXIMATED, "", message, "Set the schedule type to Uniform.")
        return Verdict("schedule type", EXACT, "", f"Automatic: {automatic}.")
    try:
        return Verdict("schedule type", EXACT, asked, f"{schedule_type_named(asked)} is drawn.")
    except UnknownName as unknown:
        return Verdict("schedule type", MISSING, asked, unknown.detail, "Choose a near one.")


def _numbers(params: Params) -> Iterator[Verdict]:
    for field, label, (low, high) in _RANGES:
        value = getattr(params, field)
        if value is None or value == -1:
            if field in _NEEDED:
                remedy = "Nobody can know the seed; another picture comes out." if field == "seed" else ""
                yield Verdict(label, MISSING if field == "seed" else APPROXIMATED, "", "It does not say.", remedy)
        elif low <= value <= high:
            yield Verdict(label, EXACT, f"{value:g}" if isinstance(value, float) else str(value), "As it was.")
        else:
            message = f"{value} is outside of {low:g} to {high:g}."
            yield Verdict(label, MISSING, str(value), message, "Choose a value inside.")


def _noise(spell: Spell, here: Machine) -> Iterator[Verdict]:
    extra = dict(spell.extra)
    if "RNG" not in extra:
        version = _version(spell)
        if version is not None or not extra:
            yield Verdict("RNG", EXACT, "", "Noise of a CUDA card, A1111's default, is computed on any device.")
        else:
            message = "It does not say where its noise came from; a CUDA card's is drawn."
            yield Verdict("RNG", APPROXIMATED, "", message, "If the picture differs, set RNG: CPU.")
    for key in ("RNG", "ENSD", "Eta", "Variation seed", "Variation seed strength", "Seed resize from"):
        if key in extra:
            is_honoured = key in here.honours
            message = "It is honoured." if is_honoured else "The engine here does not read it."
            yield Verdict(key, EXACT if is_honoured else MISSING, extra[key], message)


def _files(spell: Spell, here: Machine) -> Iterator[Verdict]:
    named = resources(spell)
    params = spell.params
    checkpoint_hash = params.checkpoint_hash or _hash_of(named, "checkpoint", None)
    if params.checkpoint or checkpoint_hash:
        yield _file("checkpoint", params.checkpoint, checkpoint_hash, here.checkpoints)
    else:
        yield Verdict("checkpoint", MISSING, "", "It does not say its checkpoint.", "Guess by the look, or ask.")
    vae_hash = _hash_of(named, "vae", params.vae)
    if params.vae and params.vae not in ("None", "Automatic"):
        yield _file("VAE", params.vae, vae_hash, here.vaes)
    for lora in spell.loras:
        yield _file(f"LoRA {lora.name}", lora.name, _hash_of(named, "lora", lora.name), here.loras)
    for resource in named:
        if resource.kind == "embedding":
            yield _file(f"embedding {resource.name}", resource.name, resource.hash, here.embeddings)


def _hash_of(named: tuple[Resource, ...], kind: str, name: str | None) -> str | None:
    same = (r for r in named if r.kind == kind and r.hash and (name is None or r.name in (None, name)))
    return next((resource.hash for resource in same), None)


def _file(field: str, name: str | None, wanted: str | None, files: tuple[ModelFile, ...]) -> Verdict:
    asked = " ".join(filter(None, (name, f"[{wanted}]" if wanted else "")))
    found = by_hash(files, wanted)
    if found is not None and wanted and len(wanted) > 8:
        return Verdict(field, EXACT, asked, f"{found.name} has the same hash.")
    if found is not None:
        message = f"{found.name} has the same short hash; that of old versions can be shared by different files."
        return Verdict(field, APPROXIMATED, asked, message, "Compare the pictures.")
    same_name = by_name(files, name)
    if same_name is None:
        near = near_names(name or "", [file.name for file in files])
        remedy = f"Look for the hash {wanted} on a model site." if wanted else "Look for the name on a model site."
        return Verdict(field, MISSING, asked, f"It is not on this machine.{near_hint(near)}", remedy)
    if wanted and same_name.hashes:
        message = f"{same_name.name} has the same name but another hash: another version, or another file."
        return Verdict(field, APPROXIMATED, asked, message, f"Look for the hash {wanted} on a model site.")
    message = f"{same_name.name} has the same name; there is no hash to be sure by."
    return Verdict(field, APPROXIMATED if not wanted else EXACT, asked, message)


def _hires(hires: HiresFix, here: Machine) -> Iterator[Verdict]:
    try:
        name = upscaler_named(hires.upscaler, here.upscalers)
        yield Verdict("hires upscaler", EXACT, hires.upscaler, f"{name} is used.")
    except UnknownName as unknown:
        remedy = "Add the upscaler's file, or take Latent (bicubic antialiased) and expect a difference."
        yield Verdict("hires upscaler", MISSING, hires.upscaler, unknown.detail, remedy)
    if hires.checkpoint:
        message = "The second pass used another checkpoint; here both use the first one."
        yield Verdict("hires checkpoint", MISSING, hires.checkpoint, message)
    if hires.sampler:
        try:
            yield Verdict("hires sampler", EXACT, hires.sampler, f"{split_sampler(hires.sampler)[0]} is drawn.")
        except UnknownName as unknown:
            yield Verdict("hires sampler", MISSING, hires.sampler, unknown.detail)
    size = f"x{hires.upscale_by:g}" if hires.resize_to is None else f"{hires.resize_to[0]}x{hires.resize_to[1]}"
    yield Verdict("hires fix", EXACT, f"{size}, denoise {hires.denoising_strength:g}", "As it was.")


def _extras(spell: Spell, here: Machine) -> Iterator[Verdict]:
    told: set[str] = set()
    for key, value in spell.extra:
        for prefix, status, message in _UNSUPPORTED:
            if key.startswith(prefix) and key not in here.honours and prefix not in told:
                told.add(prefix)
                yield Verdict(key, status, value, message)
    extra = dict(spell.extra)
    if extra.get("Emphasis", "Original") != "Original":
        yield Verdict("Emphasis", APPROXIMATED, extra["Emphasis"], "Weights were applied in another way than Original.")
    if extra.get("Batch size", "1") not in ("", "1") and "SDE" in (spell.params.sampler or ""):
        message = "SDE samplers draw each picture of a batch differently from one drawn alone."
        yield Verdict("Batch size", APPROXIMATED, extra["Batch size"], message)


def _history(spell: Spell) -> Iterator[Verdict]:
    """What older versions of the web UI did differently."""
    version = _version(spell)
    if version is None:
        return
    text = dict(spell.extra)["Version"]
    if version < (1, 6, 0) and spell.params.hires is not None and "[" in spell.prompt:
        message = "Before 1.6 prompt editing counted the hires pass like the first one."
        yield Verdict("Version", APPROXIMATED, text, message, "Give the hires pass a prompt of its own.")
    if version < (1, 7, 0, 225):
        message = "Before 1.7.0-225 noise levels were rounded to 16 bits: differences hardly anybody sees."
        yield Verdict("Version", APPROXIMATED, text, message)


def is_before(spell: Spell, version: tuple[int, ...]) -> bool:
    """Whether an A1111 older than `version` wrote the infotext; `False` when it does not say."""
    found = _version(spell)
    return found is not None and found < version


def _version(spell: Spell) -> tuple[int, ...] | None:
    """A1111's version as numbers; `None` when the infotext does not say or another program wrote it."""
    match = _VERSION.match(dict(spell.extra).get("Version", ""))
    return None if match is None else tuple(int(part) for part in match.groups() if part is not None)
