"""Routes that tell what can be asked for and what is missing on this machine."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from prompts import limits
from prompts.interrogation import MODES
from prompts.vocabulary import SAMPLERS, SCHEDULE_TYPES, UPSCALERS
from service.api.catalogue_views import CatalogueView, CheckpointView, LoraView, PartView
from service.api.deps import ServicesDep

router = APIRouter(prefix="/api", tags=["catalogue"])


@router.get("/catalogue")
async def read_catalogue(services: ServicesDep) -> CatalogueView:
    """Checkpoints, LoRAs, samplers, schedule types, upscalers and limits."""
    checkpoints = await services.catalogue.checkpoints()
    settings = services.settings
    return CatalogueView(
        checkpoints=[CheckpointView.of(info, is_default=at == 0) for at, info in enumerate(checkpoints)],
        loras=[LoraView.of(info) for info in await services.catalogue.loras()],
        embeddings=[PartView.of(info) for info in await services.catalogue.embeddings()],
        vaes=[PartView.of(info) for info in await services.catalogue.vaes()],
        samplers=[sampler.name for sampler in SAMPLERS],
        schedule_types=[label for label, _ in SCHEDULE_TYPES],
        upscalers=[*UPSCALERS, *(x.name for x in await services.catalogue.upscalers() if x.is_usable)],
        interrogation_modes=list(MODES),
        limits={
            "prompt_characters": limits.PROMPT_CHARACTERS,
            "idea_characters": limits.IDEA_CHARACTERS,
            "loras": limits.LORAS,
            "lora_weight": limits.LORA_WEIGHT,
            "steps": limits.STEPS,
            "cfg_scale": limits.CFG_SCALE,
            "side": limits.SIDE,
            "hires_side": limits.HIRES_SIDE,
            "clip_skip": limits.CLIP_SKIP,
            "upload_bytes": settings.max_upload_bytes,
            "images_per_job": settings.max_images_per_job,
        },
        llm=settings.llm_model if settings.has_llm else None,
    )


@router.get("/doctor")
async def read_doctor(services: ServicesDep) -> list[dict[str, Any]]:
    """What is there, what is missing and how to get it. Takes seconds the first time."""
    from service.doctor import examine  # noqa: PLC0415 (looks at torch; wanted only when somebody asks)

    checks = await services.engine.run_on_device(lambda: examine(services.settings))
    return [check.to_json() for check in checks]
