"""The routes that list what there is, in A1111's shapes."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from prompts.vocabulary import LATENT_UPSCALERS, PIXEL_UPSCALERS, SAMPLERS, SCHEDULE_TYPES
from service.api.deps import ServicesDep
from service.compat.a1111.errors import A1111Route
from service.compat.a1111.scripts import LISTED
from service.compat.a1111.styles import stored_styles
from service.compat.door_route import Refused
from service.product import PRODUCT, product_version

router = APIRouter(prefix="/sdapi/v1", tags=["A1111: what there is"], route_class=A1111Route)
RHO = {"Karras": 7.0, "Polyexponential": 1.0}  # A1111's default_rho; -1 for the others
NEEDS_MODEL = ("Uniform", "SGM Uniform", "Simple", "Normal", "DDIM", "Beta", "Turbo")
Row = dict[str, Any]


@router.get("/samplers")
async def samplers() -> list[Row]:
    """Samplers with their aliases; `options` names the schedule type that Automatic stands for."""
    return [_sampler(s.name, s.aliases, s.automatic, s.calls_per_step) for s in SAMPLERS]


@router.get("/schedulers")
async def schedule_types() -> list[Row]:
    """Schedule types."""
    return [
        {
            "name": aliases[0],
            "label": label,
            "aliases": list(aliases[1:]) or None,
            "default_rho": RHO.get(label, -1.0),
            "need_inner_model": label in NEEDS_MODEL,
        }
        for label, aliases in SCHEDULE_TYPES
    ]


@router.get("/upscalers")
async def upscalers(services: ServicesDep) -> list[Row]:
    """Upscalers that work on pixels."""
    none = {"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 4.0}
    networks = [info.name for info in await services.catalogue.upscalers() if info.is_usable]
    return [none, *(none | {"name": name} for name in (*PIXEL_UPSCALERS, *networks))]


@router.get("/latent-upscale-modes")
async def latent_upscale_modes() -> list[Row]:
    """Upscalers that work on latents."""
    return [{"name": name} for name in LATENT_UPSCALERS]


@router.get("/sd-models")
async def sd_models(services: ServicesDep) -> list[Row]:
    """Checkpoints that can be drawn with; `filename` is the bare name, without the server's path."""
    return [
        {
            "title": info.title,
            "model_name": info.name,
            "hash": info.sha256[:10] or None,
            "sha256": info.sha256 or None,
            "filename": info.file or info.name,
            "config": None,
        }
        for info in await services.catalogue.checkpoints()
        if info.is_usable
    ]


@router.get("/loras")
async def loras(services: ServicesDep) -> list[Row]:
    """LoRAs that can be used."""
    return [
        {"name": info.name, "alias": info.alias or info.name, "path": info.file or info.name, "metadata": {}}
        for info in await services.catalogue.loras()
        if info.is_usable
    ]


@router.get("/prompt-styles")
async def prompt_styles(services: ServicesDep) -> list[Row]:
    """The saved styles of `styles.csv` in the data folder."""
    found = await asyncio.to_thread(stored_styles, services.settings.data_dir)
    return [{"name": s.name, "prompt": s.prompt, "negative_prompt": s.negative_prompt} for s in found]


@router.get("/embeddings")
async def embeddings(services: ServicesDep) -> dict[str, Row]:
    """Textual inversions; those that cannot be used are `skipped`."""
    unsaid = {"step": None, "sd_checkpoint": None, "sd_checkpoint_name": None, "shape": 768, "vectors": 1}
    found = await services.catalogue.embeddings()
    return {
        "loaded": {info.name: unsaid for info in found if info.is_usable},
        "skipped": {info.name: unsaid for info in found if not info.is_usable},
    }


@router.get("/sd-vae")
async def sd_vae(services: ServicesDep) -> list[Row]:
    """VAEs that can be used."""
    found = [info for info in await services.catalogue.vaes() if info.is_usable]
    return [{"model_name": info.file, "filename": info.file} for info in found]


@router.get("/scripts")
async def scripts() -> dict[str, list[str]]:
    """Scripts that do what they are asked for."""
    names = [title.casefold() for title in LISTED]
    return {"txt2img": names, "img2img": names}


@router.get("/script-info")
async def script_info() -> list[Row]:
    """The arguments of those scripts."""
    return [{"name": name, "is_alwayson": True, "is_img2img": side, "args": []} for name in LISTED for side in (0, 1)]


@router.get("/extensions")
async def extensions() -> list[Row]:
    """One entry: this program."""
    version = product_version()
    hashes = {"branch": "", "commit_hash": "", "commit_date": "", "remote": ""}
    return [{"name": PRODUCT.casefold(), "version": version, "enabled": True, **hashes}]


@router.get("/sd-modules", name="sd-modules")
@router.get("/hypernetworks", name="hypernetworks")
@router.get("/face-restorers", name="face-restorers")
@router.get("/realesrgan-models", name="realesrgan-models")
@router.get("/artists", name="artists")
@router.get("/artist-categories", name="artist-categories")
async def nothing_of_that_kind() -> list[Row]:
    """There are none of these here; clients ask all the same."""
    return []


@router.post("/refresh-checkpoints", name="refresh-checkpoints")
@router.post("/refresh-loras", name="refresh-loras")
@router.post("/refresh-vae", name="refresh-vae")
@router.post("/refresh-embeddings", name="refresh-embeddings")
async def refresh(services: ServicesDep) -> None:
    """Look at the model folders again."""
    await services.catalogue.checkpoints()


@router.post("/unload-checkpoint", name="unload-checkpoint")
@router.post("/reload-checkpoint", name="reload-checkpoint")
async def load_or_unload() -> dict[str, Any]:
    """The engine decides itself which model stays in memory; nothing to do."""
    return {}


@router.post("/create/embedding", name="create-embedding")
@router.post("/create/hypernetwork", name="create-hypernetwork")
@router.post("/train/embedding", name="train-embedding")
@router.post("/train/hypernetwork", name="train-hypernetwork")
async def train() -> None:
    """Training is not offered: 501."""
    raise Refused(501, "This server does not train models.")


def _sampler(name: str, aliases: tuple[str, ...], automatic: str, calls: int) -> Row:
    options = {} if automatic == "Uniform" else {"scheduler": automatic.casefold()}
    options |= {"second_order": "True"} if calls > 1 else {}
    return {"name": name, "aliases": list(aliases), "options": options}
