"""Uploads in two steps, for the ``ManualUpload`` element: send and look at, then confirm."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from rag.api.caller import request_language
from rag.api.manual_rows import admin_of, job_row
from rag.api.manual_upload import checked_day, clean_field, safe_name, take_in
from rag.chat.door import Door
from rag.ingest.drafts import Draft
from rag.store.disk import require_room
from rag.types import Language, Manual, ManualMetadata, ManualStatus, Replaces

Text = Annotated[str, Field(max_length=1000)]


class Said(BaseModel):
    """What an admin says of a manual."""

    model_config = ConfigDict(extra="forbid")

    title: Text = ""
    machine: Text = ""
    type: Text = ""
    revision: Text = ""
    language: Language | Literal[""] = ""
    valid_from: Text = ""
    replaces: Replaces = ""


class Asked(Said):
    """A description, and the manual it is of when there is one already."""

    manual_id: Text = ""


def draft_routes(door: Door) -> APIRouter:
    """``/drafts`` and ``/plan``, for the admins' routes."""
    router = APIRouter()
    _add_drafts(router, door)

    @router.get("/plan")
    async def plan(request: Request, asked: Annotated[Asked, Query()]) -> dict[str, Any]:
        """What would become of a manual of this description. Without a language it is taken to be
        in the caller's."""
        await admin_of(request, door)
        language = request_language(request.headers)
        metadata = _metadata(asked)
        return await asyncio.to_thread(_plan, door, metadata, asked.manual_id, language)

    return router


def _add_drafts(router: APIRouter, door: Door) -> None:
    @router.get("/drafts")
    async def drafts(request: Request) -> dict[str, Any]:
        """One's own."""
        admin = await admin_of(request, door)
        return {"drafts": [_draft_row(door, draft) for draft in door.drafts.of(admin.name)]}

    @router.post("/drafts", status_code=201)
    async def send(request: Request, file_name: str = Query("", max_length=1000)) -> dict[str, Any]:
        """The body is the file itself. The answer comes when it has been looked at."""
        admin = await admin_of(request, door)
        limit = door.services.settings.max_upload_mb
        await asyncio.to_thread(door.limits.spend, "upload", admin.id)
        announced = int(request.headers.get("content-length") or 0)
        await asyncio.to_thread(require_room, door.services.settings, announced)
        door.drafts.make_room(admin.name)
        path = await take_in(request.stream(), door.drafts.folder, limit)
        draft = await door.drafts.add(path, safe_name(file_name), admin.name)
        return {"draft": _draft_row(door, draft)}

    @router.post("/drafts/{draft_id}", status_code=202)
    async def confirm(request: Request, draft_id: str, said: Said) -> dict[str, Any]:
        """Into the queue with it."""
        admin = await admin_of(request, door)
        language = request_language(request.headers)
        job = await door.drafts.confirm(draft_id, _metadata(said, admin.name))
        return {"job": job_row(job, language)}

    @router.delete("/drafts/{draft_id}")
    async def discard(request: Request, draft_id: str) -> dict[str, Any]:
        admin = await admin_of(request, door)
        await door.drafts.discard(draft_id, admin.name)
        return {"draft": None}


def _metadata(said: Said, admin: str = "") -> ManualMetadata:
    return ManualMetadata(
        title=clean_field(said.title),
        machine=clean_field(said.machine),
        type=clean_field(said.type),
        revision=clean_field(said.revision),
        language=said.language or None,
        valid_from=checked_day(said.valid_from),
        replaces=said.replaces,
        uploaded_by=admin,
    )


def _draft_row(door: Door, draft: Draft) -> dict[str, Any]:
    """A draft with its suggestions; never where its file lies."""
    left = max(0.0, draft.kept_until - door.drafts.clock())
    return {
        "id": draft.id,
        "file_name": draft.file_name,
        "size": draft.size,
        "minutes_left": int(left / 60),
        "look": asdict(draft.look) if draft.look else None,
    }


def _plan(
    door: Door, metadata: ManualMetadata, manual_id: str, language: Language
) -> dict[str, Any]:
    """``effect`` as in ``rag.store.revisions.Plan``; ``unasked`` is the effect when the admin
    leaves the choice to the dates and numbers."""
    manual = Manual(
        id=manual_id,
        sha256="",
        title=metadata.title,
        machine=metadata.machine,
        type=metadata.type,
        revision=metadata.revision,
        language=metadata.language or language,
        file_name="",
        pages=0,
        chunks=0,
        status=ManualStatus.PROCESSING,
        valid_from=metadata.valid_from,
        replaces=metadata.replaces,
    )
    planned = door.services.library.plan(manual)
    unasked = door.services.library.plan(replace(manual, replaces=""))
    others = [
        {"id": one.id, "title": one.title, "revision": one.revision, "valid_from": one.valid_from}
        for one in planned.others
    ]
    return {"effect": planned.effect, "unasked": unasked.effect, "others": others}
