"""A1111's names for samplers, schedule types and upscalers, with the aliases people paste."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prompts.errors import UnknownName, near_hint, near_names


@dataclass(frozen=True, slots=True)
class SamplerName:
    """One sampler as the A1111 web UI lists it."""

    name: str
    aliases: tuple[str, ...] = ()
    automatic: str = "Uniform"
    """The schedule type that `Automatic` stands for."""
    calls_per_step: int = 1
    """UNet calls per step (2 for second-order samplers)."""


SAMPLERS: tuple[SamplerName, ...] = (
    SamplerName("DPM++ 2M", ("k_dpmpp_2m",), "Karras"),
    SamplerName("DPM++ SDE", ("k_dpmpp_sde",), "Karras", 2),
    SamplerName("DPM++ 2M SDE", ("k_dpmpp_2m_sde",), "Exponential"),
    SamplerName("DPM++ 2M SDE Heun", ("k_dpmpp_2m_sde_heun",), "Exponential"),
    SamplerName("DPM++ 2S a", ("k_dpmpp_2s_a",), "Karras", 2),
    SamplerName("DPM++ 3M SDE", ("k_dpmpp_3m_sde",), "Exponential"),
    SamplerName("Euler a", ("k_euler_a", "k_euler_ancestral")),
    SamplerName("Euler", ("k_euler",)),
    SamplerName("LMS", ("k_lms",)),
    SamplerName("Heun", ("k_heun",), calls_per_step=2),
    SamplerName("DPM2", ("k_dpm_2",), "Karras", 2),
    SamplerName("DPM2 a", ("k_dpm_2_a", "k_dpm_2_ancestral"), "Karras", 2),
    SamplerName("DPM fast", ("k_dpm_fast",)),
    SamplerName("DPM adaptive", ("k_dpm_ad", "k_dpm_adaptive")),
    SamplerName("Restart", ("restart",), "Karras", 2),
    SamplerName("DDIM", ("ddim",)),
    SamplerName("DDIM CFG++", ("ddim_cfgpp",)),
    SamplerName("PLMS", ("plms",)),
    SamplerName("UniPC", ("unipc",)),
    SamplerName("LCM", ("lcm",)),
)

SCHEDULE_TYPES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Automatic", ("automatic",)),
    ("Uniform", ("uniform",)),
    ("Karras", ("karras",)),
    ("Exponential", ("exponential",)),
    ("Polyexponential", ("polyexponential",)),
    ("SGM Uniform", ("sgm_uniform", "SGMUniform")),
    ("KL Optimal", ("kl_optimal",)),
    ("Align Your Steps", ("align_your_steps",)),
    ("Simple", ("simple",)),
    ("Normal", ("normal",)),
    ("DDIM", ("ddim", "ddim_uniform")),
    ("Beta", ("beta",)),
    ("Turbo", ("turbo",)),
)

LATENT_UPSCALERS: tuple[str, ...] = (
    "Latent",
    "Latent (antialiased)",
    "Latent (bicubic)",
    "Latent (bicubic antialiased)",
    "Latent (nearest)",
    "Latent (nearest-exact)",
)
PIXEL_UPSCALERS: tuple[str, ...] = ("Lanczos", "Nearest")
UPSCALERS: tuple[str, ...] = LATENT_UPSCALERS + PIXEL_UPSCALERS


def sampler_named(text: str) -> SamplerName:
    """The sampler called `text` (name or alias, any case).

    Raises:
        UnknownName: code `sampler_not_found`, with near names.
    """
    wanted = text.strip().casefold()
    for sampler in SAMPLERS:
        if wanted in (sampler.name.casefold(), *(a.casefold() for a in sampler.aliases)):
            return sampler
    raise _unknown("sampler", text, [s.name for s in SAMPLERS])


def schedule_type_named(text: str) -> str:
    """The canonical label of a schedule type.

    Raises:
        UnknownName: code `schedule_type_not_found`, with near names.
    """
    wanted = text.strip().casefold()
    for label, aliases in SCHEDULE_TYPES:
        if wanted in (label.casefold(), *(a.casefold() for a in aliases)):
            return label
    raise _unknown("schedule_type", text, [label for label, _ in SCHEDULE_TYPES])


def upscaler_named(text: str, installed: Iterable[str] = ()) -> str:
    """The canonical name of an upscaler; `installed` adds upscaler models found on this machine.

    Raises:
        UnknownName: code `upscaler_not_found`, with near names.
    """
    known = [*UPSCALERS, *installed]
    for name in known:
        if name.casefold() == text.strip().casefold():
            return name
    raise _unknown("upscaler", text, known)


def split_sampler(text: str) -> tuple[str, str | None]:
    """`DPM++ SDE Karras` -> (`DPM++ SDE`, `Karras`); `None` when no schedule type is written.

    Before 1.9 the web UI wrote both as one name, and people still paste it so.

    Raises:
        UnknownName: The sampler part is unknown.
    """
    try:
        return sampler_named(text).name, None
    except UnknownName as unknown:
        written = text.strip()
        suffixes = ((suffix, label) for label, aliases in SCHEDULE_TYPES for suffix in (label, *aliases))
        for suffix, label in sorted(suffixes, key=lambda entry: -len(entry[0])):  # "SGM Uniform" before "Uniform"
            if written.casefold().endswith(" " + suffix.casefold()):
                return sampler_named(written[: -len(suffix)]).name, label
        raise unknown from None


def _unknown(kind: str, text: str, known: list[str]) -> UnknownName:
    near = near_names(text, known)
    spoken = kind.replace("_", " ")
    error = UnknownName(
        f"There is no {spoken} called {text!r}.{near_hint(near)}", field=kind, got=text, near=list(near)
    )
    error.with_code(f"{kind}_not_found")
    return error
