"""The route that completes a half-written phrase."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from service.api.deps import ServicesDep

router = APIRouter(prefix="/api/prompts", tags=["prompt language"])
KINDS = "tag, word, lora, embedding, wildcard"


class CompletionView(BaseModel):
    """One phrase that can be put in."""

    kind: str = Field(description=f"One of {KINDS}.")
    text: str = Field(description="What goes into the prompt; of a LoRA its name.")
    note: str = Field(description="Where it comes from.")
    key: str = Field(description="What was typed to find it, where that is not the text: `猫` for `cat`.")


class CompletionsView(BaseModel):
    """What a half-written phrase may become, the likeliest first."""

    completions: list[CompletionView]


@router.get("/complete")
async def complete(
    services: ServicesDep,
    q: Annotated[str, Query(max_length=100, description="What is written so far: a phrase, not the whole prompt.")],
    kind: Annotated[list[str] | None, Query(max_length=8, description=f"Only these kinds: {KINDS}.")] = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 12,
) -> CompletionsView:
    """Tags of the term lists, words (also by their Chinese names), LoRAs and wildcards of this machine."""
    found = await services.phrases.find(q, frozenset(kind or ()), limit)
    return CompletionsView(
        completions=[CompletionView(kind=e.kind, text=e.text, note=e.note, key=e.key) for e in found]
    )
