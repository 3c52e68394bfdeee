"""Routes that carry spells between programs as text: read what somebody pasted, write what another program takes."""

from __future__ import annotations

import asyncio
import json
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from prompts.limits import check_spell
from prompts.metadata import INFOTEXT_CHARACTERS, examine, format_infotext, read_text
from prompts.metadata.comfyui_writer import write_comfyui
from prompts.resolve import resolve
from prompts.spell import Spell
from service.api.deps import ServicesDep
from service.api.prompt_schemas import LossView
from service.api.schemas import Body
from service.api.views import VerdictView
from service.spell_json import SpellModel

router = APIRouter(prefix="/api/prompts", tags=["prompt language"])


class ReadIn(Body):
    """A paste."""

    text: str = Field(
        max_length=INFOTEXT_CHARACTERS,
        description="Parameters as A1111, Forge, SD.Next or Civitai write them, the JSON of ComfyUI, InvokeAI, "
        "NovelAI or Fooocus, or a plain prompt.",
        examples=["a cat\nSteps: 20, Sampler: Euler a, Seed: 1"],
    )


class ReadView(BaseModel):
    """The spell in a paste."""

    tool: str
    """The program that wrote it."""
    spell: SpellModel
    is_plain: bool
    """It is a prompt and nothing else."""
    losses: list[LossView]
    notes: list[str]
    verdicts: list[VerdictView]
    """Field by field whether it can be drawn again here."""


class WriteIn(Body):
    """A spell and the program it is for."""

    spell: SpellModel
    target: Literal["a1111", "comfyui"]


class WriteView(BaseModel):
    """The text that the program takes."""

    text: str
    losses: list[LossView]


@router.post("/read")
async def read_pasted(body: ReadIn, services: ServicesDep) -> ReadView:
    """The spell in a text from anywhere, and whether it can be drawn again here; nothing is stored."""
    reading = await asyncio.to_thread(read_text, body.text)
    spell = reading.spell
    verdicts = examine(reading, await services.catalogue.machine(spell))
    bare = spell.evolve(prompt="")
    return ReadView(
        tool=reading.tool,
        spell=SpellModel.from_domain(spell),
        is_plain=bare == Spell(),
        losses=[LossView(code=loss.code, text=loss.text, message=loss.message) for loss in reading.losses],
        notes=list(reading.approximations),
        verdicts=[VerdictView.of(verdict) for verdict in verdicts],
    )


@router.post("/write")
async def write_spell(body: WriteIn, services: ServicesDep) -> WriteView:
    """A spell as the web UI's parameters (`a1111`) or as ComfyUI's API graph (`comfyui`)."""
    spell = body.spell.to_domain()
    if body.target == "a1111":
        return WriteView(text=format_infotext(spell), losses=[])
    check_spell(spell)
    family = await services.catalogue.family_of(spell.params.checkpoint)
    graph, losses = write_comfyui(resolve(spell, family.defaults, 0))
    told = [LossView(code=loss.code, text=loss.text, message=loss.message) for loss in losses]
    return WriteView(text=json.dumps(graph, ensure_ascii=False, indent=1), losses=told)
