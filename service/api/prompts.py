"""Routes of the prompt language: parse, lint, explain, convert, expand. Nothing is stored, nothing is drawn."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.responses import JSONResponse

from prompts.language import convert, lift_loras, lint, load_wildcards, mend_spell, normalise, parse, tree_json
from prompts.language.styles import Style, read_styles
from prompts.limits import check_spell
from prompts.spell import Spell
from service.api.deps import ServicesDep
from service.api.prompt_schemas import (
    ConvertIn,
    ConvertView,
    ExpandIn,
    ExpandView,
    ExplainIn,
    ExplainView,
    FindingView,
    LintIn,
    LintView,
    ParseIn,
    ParseView,
)
from service.prompt_study import Json, Supplies, expanded, explained
from service.services import Services
from service.spell_json import SpellModel, spell_to_json

STYLES_FILE, WILDCARDS_FOLDER = "styles.csv", "wildcards"

router = APIRouter(prefix="/api/prompts", tags=["prompt language"])


@router.post("/parse", response_model=ParseView)
async def parse_prompt(body: ParseIn) -> JSONResponse:
    """The syntax tree with positions, and the LoRAs that its tags ask for."""
    check_spell(Spell(body.prompt))
    # Not through pydantic: trees nest deeper than its serializer goes.
    return JSONResponse(await asyncio.to_thread(_parsed, body.prompt))


@router.post("/lint")
async def lint_prompt(body: LintIn, services: ServicesDep) -> LintView:
    """What would go wrong or could be better, with places and fixes."""
    spell = body.to_spell()
    check_spell(spell)
    reader = await services.catalogue.reader(body.checkpoint or spell.params.checkpoint)
    known = await services.catalogue.lora_names()
    findings = await asyncio.to_thread(lint, spell, known, reader.tokenize, reader.family)
    fixed = SpellModel.from_domain(mend_spell(spell, findings)) if body.fix else None
    return LintView(
        findings=[FindingView.of(finding) for finding in findings],
        checkpoint=reader.checkpoint,
        family=reader.family,
        fixed=fixed,
    )


@router.post("/explain")
async def explain_prompt(body: ExplainIn, services: ServicesDep) -> ExplainView:
    """For every step the prompt in force, its weights, its chunks and the words in them."""
    spell = body.to_spell()
    if body.steps is not None:
        spell = spell.evolve(steps=body.steps)
    reader = await services.catalogue.reader(body.checkpoint or spell.params.checkpoint)
    told = await asyncio.to_thread(explained, spell, reader.tokenize)
    return ExplainView(**told, checkpoint=reader.checkpoint)


@router.post("/convert")
async def convert_prompt(body: ConvertIn) -> ConvertView:
    """A prompt in another program's dialect, and what could not be said there."""
    check_spell(Spell(body.prompt))
    text = normalise(body.prompt) if body.normalise else body.prompt
    return ConvertView.of(await asyncio.to_thread(convert, text, body.source, body.target))


@router.post("/expand")
async def expand_prompt(body: ExpandIn, services: ServicesDep) -> ExpandView:
    """A dry run of styles, wildcards and choices: how many prompts, and which; 422 over 256 of them."""
    spell = body.to_spell()
    known = await services.catalogue.lora_names()
    return ExpandView(**await asyncio.to_thread(_expanded, body, spell, services, known))


def _parsed(prompt: str) -> Json:
    text, loras = lift_loras(prompt)
    return {"tree": tree_json(parse(prompt)), "text": text, "loras": spell_to_json(Spell(loras=loras))["loras"]}


def _expanded(body: ExpandIn, spell: Spell, services: Services, known_loras: frozenset[str]) -> Json:
    sent = tuple(Style(style.name, style.prompt, style.negative_prompt) for style in body.known_styles)
    folder = services.settings.data_dir
    file = folder / STYLES_FILE
    stored = read_styles(file.read_text("utf-8-sig", errors="replace")) if body.styles and file.is_file() else ()
    wildcards = load_wildcards(folder / WILDCARDS_FOLDER) | body.wildcards
    return expanded(spell, body.styles, Supplies(stored + sent, wildcards, known_loras), body.pictures)
