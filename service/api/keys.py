"""Routes of API keys, for callers with the scope `admin`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from service.api.deps import IdDep, ServicesDep, needs
from service.auth.caller import DEFAULT_SCOPES, LOCAL, Scope
from service.auth.keys import ApiKey, scopes_named
from service.ids import utc_text

router = APIRouter(prefix="/api/keys", tags=["keys"], dependencies=[Depends(needs(Scope.ADMIN))])


class KeyIn(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=80, description="Your label for it.")]
    tenant: Annotated[str, Field(max_length=64, description="Whose things it sees.")] = LOCAL
    scopes: Annotated[list[str], Field(min_length=1, max_length=3, description="read, generate, admin.")] = sorted(
        DEFAULT_SCOPES
    )


class KeyView(BaseModel):
    """What is known of a key; never the key itself."""

    id: str
    name: str
    tenant: str
    scopes: list[str]
    created_at: str
    revoked_at: str | None

    @classmethod
    def of(cls, key: ApiKey) -> KeyView:
        """The view of a stored key."""
        return cls.model_validate(_facts(key))


class NewKeyView(KeyView):
    """A key that was just made."""

    key: str = Field(description="The key: shown this once, not stored.")


class KeyList(BaseModel):
    """All keys, oldest first."""

    keys: list[KeyView]


@router.post("", status_code=201)
async def create_key(body: KeyIn, services: ServicesDep) -> NewKeyView:
    """Make a key; its text is in this answer and nowhere else. With the first one, nobody comes in without a key."""
    key, token = await services.access.create(body.name, body.tenant, scopes_named(body.scopes))
    return NewKeyView.model_validate(_facts(key) | {"key": token})


@router.get("")
async def list_keys(services: ServicesDep) -> KeyList:
    """All keys, oldest first, revoked ones too."""
    return KeyList(keys=[KeyView.of(key) for key in await services.access.all()])


@router.delete("/{id}")
async def revoke_key(key_id: IdDep, services: ServicesDep) -> KeyView:
    """End a key: nothing opens with it any more, its open event streams end, its jobs go on."""
    return KeyView.of(await services.access.revoke(key_id))


def _facts(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "scopes": sorted(key.scopes),
        "created_at": utc_text(key.created_at),
        "revoked_at": None if key.revoked_at is None else utc_text(key.revoked_at),
    }
