"""From a request to a sample: everything that can be refused is refused here, before the first UNet call."""

from __future__ import annotations

from dataclasses import replace

from generator.batch_key import LoraSet
from generator.errors import UnsupportedSpell
from generator.hires import cover_and_crop, schedule_length, start_second_pass
from generator.img2img import Start, start_from
from generator.models.catalogue import check_lora_fits
from generator.models.lora import LoraFile, lora_set, lora_uses
from generator.models.resident import Resident
from generator.request import GenerationRequest
from generator.sample import HiresPlan, Sample
from generator.sampling.conditioning import PassConditioning, PassPrompts
from generator.sampling.extra_settings import emphasis_of, ignored_notes
from generator.sampling.noise import SampleNoise
from generator.sampling.noise_settings import NoiseSettings, read_noise_settings
from generator.sampling.samplers import (
    SamplerPlan,
    count_pass_calls,
    plan_sampler,
    trajectory_from_latents,
    trajectory_from_noise,
)
from generator.sampling.trajectory import Trajectory
from generator.tiling import is_tiling
from generator.upscalers import check_upscaler
from prompts.img2img import step_counts
from prompts.spell import HiresFix, Params, Spell
from prompts.vocabulary import LATENT_UPSCALERS, sampler_named


def check_request(request: GenerationRequest) -> None:
    """Refuse what this engine cannot do, without any model.

    Raises:
        UnsupportedSpell: Sampler, schedule type, upscaler or hires option that this engine lacks.
    """
    params = request.spell.params
    _base_plan(request)
    if params.hires is not None and request.source is not None:
        raise UnsupportedSpell(
            "Hires fix belongs to txt2img; draw over the picture at a larger size instead.", field="hires"
        )
    if params.hires is not None:
        _hires_sampler(params, params.hires)


def admit(request: GenerationRequest, resident: Resident, order: int, tick: int, noise_source: str) -> Sample:
    """Encode the prompts, draw the first noise and plan both passes.

    Args:
        request: A resolved spell.
        resident: The opened checkpoint of the request.
        order: Rises with arrival.
        tick: The planner's tick of now.
        noise_source: For spells whose infotext names none.

    Returns:
        The sample before its first UNet call. The text encoder is left with the spell's LoRAs; the UNet is
        not touched.

    Raises:
        UnsupportedSpell, LoraNotFound, LoraIncompatible, ModelRefused: The networks' base weights are unchanged.
    """
    check_request(request)
    spell, params = request.spell, request.spell.params
    checkpoint = resident.with_vae(params.vae)
    files = [resident.lora(lora.name) for lora in spell.loras]
    text_key = _put_on_text(spell, files, resident)
    plan = _base_plan(request)
    conditioning = _base_conditioning(spell, plan, resident, text_key)
    noise_settings = read_noise_settings(spell.extra, noise_source)
    trajectory, start = _first_pass(request, plan, resident, noise_settings)
    hires = None if params.hires is None else _plan_hires(spell, params.hires, resident, text_key)
    return Sample(
        request=request,
        order=order,
        checkpoint=resident.name,
        unet_loras=lora_uses(zip(files, (lora.unet for lora in spell.loras), strict=True)),
        cfg_scale=params.cfg_scale if params.cfg_scale is not None else 1.0,
        conditioning=conditioning,
        trajectory=trajectory,
        hires=hires,
        noise_settings=noise_settings,
        total=trajectory.total + _second_calls(hires, resident),
        last_tick=tick,
        notes=[
            *plan.notes(),
            *_notes(files, hires, checkpoint.latent_cell),
            *_spell_notes(spell, noise_settings, resident),
            *(start.notes if start is not None else ()),
        ],
        pixels=checkpoint,
        overlay=None if start is None else start.overlay,
        is_tiling=is_tiling(spell.extra),
    )


def _put_on_text(spell: Spell, files: list[LoraFile], resident: Resident) -> LoraSet:
    """Leave the text encoders with the spell's LoRAs; what tells their encodings from others."""
    uses = lora_uses(zip(files, (lora.weight for lora in spell.loras), strict=True))
    resident.set_text_loras(uses)
    return lora_set(uses)


def _base_conditioning(spell: Spell, plan: SamplerPlan, resident: Resident, text_key: LoraSet) -> PassConditioning:
    params = spell.params
    calls, size = _schedule_calls(plan.sampler, params.steps or 1), (params.width or 0, params.height or 0)
    prompts = PassPrompts(spell.prompt, spell.negative_prompt, calls, None, size, emphasis_of(spell.extra))
    return resident.conditioner.encode_pass(prompts, params.clip_skip or 1, text_key)


def _first_pass(
    request: GenerationRequest, plan: SamplerPlan, resident: Resident, noise_settings: NoiseSettings
) -> tuple[Trajectory, Start | None]:
    """The way from noise, or from the source's latents where there is one."""
    params = request.spell.params
    checkpoint, seed, size = resident.with_vae(params.vae), params.seed or 0, (params.width or 0, params.height or 0)
    cell = checkpoint.latent_cell
    shape = (checkpoint.latent_channels, size[1] // cell, size[0] // cell)
    noise = SampleNoise(seed, shape, noise_settings, checkpoint.compute.device)
    if request.source is None:
        return trajectory_from_noise(plan, checkpoint.levels, noise), None
    start = start_from(request.source, size, resident.sources_with(checkpoint), seed, noise_settings, cell)
    walked = step_counts(request.source.settings, params.steps or 1)[1]
    return trajectory_from_latents(plan, checkpoint.levels, noise, start.latents, walked, start.keep), start


def _base_plan(request: GenerationRequest) -> SamplerPlan:
    """The first (or only) pass with its whole schedule; img2img walks the end of it."""
    params, source = request.spell.params, request.source
    steps = params.steps or 1
    if source is not None:
        steps = step_counts(source.settings, steps)[0]
    return plan_sampler(params.sampler or "", params.schedule_type or "Automatic", steps)


def _hires_sampler(params: Params, hires: HiresFix) -> SamplerPlan:
    """The second pass's sampler with its whole schedule."""
    steps = hires.steps or params.steps or 1
    length = schedule_length(steps, hires.denoising_strength)
    sampler = hires.sampler or params.sampler or ""
    if hires.sampler is None:
        schedule_type = hires.schedule_type or params.schedule_type or "Automatic"
    else:
        schedule_type = hires.schedule_type or "Automatic"
    return plan_sampler(sampler, schedule_type, max(length, 1))


def _plan_hires(spell: Spell, hires: HiresFix, resident: Resident, text_key: LoraSet) -> HiresPlan:
    params = spell.params
    plan = _hires_sampler(params, hires)
    steps = (hires.steps or params.steps or 1) if hires.denoising_strength > 0 else 0
    size, crop = cover_and_crop(hires, params.width or 0, params.height or 0)
    prompts = PassPrompts(
        hires.prompt or spell.prompt,
        hires.negative_prompt or spell.negative_prompt,
        _schedule_calls(params.sampler or "", params.steps or 1),
        _schedule_calls(plan.sampler, max(steps, 1)),
        size,
        emphasis_of(spell.extra),
    )
    conditioning = resident.conditioner.encode_pass(prompts, params.clip_skip or 1, text_key)
    network = check_upscaler(hires.upscaler, resident.upscalers)
    other = _second_checkpoint(spell, hires, resident)
    return HiresPlan(replace(plan), steps, hires.upscaler, size, crop, conditioning, network, other)


def _second_checkpoint(spell: Spell, hires: HiresFix, resident: Resident) -> str:
    """The name of the checkpoint that draws the second pass; empty where it is the first one's.

    Raises:
        CheckpointNotFound: With near names.
        UnsupportedSpell: It reads other latents, and the upscaler works on latents.
        LoraIncompatible: A LoRA of the spell is for the first pass's family alone.
    """
    other = resident.other_checkpoint(hires.checkpoint)
    if other is None:
        return ""
    if other.family != resident.checkpoint.entry.family and hires.upscaler in LATENT_UPSCALERS:
        raise UnsupportedSpell(
            f"The second pass's checkpoint {other.name!r} reads other latents than the first one's; take an upscaler "
            "on pixels, such as Lanczos.",
            field="hires.upscaler",
            got=hires.upscaler,
        )
    for lora in spell.loras:
        check_lora_fits(resident.lora_entry(lora.name), other)
    return other.name


def readmit(sample: Sample, resident: Resident) -> None:
    """Start the second pass of a picture with the checkpoint it changed to, now opened.

    Raises:
        LoraIncompatible, UnsupportedSpell, ModelRefused: The networks' base weights are unchanged.
    """
    spell, params = sample.request.spell, sample.request.spell.params
    if params.hires is None:
        return
    files = [resident.lora(lora.name) for lora in spell.loras]
    plan = _plan_hires(spell, params.hires, resident, _put_on_text(spell, files, resident))
    sample.checkpoint, sample.pixels, sample.hires = resident.name, resident.with_vae(params.vae), plan
    sample.unet_loras = lora_uses(zip(files, (lora.unet for lora in spell.loras), strict=True))
    start_second_pass(sample, plan, sample.pixels)


def _schedule_calls(sampler: str, steps: int) -> int:
    """The unit in which prompt editing counts: the web UI doubles the steps of second-order samplers."""
    return steps * sampler_named(sampler).calls_per_step


def _second_calls(hires: HiresPlan | None, resident: Resident) -> int:
    if hires is None or hires.steps == 0:
        return 0
    return count_pass_calls(hires.sampler, resident.checkpoint.levels, hires.steps)


def _spell_notes(spell: Spell, settings: NoiseSettings, resident: Resident) -> list[str]:
    return [
        *(f"{pair!r} was not understood and left out." for pair in settings.not_understood),
        *ignored_notes(spell.extra),
        *resident.inversions.notes(f"{spell.prompt} {spell.negative_prompt}"),
    ]


def _notes(files: list[LoraFile], hires: HiresPlan | None, cell: int) -> list[str]:
    """What of the spell was not followed to the letter."""
    notes = []
    for file in files:
        if file.unmatched:
            first = ", ".join(file.unmatched[:3])
            notes.append(
                f"{len(file.unmatched)} keys of the LoRA {file.name!r} belong to nothing in this checkpoint "
                f"and were left out: {first}."
            )
    if hires is not None and any(side % cell for side in hires.crop):
        kept = [side // cell * cell for side in hires.crop]
        notes.append(f"The hires size was cut to whole latent cells: {kept[0]}x{kept[1]}.")
    return notes
