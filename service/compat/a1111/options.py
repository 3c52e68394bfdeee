"""A1111's options: the few that mean something here can be set; a change of the others is told, not made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from service.compat.door_route import Refused

PATH_WORDS = ("outdir", "_dir", "dir_", "directories", "_path", "filename_pattern")
NO_VAE = ("", "automatic", "none")
PICTURE_FORMATS = MappingProxyType({"png": "png", "jpg": "jpg", "jpeg": "jpg", "webp": "webp"})
SHOWN: Mapping[str, Any] = MappingProxyType(
    {
        "samples_save": True,
        "grid_save": False,
        "return_grid": False,
        "do_not_show_images": False,
        "send_seed": True,
        "send_size": True,
        "outdir_samples": "",
        "outdir_txt2img_samples": "",
        "outdir_img2img_samples": "",
        "outdir_extras_samples": "",
        "outdir_grids": "",
        "outdir_txt2img_grids": "",
        "outdir_img2img_grids": "",
        "outdir_save": "",
        "save_to_dirs": False,
        "enable_pnginfo": True,
        "jpeg_quality": 90,
        "enable_emphasis": True,
        "emphasis": "Original",
        "comma_padding_backtrack": 20,
        "live_previews_enable": True,
        "show_progress_every_n_steps": 4,
        "show_progress_type": "Approx cheap",
        "live_previews_image_format": "png",
        "upscaler_for_img2img": None,
        "face_restoration_model": None,
        "sd_hypernetwork": "None",
        "sd_lora": "None",
        "sd_unet": "Automatic",
        "tiling": False,
        "api_enable_requests": False,
        "api_forbid_local_requests": True,
        "api_useragent": "",
    }
)
"""What `GET /options` shows beside the settable ones; none of it can be changed."""


@dataclass(frozen=True, slots=True)
class Options:
    """The settable options of one caller."""

    sd_model_checkpoint: str | None = None
    """Name, file name, title or hash; `None` is the server's default checkpoint."""
    sd_vae: str = "Automatic"
    clip_skip: int = 1
    """A1111's `CLIP_stop_at_last_layers`."""
    ensd: int = 0
    """A1111's `eta_noise_seed_delta`."""
    noise_source: str = ""
    """A1111's `randn_source`: `GPU`, `CPU` or `NV`; empty is the engine's own."""
    exact_steps: bool = False
    """A1111's `img2img_fix_steps`: img2img walks as many steps as were asked for."""
    picture_format: str = "png"
    """A1111's `samples_format`: of the pictures in the answer; stored ones are PNG."""

    def extra(self) -> list[tuple[str, str]]:
        """The infotext pairs that stand for the options which are no parameters."""
        pairs = [("RNG", self.noise_source)] if self.noise_source else []
        return pairs + ([("ENSD", str(self.ensd))] if self.ensd else [])


def changed(options: Options, given: Mapping[str, Any]) -> tuple[Options, tuple[str, ...]]:
    """`options` with what `given` sets, and sentences about what was not done.

    Raises:
        Refused: An output folder or path (403), or a value that cannot be used (422).
    """
    notes: list[str] = []
    for key, value in given.items():
        set_it = _SETTERS.get(key)
        if set_it is not None:
            options = set_it(options, value)
        elif key in SHOWN or key in _READ_ONLY:
            if key in SHOWN and value != SHOWN[key]:
                _refuse_path(key)
                notes.append(f"The option {key} cannot be changed here; it was left as it is.")
        else:
            _refuse_path(key)
            notes.append(f"The option {key[:60]} is not known here; it was ignored.")
    return options, tuple(notes)


def shown(options: Options, title: str, sha256: str) -> dict[str, Any]:
    """Every option, as `GET /options` gives it.

    Args:
        options: The caller's.
        title: Of the checkpoint in force.
        sha256: Of its file; empty when it was not computed yet.
    """
    return {
        **SHOWN,
        "samples_format": options.picture_format,
        "sd_model_checkpoint": title,
        "sd_checkpoint_hash": sha256,
        "sd_vae": options.sd_vae,
        "CLIP_stop_at_last_layers": options.clip_skip,
        "eta_noise_seed_delta": options.ensd,
        "randn_source": options.noise_source or "GPU",
        "img2img_fix_steps": options.exact_steps,
    }


def _refuse_path(key: str) -> None:
    if any(word in key.casefold() for word in PATH_WORDS):
        raise Refused(403, f"The option {key[:60]} names a place on the server; it cannot be set through the API.")


def _checkpoint(options: Options, value: object) -> Options:
    return replace(options, sd_model_checkpoint=_text("sd_model_checkpoint", value) or None)


def _vae(options: Options, value: object) -> Options:
    return replace(options, sd_vae=_text("sd_vae", value) or "Automatic")


def _clip_skip(options: Options, value: object) -> Options:
    return replace(options, clip_skip=max(1, _whole("CLIP_stop_at_last_layers", value)))


def _ensd(options: Options, value: object) -> Options:
    return replace(options, ensd=_whole("eta_noise_seed_delta", value))


def _noise_source(options: Options, value: object) -> Options:
    text = _text("randn_source", value).upper()
    if text not in ("", "GPU", "CPU", "NV"):
        raise Refused(422, f"The option randn_source is {text[:20]!r}; it must be GPU, CPU or NV.")
    return replace(options, noise_source="" if text == "GPU" else text)


def _picture_format(options: Options, value: object) -> Options:
    text = _text("samples_format", value).casefold()
    if text not in PICTURE_FORMATS:
        raise Refused(422, f"The option samples_format is {text[:20]!r}; it must be png, jpg or webp.")
    return replace(options, picture_format=PICTURE_FORMATS[text])


def _exact_steps(options: Options, value: object) -> Options:
    if not isinstance(value, bool):
        raise Refused(422, "The option img2img_fix_steps must be true or false.")
    return replace(options, exact_steps=value)


def _text(key: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 256:
        raise Refused(422, f"The option {key} must be text of at most 256 characters.")
    return value.strip()


def _whole(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or abs(value) >= 2**32:
        raise Refused(422, f"The option {key} must be a whole number.")
    return int(value)


_SETTERS = MappingProxyType(
    {
        "sd_model_checkpoint": _checkpoint,
        "sd_vae": _vae,
        "CLIP_stop_at_last_layers": _clip_skip,
        "eta_noise_seed_delta": _ensd,
        "randn_source": _noise_source,
        "samples_format": _picture_format,
        "img2img_fix_steps": _exact_steps,
    }
)
_READ_ONLY = frozenset({"sd_checkpoint_hash"})
