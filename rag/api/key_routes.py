"""Keys for scripts, for admins: made, seen and revoked. For the ``Keys`` element."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from rag.access.api_keys import DEFAULT_DAYS, ApiKey, ApiScope
from rag.api.manual_rows import admin_of
from rag.chat.door import Door

logger = logging.getLogger(__name__)
_NEVER_KEPT = {"Cache-Control": "no-store"}


class NewKey(BaseModel):
    """What an admin says of a new key."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)
    scopes: set[ApiScope]
    days: int = DEFAULT_DAYS


def key_routes(door: Door) -> APIRouter:
    """``/api/admin/keys``: 401 for strangers, 403 for other roles."""
    router = APIRouter(prefix="/api/admin/keys", include_in_schema=False)
    keys = door.keys

    @router.get("")
    async def listed(request: Request) -> JSONResponse:
        await admin_of(request, door)
        return _answer({"keys": [key_row(key) for key in await asyncio.to_thread(keys.list)]})

    @router.post("")
    async def make(request: Request, wanted: NewKey) -> JSONResponse:
        """The only answer that ever holds the key itself."""
        admin = await admin_of(request, door)
        key, token = await asyncio.to_thread(
            keys.create, wanted.name, wanted.scopes, created_by=admin.name, days=wanted.days
        )
        logger.info("key %s: made, by %s", key.id, admin.id)
        return _answer({"key": key_row(key), "token": token}, 201)

    @router.post("/{key_id}/revoke")
    async def revoke(request: Request, key_id: str) -> JSONResponse:
        admin = await admin_of(request, door)
        key = await asyncio.to_thread(keys.revoke, key_id)
        logger.info("key %s: revoked, by %s", key.id, admin.id)
        return _answer({"key": key_row(key)})

    return router


def key_row(key: ApiKey) -> dict[str, Any]:
    """A key as the page shows it; nothing of its secret is known any more."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "state": key.state,
        "created_by": key.created_by,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }


def _answer(content: dict[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse(content, status, headers=_NEVER_KEPT)
