"""A spell as ComfyUI's API graph: what its `Load` button, its queue and its picture metadata take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from prompts.language.dialects import convert
from prompts.language.pieces import Loss
from prompts.spell import HiresFix, Params, Spell

SAMPLERS = {
    "Euler": "euler",
    "Euler a": "euler_ancestral",
    "Heun": "heun",
    "LMS": "lms",
    "DPM2": "dpm_2",
    "DPM2 a": "dpm_2_ancestral",
    "DPM fast": "dpm_fast",
    "DPM adaptive": "dpm_adaptive",
    "DPM++ 2S a": "dpmpp_2s_ancestral",
    "DPM++ SDE": "dpmpp_sde",
    "DPM++ 2M": "dpmpp_2m",
    "DPM++ 2M SDE": "dpmpp_2m_sde",
    "DPM++ 2M SDE Heun": "dpmpp_2m_sde_heun",
    "DPM++ 3M SDE": "dpmpp_3m_sde",
    "DDIM": "ddim",
    "UniPC": "uni_pc",
    "LCM": "lcm",
}
SCHEDULES = {
    "Karras": "karras",
    "Exponential": "exponential",
    "SGM Uniform": "sgm_uniform",
    "Simple": "simple",
    "Normal": "normal",
    "DDIM": "ddim_uniform",
    "Beta": "beta",
    "KL Optimal": "kl_optimal",
}
UPSCALERS = {
    "Latent": "bilinear",
    "Latent (antialiased)": "bilinear",
    "Latent (bicubic)": "bicubic",
    "Latent (bicubic antialiased)": "bicubic",
    "Latent (nearest)": "nearest-exact",
    "Latent (nearest-exact)": "nearest-exact",
}
Link = list[Any]
"""`[node id, number of its output]`."""


@dataclass(slots=True)
class _Sheet:
    """The graph while it is written."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)

    def add(self, kind: str, **inputs: Any) -> str:
        node_id = str(len(self.nodes) + 1)
        self.nodes[node_id] = {"class_type": kind, "inputs": inputs}
        return node_id

    def name(self, table: dict[str, str], wanted: str | None, instead: str) -> str:
        """ComfyUI's word for ours, or `instead` with a note."""
        if wanted is None or wanted == "Automatic":
            return instead
        if wanted not in table:
            self.losses.append(Loss("comfyui_name", wanted, f"ComfyUI has no {wanted}; {instead} stands in its place."))
        return table.get(wanted, instead)

    def text(self, prompt: str, clip: Link) -> str:
        """The node of one prompt, in ComfyUI's dialect."""
        told = convert(prompt, "a1111", "comfyui")
        self.losses += told.losses
        return self.add("CLIPTextEncode", text=told.text, clip=clip)


def write_comfyui(spell: Spell) -> tuple[dict[str, dict[str, Any]], tuple[Loss, ...]]:
    """Give the graph by node id, and what it could not say.

    Args:
        spell: A resolved one (`prompts.resolve.resolve`): a graph has no open values.
    """
    params = spell.params
    sheet = _Sheet()
    name = spell.params.checkpoint or "model"
    loader = sheet.add("CheckpointLoaderSimple", ckpt_name=f"{name}.safetensors")
    model, clip = [loader, 0], [loader, 1]
    for lora in spell.loras:
        file = f"{lora.name}.safetensors"
        at = sheet.add(
            "LoraLoader", lora_name=file, strength_model=lora.unet, strength_clip=lora.weight, model=model, clip=clip
        )
        model, clip = [at, 0], [at, 1]
    if params.clip_skip and params.clip_skip > 1:
        clip = [sheet.add("CLIPSetLastLayer", stop_at_clip_layer=-params.clip_skip, clip=clip), 0]
    texts = [[sheet.text(text, clip), 0] for text in (spell.prompt, spell.negative_prompt)]
    latent = sheet.add("EmptyLatentImage", width=params.width, height=params.height, batch_size=1)
    drawn = _sampler(sheet, params, model, texts, latent)
    if params.hires is not None:
        drawn = _second_pass(sheet, params, params.hires, drawn, clip)
    picture = sheet.add("VAEDecode", samples=[drawn, 0], vae=[loader, 2])
    sheet.add("SaveImage", filename_prefix="spellwright", images=[picture, 0])
    return sheet.nodes, tuple(sheet.losses)


def _sampler(sheet: _Sheet, params: Params, model: Link, texts: list[Link], latent: str) -> str:
    return sheet.add(
        "KSampler",
        seed=params.seed,
        steps=params.steps,
        cfg=params.cfg_scale,
        sampler_name=sheet.name(SAMPLERS, params.sampler, "euler"),
        scheduler=sheet.name(SCHEDULES, params.schedule_type, "normal"),
        denoise=1.0,
        model=model,
        positive=texts[0],
        negative=texts[1],
        latent_image=[latent, 0],
    )


def _second_pass(sheet: _Sheet, params: Params, hires: HiresFix, first: str, clip: Link) -> str:
    """Upscale the latent, then a second sampler; the wiring is the first one's."""
    if hires.upscaler not in UPSCALERS:
        message = f"{hires.upscaler} works on pixels; the latent is enlarged bicubically in its place."
        sheet.losses.append(Loss("comfyui_upscaler", hires.upscaler, message))
    width, height = hires.target_size(params.width or 512, params.height or 512)
    method = UPSCALERS.get(hires.upscaler, "bicubic")
    large = sheet.add(
        "LatentUpscale", upscale_method=method, width=width, height=height, crop="disabled", samples=[first, 0]
    )
    inputs = dict(sheet.nodes[first]["inputs"])
    sampler, schedule = hires.sampler or params.sampler, hires.schedule_type or params.schedule_type
    inputs |= {
        "steps": hires.steps or params.steps,
        "denoise": hires.denoising_strength,
        "sampler_name": sheet.name(SAMPLERS, sampler, "euler"),
        "scheduler": sheet.name(SCHEDULES, schedule, "normal"),
        "latent_image": [large, 0],
    }
    for key, text in (("positive", hires.prompt), ("negative", hires.negative_prompt)):
        if text:
            inputs[key] = [sheet.text(text, clip), 0]
    return sheet.add("KSampler", **inputs)
