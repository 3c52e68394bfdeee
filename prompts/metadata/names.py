"""Sampler and schedule names of other programs -> A1111's."""

from __future__ import annotations

from prompts.errors import UnknownName
from prompts.vocabulary import split_sampler

_SAMPLERS = {
    "euler": "Euler",
    "euler_a": "Euler a",
    "euler_ancestral": "Euler a",
    "heun": "Heun",
    "lms": "LMS",
    "dpm_2": "DPM2",
    "dpm_2_ancestral": "DPM2 a",
    "kdpm_2": "DPM2",
    "kdpm_2_a": "DPM2 a",
    "dpm_fast": "DPM fast",
    "dpm_adaptive": "DPM adaptive",
    "dpmpp_2s": "DPM++ 2S a",
    "dpmpp_2s_ancestral": "DPM++ 2S a",
    "dpmpp_sde": "DPM++ SDE",
    "dpmpp_sde_gpu": "DPM++ SDE",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_gpu": "DPM++ 2M SDE",
    "dpmpp_2m_sde_heun": "DPM++ 2M SDE Heun",
    "dpmpp_3m_sde": "DPM++ 3M SDE",
    "dpmpp_3m_sde_gpu": "DPM++ 3M SDE",
    "ddim": "DDIM",
    "ddim_v3": "DDIM",
    "plms": "PLMS",
    "pndm": "PLMS",
    "restart": "Restart",
    "unipc": "UniPC",
    "uni_pc": "UniPC",
    "uni_pc_bh2": "UniPC",
    "lcm": "LCM",
}
_SCHEDULES = {
    "normal": "Normal",
    "karras": "Karras",
    "exponential": "Exponential",
    "polyexponential": "Polyexponential",
    "sgm_uniform": "SGM Uniform",
    "simple": "Simple",
    "ddim_uniform": "DDIM",
    "beta": "Beta",
    "kl_optimal": "KL Optimal",
    "align_your_steps": "Align Your Steps",
    "turbo": "Turbo",
}


def sampler_of(name: object) -> tuple[str | None, str | None]:
    """A1111's sampler for another program's `name`, and the schedule type when the name carries one.

    An unknown name comes back as it is; no name gives `None`s.
    """
    if not isinstance(name, str) or not name.strip():
        return None, None
    plain = name.strip()
    key = plain.casefold().replace("-", "_").removeprefix("sample_").removeprefix("k_")
    if key in _SAMPLERS:
        return _SAMPLERS[key], None
    if key.endswith("_k") and key[:-2] in _SAMPLERS:  # InvokeAI's way to say Karras
        return _SAMPLERS[key[:-2]], "Karras"
    try:
        return split_sampler(plain)
    except UnknownName:
        return plain, None


def schedule_of(name: object) -> str | None:
    """A1111's schedule type for another program's `name`; an unknown one comes back as it is."""
    if not isinstance(name, str) or not name.strip():
        return None
    return _SCHEDULES.get(name.strip().casefold(), name.strip())
