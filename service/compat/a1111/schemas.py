"""The request bodies of `/sdapi/v1`, field for field with A1111's names; unknown fields are ignored, as there."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

SEED_DOC = "-1 draws one."


class _Lenient(BaseModel):
    """A `null` means "not sent": clients send it for every field they leave open."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: object) -> object:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class DrawIn(_Lenient):
    """What txt2img and img2img share. What is not sent is A1111's default, with the demo model its own."""

    prompt: str = Field(default="", examples=["a red heart on a white background <lora:demo-style:0.7>"])
    negative_prompt: str = ""
    styles: list[str] = []
    seed: int = Field(default=-1, description=SEED_DOC)
    subseed: int = Field(default=-1, description=SEED_DOC)
    subseed_strength: float = Field(default=0.0, allow_inf_nan=False)
    seed_resize_from_h: int = -1
    seed_resize_from_w: int = -1
    sampler_name: str = ""
    scheduler: str = Field(default="", description="The schedule type; `automatic` is the sampler's own.")
    sampler_index: str = Field(default="Euler", description="Used when sampler_name is not sent.")
    steps: int = 50
    cfg_scale: float = Field(default=7.0, allow_inf_nan=False)
    eta: float | None = Field(default=None, allow_inf_nan=False)
    s_min_uncond: float = 0.0
    s_churn: float = 0.0
    s_tmax: float = 0.0
    s_tmin: float = 0.0
    s_noise: float = 1.0
    width: int = 512
    height: int = 512
    batch_size: int = Field(default=1, ge=1)
    n_iter: int = Field(default=1, ge=1)
    tiling: bool = False
    restore_faces: bool = False
    refiner_checkpoint: str = ""
    refiner_switch_at: float = 0.0
    override_settings: dict[str, Any] = {}
    override_settings_restore_afterwards: bool = True
    disable_extra_networks: bool = False
    script_name: str = ""
    script_args: list[Any] = []
    alwayson_scripts: dict[str, Any] = {}
    send_images: bool = True
    save_images: bool = Field(default=False, description="Every picture is stored anyway.")
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False
    force_task_id: str = Field(
        default="",
        max_length=200,
        description="Names the call: `/internal/progress` tells about it, it goes on when the connection is cut, "
        "and the same call with the same id fetches its pictures.",
    )
    infotext: str = Field(default="", description="Fields that are not sent are taken from it.")
    denoising_strength: float | None = Field(default=None, allow_inf_nan=False)


class Txt2ImgIn(DrawIn):
    """The body of txt2img."""

    enable_hr: bool = False
    hr_scale: float = Field(default=2.0, allow_inf_nan=False)
    hr_upscaler: str = ""
    hr_second_pass_steps: int = 0
    hr_resize_x: int = 0
    hr_resize_y: int = 0
    hr_checkpoint_name: str = ""
    hr_sampler_name: str = ""
    hr_scheduler: str = ""
    hr_prompt: str = ""
    hr_negative_prompt: str = ""
    firstphase_width: int = 0
    firstphase_height: int = 0


class Img2ImgIn(DrawIn):
    """The body of img2img."""

    init_images: list[str] = Field(default=[], description="Base64, with or without `data:`; the first is used.")
    denoising_strength: float = Field(default=0.75, allow_inf_nan=False)
    resize_mode: int = Field(default=0, ge=0, le=3)
    image_cfg_scale: float = 1.5
    mask: str = Field(default="", description="White is drawn anew.")
    mask_blur: int | None = None
    mask_blur_x: int = 4
    mask_blur_y: int = 4
    mask_round: bool = True
    inpainting_fill: int = Field(default=0, ge=0, le=3)
    inpaint_full_res: bool = True
    inpaint_full_res_padding: int = 0
    inpainting_mask_invert: int = 0
    initial_noise_multiplier: float = 1.0
    latent_mask: str = ""
    include_init_images: bool = False


class PictureIn(_Lenient):
    """A picture as base64, with or without `data:`."""

    image: str = ""


class InterrogateIn(PictureIn):
    """A picture and how to read it."""

    model: str = Field(default="clip", description="clip, deepdanbooru, or one of this server's modes.")


class ExtrasIn(_Lenient):
    """What the routes of the Extras tab share."""

    resize_mode: int = Field(default=0, ge=0, le=1)
    show_extras_results: bool = True
    gfpgan_visibility: float = 0.0
    codeformer_visibility: float = 0.0
    codeformer_weight: float = 0.0
    upscaling_resize: float = Field(default=2.0, gt=0, allow_inf_nan=False)
    upscaling_resize_w: int = Field(default=512, ge=1)
    upscaling_resize_h: int = Field(default=512, ge=1)
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: float = 0.0
    upscale_first: bool = False


class ExtraSingleIn(ExtrasIn):
    """One picture to enlarge."""

    image: str = ""


class NamedPicture(BaseModel):
    """A picture of a batch."""

    data: str
    name: str = ""


class ExtraBatchIn(ExtrasIn):
    """Several pictures to enlarge."""

    imageList: list[NamedPicture] = Field(default=[], max_length=64)


class ProgressIn(_Lenient):
    """Which call somebody wants to know about."""

    id_task: str = ""
    id_live_preview: int = -1
    live_preview: bool = True
