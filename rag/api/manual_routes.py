"""The admins' library over HTTP, for the ``Manuals`` element. Each call looks up who calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from rag.api.caller import request_language
from rag.api.draft_routes import draft_routes
from rag.api.glossary_routes import glossary_routes
from rag.api.manual_rows import admin_of, delete_manual, job_row, manual_row, understood
from rag.api.manual_upload import checked_day, clean_field
from rag.chat.door import Door
from rag.errors import RagError
from rag.types import Manual, User

PREFIX = "/api/admin"
LISTED_JOBS = 50

logger = logging.getLogger(__name__)

Change = Callable[[str], Manual]


class Edit(BaseModel):
    """What an admin may correct; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = None
    machine: str | None = None
    type: str | None = None
    revision: str | None = None
    valid_from: str | None = None


def admin_routes(door: Door) -> APIRouter:
    """Everything under ``/api/admin``: 401 for strangers, 403 for other roles."""
    router = APIRouter(prefix=PREFIX, include_in_schema=False)
    _add_manuals(router, door)
    _add_jobs(router, door)
    router.include_router(draft_routes(door))
    router.include_router(glossary_routes(door))
    return router


def _add_manuals(router: APIRouter, door: Door) -> None:
    library = door.services.library
    changes: dict[str, Change] = {
        "release": library.release,
        "activate": library.activate,
        "disable": library.disable,
        "enable": library.enable,
        "roll_back": library.roll_back,
    }

    @router.get("/manuals")
    async def manuals(request: Request) -> dict[str, Any]:
        await admin_of(request, door)
        listed = await asyncio.to_thread(library.manuals)
        return {"manuals": [manual_row(manual) for manual in listed]}

    @router.post("/manuals/{manual_id}/{change}")
    async def change_status(request: Request, manual_id: str, change: str) -> dict[str, Any]:
        admin = await admin_of(request, door)
        if change not in changes:
            raise RagError("error.not_found")
        return await _changed(request, admin, change, manual_id, changes[change])

    @router.patch("/manuals/{manual_id}")
    async def edit(request: Request, manual_id: str, wanted: Edit) -> dict[str, Any]:
        admin = await admin_of(request, door)
        fields = {name: clean_field(text) for name, text in wanted.model_dump().items() if text}
        emptied = {name: "" for name, text in wanted.model_dump().items() if text == ""}

        def save(manual_id: str) -> Manual:
            checked_day(fields.get("valid_from", ""))
            return library.edit(manual_id, **emptied, **fields)

        return await _changed(request, admin, "edit", manual_id, save)

    @router.delete("/manuals/{manual_id}")
    async def delete(request: Request, manual_id: str) -> dict[str, Any]:
        admin = await admin_of(request, door)
        await delete_manual(door, manual_id, admin)
        return {"manual": None}

    @router.get("/manuals/{manual_id}/pages/{index}")
    async def page(request: Request, manual_id: str, index: int) -> dict[str, Any]:
        """A page as it was understood, to be shown beside its picture."""
        await admin_of(request, door)
        found = await asyncio.to_thread(understood, library, manual_id, index)
        if found is None:
            raise RagError("error.not_found")
        return found


def _add_jobs(router: APIRouter, door: Door) -> None:
    @router.get("/jobs")
    async def jobs(request: Request) -> dict[str, Any]:
        await admin_of(request, door)
        language = request_language(request.headers)
        listed = await door.jobs.jobs(LISTED_JOBS)
        manuals = await asyncio.to_thread(door.services.library.manuals)
        status = {manual.id: manual.status for manual in manuals}
        return {
            "jobs": [
                {**job_row(job, language), "manual_status": status.get(job.manual_id or "")}
                for job in listed
            ],
            "reindexing": door.jobs.reindexing,
            "version": await asyncio.to_thread(door.services.library.corpus_version),
        }

    @router.post("/jobs/{job_id}/{change}")
    async def change_job(request: Request, job_id: str, change: str) -> dict[str, Any]:
        await admin_of(request, door)
        language = request_language(request.headers)
        changes = {"cancel": door.jobs.cancel, "retry": door.jobs.retry}
        if change not in changes:
            raise RagError("error.not_found")
        return {"job": job_row(await changes[change](job_id), language)}

    @router.delete("/jobs/{job_id}")
    async def forget_job(request: Request, job_id: str) -> dict[str, Any]:
        await admin_of(request, door)
        await door.jobs.forget(job_id)
        return {"job": None}


async def _changed(
    request: Request, admin: User, name: str, manual_id: str, change: Change
) -> dict[str, Any]:
    manual = await asyncio.to_thread(change, manual_id)
    logger.info("manual %s: %s, by %s", manual_id, name, admin.id)
    return {"manual": manual_row(manual)}
