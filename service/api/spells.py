"""Routes of spells: create from an idea, read, list, edit, differences, the hand plan."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from service.api.deps import Before, IdDep, Limit, ServicesDep
from service.api.reading import spell_view
from service.api.schemas import MAX_VERSION, HandsIn, SpellCreateIn, SpellEditIn, hand_choice
from service.api.search_query import SearchDep
from service.api.spell_views import HandsView, SpellPage, SpellSummaryView, SpellVersionView, SpellView
from service.errors import RequestInvalid
from service.hand_choice import HandChoice, choice_of
from service.spells import Author

VersionNumber = Annotated[int, Path(ge=1, le=MAX_VERSION)]

router = APIRouter(prefix="/api/spells", tags=["spells"])


@router.post("", status_code=201)
async def create_spell(body: SpellCreateIn, services: ServicesDep, response: Response) -> SpellVersionView:
    """Expand an idea in any language into a spell, or keep a spell you have: version 1."""
    if body.idea is not None and body.spell is None:
        version = await services.expansion.create(
            body.idea,
            checkpoint=body.checkpoint,
            seed=body.seed,
            offline=body.offline,
            hands=hand_choice(body.hands),
        )
    elif body.spell is not None and body.idea is None:
        version = await services.library.create(body.spell.to_domain(), Author.EDIT, note=body.note)
    else:
        raise RequestInvalid("Send either idea or spell, one of them.", field="idea")
    response.headers["Location"] = f"/api/spells/{version.spell_id}"
    return SpellVersionView.of(version)


@router.get("")
async def list_spells(services: ServicesDep, search: SearchDep, limit: Limit = 50, before: Before = None) -> SpellPage:
    """Stored spells, newest first; by words, checkpoint, LoRA or time where they are given."""
    found = await services.library.page(limit, before, search)
    more = found[-1].spell_id if len(found) == limit else None
    return SpellPage(spells=[SpellSummaryView.of(summary) for summary in found], next_before=more)


@router.get("/{id}")
async def read_spell(spell_id: IdDep, services: ServicesDep) -> SpellView:
    """A spell with all its versions and its chat."""
    return await spell_view(services, spell_id)


@router.get("/{id}/versions/{number}")
async def read_version(spell_id: IdDep, number: VersionNumber, services: ServicesDep) -> SpellVersionView:
    """One version."""
    return SpellVersionView.of(await services.library.get(spell_id, number))


@router.get("/{id}/diff")
async def read_difference(
    spell_id: IdDep,
    services: ServicesDep,
    old: Annotated[int, Query(ge=1, le=MAX_VERSION)],
    new: Annotated[int, Query(ge=1, le=MAX_VERSION)],
) -> dict[str, Any]:
    """What changed from version `old` to version `new`."""
    return (await services.library.difference(spell_id, old, new)).to_json()


@router.post("/{id}/versions", status_code=201)
async def edit_spell(spell_id: IdDep, body: SpellEditIn, services: ServicesDep) -> SpellVersionView:
    """Store a version edited by hand; 409 with the newest number when somebody else was first."""
    details = None if body.locked is None else {"locked": body.locked}
    base = body.parent if body.base is None else body.base
    version = await services.library.branch(
        spell_id, body.spell.to_domain(), body.parent, base, note=body.note, details=details
    )
    return SpellVersionView.of(version)


@router.post("/{id}/hands")
async def plan_hands(spell_id: IdDep, body: HandsIn, services: ServicesDep) -> HandsView:
    """What would keep the hands in order; with `apply` it becomes the next version, or is taken out of it."""
    if body.apply:
        choice: HandChoice = "auto" if body.kinds is None else choice_of(body.kinds)
        version, plan = await services.hands.apply(spell_id, body.parent, choice)
    else:
        version, plan = await services.hands.plan(spell_id, body.parent)
    return HandsView(plan=plan.to_json(), version=SpellVersionView.of(version))
